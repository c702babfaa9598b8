"""A pass as a phone with Google Wallet holds it, and its face as text, without the pictures.

Sources: Google, discovery document walletobjects v1; "Card template"; "Rotating barcodes".
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from passes.wallet_port import Amount
from wallet_google.texts import written

Part = Mapping[str, Any]

_SHAPES = ("oneItem", "twoItems", "threeItems")
_ITEMS = ("item", "startItem", "middleItem", "endItem")
_TITLES = {
    "loyalty": ("issuerName", "programName"),
    "offer": ("issuerName", "title"),
    "giftCard": ("issuerName", "merchantName"),
    "generic": ("cardTitle", "header"),
}
"""Of the class; of generic passes in the object."""
_USUAL_ROWS = {
    "loyalty": ("object.loyaltyPoints.balance", "object.secondaryLoyaltyPoints.balance"),
    "offer": ("object.validTimeInterval.end",),
    "giftCard": ("object.balance",),
    "generic": (),
}
"""What stands on the face where the class names no rows."""
_LABELS = {
    "accountId": "accountIdLabel",
    "accountName": "accountNameLabel",
    "cardNumber": "cardNumberLabel",
    "rewardsTier": "rewardsTierLabel",
}
"""Which field of the class is the label of which of the object."""
_OWN_WORDS = {
    "balance": {"de": "Guthaben", "en": "Balance", "nl": "Saldo"},
    "balanceUpdateTime": {"de": "Stand vom", "en": "As of", "nl": "Bijgewerkt op"},
    "details": {"de": "Details", "en": "Details", "nl": "Details"},
    "finePrint": {"de": "Kleingedrucktes", "en": "Fine print", "nl": "Kleine lettertjes"},
    "provider": {"de": "Anbieter", "en": "Provider", "nl": "Aanbieder"},
    "validTimeInterval": {"de": "Gültig bis", "en": "Valid until", "nl": "Geldig tot"},
}
"""Labels that are Google's: nobody can send others."""
_BEHIND = {
    "loyalty": ("object.accountName", "object.accountId"),
    "offer": ("class.provider", "class.details", "class.finePrint"),
    "giftCard": ("object.cardNumber", "object.balanceUpdateTime"),
    "generic": (),
}
_NO_MINOR_UNIT = {"CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF", "XPF"}


@dataclass(frozen=True, slots=True)
class HeldPass:
    """A pass as Google has it: class and object of one family.

    ``changes`` and ``notified`` count, ``at`` is Google's clock in milliseconds since 1970.
    """

    family: str
    of_class: Part = field(repr=False)
    body: Part = field(repr=False)
    changes: int
    notified: int
    at: int

    @property
    def is_saved(self) -> bool:
        return bool(self.body.get("hasUsers"))

    @property
    def is_withdrawn(self) -> bool:
        return self.body.get("state") == "INACTIVE"


def show(held: HeldPass, language: str, *, details: bool = True) -> str:
    """The face of the pass as lines of text, and what stands behind it with ``details``."""
    front = _front(held)
    cells = [_cell(held, path, language) for path in front]
    width = max((len(label) for label, _ in cells), default=0)
    lines = [
        *_head(held, language),
        *(f"  {label:<{width}}  {value}" for label, value in cells),
        *_code(held),
        *(f"  message, {_text(each, 'header', language)}: {_text(each, 'body', language)}"
          for each in _messages(held)),
        *(_behind(held, front, language) if details else ()),
    ]  # fmt: skip
    return "\n".join(lines)


def news(old: HeldPass, new: HeldPass) -> list[str]:
    """What the lock screen says. Its words are Google's; that it speaks is what can be known."""
    what = "the new balance" if _messages(old) == _messages(new) else "a message"
    return [f"Google Wallet announces {what}"] * (new.notified - old.notified)


# --- the face ------------------------------------------------------------------------------------


def _head(held: HeldPass, language: str) -> Iterator[str]:
    part = held.body if held.family == "generic" else held.of_class
    yield ": ".join(dict.fromkeys(_text(part, name, language) for name in _TITLES[held.family]))
    if small := _text(held.body, "subheader", language):
        yield f"  {small}"
    state = held.body.get("state", "ACTIVE")
    if state != "ACTIVE":
        yield f"{state}: this card stands among those that have ended"
    elif end := _cell(held, "object.validTimeInterval.end", language)[1]:
        yield f"valid until {end}"


def _front(held: HeldPass) -> list[str]:
    """Paths of what stands on the face, row by row; of several for one place the first that has a
    value, and nothing where none has."""
    override = held.of_class.get("classTemplateInfo", {}).get("cardTemplateOverride", {})
    places = [
        [each["fieldPath"] for each in row[shape][item][value]["fields"]]
        for row in override.get("cardRowTemplateInfos", ())
        for shape in _SHAPES
        for item in _ITEMS
        for value in ("firstValue", "secondValue")
        if value in row.get(shape, {}).get(item, {})
    ] or [[path] for path in _USUAL_ROWS[held.family]]
    found = (next(filter(lambda path: _cell(held, path, "")[1], paths), "") for paths in places)
    return [path for path in found if path]


