"""Maps what a pass must show onto Google's classes and objects.

Balances become loyalty cards; coupons and memberships become generic passes. What all cards of one
design share is in the class, so that a change of it reaches every pass with one request: name,
pictures, colour, locations and the rows of the face. Field rules: Google's discovery document,
walletobjects v1.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC
from typing import Literal

from passes.wallet_port import (
    Amount,
    CodeFormat,
    Field,
    Look,
    PassContent,
    Place,
    State,
    Style,
    WalletMisconfigured,
)
from wallet_google.addresses import CALLBACK_PATH, LOGO_PATH, Site
from wallet_google.texts import CARD_NUMBER, NAME, localized, shortened, written

Body = dict[str, object]
Family = Literal["loyalty", "generic"]

LOGO = "google-logo"
HERO = "google-hero"

_STATES = {State.VALID: "ACTIVE", State.EXPIRED: "EXPIRED", State.VOID: "INACTIVE"}
_CODES = {
    CodeFormat.QR: "QR_CODE",
    CodeFormat.PDF417: "PDF_417",
    CodeFormat.AZTEC: "AZTEC",
    CodeFormat.CODE128: "CODE_128",
}
_GENERIC_TYPES = {Style.MEMBERSHIP: "GENERIC_MEMBERSHIP_CARD", Style.COUPON: "GENERIC_VOUCHER"}
_WEIGHT = (Place.PRIMARY, Place.HEADER, Place.SECONDARY, Place.AUXILIARY, Place.BACK)
_ROW_SHAPES = (
    ("oneItem", ("item",)),
    ("twoItems", ("startItem", "endItem")),
    ("threeItems", ("startItem", "middleItem", "endItem")),
)


def family(style: Style) -> Family:
    """Which of Google's families shows cards of this style."""
    return "loyalty" if style in {Style.BALANCE, Style.GIFT} else "generic"


def resource_id(issuer_id: str, name: str) -> str:
    """``issuer.name`` with a name that Google takes: ``[A-Za-z0-9._-]``, at most 64 characters.

    Any other name is replaced by a hash of it, so that two names never share an id.
    """
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name):
        name = hashlib.sha256(name.encode()).hexdigest()[:40]
    return f"{issuer_id}.{name}"


def class_body(content: PassContent, issuer_id: str, site: Site) -> Body:
    """The class of the card's template: the same for all its cards, whatever their language.

    Raises WalletMisconfigured when Google could not fetch its pictures.
    """
    body: Body = {
        "id": resource_id(issuer_id, content.template),
        "multipleDevicesAndHoldersAllowedStatus": "ONE_USER_ALL_DEVICES",
    }
    if rows := _rows(content):
        body["classTemplateInfo"] = {"cardTemplateOverride": {"cardRowTemplateInfos": rows}}
    if content.locations:
        body["merchantLocations"] = [
            {"latitude": place.latitude, "longitude": place.longitude}
            for place in content.locations[:10]
        ]
    if site.base_url.startswith("https://"):
        body["callbackOptions"] = {"url": site.base_url + CALLBACK_PATH}
    if family(content.style) == "generic":
        return body
    language, languages = content.languages[0], content.languages
    body |= {
        # Google approves by itself; every later change must say UNDER_REVIEW again.
        "reviewStatus": "UNDER_REVIEW",
        "issuerName": content.merchant,
        "programName": written(content.title, language),
        "programLogo": _logo(content, language, site),
        "hexBackgroundColor": content.look.background,
        **_present(
            localizedProgramName=localized(content.title, language, languages),
            localizedAccountIdLabel=localized(CARD_NUMBER, language, languages),
            localizedAccountNameLabel=localized(NAME, language, languages),
            heroImage=_hero(content, language, site),
        ),
        "accountIdLabel": written(CARD_NUMBER, language),
        "accountNameLabel": written(NAME, language),
    }
    return body


def object_body(content: PassContent, issuer_id: str, site: Site) -> Body:
    """The card's object. Raises WalletMisconfigured when Google could not fetch its pictures."""
    body: Body = {
        "id": resource_id(issuer_id, content.serial),
        "classId": resource_id(issuer_id, content.template),
        "state": _STATES[content.state],
        "barcode": {
            "type": _CODES[content.code_format],
            "value": content.code,
            "alternateText": _readable(content.serial),
        },
    }
    if content.expires_at is not None:
        end = content.expires_at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
        body["validTimeInterval"] = {"end": {"date": f"{end.isoformat()}Z"}}
    modules = [_module(field, content) for field in _in_modules(content)]
    if shown := [module for module in modules if module]:
        body["textModulesData"] = shown
    if links := [_link(field, content) for field in content.fields if _is_link(field)]:
        body["linksModuleData"] = {"uris": links}
    if family(content.style) == "generic":
        return body | _generic(content, site)
    body["accountId"] = content.serial
    if content.holder:
        body["accountName"] = shortened(content.holder, 20)
    names = ("loyaltyPoints", "secondaryLoyaltyPoints")
    return body | {
        name: _balance(field, content) for name, field in zip(names, _points(content), strict=False)
    }


