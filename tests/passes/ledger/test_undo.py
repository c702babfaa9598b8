"""Undoing a posting: who may, until when, and what becomes of the figures (R-LED-6)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest

from passes import ids
from passes.cards.cards import delete, get, set_expiry
from passes.errors import Conflict, Forbidden, NotFound
from passes.ledger.book import Actor
from passes.ledger.models import LedgerEntry
from tests.passes.conftest import NOON, TILL, Shop

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def staff(name: str, role: str) -> Actor:
    return Actor(kind="staff", id=name, channel="dashboard", role=role)


KARLA, OTTO = staff("karla", "staff"), staff("otto", "staff")
MANAGER, OWNER = staff("maja", "manager"), staff("olga", "owner")


def test_R_LED_6_the_mirror_takes_everything_back(shop: Shop) -> None:
    card = shop.card(shop.template(rules={"points_per_visit": 5}), opening={"available_visits": 9})
    before = shop.sums(card)
    posted = shop.post(card, "redeem-visits", 2, purchase=500, comment="Torte")
    undone = shop.undo(posted.entry.id, NOON + MINUTE)
    assert shop.sums(card) == before
    mirror = undone.entry
    assert (mirror.type, mirror.reverses_id) == ("reverse", posted.entry.id)
    assert (mirror.available_visits, mirror.redeemed_visits, mirror.bonus) == (2, -2, -10)
    assert (mirror.purchase_amount, mirror.purchases, mirror.comment) == (-500, -500, None)
    assert undone.card.version > posted.card.version
    with shop.read() as session:
        original = session.get_one(LedgerEntry, (shop.merchant_id, posted.entry.id))
        assert original.reversed_by_id == mirror.id


@pytest.mark.parametrize(
    ("actor", "after", "allowed"),
    [
        (KARLA, 5 * MINUTE, True),
        (KARLA, 5 * MINUTE + timedelta(seconds=1), False),
        (OTTO, MINUTE, False),
        (MANAGER, 30 * DAY, True),
        (MANAGER, 30 * DAY + MINUTE, False),
        (OWNER, 400 * DAY, True),
        (TILL, 400 * DAY, True),
        (staff("karla", "marketing"), MINUTE, False),
        (staff("karla", "developer"), MINUTE, False),
    ],
)
def test_R_LED_6_who_may_undo_and_until_when(
    shop: Shop, actor: Actor, after: timedelta, allowed: bool
) -> None:
    posted = shop.post(shop.card(), "add-visits", 1, actor=KARLA)
    if allowed:
        assert shop.undo(posted.entry.id, NOON + after, actor).card.available_visits == 0
    else:
        with pytest.raises(Forbidden) as refusal:
            shop.undo(posted.entry.id, NOON + after, actor)
        assert refusal.value.code == "UNDO_LATE"


def test_R_LED_6_the_clock_of_an_undo_starts_when_it_was_booked(shop: Shop) -> None:
    card = shop.card(now=NOON - 30 * DAY)
    posted = shop.post(card, "add-visits", 1, actor=MANAGER, occurred_at=NOON - 29 * DAY)
    assert shop.undo(posted.entry.id, NOON + 2 * DAY, MANAGER).card.available_visits == 0


def test_R_LED_6_once_and_never_twice(shop: Shop) -> None:
    posted = shop.post(shop.card(), "add-visits", 1)
    mirror = shop.undo(posted.entry.id)
    for entry, code in ((posted.entry.id, "ALREADY_UNDONE"), (mirror.entry.id, "IS_AN_UNDO")):
        with pytest.raises(Conflict) as refusal:
            shop.undo(entry)
        assert refusal.value.code == code


def test_R_LED_7_an_undo_that_would_go_below_nothing_changes_nothing(shop: Shop) -> None:
    card = shop.card()
    posted = shop.post(card, "add-visits", 5)
    shop.post(card, "redeem-visits", 1)
    before = shop.sums(card)
    with pytest.raises(Conflict) as refusal:
        shop.undo(posted.entry.id)
    assert refusal.value.code == "INSUFFICIENT_BALANCE"
    assert refusal.value.facts == {"figure": "available_visits", "would_be": -1}
    assert shop.sums(card) == before
    with shop.read() as session:
        kept = session.get_one(LedgerEntry, (shop.merchant_id, posted.entry.id))
        assert kept.reversed_by_id is None


def test_a_card_that_is_deleted_or_expired_can_still_be_put_right(shop: Shop) -> None:
    deleted, expired = shop.card(), shop.card()
    entries = [shop.post(card, "add-visits", 1).entry.id for card in (deleted, expired)]
    with shop.write() as session:
        delete(session, get(session, deleted), NOON)
        set_expiry(session, get(session, expired), NOON + DAY, NOON)
    for entry in entries:
        assert shop.undo(entry, NOON + 2 * DAY).card.available_visits == 0


def test_what_is_not_there_or_anothers_is_not_found(alma: Shop, bruno: Shop) -> None:
    posted = alma.post(alma.card(), "add-visits", 1)
    for unknown in (posted.entry.id, ids.new_id(), UUID(int=0)):
        with pytest.raises(NotFound):
            bruno.undo(unknown)
    assert alma.sums(posted.card.id)["available_visits"] == 1


def test_R_LED_6_of_sixteen_at_once_one_undoes(alma: Shop) -> None:
    card = alma.card(opening={"available_visits": 100})
    posted = alma.post(card, "redeem-visits", 10)

    def undo(_: int) -> str:
        try:
            alma.undo(posted.entry.id)
        except Conflict as refusal:
            return refusal.code
        return "done"

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(undo, range(16)))
    assert sorted(set(answers)) == ["ALREADY_UNDONE", "done"]
    assert answers.count("done") == 1
    assert alma.sums(card) == {"available_visits": 100, "sold_visits": 100}
