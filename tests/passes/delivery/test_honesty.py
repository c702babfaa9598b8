"""What is said of a push: who was really told, who has not answered (R-INST-4, R-UPD-4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from passes.cards.models import Installation
from passes.delivery import measures
from passes.delivery.stale import mark_stale
from passes.wallet_port import Outcome, Receipt
from tests.passes.conftest import NOON, Shop
from tests.passes.delivery.conftest import NotedWallet, Post

DAY = timedelta(days=1)


def place(shop: Shop, card: Any, device: str, wallet: str = "noted") -> Installation:
    with shop.read() as session:
        return session.get_one(Installation, (shop.merchant_id, card, wallet, device))


def told(wallet: str, outcome: str) -> float:
    return measures.PUSHES.labels(wallet, outcome)._value.get()


def test_R_UPD_4_a_push_in_test_mode_claims_no_delivery(alma: Shop, office: Post) -> None:
    card = alma.card()
    office.hand_out(alma, card, "phone", "watch")
    before = told("noted", "untold"), told("noted", "delivered")
    office.wallet.answer = lambda content, places: [
        Receipt(Outcome.DELIVERED, "test mode", told=False) for _ in places
    ]
    alma.post(card, "add-visits", 1, NOON)
    office.work(NOON)
    assert office.row(alma, card).delivered_version == 2  # there is nothing left to do
    assert office.events(alma, card, "delivered") == []
    assert place(alma, card, "phone").unanswered_pushes == 0
    assert (told("noted", "untold"), told("noted", "delivered")) == (before[0] + 2, before[1])
    office.wallet.answer = lambda content, places: [
        Receipt(Outcome.DELIVERED, told=place.device == "watch") for place in places
    ]
    alma.post(card, "add-visits", 1, NOON + DAY)
    office.work(NOON + DAY)
    assert office.events(alma, card, "delivered") == [{"at": DAY, "version": 3, "devices": 1}]
    assert place(alma, card, "phone").unanswered_pushes == 0
    assert place(alma, card, "watch").unanswered_pushes == 1


def test_R_INST_4_pushes_that_nobody_answers_are_counted(alma: Shop, office: Post) -> None:
    template = alma.template()
    made = [alma.card(template) for _ in range(2)]
    for card in made:
        office.hand_out(alma, card, "phone", "watch")
    for day in range(3):
        for card in made:
            alma.post(card, "add-visits", 1, NOON + day * DAY)
        office.work(NOON + day * DAY)
    for card in made:
        for device in ("phone", "watch"):
            found = place(alma, card, device)
            assert (found.unanswered_pushes, found.pushed_at) == (3, NOON + 2 * DAY)
    office.wallet.answer = lambda content, places: [
        Receipt(Outcome.REFUSED if place.device == "phone" else Outcome.DELIVERED)
        for place in places
    ]
    alma.post(made[0], "add-visits", 1, NOON + 3 * DAY)
    office.work(NOON + 3 * DAY)
    assert place(alma, made[0], "phone").unanswered_pushes == 3
    assert place(alma, made[0], "watch").unanswered_pushes == 4
    assert place(alma, made[1], "phone").unanswered_pushes == 3


def test_R_INST_4_only_where_devices_fetch_is_silence_a_sign(
    alma: Shop, bruno: Shop, office: Post
) -> None:
    other = Post(office.store, NotedWallet("other"))
    made: dict[Shop, Any] = {}
    for shop in (alma, bruno):
        made[id(shop)] = shop.card()
        for each in (office, other):
            each.hand_out(shop, made[id(shop)], "phone", "watch")
    of_alma = made[id(alma)]
    for day in range(3):
        for shop in (alma, bruno):
            shop.post(made[id(shop)], "add-visits", 1, NOON + day * DAY)
        office.work(NOON + day * DAY)
        other.work(NOON + day * DAY)
    with alma.write() as session:
        assert mark_stale(session, NOON + 20 * DAY) == 0  # nobody ever came for a pass
        fetched = session.get_one(Installation, (alma.merchant_id, of_alma, "noted", "watch"))
        fetched.fetched_at, fetched.unanswered_pushes = NOON + 3 * DAY, 0
    for shop in (alma, bruno):
        with shop.write() as session:
            mark_stale(session, NOON + 20 * DAY)
    assert place(alma, of_alma, "phone").stale
    assert place(alma, of_alma, "phone").status == "active"
    assert not place(alma, of_alma, "watch").stale
    assert not place(alma, of_alma, "phone", "other").stale
    assert not place(bruno, made[id(bruno)], "phone").stale
