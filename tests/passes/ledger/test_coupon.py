"""The coupon by itself: its days, its words, and what its followers leave alone (D.4.5)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from passes.card_templates.rules import CouponRules
from passes.cards.models import UNITS
from passes.errors import Conflict, Invalid
from passes.happenings import Posted, Undone
from passes.ledger import coupons, memberships
from passes.ledger.kinds import coupon
from passes.ledger.kinds.base import Asked

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def card(**columns: Any) -> Any:
    return SimpleNamespace(**dict.fromkeys(UNITS, 0) | {"last_redemption_at": None} | columns)


def redeem(card: Any, rules: CouponRules, now: datetime = NOON, zone: str = "Europe/Berlin") -> Any:
    return coupon.KIND.operations["redeem-coupon"](card, rules, Asked(None, None, "EUR", now, zone))


def test_D_4_5_a_redemption_is_a_visit_that_counts_once() -> None:
    booking = redeem(card(), CouponRules())
    assert (booking.type, booking.deltas) == ("redeem_coupon", {"redemptions": 1})
    assert (booking.is_visit, booking.is_one_visit, booking.redeems) == (True, True, True)


def test_T_CO_1_the_refusal_names_the_merchants_day_in_the_readers_language() -> None:
    used = card(redemptions=1, last_redemption_at=datetime(2026, 11, 21, 23, 30, tzinfo=UTC))
    with pytest.raises(Conflict) as refusal:
        redeem(used, CouponRules(), NOON + timedelta(days=9))
    assert refusal.value.code == "ALREADY_REDEEMED"
    days = {"de": "22.11.2026", "en": "22 Nov 2026", "nl": "22-11-2026"}
    for language, day in days.items():
        assert day in refusal.value.words[language]


@pytest.mark.parametrize("value", [0, 2, -1])
def test_a_coupon_is_redeemed_as_a_whole(value: int) -> None:
    with pytest.raises(Invalid) as refusal:
        coupon.redeem(card(), CouponRules(), Asked(value, None, "EUR", NOON, "Europe/Berlin"))
    assert refusal.value.fields[0].field == "value"


zones = st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kathmandu"])


@given(
    st.integers(0, 3 * 366 * 86_400 - 1),
    st.dates(date(2026, 1, 1), date(2028, 12, 31)),
    st.integers(0, 60),
    zones,
)
def test_D_4_5_a_coupon_is_good_on_its_days_and_on_no_other(
    seconds: int, since: date, days: int, zone: str
) -> None:
    rules = CouponRules(valid_from=since, valid_until=since + timedelta(days=days))
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    today = moment.astimezone(ZoneInfo(zone)).date()
    assert rules.valid_until is not None
    if since <= today <= rules.valid_until:
        assert redeem(card(), rules, moment, zone).type == "redeem_coupon"
        return
    with pytest.raises(Conflict) as refusal:
        redeem(card(), rules, moment, zone)
    assert refusal.value.code == ("COUPON_NOT_YET" if today < since else "COUPON_OVER")


def test_a_pass_says_the_offer_and_the_state_in_words() -> None:
    rules = CouponRules(offer={"de": "Ein Kaffee", "nl": "Een koffie"})
    words = coupon.words(rules)
    for state in (card(), card(redemptions=1)):
        figures = coupon.figures(state, rules, "EUR", NOON)
        assert figures["coupon_state"] in words["coupon_state"]
        assert words["offer"][str(figures["offer"])] == rules.offer


def test_other_postings_cost_nothing_more() -> None:
    """Whoever asked the database here would fail: there is none."""
    nowhere = cast(Session, None)
    entry = SimpleNamespace(type="add_stamps", terms=None)
    for follow in (coupons.convert, coupons.keep_limit):
        follow(nowhere, Posted(card(), entry), NOON)
    plain = SimpleNamespace(type="redeem_coupon", terms=None)
    simple = card(definition=SimpleNamespace(rules=CouponRules()), successor_id=None)
    for follow in (coupons.convert, coupons.keep_limit):
        follow(nowhere, Posted(simple, plain), NOON)
    for undoing in (memberships.keep_order, coupons.take_back):
        undoing(nowhere, Undone(simple, plain, None), NOON)