def _generic(content: PassContent, site: Site) -> Body:
    """What only a generic object has: titles, looks and pictures, which its class cannot hold."""
    language, languages = content.language, content.languages
    title = localized(content.title, language, languages)
    body: Body = {
        "genericType": _GENERIC_TYPES[content.style],
        "cardTitle": localized({language: content.merchant}, language, ()),
        "header": title,
        "hexBackgroundColor": content.look.background,
        "logo": _logo(content, language, site),
        **_present(heroImage=_hero(content, language, site)),
    }
    if content.style is Style.MEMBERSHIP and content.holder:
        # A member's card is about the person: the small line says what card it is.
        body["header"] = localized({language: content.holder}, language, ())
        body |= _present(subheader=title)
    return body


# --- values --------------------------------------------------------------------------------------


def _points(content: PassContent) -> list[Field]:
    """The fields that stand as points on a loyalty card: the first PRIMARY and SECONDARY one.

    Without a PRIMARY one there are none: Google has no second balance without a first.
    """
    if family(content.style) == "generic":
        return []
    primary = [field for field in content.fields if field.place is Place.PRIMARY][:1]
    secondary = [field for field in content.fields if field.place is Place.SECONDARY][:1]
    return primary + secondary if primary else []


def _balance(field: Field, content: PassContent) -> Body:
    label = localized(field.label, content.language, content.languages)
    named = {"label": written(field.label, content.language), "localizedLabel": label}
    return {**(named if label else {}), "balance": _balance_value(field, content.language)}


def _balance_value(field: Field, language: str) -> Body:
    value = field.value
    if isinstance(value, int) and -(2**31) <= value < 2**31:
        return {"int": value}
    if isinstance(value, Amount) and value.digits <= 6 and re.fullmatch("[A-Z]{3}", value.currency):
        micros = value.minor * 10 ** (6 - value.digits)
        if -(2**63) <= micros < 2**63:
            return {"money": {"micros": str(micros), "currencyCode": value.currency}}
    return {"string": written(value, language) or "–"}


def _in_modules(content: PassContent) -> list[Field]:
    """The fields that are text modules, the weightiest first: Google displays ten of them."""
    points = _points(content)
    shown = [field for field in content.fields if not (_is_link(field) or field in points)]
    return sorted(shown, key=lambda field: _WEIGHT.index(field.place))


def _module(field: Field, content: PassContent) -> Body | None:
    # Not "body" beside "localizedBody": Google would show one after the other.
    language, languages = content.language, content.languages
    value = localized(field.value, language, languages)
    if value is None:
        return None
    header = localized(field.label, language, languages)
    return {"id": _module_id(field.key), **_present(localizedHeader=header), "localizedBody": value}


def _link(field: Field, content: PassContent) -> Body:
    described = localized(field.label, content.language, content.languages)
    named = {
        "description": written(field.label, content.language),
        "localizedDescription": described,
    }
    return {"id": _module_id(field.key), "uri": field.link, **(named if described else {})}


def _is_link(field: Field) -> bool:
    return field.place is Place.BACK and field.link is not None


def _module_id(key: str) -> str:
    """The key, where Google takes it: a dot would break the paths in the rows of the class."""
    if re.fullmatch("[A-Za-z0-9_-]+", key):
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()[:8]
    return f"{re.sub('[^A-Za-z0-9_-]', '_', key)}-{digest}"


def _readable(serial: str) -> str:
    """1234-5678-9012, as staff may type it (R-ID-1)."""
    return "-".join(re.findall("....", serial)) if re.fullmatch("[0-9]{12}", serial) else serial


# --- the face ------------------------------------------------------------------------------------


def _rows(content: PassContent) -> list[Body]:
    """Up to three rows of up to three items: the balances first, then the fields of the face."""
    points = _points(content)
    names = ("object.loyaltyPoints.balance", "object.secondaryLoyaltyPoints.balance")
    rows: list[Sequence[str]] = [names[: len(points)]] if points else []
    paths = [
        f"object.textModulesData['{_module_id(field.key)}']"
        for field in _in_modules(content)
        if field.place is not Place.BACK
    ]
    free = 3 - len(rows)
    width = 2 if len(paths) <= 2 * free else 3
    rows += [paths[start : start + width] for start in range(0, len(paths), width)][:free]
    return [_row(row) for row in rows]


def _row(paths: Sequence[str]) -> Body:
    shape, places = _ROW_SHAPES[len(paths) - 1]
    items = {
        place: {"firstValue": {"fields": [{"fieldPath": path}]}}
        for place, path in zip(places, paths, strict=True)
    }
    return {shape: items}


# --- pictures ------------------------------------------------------------------------------------


def _logo(content: PassContent, language: str, site: Site) -> Body:
    """The merchant's logo; Google demands one, so without an upload our neutral card."""
    url = _url(content.look, LOGO) or site.base_url + LOGO_PATH
    return _image(url, content.merchant, language, site)


def _hero(content: PassContent, language: str, site: Site) -> Body | None:
    url = _url(content.look, HERO)
    return _image(url, written(content.title, language), language, site) if url else None


def _url(look: Look, name: str) -> str | None:
    picture = look.pictures.get(name)
    return picture.url if picture else None


def _image(url: str, description: str, language: str, site: Site) -> Body:
    if not site.is_fetchable(url):
        raise WalletMisconfigured(
            "Google fetches the pictures of a pass from this server, which it cannot reach at"
            f" {site.base_url}. Set TREUEPASS_BASE_URL to a public https address."
        )
    described = localized({language: description}, language, ())
    return {"sourceUri": {"uri": url}, **_present(contentDescription=described)}


def _present(**fields: Body | None) -> Body:
    return {name: value for name, value in fields.items() if value is not None}
