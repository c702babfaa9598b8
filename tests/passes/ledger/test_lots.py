"""Lots and the rest without an end always add up to the unit, whatever happens (D.8.3)."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select

from passes.card_templates import templates
from passes.card_templates.kinds import Kind
from passes.cards.models import Card
from passes.errors import Conflict
from passes.ledger.figures import disagreements
from passes.ledger.models import LedgerEntry, Lot, LotUse
from tests.passes.conftest import NOON, Shop

DAY = timedelta(days=1)
UNITS = {Kind.STAMP: "stamps", Kind.POINTS: "points", Kind.MULTIPASS: "bonus"}
VERBS = {
    Kind.STAMP: ("add-stamps", "subtract-stamps", "redeem-reward"),
    Kind.POINTS: ("accrue", "redeem-points", "subtract-points"),
    Kind.MULTIPASS: ("add-bonus", "redeem-bonus", "subtract-bonus"),
}
RULE_OF = {Kind.STAMP: "life", Kind.POINTS: "life", Kind.MULTIPASS: "bonus_life"}
LIVES: list[dict[str, Any]] = [
    {"kind": "unlimited"},
    {"kind": "days_after_earned", "days": 3},
    {"kind": "days_after_earned", "days": 9},
    {"kind": "end_of_month"},
]
RENEWED = {"kind": "days_after_last_stamp", "days": 5}


def card_row(shop: Shop, card_id: UUID) -> Card:
    with shop.read() as session:
        return session.get_one(Card, (shop.merchant_id, card_id))


def lots_of(shop: Shop, card_id: UUID) -> list[tuple[int, int, datetime]]:
    """Earned, remaining and end, as they were earned."""
    with shop.read() as session:
        rows = session.scalars(
            select(Lot)
            .where(Lot.merchant_id == shop.merchant_id, Lot.card_id == card_id)
            .order_by(Lot.id)
        )
        return [(lot.earned, lot.remaining, lot.expires_at) for lot in rows]


def hold(shop: Shop, card_id: UUID, unit: str) -> None:
    """What must be true of lots at any time."""
    card = card_row(shop, card_id)
    with shop.read() as session:
        own = (Lot.merchant_id == shop.merchant_id, Lot.card_id == card_id)
        lots = session.scalars(select(Lot).where(*own)).all()
        uses = session.execute(
            select(LotUse.lot_id, func.sum(LotUse.taken))
            .where(LotUse.merchant_id == shop.merchant_id)
            .group_by(LotUse.lot_id)
        ).all()
        assert disagreements(session) == []
    taken = Counter({lot_id: int(total) for lot_id, total in uses})
    for lot in lots:
        assert 0 <= lot.remaining <= lot.earned
        assert lot.earned - lot.remaining == taken[lot.id]
    alive = [lot for lot in lots if lot.remaining]
    without_end = getattr(card, unit) - sum(lot.remaining for lot in alive)
    assert without_end >= 0
    assert card.units_expire_at == min((lot.expires_at for lot in alive), default=None)


@given(
    st.tuples(
        st.sampled_from(list(UNITS)), st.lists(st.sampled_from(LIVES), min_size=1, max_size=3)
    )
    | st.just((Kind.STAMP, [RENEWED])),
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(1, 12), st.integers(0, 4), st.integers(0, 9)),
        max_size=14,
    ),
)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_D_8_3_lots_and_the_rest_add_up_and_the_last_undo_restores(
    shop: Shop,
    kind_and_lives: tuple[Kind, list[dict[str, Any]]],
    steps: list[tuple[int, int, int, int]],
) -> None:
    kind, lives = kind_and_lives
    unit, rule = UNITS[kind], RULE_OF[kind]
    made = shop.template(kind, rules={rule: lives[0]})
    card, now = shop.card(made), NOON
    changes = iter(lives[1:])
    entries: list[UUID] = []
    for what, value, days, which in steps:
        now += days * DAY
        try:
            if what == 5:
                with shop.write() as session:
                    life = next(changes, lives[0])
                    templates.revise(session, made.id, {"rules": {rule: life}}, now)
            elif what >= 3 and entries:
                shop.undo(entries[which % len(entries)], now)
            else:
                verb = VERBS[kind][what % 3]
                asked = None if verb == "redeem-reward" else value
                before = settled(shop, card, unit, now)
                posted = shop.post(card, verb, asked, now)
                hold(shop, card, unit)
                shop.undo(posted.entry.id, now)
                assert settled(shop, card, unit, now) == before
                entries.append(shop.post(card, verb, asked, now).entry.id)
        except Conflict as refusal:
            assert refusal.code in {"INSUFFICIENT_BALANCE", "ALREADY_UNDONE", "COUNTED_ON"}  # noqa: PT017 - which refusals are right is what is tested
        hold(shop, card, unit)


def settled(shop: Shop, card: UUID, unit: str, now: datetime) -> Any:
    """What of a unit can still be used, and until when; what has run out counts for nothing."""
    good = [
        (remaining, end) for _, remaining, end in lots_of(shop, card) if remaining and end > now
    ]
    with_end = sum(remaining for _, remaining, _ in lots_of(shop, card))
    return sorted(good), getattr(card_row(shop, card), unit) - with_end


def test_an_undo_takes_what_was_used_from_other_lots_before_the_rest_without_end(
    shop: Shop,
) -> None:
    made = shop.template(Kind.POINTS)
    card = shop.card(made)
    shop.post(card, "accrue", 10)  # without end
    with shop.write() as session:
        life = {"kind": "days_after_earned", "days": 9}
        templates.revise(session, made.id, {"rules": {"life": life}}, NOON)
    first = shop.post(card, "accrue", 10)
    shop.post(card, "redeem-points", 6)
    shop.post(card, "accrue", 10, NOON + DAY)
    assert [(earned, left) for earned, left, _ in lots_of(shop, card)] == [(10, 4), (10, 10)]
    shop.undo(first.entry.id, NOON + DAY)
    assert [(earned, left) for earned, left, _ in lots_of(shop, card)] == [(10, 0), (10, 4)]
    assert card_row(shop, card).points == 14


def test_lots_never_hold_more_than_the_card(shop: Shop) -> None:
    """What had no end was used up, and then its earning is undone: a lot has to stand in."""
    made = shop.template(Kind.POINTS)
    card = shop.card(made)
    first = shop.post(card, "accrue", 10)
    shop.post(card, "redeem-points", 5)
    with shop.write() as session:
        life = {"kind": "days_after_earned", "days": 9}
        templates.revise(session, made.id, {"rules": {"life": life}}, NOON)
    shop.post(card, "accrue", 10)
    shop.undo(first.entry.id)
    assert card_row(shop, card).points == 5
    assert [(earned, left) for earned, left, _ in lots_of(shop, card)] == [(10, 5)]
    hold(shop, card, "points")


def test_R_LED_8_what_was_earned_in_the_past_counts_from_there(shop: Shop) -> None:
    made = shop.template(Kind.POINTS, rules={"life": {"kind": "days_after_earned", "days": 9}})
    card = shop.card(made, NOON - 20 * DAY)
    posted = shop.post(card, "accrue", 10, NOON, occurred_at=NOON - 5 * DAY)
    assert posted.card.points == 10
    [(_, _, end)] = lots_of(shop, card)
    assert end.date() == (NOON + 4 * DAY).date()
    late = shop.post(card, "accrue", 3, NOON, occurred_at=NOON - 15 * DAY)
    assert (late.entry.points, late.card.points) == (3, 10)  # over before it was booked
    with shop.read() as session:
        types = session.scalars(
            select(LedgerEntry.type)
            .where(LedgerEntry.merchant_id == shop.merchant_id, LedgerEntry.card_id == card)
            .order_by(LedgerEntry.seq)
        ).all()
    assert types == ["accrue_points", "accrue_points", "expire"]


def statements_of(shop: Shop, act: Any) -> list[str]:
    seen: list[str] = []

    def note(*arguments: Any) -> None:
        seen.append(arguments[2])

    event.listen(shop.store.engine, "before_cursor_execute", note)
    act()
    event.remove(shop.store.engine, "before_cursor_execute", note)
    return seen


def test_a_card_without_lots_pays_nothing_for_them(shop: Shop) -> None:
    for kind, verb in ((Kind.STAMP, "add-stamps"), (Kind.MULTIPASS, "add-visits")):
        card = shop.card(shop.template(kind))
        shop.post(card, verb, 1)
        seen = statements_of(shop, lambda card=card, verb=verb: shop.post(card, verb, 1))
        assert not [statement for statement in seen if " lot" in statement.lower()], seen


def test_the_index_of_what_remains_serves(shop: Shop) -> None:
    made = shop.template(Kind.POINTS, rules={"life": {"kind": "end_of_year"}})
    card = shop.card(made)
    shop.post(card, "accrue", 10)
    seen = statements_of(shop, lambda: shop.post(card, "redeem-points", 1))
    [asked] = [each for each in seen if each.startswith("SELECT") and "FROM lot" in each]
    with shop.store.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", ("", "")).all()
    assert any("ix_lot_alive" in str(row) for row in plan), plan
