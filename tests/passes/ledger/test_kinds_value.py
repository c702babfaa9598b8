"""Points, cashback, gift and discount: exact arithmetic, whatever amounts come (D.4.3-D.4.8)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passes import money
from passes.card_templates.rules import (
    CashbackRules,
    DiscountRules,
    GiftRules,
    PointsRules,
    SpendLevel,
    StampRules,
)
from passes.cards.models import UNITS
from passes.errors import Conflict, Invalid
from passes.ledger.kinds import cashback, discount, gift, levels, points, stamp
from passes.ledger.kinds.base import Asked
from tests.passes.conftest import NOON

AMOUNTS = st.integers(0, 100_000_000)
PERCENTS = st.decimals("0", "100", places=2).map(str)
STEPS = st.integers(1, 1_000_000)


def card(**units: int) -> Any:
    dates = dict.fromkeys(("last_redemption_at", "last_added_at", "last_visit_at"))
    return SimpleNamespace(**(dict.fromkeys(UNITS, 0) | units), **dates)


def asked(
    value: int | None = None, purchase: int | None = None, currency: str = "EUR", **more: Any
) -> Asked:
    return Asked(value, purchase, currency, NOON, "Europe/Berlin", **more)


def level(percent: str, start: str = "0") -> SpendLevel:
    return SpendLevel(from_amount=start, percent=percent)


@given(AMOUNTS, PERCENTS, st.integers(1, 1_000), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_D_4_3_points_are_the_floor_of_amount_percent_and_rate(
    amount: int, percent: str, rate: int, currency: str
) -> None:
    rules = CashbackRules(levels=[level(percent)], points_per_currency=rate)
    booking = cashback.buy(card(), rules, asked(purchase=amount, currency=currency))
    exact = Fraction(amount, 10 ** money.digits_of(currency)) * Fraction(percent) * rate / 100
    assert booking.deltas["points"] == booking.deltas["points_earned"] == exact // 1


@given(AMOUNTS, PERCENTS, st.integers(1, 1_000), st.integers(1, 1_000_000))
def test_D_4_3_the_part_paid_with_points_earns_nothing(
    amount: int, percent: str, rate: int, paid: int
) -> None:
    rules = CashbackRules(levels=[level(percent)], points_per_currency=rate)
    booking = cashback.redeem(card(points=paid), rules, asked(paid, amount))
    rest = max(Fraction(0), Fraction(amount, 100) - Fraction(paid, rate))
    earned = rest * Fraction(percent) * rate / 100 // 1
    assert booking.deltas["points"] == earned - paid
    assert booking.deltas.get("points_earned", 0) == earned


@given(AMOUNTS, PERCENTS)
def test_D_4_6_discount_and_rest_make_the_amount(amount: int, percent: str) -> None:
    booking = discount.buy(card(), DiscountRules(levels=[level(percent)]), asked(purchase=amount))
    assert booking.details is not None
    off, rest = Decimal(booking.details["discount"]), Decimal(booking.details["to_pay"])
    whole = Decimal(amount).scaleb(-2)
    assert off + rest == whole
    assert 0 <= off <= whole
    assert off == (whole * Decimal(percent) / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert booking.deltas == {}


@given(st.lists(STEPS, min_size=1, max_size=19, unique=True).map(sorted), AMOUNTS)
def test_D_4_3_a_level_is_the_highest_that_was_reached(starts: list[int], spent: int) -> None:
    known = [level("0"), *(level(str(i % 100), str(start)) for i, start in enumerate(starts, 1))]
    reached = levels.level_of(known, spent, "EUR")
    upper = levels.next_level(known, spent, "EUR")
    assert Decimal(reached.from_amount) * 100 <= spent
    if upper is None:
        assert reached is known[-1]
    else:
        assert known.index(upper) == known.index(reached) + 1
        assert Decimal(upper.from_amount) * 100 > spent


@pytest.mark.parametrize(
    ("percent", "said"), [("3", "3"), ("3.00", "3"), ("2.50", "2.5"), ("100", "100"), ("0", "0")]
)
def test_percentages_are_said_without_zeros_that_say_nothing(percent: str, said: str) -> None:
    assert levels.percent_text(level(percent)) == said


@given(AMOUNTS, STEPS, st.integers(1, 1_000))
def test_D_4_8_points_for_each_whole_step(amount: int, step: int, rate: int) -> None:
    rules = PointsRules(
        mechanic="spend", points_per_currency=rate, currency_step=money.to_text(step, "EUR")
    )
    booking = points.accrue(card(), rules, asked(purchase=amount))
    assert booking.deltas["points"] == amount // step * rate


@given(st.lists(st.integers(0, 10_000), max_size=12), st.integers(1, 3_000))
def test_D_4_1_saved_rests_lose_no_stamp_however_the_spending_is_split(
    amounts: list[int], per_stamp: int
) -> None:
    rules = StampRules(
        mechanic="spend", amount_per_stamp=money.to_text(per_stamp, "EUR"), save_remainder=True
    )
    there = card()
    for amount in amounts:
        booking = stamp.add_stamps(there, rules, asked(purchase=amount))
        for unit, delta in booking.deltas.items():
            setattr(there, unit, getattr(there, unit) + delta)
        assert 0 <= there.spend_remainder < per_stamp
    assert divmod(sum(amounts), per_stamp) == (there.stamps_earned, there.spend_remainder)


@given(st.integers(1, 1_000), st.integers(101, 9_999))
def test_R_EARN_3_a_happy_hour_rounds_down_and_says_why(visits: int, factor: int) -> None:
    rules = PointsRules(mechanic="visit", points_per_visit=3)
    booking = points.accrue(card(), rules, asked(visits, factor=factor))
    assert booking.deltas["points"] == visits * 3 * factor // 100
    assert booking.details is not None
    assert booking.details["base"] == visits * 3
    assert Decimal(booking.details["factor"]) == Decimal(factor) / 100


def test_R_EARN_3_what_staff_enter_is_not_multiplied() -> None:
    for rules in (PointsRules(), PointsRules(mechanic="spend")):
        booking = points.accrue(card(), rules, asked(5, factor=200))
        assert (booking.deltas["points"], booking.details) == (5, None)
    assert cashback.accrue(card(), CashbackRules(), asked(5, factor=200)).deltas["points"] == 5


@given(st.integers(0, 10_000), st.integers(1, 20_000), st.booleans(), st.booleans())
def test_D_4_4_a_gift_card_never_gives_more_than_it_has(
    there: int, wanted: int, single: bool, give_up: bool
) -> None:
    rules = GiftRules(use="single_use" if single else "multi_use")
    request = asked(wanted, options={"give_up_rest": give_up})
    code = None
    if wanted > there:
        code = "INSUFFICIENT_BALANCE"
    elif single and wanted < there and not give_up:
        code = "REST_WOULD_BE_LOST"
    if code is not None:
        with pytest.raises(Conflict) as refusal:
            gift.redeem_money(card(money=there), rules, request)
        assert refusal.value.code == code
        return
    booking = gift.redeem_money(card(money=there), rules, request)
    assert there + booking.deltas["money"] == (0 if single else there - wanted)


@pytest.mark.parametrize("value", [0, -1, None])
def test_R_GEN_7_money_is_more_than_nothing(value: int | None) -> None:
    for operation in (gift.add_money, gift.redeem_money, gift.subtract_money):
        with pytest.raises(Invalid) as refusal:
            operation(card(money=100), GiftRules(), asked(value))
        assert refusal.value.fields[0].field == "value"
