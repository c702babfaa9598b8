"""Figures as they stand in pass.json: a value and whatever Wallet wants to know beside it.

A field of pass.json ends in its value, so each function here returns the JSON of the value followed
by the keys that belong to it.
"""

from __future__ import annotations

from datetime import date
from html import escape

import orjson

from passes.wallet_port import Amount, ContentRefused
from wallet_apple.localized import clean

_LINK_SCHEMES = ("https://", "http://", "tel:", "mailto:")
_DAY = len('"2026-11-21')
_NOON = (
    b'T12:00:00Z","dateStyle":"PKDateStyleMedium","timeStyle":"PKDateStyleNone",'
    b'"ignoresTimeZone":true'
)


def figure(value: int | Amount | date) -> bytes:
    """A number, an exact decimal number with its currency (1290 cents are 12.90), or a day."""
    if isinstance(value, int):
        return str(int(value)).encode()
    if isinstance(value, Amount):
        return _major(value).encode() + b',"currencyCode":' + orjson.dumps(value.currency)
    # Wallet wants a time as well, and must not move it into the device's zone.
    return orjson.dumps(value)[:_DAY] + _NOON


def plain(value: int | Amount | date) -> str:
    """The value in words, for the one place where Wallet cannot format it: inside a link."""
    return f"{_major(value)} {value.currency}" if isinstance(value, Amount) else str(value)


def anchor(link: str, text: str) -> str:
    """The only markup that Wallet knows. Raises ContentRefused for what a phone cannot follow."""
    if not link.startswith(_LINK_SCHEMES):
        raise ContentRefused("A link on the back of the card must be https, tel or mailto.")
    both = link + text
    if not both.isprintable():
        link, text = clean(link), clean(text)
    # Signs of markup are rare; a regular expression takes four times as long to miss them.
    if "&" in both or "<" in both or ">" in both or '"' in both or "'" in both:
        link, text = escape(link), escape(text, quote=False)
    return f'<a href="{link}">{text}</a>'


def _major(amount: Amount) -> str:
    """Digits are only moved, so nothing is ever rounded."""
    minor, digits = amount.minor, amount.digits
    text = str(minor).zfill(digits + (1 if minor >= 0 else 2))
    return f"{text[:-digits]}.{text[-digits:]}" if digits else text
