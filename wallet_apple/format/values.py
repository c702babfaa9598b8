"""Values as Wallet reads them: dates, colours, addresses, identifiers.

Source: Apple's Pass Builder, whose readers of dates and colours follow Wallet's own.
"""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import urlsplit

_DATE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?(?:\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_RGB = re.compile(r"rgb\( *(\d{1,3}) *, *(\d{1,3}) *, *(\d{1,3}) *\)", re.ASCII | re.IGNORECASE)
_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_CURRENCY = re.compile(r"[A-Z]{3}")
_LONGEST_URL = 4096


def read_date(value: object) -> datetime | None:
    """The moment (aware, cut to the second), or None for what Wallet would not take for a date.

    ``YYYY-MM-DDTHH:MM[:SS[.fff]]`` and then ``Z`` or ``±HH:MM``; a date without zone or with
    ``+0200`` is none.
    """
    found = _DATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    to_minute, second, zone = found.groups()
    try:
        return datetime.fromisoformat(to_minute + (second or ":00") + zone)
    except ValueError:
        return None


def is_colour(value: str) -> bool:
    """``rgb(r, g, b)`` with 0 to 255 each, ``#RRGGBB`` or ``#RGB``."""
    text = value.strip()
    found = _RGB.fullmatch(text)
    if found is not None:
        return all(int(part) <= 255 for part in found.groups())
    return _HEX.fullmatch(text) is not None


def is_web_address(value: str) -> bool:
    """An absolute http or https address."""
    return scheme_of(value) in {"http", "https"}


def is_address(value: str) -> bool:
    """Any absolute address, such as tel: or that of an app."""
    return bool(scheme_of(value))


def scheme_of(value: str) -> str:
    """The scheme of an address that can be followed, in lower case, or nothing."""
    if len(value) > _LONGEST_URL or any(c.isspace() or not c.isprintable() for c in value):
        return ""
    try:
        parts = urlsplit(value)
        has_target = bool(parts.hostname) if parts.scheme in {"http", "https"} else True
        return parts.scheme if parts.scheme and has_target and parts.port != 0 else ""
    except ValueError:
        return ""


def is_uuid(value: str) -> bool:
    """A UUID with its four hyphens."""
    return _UUID.fullmatch(value) is not None


def is_currency(value: str) -> bool:
    """The form of an ISO 4217 code; whether the currency exists is not asked."""
    return _CURRENCY.fullmatch(value) is not None


def is_number(value: object) -> bool:
    """A JSON number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
