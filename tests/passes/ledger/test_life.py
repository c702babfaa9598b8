"""Until when earned units are good (D.8.3), across clock changes and leap days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passes import clock
from passes.card_templates.earning import Life
from passes.ledger.life import end_of

BERLIN, NEW_YORK, KATHMANDU = "Europe/Berlin", "America/New_York", "Asia/Kathmandu"


def last_day(earned: str, zone: str = BERLIN, **life: Any) -> str:
    """The local day through which units are good that were earned on a local day at noon."""
    at = datetime.fromisoformat(f"{earned}T12:00:00").replace(tzinfo=ZoneInfo(zone))
    end = end_of(Life.model_validate(life), at, zone)
    assert end is not None
    assert end.astimezone(ZoneInfo(zone)).time().isoformat() == "23:59:59"
    return clock.day_of(end, zone).isoformat()


@pytest.mark.parametrize(
    ("life", "earned", "through"),
    [
        ({"kind": "days_after_earned", "days": 1}, "2028-02-28", "2028-02-29"),
        ({"kind": "days_after_earned", "days": 1}, "2027-02-28", "2027-03-01"),
        ({"kind": "days_after_earned", "days": 365}, "2027-12-31", "2028-12-30"),
        ({"kind": "days_after_last_stamp", "days": 30}, "2027-03-01", "2027-03-31"),
        ({"kind": "fixed_date", "date": "2028-02-29"}, "2027-06-01", "2028-02-29"),
        ({"kind": "end_of_month"}, "2027-02-01", "2027-02-28"),
        ({"kind": "end_of_month"}, "2028-02-29", "2028-02-29"),
        ({"kind": "end_of_month", "plus_months": 1}, "2027-01-31", "2027-02-28"),
        ({"kind": "end_of_month", "plus_months": 1}, "2028-01-31", "2028-02-29"),
        ({"kind": "end_of_month", "plus_months": 1}, "2027-02-10", "2027-03-31"),
        ({"kind": "end_of_month", "plus_months": 13}, "2026-12-31", "2028-01-31"),
        ({"kind": "end_of_quarter"}, "2027-01-01", "2027-03-31"),
        ({"kind": "end_of_quarter"}, "2027-06-30", "2027-06-30"),
        ({"kind": "end_of_quarter", "plus_months": 3}, "2027-11-21", "2028-03-31"),
        ({"kind": "end_of_quarter", "plus_months": 2}, "2027-10-01", "2028-02-29"),
        ({"kind": "end_of_year"}, "2027-12-31", "2027-12-31"),
        ({"kind": "end_of_year", "plus_months": 36}, "2026-11-21", "2029-12-31"),
        ({"kind": "end_of_year", "plus_months": 2}, "2027-05-05", "2028-02-29"),
    ],
)
@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, KATHMANDU])
def test_D_8_3_the_kinds_of_life(
    life: dict[str, Any], earned: str, through: str, zone: str
) -> None:
    assert last_day(earned, zone, **life) == through


def test_D_8_3_unlimited_has_no_end() -> None:
    assert end_of(Life(), datetime(2026, 11, 21, tzinfo=UTC), BERLIN) is None


@pytest.mark.parametrize(
    ("zone", "earned", "end"),
    [
        # The last second before local midnight belongs to that day, the next one to the next.
        (BERLIN, "2026-10-24T23:59:59+02:00", "2026-10-25T22:59:59Z"),
        (BERLIN, "2026-10-25T00:00:00+02:00", "2026-10-26T22:59:59Z"),
        (BERLIN, "2027-03-27T23:59:59+01:00", "2027-03-28T21:59:59Z"),
        (NEW_YORK, "2026-10-31T23:59:59-04:00", "2026-11-02T04:59:59Z"),
        (NEW_YORK, "2027-03-13T12:00:00-05:00", "2027-03-15T03:59:59Z"),
        (KATHMANDU, "2026-11-21T23:59:59+05:45", "2026-11-22T18:14:59Z"),
        (KATHMANDU, "2026-11-22T00:00:00+05:45", "2026-11-23T18:14:59Z"),
    ],
)
def test_D_8_3_one_day_is_the_next_local_day(zone: str, earned: str, end: str) -> None:
    life = Life(kind="days_after_earned", days=1)
    assert end_of(life, datetime.fromisoformat(earned), zone) == datetime.fromisoformat(end)


moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the bounds of hypothesis are naive
zones = st.sampled_from([BERLIN, NEW_YORK, KATHMANDU])


@given(moments, zones, st.sampled_from(["month", "quarter", "year"]), st.integers(0, 120))
def test_D_8_3_a_period_ends_with_the_last_day_of_its_month(
    earned: datetime, zone: str, period: str, months: int
) -> None:
    life = Life.model_validate({"kind": f"end_of_{period}", "plus_months": months})
    end = end_of(life, earned, zone)
    assert end is not None
    day, today = clock.day_of(end, zone), clock.day_of(earned, zone)
    assert (day + timedelta(days=1)).day == 1
    length = {"month": 1, "quarter": 3, "year": 12}[period]
    closes = day.year * 12 + day.month - months  # the month that closes the period of earning
    assert closes % length == 0
    assert 0 <= closes - (today.year * 12 + today.month) < length
    assert date(today.year, today.month, 1) <= day
