"""The periods of memberships, in days of the merchant's calendar (D.4.7)."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import NamedTuple, Protocol

_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}


class Length(Protocol):
    """As much of a plan as says how long its period is; ``months`` belongs to custom periods."""

    @property
    def period(self) -> str: ...

    @property
    def months(self) -> int | None: ...


class End(NamedTuple):
    """The last day of a period.

    ``anchor`` is the day of the month on which such periods end where the month has it: after
    28 February comes 31 March for who began on a 31st.
    """

    day: date
    anchor: int


def first(length: Length, today: date) -> End | None:
    """The end of a period that begins today; None: it never ends.

    The day on which it begins does not count (as with expiry, T-EX-1), so a month from
    21 November runs through 21 December. A plan by the day is a day ticket: for today alone.
    """
    if length.period == "day":
        return End(today, today.day)
    return following(length, End(today, today.day))


def following(length: Length, end: End) -> End | None:
    """The end of the period that comes behind one."""
    if length.period == "lifetime":
        return None
    if length.period in _DAYS:
        day = end.day + timedelta(days=_DAYS[length.period])
        return End(day, day.day)
    months = length.months or _MONTHS[length.period]
    year, month = divmod(end.day.year * 12 + end.day.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    return End(date(year, month + 1, min(end.anchor, last)), end.anchor)
