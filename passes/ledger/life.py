"""Until when earned units are good (D.8.3): days, fixed dates, and the ends of periods."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, timedelta

from passes import clock
from passes.card_templates.earning import Life

_LAST_MONTH = {"end_of_month": 1, "end_of_quarter": 3, "end_of_year": 12}
"""How many months a period has; it ends with a month whose number they divide."""


def end_of(life: Life, earned_at: datetime, time_zone: str) -> datetime | None:
    """The last second, in UTC, of units that were earned at ``earned_at``; None: no end.

    ``days_after_last_stamp`` counts from the moment that is given, which is that of the last stamp.
    """
    if life.kind == "unlimited":
        return None
    if life.date is not None:
        return clock.end_of_day(life.date, time_zone)
    if life.days is not None:
        return after_days(life.days, earned_at, time_zone)
    day = clock.day_of(earned_at, time_zone)
    months = _LAST_MONTH[life.kind]
    last = day.year * 12 + (day.month + months - 1) // months * months - 1 + life.plus_months
    # Months are counted first and closed then: one month after the end of January is that of
    # February, however long it is.
    year, month = last // 12, last % 12 + 1
    return clock.end_of_day(date(year, month, monthrange(year, month)[1]), time_zone)


def after_days(days: int, earned_at: datetime, time_zone: str) -> datetime:
    """The last second of the day that many local days later; across clock changes, too."""
    return clock.end_of_day(clock.day_of(earned_at, time_zone) + timedelta(days=days), time_zone)
