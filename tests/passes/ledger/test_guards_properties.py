"""Limits and happy hours for any sequence of bookings, undos and times."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passes.card_templates.earning import HappyHour
from passes.card_templates.kinds import Kind
from passes.errors import Conflict
from passes.ledger.hours import factor_at
from tests.passes.conftest import NOON, Shop

BERLIN = ZoneInfo("Europe/Berlin")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "add", "undo"]),
        st.integers(min_value=1, max_value=4),
        st.integers(min_value=0, max_value=700),
    ),
    max_size=20,
)
moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy wants them so
times = st.integers(0, 23 * 60 + 58).flatmap(
    lambda since: st.tuples(st.just(since), st.integers(since + 1, 23 * 60 + 59))
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=steps, limit=st.integers(min_value=1, max_value=8))
def test_R_EARN_2_no_day_gets_more_than_its_limit_and_none_is_refused_without_need(
    shop: Shop, steps: list[tuple[str, int, int]], limit: int
) -> None:
    card = shop.card(shop.template(Kind.STAMP, earning={"max_per_day": limit}))
    now = NOON
    given_: Counter[date] = Counter()
    booked: list[tuple[Any, date, int]] = []
    for what, value, minutes in steps:
        now += timedelta(minutes=minutes)
        today = now.astimezone(BERLIN).date()
        if what == "undo":
            if not booked:
                continue
            entry_id, day, was = booked.pop()
            try:
                shop.undo(entry_id, now)
            except Conflict:
                continue
            given_[day] -= was
            continue
        refusal: Conflict | None = None
        try:
            booked.append((shop.post(card, "add-stamps", value, now).entry.id, today, value))
        except Conflict as error:
            refusal = error
        if refusal is None:
            given_[today] += value
            assert given_[today] <= limit
        else:
            assert refusal.code == "LIMIT_PER_DAY"
            assert refusal.facts["used"] == given_[today]
            assert given_[today] + value > limit


@given(
    windows=st.lists(
        st.tuples(
            st.sets(st.sampled_from(DAYS), min_size=1), times, st.sampled_from(["1.5", "2", "3.25"])
        ),
        max_size=4,
    ),
    at=moments,
)
def test_R_EARN_3_the_factor_is_the_highest_of_the_windows_on_the_wall_clock(
    windows: list[tuple[set[str], tuple[int, int], str]], at: datetime
) -> None:
    happy = [
        HappyHour(
            days=sorted(days),
            since=f"{since // 60:02}:{since % 60:02}",
            until=f"{until // 60:02}:{until % 60:02}",
            factor=factor,
        )
        for days, (since, until), factor in windows
    ]
    local = at.astimezone(BERLIN)
    minute = local.hour * 60 + local.minute
    expected = [
        Decimal(factor)
        for days, (since, until), factor in windows
        if local.strftime("%a").lower() in days and since <= minute < until
    ]
    assert factor_at(happy, at, "Europe/Berlin") == max(expected, default=Decimal(1)) * 100
