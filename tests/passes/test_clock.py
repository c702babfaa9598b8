"""The merchant's days, right across clock changes (R-GEN-3, R-EXP-1)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passes import clock

zones = st.sampled_from(sorted(available_timezones()))
days = st.dates(date(1990, 1, 1), date(2060, 12, 31))
moments = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the bounds of hypothesis are naive


@pytest.mark.parametrize(
    ("day", "zone", "end"),
    [
        ("2026-12-21", "Europe/Berlin", "2026-12-21T22:59:59"),
        ("2027-03-31", "Europe/Berlin", "2027-03-31T21:59:59"),
        ("2027-03-28", "Europe/Berlin", "2027-03-28T21:59:59"),  # 23 hours long
        ("2026-10-25", "Europe/Berlin", "2026-10-25T22:59:59"),  # 25 hours long
        ("2026-03-08", "America/New_York", "2026-03-09T03:59:59"),
        ("2026-11-01", "America/New_York", "2026-11-02T04:59:59"),
        ("2026-11-21", "Asia/Kathmandu", "2026-11-21T18:14:59"),
        ("2024-02-29", "Asia/Kathmandu", "2024-02-29T18:14:59"),
        # The clock goes from 24:00 back to 23:00, so the last second comes twice.
        ("2024-03-23", "America/Asuncion", "2024-03-24T03:59:59"),
    ],
)
def test_R_EXP_1_a_day_ends_at_its_last_second(day: str, zone: str, end: str) -> None:
    found = clock.end_of_day(date.fromisoformat(day), zone)
    assert found == datetime.fromisoformat(end).replace(tzinfo=UTC)
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2027-03-28", "Europe/Berlin", 23),
        ("2026-10-25", "Europe/Berlin", 25),
        ("2026-03-08", "America/New_York", 23),
        ("2026-11-01", "America/New_York", 25),
        ("2026-11-01", "Asia/Kathmandu", 24),
    ],
)
def test_R_GEN_3_days_are_23_24_or_25_hours_long(day: str, zone: str, hours: int) -> None:
    start = clock.start_of_day(date.fromisoformat(day), zone)
    assert clock.end_of_day(date.fromisoformat(day), zone) - start == timedelta(
        hours=hours, seconds=-1
    )


@given(days, zones)
def test_R_GEN_3_each_day_ends_one_second_before_the_next_begins(day: date, zone: str) -> None:
    end, next_start = clock.end_of_day(day, zone), clock.start_of_day(day + timedelta(days=1), zone)
    assert end + timedelta(seconds=1) >= next_start
    midnight = next_start.astimezone(ZoneInfo(zone))
    if midnight.utcoffset() == midnight.replace(fold=1).utcoffset():
        assert end + timedelta(seconds=1) == next_start
    # Otherwise midnight comes twice; in St John's a minute of the new day, then the old one again.


@given(moments, zones)
def test_R_GEN_3_a_moment_lies_within_its_day(moment: datetime, zone: str) -> None:
    day = clock.day_of(moment, zone)
    assert day == moment.astimezone(ZoneInfo(zone)).date()
    assert (
        clock.start_of_day(day, zone) <= moment < clock.end_of_day(day, zone) + timedelta(seconds=1)
    )


def test_now_is_utc_to_the_millisecond() -> None:
    now = clock.now()
    assert now.tzinfo is UTC
    assert now.microsecond % 1_000 == 0
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)


@given(moments, moments)
def test_http_dates_move_by_a_whole_second_with_each_change(
    before: datetime, now: datetime
) -> None:
    first = clock.whole_second_after(before, now)
    second = clock.whole_second_after(first, now)
    assert first.microsecond == 0
    assert first >= now.replace(microsecond=0)
    assert second - first >= timedelta(seconds=1)


@pytest.mark.parametrize(
    ("now", "last"),
    [
        ("2026-11-22T03:00:00+00:00", "2026-11-22T03:00:00+00:00"),
        ("2026-11-22T02:59:59+00:00", "2026-11-21T03:00:00+00:00"),
        ("2026-11-22T23:30:00+00:00", "2026-11-22T03:00:00+00:00"),
        ("2026-03-29T02:00:00+00:00", "2026-03-29T02:00:00+00:00"),  # summer time begins
        ("2026-03-29T01:59:00+00:00", "2026-03-28T03:00:00+00:00"),
    ],
)
def test_when_it_was_last_four_in_berlin(now: str, last: str) -> None:
    found = clock.last_at_hour(datetime.fromisoformat(now), 4, "Europe/Berlin")
    assert found == datetime.fromisoformat(last)


@pytest.mark.parametrize(
    ("period", "day", "first", "last"),
    [
        ("day", "2026-11-21", "2026-11-21", "2026-11-21"),
        ("week", "2026-11-21", "2026-11-16", "2026-11-22"),  # a Saturday
        ("week", "2026-11-22", "2026-11-16", "2026-11-22"),
        ("week", "2026-11-23", "2026-11-23", "2026-11-29"),
        ("week", "2027-01-01", "2026-12-28", "2027-01-03"),
        ("month", "2026-11-21", "2026-11-01", "2026-11-30"),
        ("month", "2028-02-01", "2028-02-01", "2028-02-29"),
        ("year", "2026-11-21", "2026-01-01", "2026-12-31"),
    ],
)
def test_AMB_12_periods_are_those_of_the_calendar(
    period: str, day: str, first: str, last: str
) -> None:
    found = clock.calendar_period(period, date.fromisoformat(day))
    assert found == (date.fromisoformat(first), date.fromisoformat(last))


def test_AMB_12_there_are_no_other_periods() -> None:
    with pytest.raises(ValueError, match="fortnight"):
        clock.calendar_period("fortnight", date(2026, 11, 21))
