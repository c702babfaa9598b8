"""The one place that reads the time; everything else is told what time it is."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from time import time_ns
from zoneinfo import ZoneInfo


def now() -> datetime:
    """This moment in UTC, to the millisecond (what both databases keep and JSON shows)."""
    return datetime.fromtimestamp(time_ns() // 1_000_000 / 1000, UTC)


def machine_is_behind(other: datetime) -> timedelta:
    """By how much another clock, read at this moment, is ahead of this machine's."""
    return other - datetime.now(UTC)


def day_of(moment: datetime, time_zone: str) -> date:
    """The merchant's calendar day on which ``moment`` falls (R-GEN-3)."""
    return moment.astimezone(ZoneInfo(time_zone)).date()


def end_of_day(day: date, time_zone: str) -> datetime:
    """23:59:59 of ``day`` at the merchant's, in UTC (R-EXP-1); right across clock changes.

    Where the clock is put back at midnight that second comes twice, and the later one counts.
    """
    return datetime.combine(day, time(23, 59, 59, fold=1), ZoneInfo(time_zone)).astimezone(UTC)


def start_of_day(day: date, time_zone: str) -> datetime:
    """The first moment of ``day`` at the merchant's, in UTC."""
    return datetime.combine(day, time(0), ZoneInfo(time_zone)).astimezone(UTC)


def calendar_period(period: str, day: date) -> tuple[date, date]:
    """First and last day of the calendar ``day``, ``week`` (Monday to Sunday), ``month`` or
    ``year`` in which ``day`` lies (AMB-12)."""
    if period == "day":
        return day, day
    if period == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=6)
    if period == "month":
        return day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])
    if period == "year":
        return date(day.year, 1, 1), date(day.year, 12, 31)
    raise ValueError(f"there is no calendar period {period}")


def at_hour(day: date, hour: int, time_zone: str) -> datetime:
    """That hour of ``day`` on the merchant's clock, in UTC; the first one where it comes twice."""
    return datetime.combine(day, time(hour), ZoneInfo(time_zone)).astimezone(UTC)


def last_at_hour(now: datetime, hour: int, time_zone: str) -> datetime:
    """When it was last that hour on the merchant's clock, in UTC."""
    today = day_of(now, time_zone)
    moment = at_hour(today, hour, time_zone)
    return moment if moment <= now else at_hour(today - timedelta(days=1), hour, time_zone)


def whole_second_after(previous: datetime, moment: datetime) -> datetime:
    """``moment`` cut to the second, but at least one second after ``previous``.

    HTTP dates have steps of a second: two changes within one would look like none.
    """
    cut = moment.replace(microsecond=0)
    return max(cut, previous.replace(microsecond=0) + timedelta(seconds=1))
