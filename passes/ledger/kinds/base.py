"""What the kinds of card share: the request, the booking it becomes, and the refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from passes.errors import Conflict, Invalid
from passes.i18n import text
from passes.wallet_port import Text

MOST_VISITS = 1_000
MOST_STAMPS = 100
MOST_POINTS = 1_000_000
"""Per entry (R-GEN-7)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asked for: ``value`` in units, ``purchase`` in minor units of ``currency``.

    ``value`` of money is in minor units too. ``options``: what the verb takes besides, by its name
    in the API (``plan``, ``activity``, ``give_up_rest`` …). ``factor`` is that of the happy hour, a
    whole number of hundredths: 200 doubles what a purchase or a visit earns (R-EARN-3).
    """

    value: int | None
    purchase: int | None
    currency: str
    now: datetime
    time_zone: str
    options: Mapping[str, Any] = field(default_factory=dict)
    factor: int = 100

    def happily(self, earned: int) -> int:
        """What was earned by the mechanics spend or visit, with the factor, rounded down."""
        return earned * self.factor // 100


@dataclass(frozen=True, slots=True)
class Booking:
    """What an operation does to a card.

    ``deltas`` by unit (see ``cards.models.Units``). ``is_visit``: proof that the customer was
    there (D.2). ``is_one_visit``: it also counts one in the total visits, unless the same staff
    booked on the card in the last five minutes (D.3). ``redeems`` and ``adds`` move the dates of
    last redemption and last addition. ``details`` say how the numbers came about. ``terms``: what
    a membership is agreed to from now on. ``ends``: until when earned units are good, by unit,
    where that is not for the template's rule to say.
    """

    type: str
    deltas: Mapping[str, int]
    is_visit: bool = False
    is_one_visit: bool = False
    redeems: bool = False
    adds: bool = False
    details: Mapping[str, Any] | None = None
    terms: Mapping[str, Any] | None = None
    activity: str | None = None
    ends: Mapping[str, datetime | None] | None = None


Operation = Callable[[Any, Any, Asked], Booking]
"""(card as it is, rules of its template, what was asked) -> Booking.

Raises Invalid for a value that can never be right, Conflict when this card refuses it.
"""

FigureValue = bool | int | str | datetime | date | None
"""Claims, counts, decimal strings, words of the API, moments, days of the merchant."""


def anything_goes(card: Any, rules: Any) -> None:
    """For kinds of which an undo can leave nothing odd but negative balances."""


Words = Mapping[str, Mapping[str, Text]]


def no_words(rules: Any) -> Words:
    """For kinds whose figures are numbers."""
    return {}


def never_turns(card: Any, rules: Any) -> Sequence[datetime]:
    """For kinds whose figures change by entries alone."""
    return ()


def never_ends(card: Any, rules: Any) -> datetime | None:
    """For kinds that end with the card and with their units alone."""
    return None


@dataclass(frozen=True, slots=True)
class CardKind:
    """``operations`` by their verb in the API; ``figures`` as a program and a pass see them.

    ``figures`` is (card as it is, rules, currency, now) -> values. ``opening``: the figures that a
    card may start with, and the units that each of them fills. ``gives`` is (card, rules, n) ->
    what n units given for nothing do (welcome bonus, a friend's reward, an activity); None: this
    kind has no such thing. ``lives``: the units that end by
    a rule of the template, and the name of that rule. ``words`` is (rules) -> how a pass says
    the values of a figure that are words. ``check`` is (card as an undo would leave it, rules)
    and raises Conflict for what cannot be. ``turns_at`` is (card, rules) -> the moments at which
    a figure changes by itself. ``ends_at`` is (card, rules) -> the last second of a period whose
    end its holder is reminded of, as of an expiry; None: there is none.
    """

    operations: Mapping[str, Operation]
    figures: Callable[[Any, Any, str, datetime], dict[str, FigureValue]]
    opening: Mapping[str, tuple[str, ...]]
    gives: Callable[[Any, Any, int], Mapping[str, int]] | None = None
    lives: Mapping[str, str] = field(default_factory=dict)
    words: Callable[[Any], Words] = no_words
    check: Callable[[Any, Any], None] = anything_goes
    turns_at: Callable[[Any, Any], Sequence[datetime]] = never_turns
    ends_at: Callable[[Any, Any], datetime | None] = never_ends


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
        said = {
            **text("Only {available} available.", available=str(there)),
            "en": f"{there} {words}",
        }
        raise Insufficient(said, available=there, wanted=wanted)
