"""Money as integer minor units, read from what people type and written for programs (R-GEN-1)."""

from __future__ import annotations

import re
from decimal import Decimal

from babel.numbers import get_currency_precision

LARGEST_AMOUNT = 1_000_000
"""In major units (R-GEN-7)."""


class NotAnAmount(ValueError):
    """What was given cannot be read as money; the text says why."""


def digits_of(currency: str) -> int:
    """How many digits the currency's minor unit has: EUR 2, JPY 0."""
    return get_currency_precision(currency)


def to_text(minor: int, currency: str) -> str:
    """``1250`` EUR as ``"12.50"``, the form that the API speaks."""
    digits = digits_of(currency)
    sign = "-" if minor < 0 else ""
    whole, rest = divmod(abs(minor), 10**digits)
    return f"{sign}{whole}.{rest:0{digits}d}" if digits else f"{sign}{whole}"


def parse(typed: str, currency: str, language: str = "en", *, largest: int = LARGEST_AMOUNT) -> int:
    """The minor units of ``1.234,50``, ``1234,50``, ``1,234.50`` or ``1234.50`` (R-GEN-1).

    Of two different separators the last is the decimal one. A single separator followed by exactly
    three digits is read the way the merchant's language groups digits, unless what stands before
    it cannot be a group (0.500, 1234.500). Raises NotAnAmount on anything else, on negative
    amounts, on more digits than the currency has and above ``largest``.
    """
    text = typed.strip().replace("\u00a0", "").replace("\u202f", "").replace(" ", "")
    if not re.fullmatch(r"[0-9]+([.,][0-9]+)*", text, re.ASCII):
        raise NotAnAmount("must be an amount such as 12.50")
    return _minor(_plain(text, "." if language == "en" else ","), currency, largest)


def parse_decimal(given: str, currency: str, *, largest: int = LARGEST_AMOUNT) -> int:
    """The minor units of ``"12.50"``, as programs write money. Raises NotAnAmount."""
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", given, re.ASCII):
        raise NotAnAmount('must be a decimal string such as "12.50"')
    return _minor(given, currency, largest)


def _minor(plain: str, currency: str, largest: int) -> int:
    if len(plain) > 20:
        raise NotAnAmount(f"must not be more than {largest}")
    digits = digits_of(currency)
    amount = Decimal(plain)
    minor = amount.scaleb(digits)
    if minor != minor.to_integral_value():
        raise NotAnAmount(f"must not have more than {digits} decimals")
    if amount > largest:
        raise NotAnAmount(f"must not be more than {largest}")
    return int(minor)


def _plain(text: str, decimal_mark: str) -> str:
    """``text`` as programs write it: a point before the decimals, no groups."""
    marks = re.findall(r"[.,]", text)
    if not marks:
        return text
    whole, mark, rest = text.rpartition(marks[-1])
    if len(set(marks)) == 2:
        return f"{_ungrouped(whole)}.{rest}"
    if len(marks) > 1:
        return _ungrouped(text)
    if mark != decimal_mark and _GROUPED.fullmatch(text):
        return whole + rest
    return f"{whole}.{rest}"


def _ungrouped(text: str) -> str:
    if not _GROUPED.fullmatch(text):
        raise NotAnAmount("must be an amount such as 12.50")
    return re.sub(r"[.,]", "", text)


_GROUPED = re.compile(r"[1-9][0-9]{0,2}([.,])[0-9]{3}(\1[0-9]{3})*")
"""Digits in groups of three, as in 1.234.567."""
