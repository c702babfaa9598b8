"""The membership's periods and verbs, by themselves (D.4.7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passes import clock
from passes.card_templates.rules import MembershipRules, Plan
from passes.cards.models import UNITS
from passes.errors import Conflict, Invalid
from passes.ledger.kinds import membership, periods
from passes.ledger.kinds.base import Asked, Booking
from passes.ledger.kinds.terms import Terms

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def plan(key: str = "monthly", **facts: Any) -> Plan:
    return Plan(key=key, name={"en": key.title()}, **{"price": "29.00"} | facts)


def rules(*plans: Plan) -> MembershipRules:
    return MembershipRules(plans=list(plans or (plan(),)))


def new_card() -> Any:
    units = dict.fromkeys(UNITS, 0)
    return SimpleNamespace(**units, terms=None, last_redemption_at=None)


def do(
    card: Any,
    verb: str,
    of: MembershipRules,
    now: datetime = NOON,
    zone: str = BERLIN,
    value: int | None = None,
    **options: Any,
) -> Booking:
    """Books a verb on the card, as the ledger would."""
    asked = Asked(value, None, "EUR", now, zone, options)
    return book(card, membership.KIND.operations[verb](card, of, asked))


def book(card: Any, booking: Booking) -> Booking:
    for unit, delta in booking.deltas.items():
        setattr(card, unit, getattr(card, unit) + delta)
    if booking.terms is not None:
        card.terms = dict(booking.terms)
    return booking


def shown(card: Any, of: MembershipRules, now: datetime = NOON) -> tuple[Any, ...]:
    """State, last day in Berlin, visits left."""
    figures = membership.figures(card, of, "EUR", now)
    end = figures["period_ends_at"]
    assert end is None or isinstance(end, datetime)
    day = clock.day_of(end, BERLIN).isoformat() if end else None
    return figures["membership_state"], day, figures["visits_left"]


def code_of(card: Any, verb: str, of: MembershipRules, now: datetime = NOON, **more: Any) -> str:
    with pytest.raises(Conflict) as refusal:
        do(card, verb, of, now, **more)
    return refusal.value.code


# --- periods -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("period", "months", "last"),
    [
        ("day", None, "2026-11-21"),
        ("week", None, "2026-11-28"),
        ("month", None, "2026-12-21"),
        ("quarter", None, "2027-02-21"),
        ("half_year", None, "2027-05-21"),
        ("year", None, "2027-11-21"),
        ("custom", 5, "2027-04-21"),
        ("lifetime", None, None),
    ],
)
def test_D_4_7_the_length_of_a_period(period: str, months: int | None, last: str | None) -> None:
    end = periods.first(plan(period=period, months=months), date(2026, 11, 21))
    assert (end.day.isoformat() if end else None) == last


def test_D_4_7_a_month_that_began_on_the_31st_keeps_its_day() -> None:
    month, end = plan(), periods.End(date(2027, 1, 31), 31)
    days = []
    for _ in range(4):
        following = periods.following(month, end)
        assert following is not None
        end = following
        days.append(end.day.isoformat())
    assert days == ["2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]


def test_D_4_7_a_year_from_a_leap_day_ends_on_the_28th_until_there_is_a_29th() -> None:
    year, end = plan(period="year"), periods.End(date(2028, 2, 29), 29)
    days = []
    for _ in range(4):
        following = periods.following(year, end)
        assert following is not None
        end = following
        days.append(end.day.isoformat())
    assert days == ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]


def test_D_4_7_after_weeks_a_month_goes_by_the_day_on_which_they_ended() -> None:
    week = periods.following(plan(period="week"), periods.End(date(2027, 1, 31), 31))
    assert week == (date(2027, 2, 7), 7)
    assert periods.following(plan(), week) == (date(2027, 3, 7), 7)


lengths = st.sampled_from(
    [plan(period=name) for name in ("week", "month", "quarter", "half_year", "year")]
    + [plan(period="custom", months=months) for months in (1, 7, 13)]
)


@given(st.dates(date(2020, 1, 1), date(2090, 1, 1)), st.lists(lengths, min_size=1, max_size=20))
def test_D_4_7_periods_never_shrink_nor_jump(today: date, each: list[Plan]) -> None:
    end = periods.first(each[0], today)
    for length in each[1:]:
        assert end is not None
        after = periods.following(length, end)
        assert after is not None
        least, most = (7, 7) if length.period == "week" else (28, 31)
        months = {"week": 1, "month": 1, "quarter": 3, "half_year": 6, "year": 12}.get(
            length.period, length.months or 0
        )
        assert least * months <= (after.day - end.day).days <= most * months
        assert after.day.day <= after.anchor
        end = after


@pytest.mark.parametrize("zone", [BERLIN, "America/New_York", "Asia/Kathmandu"])
@pytest.mark.parametrize("began", ["2027-02-28T22:30:00", "2027-09-30T23:59:59"])
def test_D_4_7_a_period_ends_with_the_last_second_of_a_local_day(zone: str, began: str) -> None:
    """Over both changes of the clock: begun in one half of the year, over in the other."""
    card, half = new_card(), rules(plan(period="half_year"))
    local = datetime.fromisoformat(began).replace(tzinfo=ZoneInfo(zone))
    do(card, "renew", half, local.astimezone(UTC), zone)
    end = membership.figures(card, half, "EUR", NOON)["period_ends_at"]
    assert isinstance(end, datetime)
    there = end.astimezone(ZoneInfo(zone))
    assert (there.hour, there.minute, there.second) == (23, 59, 59)
    assert (there.month - local.month) % 12 == 6
    assert membership.figures(card, half, "EUR", end)["membership_state"] == "active"
    after = membership.figures(card, half, "EUR", end + timedelta(seconds=1))
    assert after["membership_state"] == "lapsed"


# --- states --------------------------------------------------------------------------------------


def test_D_4_7_trial_active_past_due_lapsed() -> None:
    of, card = rules(plan(trial_days=7, grace_days=3)), new_card()
    assert shown(card, of) == ("lapsed", None, 0)
    begun = membership.begins(of, NOON, BERLIN)
    assert begun is not None
    book(card, begun)
    assert shown(card, of) == ("trial", "2026-11-28", None)
    # Grace is for those who paid: a trial has none.
    assert shown(card, of, NOON + timedelta(days=8))[0] == "lapsed"
    do(card, "renew", of, NOON + timedelta(days=2))
    assert shown(card, of) == ("active", "2026-12-28", None)
    ends = datetime(2026, 12, 28, 22, 59, 59, tzinfo=UTC)
    second = timedelta(seconds=1)
    states = [
        shown(card, of, at)[0]
        for at in (ends, ends + second, ends + timedelta(days=3), ends + timedelta(days=3) + second)
    ]
    assert states == ["active", "past_due", "past_due", "lapsed"]
    assert membership.turns_at(card, of) == (ends + second, ends + timedelta(days=3) + second)


def test_D_4_7_what_begins_with_the_card() -> None:
    free, paid = rules(plan(price="0.00")), rules(plan(price="0.01"))
    assert membership.begins(paid, NOON, BERLIN) is None
    card = new_card()
    begun = membership.begins(free, NOON, BERLIN)
    assert begun is not None
    book(card, begun)
    assert shown(card, free) == ("active", "2026-12-21", None)
    trial = rules(plan(trial_days=7))
    assert membership.begins(trial, NOON, BERLIN, is_new=False) is None


def test_D_4_7_a_membership_for_life_never_ends() -> None:
    of, card = rules(plan(period="lifetime")), new_card()
    do(card, "renew", of)
    assert shown(card, of, NOON + timedelta(days=36_500)) == ("active", None, None)
    assert membership.turns_at(card, of) == ()
    assert code_of(card, "renew", of) == "NEVER_ENDS"
    do(card, "cancel-membership", of)
    assert shown(card, of) == ("cancelled", "2026-11-21", None)
    assert shown(card, of, NOON + timedelta(days=1))[0] == "lapsed"


def test_D_4_7_a_cancelled_membership_runs_to_its_end_and_has_no_grace() -> None:
    of, card = rules(plan(grace_days=10)), new_card()
    do(card, "renew", of)
    do(card, "cancel-membership", of, NOON + timedelta(days=1))
    assert code_of(card, "cancel-membership", of) == "ALREADY_CANCELLED"
    assert shown(card, of) == ("cancelled", "2026-12-21", None)
    do(card, "check-in", of, NOON + timedelta(days=29))
    over = NOON + timedelta(days=31)
    assert shown(card, of, over)[0] == "lapsed"
    assert code_of(card, "check-in", of, over) == "MEMBERSHIP_LAPSED"
    assert code_of(card, "cancel-membership", of, over) == "MEMBERSHIP_LAPSED"
    do(card, "renew", of, NOON + timedelta(days=20))
    assert shown(card, of) == ("active", "2027-01-21", None)


# --- renewing and changing -----------------------------------------------------------------------


def test_D_4_7_a_renewal_goes_on_where_the_period_ends() -> None:
    of, card = rules(plan(grace_days=5)), new_card()
    do(card, "renew", of)
    do(card, "renew", of, NOON + timedelta(days=10))
    assert shown(card, of)[1] == "2027-01-21"
    in_grace = NOON + timedelta(days=64)  # 24 January
    assert shown(card, of, in_grace)[0] == "past_due"
    do(card, "renew", of, in_grace)
    assert shown(card, of, in_grace) == ("active", "2027-02-21", None)
    lapsed = NOON + timedelta(days=200)  # 9 June
    do(card, "renew", of, lapsed)
    assert shown(card, of, lapsed) == ("active", "2027-07-09", None)


def test_D_4_7_a_renewal_in_a_long_grace_is_never_over_when_it_is_paid() -> None:
    of, card = rules(plan(period="week", grace_days=90)), new_card()
    do(card, "renew", of)
    late = NOON + timedelta(days=60)
    do(card, "renew", of, late)
    assert shown(card, of, late)[:2] == ("active", "2027-01-27")


def test_D_4_7_visits_belong_to_their_period() -> None:
    of, card = rules(plan(visits_per_period=8)), new_card()
    do(card, "renew", of)
    for _ in range(5):
        do(card, "check-in", of)
    assert (shown(card, of)[2], card.redeemed_visits) == (3, 5)
    assert shown(card, of, NOON + timedelta(days=31)) == ("lapsed", "2026-12-21", 0)
    do(card, "renew", of, NOON + timedelta(days=31))
    assert (shown(card, of)[2], card.redeemed_visits) == (8, 5)
    # The running period's rest goes with it; one that is paid ahead is added to.
    do(card, "check-in", of, NOON + timedelta(days=32))
    do(card, "renew", of, NOON + timedelta(days=33))
    assert shown(card, of)[2] == 8
    do(card, "renew", of, NOON + timedelta(days=33))
    assert shown(card, of)[2] == 16


def test_D_4_7_no_more_visits_than_the_period_has() -> None:
    of, card = rules(plan(visits_per_period=3)), new_card()
    assert code_of(card, "check-in", of) == "MEMBERSHIP_LAPSED"
    do(card, "renew", of)
    do(card, "redeem-visits", of, value=2)
    with pytest.raises(Conflict) as refusal:
        do(card, "redeem-visits", of, value=2)
    assert refusal.value.code == "NO_VISITS_LEFT"
    assert refusal.value.facts == {"available": 1, "wanted": 2}
    do(card, "check-in", of)
    assert code_of(card, "check-in", of) == "NO_VISITS_LEFT"
    figures = membership.figures(card, of, "EUR", NOON)
    assert (figures["membership_state"], figures["admits"]) == ("active", False)


def test_D_4_7_any_number_of_visits() -> None:
    of, card = rules(), new_card()
    do(card, "renew", of)
    do(card, "redeem-visits", of, value=1_000)
    do(card, "check-in", of)
    figures = membership.figures(card, of, "EUR", NOON)
    assert (figures["visits_left"], figures["admits"]) == (None, True)
    assert (card.available_visits, card.redeemed_visits) == (0, 1_001)


def test_D_4_7_another_plan_begins_at_once() -> None:
    of = rules(
        plan(visits_per_period=8), plan("yearly", period="year"), plan("week", period="week")
    )
    card = new_card()
    do(card, "renew", of)
    do(card, "change-plan", of, NOON + timedelta(days=1), plan="yearly")
    assert shown(card, of) == ("active", "2027-11-22", None)
    assert card.available_visits == 0
    assert code_of(card, "change-plan", of, plan="yearly") == "SAME_PLAN"
    do(card, "change-plan", of, NOON + timedelta(days=2), plan="monthly")
    assert shown(card, of) == ("active", "2026-12-23", 8)
    do(card, "renew", of, NOON + timedelta(days=2), plan="week")
    assert shown(card, of) == ("active", "2026-12-30", None)


@pytest.mark.parametrize(
    ("verb", "options"),
    [("renew", {"plan": "none"}), ("change-plan", {"plan": "none"}), ("change-plan", {})],
)
def test_a_plan_that_is_not_offered_names_its_field(verb: str, options: Any) -> None:
    with pytest.raises(Invalid) as refusal:
        do(new_card(), verb, rules(), **options)
    assert [wrong.field for wrong in refusal.value.fields] == ["plan"]


def test_a_plan_that_is_gone_stays_with_who_has_it_until_it_is_renewed() -> None:
    card = new_card()
    do(card, "renew", rules(plan("gold", visits_per_period=2)))
    later = rules(plan())
    assert shown(card, later) == ("active", "2026-12-21", 2)
    do(card, "check-in", later)
    with pytest.raises(Invalid) as refusal:
        do(card, "renew", later)
    assert refusal.value.fields[0].field == "plan"
    do(card, "renew", later, plan="monthly")
    assert shown(card, later) == ("active", "2027-01-21", None)


def test_nobody_pays_for_a_hundred_years() -> None:
    of, card = rules(plan(period="custom", months=120)), new_card()
    for _ in range(9):
        do(card, "renew", of)
    assert shown(card, of)[1] == "2116-11-21"
    do(card, "renew", of)
    assert code_of(card, "renew", of) == "PAID_FAR_AHEAD"


def test_terms_are_read_as_they_were_written() -> None:
    card = new_card()
    do(card, "renew", rules(plan(grace_days=2, visits_per_period=4)))
    terms = Terms.of(card)
    assert terms is not None
    assert terms.document() == card.terms
    assert replace(terms, plan="x") != terms
    assert terms.ends_at == datetime(2026, 12, 21, 22, 59, 59, tzinfo=UTC)
    assert terms.good_until == datetime(2026, 12, 23, 22, 59, 59, tzinfo=UTC)
