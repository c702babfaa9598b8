"""Rules for pass.json as a whole: the types of all keys, and what they may say together.

Source: Apple, Wallet Passes (Pass) and the archived PassKit Package Format Reference.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from wallet_apple.format import styles, values
from wallet_apple.format.barcodes import SINCE_27, check_code, check_codes
from wallet_apple.format.fields import check_field
from wallet_apple.format.keys import IDENTITY, PASS, TEMPLATE
from wallet_apple.format.kinds import walk_object
from wallet_apple.format.remarks import ERROR, NOTE, WARNING, Remark, quoted

LEAST_TOKEN = 16
MOST_LOCATIONS = 10
MOST_ACTIONS = 2
MOST_NFC_BYTES = 64
MOST_PICTURE_BYTES = 2 * 1024 * 1024

_PASS_TYPE_ID = re.compile(r"pass\.[A-Za-z0-9.\-]+")
_TEAM_ID = re.compile(r"[A-Z0-9]{10}")
_LOOPBACK = re.compile(r"http://(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?(/|$)")

Document = Mapping[str, object]


def check_keys(document: Document, *, is_template: bool) -> Iterator[Remark]:
    """Remarks on pass.json alone. A template may leave open who makes the pass."""
    yield from walk_object(document, TEMPLATE if is_template else PASS, "")
    yield from styles.check_styles(document)
    yield from _check_identity(document, is_template=is_template)
    yield from _check_service(document)
    yield from _check_codes(document)
    yield from _check_relevance(document)
    yield from _check_nfc(document)
    yield from _check_actions(document)
    yield from _check_coming_events(document)
    yield from _check_effect(document)


def _check_identity(document: Document, *, is_template: bool) -> Iterator[Remark]:
    version = document.get("formatVersion")
    if isinstance(version, int) and version != 1:
        yield Remark(ERROR, "formatVersion", "There is one version of the format: it must be 1.")
    for name in IDENTITY:
        text = document.get(name)
        if is_template and text in (None, "", "pass."):
            sentence = f"{name} is open; it is filled in when a pass is made of the template."
            yield Remark(NOTE, name, sentence)
        elif isinstance(text, str) and not text.strip():
            # An empty name or description shows as nothing; an empty identifier is none.
            level = WARNING if name in {"organizationName", "description"} else ERROR
            yield Remark(level, name, f"{name} is empty. Fill it in.")
    type_id, team_id = document.get("passTypeIdentifier"), document.get("teamIdentifier")
    is_open = is_template and type_id == "pass."
    if isinstance(type_id, str) and type_id.strip() and not is_open and not _is_type_id(type_id):
        sentence = f'{quoted(type_id)} must look like "pass.com.example.card".'
        yield Remark(ERROR, "passTypeIdentifier", sentence)
    if isinstance(team_id, str) and team_id.strip() and _TEAM_ID.fullmatch(team_id) is None:
        sentence = f"{quoted(team_id)} does not look like a team: ten capitals and digits."
        yield Remark(WARNING, "teamIdentifier", sentence)


def _is_type_id(text: str) -> bool:
    return _PASS_TYPE_ID.fullmatch(text) is not None


def _check_service(document: Document) -> Iterator[Remark]:
    address, token = document.get("webServiceURL"), document.get("authenticationToken")
    if ("webServiceURL" in document) != ("authenticationToken" in document):
        missing = "webServiceURL" if token is not None else "authenticationToken"
        sentence = (
            "webServiceURL and authenticationToken belong together: without both, the pass never "
            "changes. Add the missing one, or leave both out."
        )
        yield Remark(ERROR, missing, sentence)
    if isinstance(token, str) and len(token) < LEAST_TOKEN:
        sentence = f"The token must have {LEAST_TOKEN} characters or more; it has {len(token)}."
        yield Remark(ERROR, "authenticationToken", sentence)
    if not isinstance(address, str):
        return
    if not values.is_web_address(address):
        sentence = f"{quoted(address)} must be a web address that begins with https://."
        yield Remark(ERROR, "webServiceURL", sentence)
    elif _LOOPBACK.match(address):
        sentence = "No phone reaches this address; the pass will not change by itself."
        yield Remark(NOTE, "webServiceURL", sentence)
    elif not address.lower().startswith("https:"):
        sentence = "Phones update passes over https only. Let the address begin with https://."
        yield Remark(WARNING, "webServiceURL", sentence)
    if address.rstrip("/").endswith("/v1"):
        sentence = "Phones add /v1 by themselves. Leave it out at the end of the address."
        yield Remark(WARNING, "webServiceURL", sentence)


def _check_codes(document: Document) -> Iterator[Remark]:
    codes, code = document.get("barcodes"), document.get("barcode")
    if isinstance(codes, list):
        yield from check_codes(codes, "barcodes")
    if isinstance(code, dict):
        yield from check_code(code, "barcode")
        if code.get("format") in SINCE_27:
            sentence = "This key is for iOS 8 and earlier: they cannot show this format."
            yield Remark(WARNING, "barcode.format", sentence)
        if "barcodes" not in document:
            sentence = "barcode is outdated. Write a list under barcodes as well."
            yield Remark(NOTE, "barcode", sentence)


def _check_relevance(document: Document) -> Iterator[Remark]:
    places = document.get("locations")
    if isinstance(places, list) and len(places) > MOST_LOCATIONS:
        sentence = f"A pass may name {MOST_LOCATIONS} places; there are {len(places)}. Drop some."
        yield Remark(ERROR, f"locations[{MOST_LOCATIONS}]", sentence)
    dates = document.get("relevantDates")
    for position, entry in enumerate(dates if isinstance(dates, list) else []):
        if isinstance(entry, dict):
            yield from _check_relevant_date(entry, f"relevantDates[{position}]")


def _check_relevant_date(entry: Document, where: str) -> Iterator[Remark]:
    if ("startDate" in entry) != ("endDate" in entry):
        missing = "endDate" if "startDate" in entry else "startDate"
        sentence = f"A period has a startDate and an endDate. Add the {missing}."
        yield Remark(ERROR, f"{where}.{missing}", sentence)
    elif not {"date", "startDate", "relevantDate"} & entry.keys():
        yield Remark(ERROR, where, "Add a date, or a startDate and an endDate.")
    start, end = values.read_date(entry.get("startDate")), values.read_date(entry.get("endDate"))
    if start is not None and end is not None and end < start:
        yield Remark(WARNING, f"{where}.endDate", "The period ends before it begins.")


def _check_nfc(document: Document) -> Iterator[Remark]:
    nfc = document.get("nfc")
    if not isinstance(nfc, dict):
        return
    message, key = nfc.get("message"), nfc.get("encryptionPublicKey")
    if isinstance(message, str):
        size = len(message.encode(errors="surrogatepass"))
        if size > MOST_NFC_BYTES:
            sentence = f"The message has {size} bytes; readers get the first {MOST_NFC_BYTES} only."
            yield Remark(ERROR, "nfc.message", sentence)
    if isinstance(key, str) and not _is_p256(key):
        sentence = (
            "This must be a public key on the curve P-256: its X.509 form in Base64, on one line "
            "and without the BEGIN and END lines."
        )
        yield Remark(ERROR, "nfc.encryptionPublicKey", sentence)
    if nfc.get("requiresAuthentication") is True and document.get("sharingProhibited") is not True:
        sentence = "A pass that asks for Face ID should not be shared: set this to true."
        yield Remark(WARNING, "sharingProhibited", sentence)


def _is_p256(text: str) -> bool:
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return False
    return isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)


def _check_actions(document: Document) -> Iterator[Remark]:
    actions = document.get("featuredActions")
    if not isinstance(actions, list):
        return
    if len(actions) > MOST_ACTIONS:
        sentence = f"A pass has {MOST_ACTIONS} actions at most; there are {len(actions)}."
        yield Remark(ERROR, f"featuredActions[{MOST_ACTIONS}]", sentence)
    names = [str(action.get("identifier")) for action in actions if isinstance(action, dict)]
    if len(set(names)) < len(names):
        yield Remark(WARNING, "featuredActions", "Two actions have the same identifier.")
    if styles.is_poster_event(document) or styles.is_semantic_boarding(document):
        sentence = "Posters of events and semantic boarding passes show no actions."
        yield Remark(WARNING, "featuredActions", sentence)


def _check_coming_events(document: Document) -> Iterator[Remark]:
    events = document.get("upcomingPassInformation")
    if not isinstance(events, list):
        return
    if not styles.is_poster_event(document):
        sentence = "Only posters of events show what comes next. Leave the key out."
        yield Remark(WARNING, "upcomingPassInformation", sentence)
    for position, event in enumerate(events):
        if isinstance(event, dict):
            yield from _check_coming_event(event, f"upcomingPassInformation[{position}]")


def _check_coming_event(event: Document, where: str) -> Iterator[Remark]:
    for group in ("additionalInfoFields", "backFields"):
        for position, field in enumerate(_list(event.get(group))):
            if isinstance(field, dict):
                yield from check_field(field, group, f"{where}.{group}[{position}]")
    images = event.get("images")
    for name, image in images.items() if isinstance(images, dict) else ():
        urls = (image.get("URLs") or image.get("urls")) if isinstance(image, dict) else None
        for position, entry in enumerate(_list(urls)):
            if isinstance(entry, dict):
                at = f"{where}.images.{name[:40]}.URLs[{position}]"
                yield from _check_picture_address(entry, at)


def _check_picture_address(entry: Document, where: str) -> Iterator[Remark]:
    address = entry.get("URL", entry.get("url"))
    if not isinstance(address, str) or not address.startswith("https://"):
        yield Remark(ERROR, f"{where}.URL", "The picture needs an address that begins https://.")
    if not entry.get("SHA256", entry.get("sha256")):
        yield Remark(ERROR, f"{where}.SHA256", "Add the SHA-256 of the picture.")
    size = entry.get("size")
    if values.is_number(size) and isinstance(size, int | float) and size > MOST_PICTURE_BYTES:
        yield Remark(ERROR, f"{where}.size", "The picture must not have more than 2 MB.")


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _check_effect(document: Document) -> Iterator[Remark]:
    """Keys that do nothing in this pass, or only in newer systems."""
    has = set(styles.styles_of(document))
    for name, key in PASS.items():
        if name in document and key.styles and has and not has & set(key.styles):
            where = " and ".join(key.styles)
            yield Remark(WARNING, name, f"This key has an effect with {where} only. Leave it out.")
    if "appLaunchURL" in document and "associatedStoreIdentifiers" not in document:
        sentence = "Without associatedStoreIdentifiers Wallet does not know which app is meant."
        yield Remark(WARNING, "appLaunchURL", sentence)
    newest = [name for name in document if name in PASS and PASS[name].since >= 27]
    codes = document.get("barcodes")
    if any(isinstance(code, dict) and code.get("format") in SINCE_27 for code in _list(codes)):
        newest.append("a code that is new")
    if newest:
        sentence = f"Shown from iOS 27 on: {', '.join(newest)}. Earlier ones leave it out."
        yield Remark(NOTE, "pass.json", sentence)
