"""What the kinds of card share: the request, the booking it becomes, and the refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from passes.errors import Conflict, Invalid

MOST_VISITS = 1_000
MOST_STAMPS = 100
MOST_POINTS = 1_000_000
"""Per entry (R-GEN-7)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asked for: ``value`` in units, ``purchase`` in minor units of ``currency``."""

    value: int | None
    purchase: int | None
    currency: str


@dataclass(frozen=True, slots=True)
class Booking:
    """What an operation does to a card.

    ``deltas`` by unit (see ``cards.models.Units``). ``is_visit``: proof that the customer was
    there (D.2). ``is_one_visit``: it also counts one in the total visits, unless the same staff
    booked on the card in the last five minutes (D.3). ``redeems`` and ``adds`` move the dates of
    last redemption and last addition.
    """

    type: str
    deltas: Mapping[str, int]
    is_visit: bool = False
    is_one_visit: bool = False
    redeems: bool = False
    adds: bool = False


Operation = Callable[[Any, Any, Asked], Booking]
"""(card as it is, rules of its template, what was asked) -> Booking.

Raises Invalid for a value that can never be right, Conflict when this card refuses it.
"""


def anything_goes(card: Any, rules: Any) -> None:
    """For kinds of which an undo can leave nothing odd but negative balances."""


@dataclass(frozen=True, slots=True)
class CardKind:
    """``operations`` by their verb in the API; ``figures`` as a program and a pass see them.

    ``figures`` is (card as it is, rules) -> values; moments stay datetimes. ``opening``: the
    figures that a card may start with, and the units that each of them fills. ``check`` is
    (card as an undo would leave it, rules) and raises Conflict for what cannot be.
    """

    operations: Mapping[str, Operation]
    figures: Callable[[Any, Any], dict[str, int | datetime | None]]
    opening: Mapping[str, tuple[str, ...]]
    check: Callable[[Any, Any], None] = anything_goes


class Insufficient(Conflict):
    """There is less on the card than was asked for."""

    code = "INSUFFICIENT_BALANCE"


def count(value: int | None, most: int) -> int:
    """A value that must be given: a whole number from 1 to ``most``. Raises Invalid."""
    if value is None:
        raise Invalid.field("value", "is missing", "MISSING")
    if not 1 <= value <= most:
        raise Invalid.field("value", f"must be a whole number from 1 to {most:,}")
    return value


def no_value(value: int | None) -> None:
    """For operations that are always about one. Raises Invalid for anything but 1 or nothing."""
    if value not in (None, 1):
        raise Invalid.field("value", "must be 1 or left out")


def take(card: Any, unit: str, wanted: int, words: str) -> None:
    """Refuses to take more than there is; ``words`` such as ``visits available``."""
    there = getattr(card, unit)
    if wanted > there:
        raise Insufficient(f"{there} {words}", available=there, wanted=wanted)
