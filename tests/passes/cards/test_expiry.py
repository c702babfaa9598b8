"""Until when a card is valid, and what happens when that changes (D.8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from passes import clock
from passes.card_templates.definition import Expiry
from passes.cards import cards, expiry
from passes.cards.models import Card, CardEvent
from passes.errors import Invalid
from tests.passes.conftest import NOON, Shop

BERLIN = "Europe/Berlin"
DAY = timedelta(days=1)


def moment(iso: str) -> datetime:
    return datetime.fromisoformat(iso).astimezone(UTC)


def by_rule(
    issued: str, visit: str | None = None, zone: str = BERLIN, **rule: Any
) -> datetime | None:
    return expiry.by_rule(
        Expiry.model_validate(rule),
        issued_at=moment(issued),
        last_visit_at=moment(visit) if visit else None,
        time_zone=zone,
    )


@pytest.mark.parametrize(
    ("issued", "days", "expires_at"),
    [
        ("2026-11-21T10:00:00+01:00", 30, "2026-12-21T22:59:59Z"),
        ("2027-03-01T10:00:00+01:00", 30, "2027-03-31T21:59:59Z"),
        ("2026-11-21T23:59:59+01:00", 1, "2026-11-22T22:59:59Z"),
        ("2026-11-22T00:00:00+01:00", 1, "2026-11-23T22:59:59Z"),
        ("2028-02-28T12:00:00+01:00", 1, "2028-02-29T22:59:59Z"),
    ],
)
def test_T_EX_1_days_after_issue(issued: str, days: int, expires_at: str) -> None:
    assert by_rule(issued, kind="days_after_issue", days=days) == moment(expires_at)


@pytest.mark.parametrize(
    ("visit", "expires_at"),
    [(None, "2027-01-20T22:59:59Z"), ("2026-12-10T10:00:00+01:00", "2027-02-08T22:59:59Z")],
)
def test_T_EX_2_days_after_the_last_visit(visit: str | None, expires_at: str) -> None:
    issued = "2026-11-21T10:00:00+01:00"
    found = by_rule(issued, visit, kind="days_after_last_visit", days=60)
    assert found == moment(expires_at)


def test_D_8_1_a_visit_moves_no_other_rule() -> None:
    issued, visit = "2026-11-21T10:00:00+01:00", "2027-11-21T10:00:00+01:00"
    for rule in (
        {"kind": "days_after_issue", "days": 30},
        {"kind": "fixed_date", "date": "2027-06-30"},
        {"kind": "unlimited"},
    ):
        assert by_rule(issued, visit, **rule) == by_rule(issued, **rule)


moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the bounds of hypothesis are naive
zones = st.sampled_from([BERLIN, "America/New_York", "Asia/Kathmandu", "Pacific/Auckland"])


@given(moments, st.integers(1, 1_000), zones)
def test_R_EXP_1_valid_through_the_last_local_second(
    issued: datetime, days: int, zone: str
) -> None:
    rule = Expiry(kind="days_after_issue", days=days)
    expires_at = expiry.by_rule(rule, issued_at=issued, last_visit_at=None, time_zone=zone)
    assert expires_at is not None
    last_day = clock.day_of(issued, zone) + days * DAY
    assert clock.day_of(expires_at, zone) == last_day
    assert not expiry.has_passed(expires_at, expires_at + timedelta(milliseconds=999))
    assert expiry.has_passed(expires_at, expires_at + timedelta(seconds=1))
    assert clock.day_of(expires_at + timedelta(seconds=1), zone) == last_day + DAY


def test_a_card_without_a_date_never_expires() -> None:
    assert not expiry.has_passed(None, datetime.max.replace(tzinfo=UTC))


# --- changed -------------------------------------------------------------------------------------


def change(shop: Shop, card_id: Any, expires_at: datetime | None) -> Card:
    with shop.write() as session:
        card = cards.get(session, card_id, locked=True)
        cards.set_expiry(session, card, expires_at, NOON)
        return card


def test_T_EX_3_by_hand_until_the_rule_is_asked_back(alma: Shop) -> None:
    rule = {"kind": "days_after_last_visit", "days": 60}
    card = alma.card(alma.template(expiry=rule), opening={"available_visits": 5})
    by_hand = moment("2027-06-30T23:59:59+02:00")
    changed = change(alma, card, by_hand)
    assert (changed.expires_at, changed.expiry_mode) == (by_hand, "manual")
    visit = NOON + 19 * DAY
    assert alma.post(card, "redeem-visits", 1, visit).card.expires_at == by_hand
    with alma.write() as session:
        row = cards.get(session, card, locked=True)
        cards.expire_by_rule(session, row, visit)
        assert (row.expires_at, row.expiry_mode) == (moment("2027-02-08T22:59:59Z"), "rule")


def test_a_change_raises_the_version_and_none_does_not(shop: Shop) -> None:
    card = shop.card()
    versions = [change(shop, card, date).version for date in (None, NOON + DAY, NOON + DAY, None)]
    # From the rule's "never" to "never" by hand is a change of mode.
    assert versions == [2, 3, 3, 4]
    with shop.read() as session:
        events = session.scalars(
            select(CardEvent)
            .where(CardEvent.merchant_id == shop.merchant_id, CardEvent.type == "expiry_changed")
            .order_by(CardEvent.id)
        )
        assert [event.data["expires_at"] for event in events] == [
            None, (NOON + DAY).isoformat(), None,
        ]  # fmt: skip


def test_a_date_before_the_card_was_issued_is_refused(shop: Shop) -> None:
    card = shop.card()
    with pytest.raises(Invalid) as refusal:
        change(shop, card, NOON - timedelta(seconds=1))
    assert refusal.value.fields[0].field == "expires_at"
    assert change(shop, card, NOON).expires_at == NOON


@pytest.mark.parametrize(
    ("blocked", "expires_at", "validity"),
    [
        (False, None, "valid"),
        (False, NOON, "valid"),
        (False, NOON - timedelta(seconds=1), "expired"),
        (True, None, "blocked"),
        (True, NOON - DAY, "blocked"),
    ],
)
def test_R_EXP_4_validity_is_computed(
    blocked: bool, expires_at: datetime | None, validity: str
) -> None:
    assert cards.validity(Card(blocked=blocked, expires_at=expires_at), NOON) == validity