def _cell(held: HeldPass, path: str, language: str) -> tuple[str, str]:
    """Label and value of a path such as ``object.textModulesData['level']``; both may be empty."""
    root, _, rest = path.partition(".")
    part = held.body if root == "object" else held.of_class
    if module := re.fullmatch(r"textModulesData\['(.*)'\]", rest):
        modules = part.get("textModulesData", ())
        part = next((each for each in modules if each.get("id") == module[1]), {})
        return _text(part, "header", language), _text(part, "body", language)
    name, _, inner = rest.partition(".")
    label = written(_OWN_WORDS.get(name, {}), language)
    if inner:
        part = part.get(name, {})
        return _text(part, "label", language) or label, _text(part, inner, language)
    return _text(held.of_class, _LABELS.get(name, ""), language) or label, _text(
        part, name, language
    )


def _code(held: HeldPass) -> Iterator[str]:
    """The code for the till; one that rotates goes before one that stands still."""
    if rotating := held.body.get("rotatingBarcode"):
        yield f"  [{rotating['type']}]  {_rotated(rotating, held.at)}  (changes with time)"
        code = rotating
    elif code := held.body.get("barcode"):
        yield f"  [{code['type']}]  {code['value']}"
    else:
        return
    if below := code.get("alternateText"):
        yield f"  under the code: {below}"


def _rotated(code: Part, at: int) -> str:
    """The value of a rotating code at ``at`` milliseconds (RFC 6238, with SHA-1)."""
    details = code["totpDetails"]
    step = at // int(details["periodMillis"])
    value = code["valuePattern"]
    for number, each in enumerate(details["parameters"]):
        digest = hmac.digest(bytes.fromhex(each["key"]), step.to_bytes(8, "big"), "sha1")
        start = digest[-1] & 15
        figure = int.from_bytes(digest[start : start + 4], "big") & 0x7FFF_FFFF
        length = int(each["valueLength"])
        value = value.replace(f"{{totp_value_{number}}}", f"{figure % 10**length:0{length}d}")
    value = value.replace("{totp_timestamp_millis}", str(at))
    return str(value.replace("{totp_timestamp_seconds}", str(at // 1000)))


# --- what stands behind it -----------------------------------------------------------------------


def _behind(held: HeldPass, front: list[str], language: str) -> Iterator[str]:
    paths = [*_BEHIND[held.family]]
    for root, part in (("object", held.body), ("class", held.of_class)):
        modules = part.get("textModulesData", ())[:10]
        paths += [f"{root}.textModulesData['{each.get('id')}']" for each in modules]
    for path in paths:
        label, value = _cell(held, path, language)
        if value and path not in front:
            yield f"  details, {label}: {value}".replace("\n", "\n    ")
    for part in (held.body, held.of_class):
        for link in part.get("linksModuleData", {}).get("uris", ()):
            yield f"  link, {_text(link, 'description', language)}: {link['uri']}"
    for part in (held.body, held.of_class):
        if app := part.get("appLinkData"):
            target = app.get("webAppLinkInfo", {}).get("appTarget", {}).get("targetUri", {})
            yield f"  button, {_text(app, 'displayText', language)}: {target.get('uri', '')}"
            break


def _messages(held: HeldPass) -> list[Part]:
    return [*held.body.get("messages", ()), *held.of_class.get("messages", ())]


# --- values --------------------------------------------------------------------------------------


def _text(part: Part, name: str, language: str) -> str:
    """A field as a person reads it: its localised form where there is one."""
    value = part.get(f"localized{name[:1].upper()}{name[1:]}", part.get(name))
    if isinstance(value, Mapping):
        return _value(value, language)
    return "" if value is None else str(value)


def _value(value: Part, language: str) -> str:
    """A LocalizedString, a DateTime, a Money or a LoyaltyPointsBalance."""
    if "defaultValue" in value:
        every = [value["defaultValue"], *value.get("translatedValues", ())]
        said = {each["language"]: each["value"] for each in every}
        return str(said.get(language, every[0]["value"]))
    if "date" in value:
        # A phone shows its own time, and this one has no place in the world.
        day, _, rest = str(value["date"]).partition("T")
        return f"{day} {rest[:5]} UTC" if rest.endswith("Z") else day
    if "micros" in value:
        currency = value["currencyCode"]
        digits = 0 if currency in _NO_MINOR_UNIT else 2
        return written(
            Amount(int(value["micros"]) // 10 ** (6 - digits), currency, digits), language
        )
    if "int" in value:
        return written(int(value["int"]), language)
    return _value(value["money"], language) if "money" in value else str(value.get("string", ""))
