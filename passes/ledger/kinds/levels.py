"""Percentages that rise with what was spent on a card: of cashback and of discounts (D.4.3, D.4.6).

The level follows from the card's purchases at any moment, so nothing is stored: an undo lowers it
by itself. All arithmetic is in whole numbers: minor units, and hundredths of a percent.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from passes import money
from passes.card_templates.rules import SpendLevel
from passes.ledger.kinds.base import FigureValue, Words

WHOLE = 10_000
"""One hundred percent in hundredths of a percent."""


def level_of(levels: Sequence[SpendLevel], spent: int, currency: str) -> SpendLevel:
    """The highest level reached with ``spent`` minor units. The first one begins at nothing."""
    return [level for level in levels if _starts(level, currency) <= spent][-1]


def next_level(levels: Sequence[SpendLevel], spent: int, currency: str) -> SpendLevel | None:
    """The level after that; None at the top."""
    return next((level for level in levels if _starts(level, currency) > spent), None)


def hundredths(level: SpendLevel) -> int:
    """3 % as 300, 2.25 % as 225."""
    return int(Decimal(level.percent) * 100)


def percent_text(level: SpendLevel) -> str:
    """The percentage as programs read it: "3", "2.5"."""
    return format(Decimal(level.percent).normalize(), "f")


def discounted(amount: int, level: SpendLevel) -> int:
    """The part of ``amount`` that the level takes off, rounded half up as tills do."""
    return (amount * hundredths(level) + WHOLE // 2) // WHOLE


def figures(levels: Sequence[SpendLevel], spent: int, currency: str) -> dict[str, FigureValue]:
    """``percent`` applies to the next purchase; the next level, where there is one.

    ``level`` is the ``from_amount`` of a level with a name, as the template writes it: a merchant
    may change the name, and that still says which level it is. None: the level has no name.
    """
    level, upper = level_of(levels, spent, currency), next_level(levels, spent, currency)
    return {
        "percent": percent_text(level),
        "level": level.from_amount if level.name else None,
        "next_percent": percent_text(upper) if upper else None,
        "next_level_from": money.to_text(_starts(upper, currency), currency) if upper else None,
    }


def words(levels: Sequence[SpendLevel]) -> Words:
    """The names of the levels, where they have any."""
    return {"level": {level.from_amount: level.name for level in levels if level.name}}


def _starts(level: SpendLevel, currency: str) -> int:
    return money.parse_decimal(level.from_amount, currency, largest=10_000_000)
