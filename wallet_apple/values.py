"""Figures as they stand in pass.json: a value and whatever Wallet wants to know beside it.

A field of pass.json ends in its value, so each function here returns the JSON of the value followed
by the keys that belong to it.
"""

from __future__ import annotations

from datetime import date

import orjson

from passes.wallet_port import Amount

_NOON = (
    b'T12:00:00Z","dateStyle":"PKDateStyleMedium","timeStyle":"PKDateStyleNone",'
    b'"ignoresTimeZone":true'
)


def figure(value: int | Amount | date) -> bytes:
    """A number, an exact decimal number with its currency (1290 cents are 12.90), or a day."""
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, Amount):
        return _major(value).encode() + b',"currencyCode":' + orjson.dumps(value.currency)
    # Wallet wants a time as well, and must not move it into the device's zone.
    return b'"%b%b' % (value.isoformat()[:10].encode(), _NOON)


def plain(value: int | Amount | date) -> str:
    """The value in words, for the one place where Wallet cannot format it: inside a link."""
    return f"{_major(value)} {value.currency}" if isinstance(value, Amount) else str(value)


def _major(amount: Amount) -> str:
    """Digits are only moved, so nothing is ever rounded."""
    digits = amount.digits
    text = str(abs(amount.minor)).rjust(digits + 1, "0")
    if digits:
        text = text[:-digits] + "." + text[-digits:]
    return text if amount.minor >= 0 else "-" + text
