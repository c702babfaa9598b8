"""What time alone does to cards: once each, in time, in small steps (R-EXP-4, R-EXP-6)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from passes.card_templates.kinds import Kind
from passes.cards import cards
from passes.cards.models import Card, CardEvent
from passes.ledger import wake
from passes.ledger.wake import wake_due
from passes.merchants import merchants
from passes.store import Store, shard_of
from passes.wallet_port import Reason
from tests.passes.conftest import NOON, Shop
from tests.passes.delivery.conftest import NotedWallet, Post

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
MONTH = {"kind": "days_after_issue", "days": 30}
LAST = datetime(2026, 12, 21, 22, 59, 59, tzinfo=UTC)
"""The last second of a card that was issued at NOON and is good for a month."""
MIDNIGHT = LAST + SECOND


def row(shop: Shop, card_id: UUID) -> Card:
    with shop.read() as session:
        return session.get_one(Card, (shop.merchant_id, card_id))


def events_of(shop: Shop, card_id: UUID, *types: str) -> list[tuple[str, datetime, Any]]:
    with shop.read() as session:
        found = session.scalars(
            select(CardEvent)
            .where(
                CardEvent.merchant_id == shop.merchant_id,
                CardEvent.card_id == card_id,
                CardEvent.type.in_(types),
            )
            .order_by(CardEvent.at, CardEvent.id)
        )
        return [(event.type, event.at, event.data) for event in found]


def all_of(store: Store, now: datetime) -> int:
    taken = 0
    while some := wake_due(store, now):
        taken += some
    return taken


def test_R_EXP_4_a_card_expires_once_and_its_pass_is_pushed(alma: Shop, bruno: Shop) -> None:
    wallet = NotedWallet()
    office = Post(alma.store, wallet)
    card = alma.card(alma.template(expiry=MONTH, reminders=[]))
    theirs = bruno.card(bruno.template())
    office.hand_out(alma, card, "phone")
    assert row(alma, card).wakes_at == MIDNIGHT
    assert wake_due(alma.store, MIDNIGHT - SECOND) == 0
    assert wake_due(alma.store, MIDNIGHT) == 1
    assert wake_due(alma.store, MIDNIGHT) == 0
    assert wake_due(alma.store, MIDNIGHT + DAY) == 0
    found = row(alma, card)
    assert (found.wakes_at, found.woken_at, found.expired_for) == (None, MIDNIGHT, LAST)
    assert events_of(alma, card, "expired") == [
        ("expired", MIDNIGHT, {"expires_at": LAST.isoformat()})
    ]
    office.work(MIDNIGHT + SECOND)
    assert [push.reason for push in wallet.pushes] == [Reason.STATE]
    assert row(bruno, theirs).version == 1


def test_R_EXP_6_reminders_come_at_ten_once_for_each_date(alma: Shop) -> None:
    card = alma.card(alma.template(expiry=MONTH))
    ten = datetime(2026, 12, 14, 9, 0, tzinfo=UTC)  # ten o'clock in Berlin
    assert row(alma, card).wakes_at == ten
    assert wake_due(alma.store, ten - SECOND) == 0
    assert wake_due(alma.store, ten) == 1
    assert row(alma, card).wakes_at == ten + 6 * DAY
    assert all_of(alma.store, ten + 6 * DAY) == 1
    expected = ("expiring", {"expires_at": LAST.isoformat()})
    told = events_of(alma, card, "expiring")
    assert [(type_, data) for type_, _, data in told] == [expected] * 2
    assert [at for _, at, _ in told] == [ten, ten + 6 * DAY]
    assert row(alma, card).wakes_at == MIDNIGHT
    # Another date brings its own reminders; the one that lies behind is not made up for.
    with alma.write() as session:
        later = cards.get(session, card, locked=True)
        cards.set_expiry(session, later, LAST + 3 * DAY, ten + 6 * DAY)
    assert all_of(alma.store, ten + 9 * DAY) == 1
    assert len(events_of(alma, card, "expiring")) == 3


def test_R_EXP_6_a_worker_that_was_away_reminds_of_what_still_helps(alma: Shop) -> None:
    card = alma.card(alma.template(expiry=MONTH))
    back = datetime(2026, 12, 20, 15, 0, tzinfo=UTC)  # both reminders lie behind
    assert all_of(alma.store, back) == 1
    assert len(events_of(alma, card, "expiring")) == 1
    late = alma.card(alma.template(expiry=MONTH))
    assert all_of(alma.store, MIDNIGHT + DAY) == 2
    assert events_of(alma, late, "expiring") == []
    assert len(events_of(alma, late, "expired")) == 1


def test_R_EXP_6_nobody_is_reminded_of_a_card_that_was_withdrawn(alma: Shop) -> None:
    template = alma.template(expiry=MONTH)
    for cause, reminders in (("merchant", 0), ("customer", 1)):
        card = alma.card(template)
        with alma.write() as session:
            own = (Card.merchant_id == alma.merchant_id) & (Card.id == card)
            gone = {"status": "deleted", "status_cause": cause}
            session.execute(update(Card).where(own).values(**gone))
        all_of(alma.store, datetime(2026, 12, 14, 9, 0, tzinfo=UTC))
        assert len(events_of(alma, card, "expiring")) == reminders


def test_R_EXP_4_a_card_whose_date_moved_on_is_left_alone(alma: Shop) -> None:
    rule = {"kind": "days_after_last_visit", "days": 30}
    made = alma.template(expiry=rule, reminders=[])
    card = alma.card(made, opening={"available_visits": 5})
    alma.post(card, "redeem-visits", 1, NOON + 20 * DAY)
    assert row(alma, card).wakes_at == MIDNIGHT  # no later than the true moment
    before = row(alma, card).version
    assert all_of(alma.store, MIDNIGHT) == 1
    found = row(alma, card)
    assert (found.version, found.expired_for) == (before, None)
    assert found.wakes_at == MIDNIGHT + 20 * DAY


def test_R_EXP_5_extended_and_expired_again(alma: Shop) -> None:
    card = alma.card(alma.template(expiry=MONTH, reminders=[]))
    all_of(alma.store, MIDNIGHT)
    with alma.write() as session:
        found = cards.get(session, card, locked=True)
        cards.set_expiry(session, found, LAST + 10 * DAY, MIDNIGHT + DAY)
    assert cards.validity(row(alma, card), MIDNIGHT + DAY) == "valid"
    assert row(alma, card).wakes_at == MIDNIGHT + 10 * DAY
    assert all_of(alma.store, MIDNIGHT + 9 * DAY) == 0
    assert all_of(alma.store, MIDNIGHT + 10 * DAY) == 1
    assert [at for _, at, _ in events_of(alma, card, "expired")] == [
        MIDNIGHT, MIDNIGHT + 10 * DAY,
    ]  # fmt: skip


def test_AMB_11_a_past_date_expires_the_card_at_once(alma: Shop) -> None:
    card = alma.card(now=NOON - 10 * DAY)
    with alma.write() as session:
        found = cards.get(session, card, locked=True)
        cards.set_expiry(session, found, NOON - DAY, NOON)
    assert [at for _, at, _ in events_of(alma, card, "expired")] == [NOON]
    assert all_of(alma.store, NOON + DAY) == 0
    assert len(events_of(alma, card, "expired")) == 1


def test_a_first_installation_moves_the_date_and_the_look(alma: Shop) -> None:
    card = alma.card(alma.template(expiry=MONTH, reminders=[]), channel="link")
    Post(alma.store, NotedWallet()).hand_out(alma, card, "phone", now=NOON + 5 * DAY)
    found = row(alma, card)
    assert found.expires_at == LAST + 5 * DAY
    assert found.wakes_at is not None
    assert found.wakes_at <= MIDNIGHT + 5 * DAY
    all_of(alma.store, MIDNIGHT)
    assert events_of(alma, card, "expired") == []
    assert row(alma, card).wakes_at == MIDNIGHT + 5 * DAY


def test_many_cards_go_in_small_steps_and_merchants_beside_each_other(
    alma: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wake, "MOST", 3)
    beside = alma
    while shard_of(beside.merchant_id) == shard_of(alma.merchant_id):
        beside = Shop(alma.store, merchants.set_up(alma.store, name="Carla", now=NOON))
    for shop, number in ((alma, 7), (beside, 2)):
        made = shop.template(expiry=MONTH, reminders=[])
        for _ in range(number):
            shop.card(made)
    assert [wake_due(alma.store, MIDNIGHT) for _ in range(4)] == [5, 3, 1, 0]


def test_several_workers_take_each_card_once(alma: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "MOST", 2)
    made = alma.template(Kind.POINTS, expiry=MONTH, rules={"life": {"kind": "end_of_month"}})
    mine = [alma.card(made) for _ in range(12)]
    for card in mine:
        alma.post(card, "accrue", 5)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: all_of(alma.store, MIDNIGHT), range(4)))
    all_of(alma.store, MIDNIGHT)
    for card in mine:
        assert row(alma, card).points == 0
        assert row(alma, card).ledger_seq == 2
        assert len(events_of(alma, card, "expired")) == 1


def test_one_merchants_trouble_is_not_anothers(
    alma: Shop, bruno: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for shop in (alma, bruno):
        shop.card(shop.template(expiry=MONTH, reminders=[]))
    real = wake._wake

    def fail(session: Any, card: Any, now: datetime) -> Any:
        if card.merchant_id == alma.merchant_id:
            raise LookupError
        return real(session, card, now)

    monkeypatch.setattr(wake, "_wake", fail)
    assert wake_due(alma.store, MIDNIGHT) == 1
    monkeypatch.undo()
    assert wake_due(alma.store, MIDNIGHT) == 1
