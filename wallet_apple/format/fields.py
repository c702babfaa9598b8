"""Rules for a field: what its keys may say together, and in which group they have an effect.

Source: Apple, Wallet Passes (PassFieldContent); Apple's Pass Builder, which removes keys that do
not fit the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from wallet_apple.format import values
from wallet_apple.format.remarks import ERROR, WARNING, Remark, quoted

_DATE_KEYS = ("dateStyle", "timeStyle", "ignoresTimeZone", "isRelative")
_TAG = re.compile(r"<[^<>]*>?")
_OPENING = re.compile(r"<a\s+href\s*=\s*(\"[^\"<>]*\"|'[^'<>]*')\s*>", re.IGNORECASE)
_BARE_AMPERSAND = re.compile(r"&(?!#?\w{1,31};)", re.ASCII)
_PLACEHOLDER = re.compile(r"%(.?)", re.DOTALL)


def check_field(field: Mapping[str, object], group: str, where: str) -> Iterator[Remark]:
    """Remarks on one field of the group; that its values have the right type is checked elsewhere.

    ``where`` is the path of the field.
    """
    value = field.get("value")
    if field.get("key") == "":
        yield Remark(ERROR, f"{where}.key", "The key is empty. Give the field a name.")
    yield from _check_formats(field, value, where)
    if isinstance(message := field.get("changeMessage"), str):
        yield from check_change_message(message, f"{where}.changeMessage")
    if isinstance(markup := field.get("attributedValue"), str):
        yield from _check_markup(markup, f"{where}.attributedValue")
    if "textAlignment" in field and group in {"primaryFields", "backFields"}:
        sentence = "Fields at this place cannot be aligned. Leave the key out."
        yield Remark(WARNING, f"{where}.textAlignment", sentence)
    if field.get("dataDetectorTypes") and group not in {"backFields", "additionalInfoFields"}:
        sentence = "Wallet looks for links and numbers on the back only. Leave the key out here."
        yield Remark(WARNING, f"{where}.dataDetectorTypes", sentence)


def check_change_message(text: str, where: str, file: str = "") -> Iterator[Remark]:
    """Remarks on the text for the lock screen: one ``%@``, no other placeholder.

    ``file`` names the pass.strings if it is a translation.
    """
    after_percent = _PLACEHOLDER.findall(text.replace("%%", ""))
    of_file = f" ({file})" if file else ""
    count = after_percent.count("@")
    if count == 0:
        sentence = (
            f"The text has no %@{of_file}. Write %@ where the new value shall stand, or customers "
            "only read that the card has changed."
        )
        yield Remark(WARNING, where, sentence)
    elif count > 1:
        sentence = f"The text has {count} times %@{of_file}, but there is one new value. Keep one."
        yield Remark(ERROR, where, sentence)
    if count < len(after_percent):
        sentence = f"A per cent sign stands alone{of_file}. Write %% where it is meant to be read."
        yield Remark(WARNING, where, sentence)


def _check_formats(field: Mapping[str, object], value: object, where: str) -> Iterator[Remark]:
    if values.read_date(value) is None:
        for name in _DATE_KEYS:
            if name in field:
                sentence = (
                    f"{name} is for dates, but the value {quoted(value)} is none that Wallet "
                    "reads. Write it like 2027-01-31T18:00:00+01:00, or leave the key out."
                )
                yield Remark(WARNING, f"{where}.{name}", sentence)
    if not values.is_number(value):
        for name in ("numberStyle", "currencyCode"):
            if name in field:
                sentence = (
                    f"{name} is for numbers, but the value {quoted(value)} is none. Write the "
                    "number without quotation marks, or leave the key out."
                )
                yield Remark(WARNING, f"{where}.{name}", sentence)
    if "numberStyle" in field and "currencyCode" in field:
        sentence = "numberStyle and currencyCode exclude each other. Keep one of them."
        yield Remark(WARNING, f"{where}.currencyCode", sentence)


def _check_markup(markup: str, where: str) -> Iterator[Remark]:
    is_open = False
    for found in _TAG.finditer(markup):
        tag = found[0]
        if tag.lower() == "</a>" and is_open:
            is_open = False
            continue
        link = _OPENING.fullmatch(tag)
        if link is None or is_open:
            sentence = (
                f'{quoted(tag)} does not work here. Wallet knows links only: <a href="https://…">'
                "text</a>."
            )
            yield Remark(ERROR, where, sentence)
            return
        is_open = True
        address = link[1][1:-1]
        if _BARE_AMPERSAND.search(address):
            sentence = f"Write &amp; instead of & inside the address {quoted(address)}."
            yield Remark(WARNING, where, sentence)
        if not values.is_address(address.replace("&amp;", "&")):
            sentence = f"{quoted(address)} is no address. Begin it with https://, tel: or mailto:."
            yield Remark(WARNING, where, sentence)
    if is_open:
        yield Remark(ERROR, where, "The link is not closed. Write </a> after its text.")
