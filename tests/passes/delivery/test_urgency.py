"""What goes first: a till's change before a campaign, and nobody behind somebody else's."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from passes.cards import cards
from passes.cards.change import Urgency, bump, bump_many
from passes.cards.models import Delivery
from passes.delivery.lanes import look, waiting_lanes
from passes.store import shard_of
from passes.wallet_port import Outcome, Reason, Receipt
from tests.passes.conftest import NOON, Shop
from tests.passes.delivery.conftest import NotedWallet, Post, seconds

MINUTE = timedelta(minutes=1)


def campaign(shop: Shop, card_ids: list[Any], now: Any = NOON) -> None:
    with shop.write() as session:
        bump_many(session, card_ids, Reason.CONTENT, now)


def handed_out(shop: Shop, office: Post, number: int) -> list[Any]:
    template = shop.template()
    made = [shop.card(template) for _ in range(number)]
    for card in made:
        office.hand_out(shop, card, "phone")
    return made


def test_a_till_goes_before_a_campaign_that_was_there_first(
    alma: Shop, bruno: Shop, office: Post
) -> None:
    of_alma = handed_out(alma, office, 4)
    [of_bruno] = handed_out(bruno, office, 1)
    campaign(alma, of_alma[:3])
    bruno.post(of_bruno, "add-visits", 1, NOON + seconds(1))
    alma.post(of_alma[3], "add-visits", 1, NOON + seconds(2))
    seen = look(office.store, {"noted"}, NOON + MINUTE).due
    assert [(lane.merchant_id, lane.urgency) for lane in seen] == [
        (bruno.merchant_id, 0),
        (alma.merchant_id, 0),
        (alma.merchant_id, 1),
    ]
    assert office.work(NOON + MINUTE) == 5
    told = [push.reason for push in office.wallet.pushes]
    assert told == [Reason.BALANCE] * 2 + [Reason.CONTENT] * 3


def test_a_tills_change_makes_a_waiting_row_urgent(alma: Shop, office: Post) -> None:
    [card] = handed_out(alma, office, 1)
    campaign(alma, [card])
    assert office.row(alma, card).urgency == Urgency.BULK
    alma.post(card, "add-visits", 1, NOON + seconds(1))
    row = office.row(alma, card)
    assert (row.urgency, row.reason, row.wanted_version) == (Urgency.TILL, "balance", 3)
    assert row.due_at == NOON  # it does not lose its place


def test_a_campaign_makes_no_urgent_row_less_so_or_quieter(alma: Shop, office: Post) -> None:
    [card] = handed_out(alma, office, 1)
    alma.post(card, "add-visits", 1, NOON)
    campaign(alma, [card], NOON + seconds(1))
    row = office.row(alma, card)
    assert (row.urgency, row.reason, row.wanted_version) == (Urgency.TILL, "balance", 3)
    office.work(NOON + seconds(1))
    campaign(alma, [card], NOON + MINUTE)
    assert office.row(alma, card).urgency == Urgency.BULK  # the till's change is done with


def test_a_row_that_was_put_off_and_nobody_has_taken_is_brought_forward(
    alma: Shop, office: Post
) -> None:
    [card] = handed_out(alma, office, 1)
    with alma.write() as session:
        row = session.get_one(Delivery, (alma.merchant_id, card, "noted"))
        row.due_at, row.urgency = NOON + MINUTE, Urgency.BULK.value
    alma.post(card, "add-visits", 1, NOON)
    row = office.row(alma, card)
    assert (row.due_at, row.urgency) == (NOON, Urgency.TILL)


def test_a_row_that_waits_after_trouble_keeps_its_time(alma: Shop, office: Post) -> None:
    [card] = handed_out(alma, office, 1)
    campaign(alma, [card])
    office.wallet.answer = lambda content, places: [Receipt(Outcome.LATER, "busy", 600)]
    office.work(NOON)
    alma.post(card, "add-visits", 1, NOON + seconds(1))
    row = office.row(alma, card)
    assert (row.due_at, row.urgency) == (NOON + seconds(600), Urgency.TILL)


def test_bump_many_is_bump_for_each(alma: Shop, bruno: Shop, office: Post) -> None:
    made = handed_out(alma, office, 3)
    foreign = handed_out(bruno, office, 1)
    before = [office.card(alma, card) for card in made]
    campaign(alma, [*made, *foreign])
    for old, card in zip(before, made, strict=True):
        new = office.card(alma, card)
        assert new.version == old.version + 1
        assert new.change_tag > max(each.change_tag for each in before)
        assert new.changed_at >= old.changed_at + seconds(1)
        row = office.row(alma, card)
        assert (row.wanted_version, row.due_at) == (new.version, NOON)
    assert office.card(bruno, foreign[0]).version == 1
    assert office.row(bruno, foreign[0]).due_at is None
    campaign(alma, [])


def test_bump_takes_an_urgency(alma: Shop, office: Post) -> None:
    [card] = handed_out(alma, office, 1)
    with alma.write() as session:
        bump(session, cards.get(session, card, locked=True), Reason.CONTENT, NOON, Urgency.BULK)
    assert office.row(alma, card).urgency == Urgency.BULK


def test_a_look_finds_each_lane_once_and_what_comes_next(
    alma: Shop, bruno: Shop, office: Post
) -> None:
    assert look(office.store, {"noted"}, NOON).due == ()
    assert look(office.store, {"noted"}, NOON).next_at is None
    of_alma, of_bruno = handed_out(alma, office, 3), handed_out(bruno, office, 2)
    for number, card in enumerate(of_alma):
        alma.post(card, "add-visits", 1, NOON + number * MINUTE)
    campaign(bruno, of_bruno, NOON + seconds(30))
    seen = look(office.store, {"noted"}, NOON)
    assert seen.due == ((shard_of(alma.merchant_id), "noted", alma.merchant_id, 0),)
    assert (seen.next_at, seen.probing) == (NOON + seconds(30), frozenset())
    seen = look(office.store, {"noted", "more"}, NOON + MINUTE)
    assert [lane.urgency for lane in seen.due] == [0, 1]
    assert seen.next_at is None
    # A wallet that is not here (any more) is nothing to wake up for.
    for kinds in ({"other"}, set()):
        seen = look(office.store, kinds, NOON + MINUTE)
        assert (seen.due, seen.next_at) == ((), None)
    office.work(NOON + MINUTE)
    seen = look(office.store, {"noted"}, NOON + MINUTE)
    assert (seen.due, seen.next_at) == ((), NOON + 2 * MINUTE)


def test_hopping_from_lane_to_lane_finds_what_a_look_at_every_row_finds(
    alma: Shop, bruno: Shop, office: Post
) -> None:
    some = random.Random(4711)
    expected: dict[Any, Any] = {}
    for shop in (alma, bruno):
        for card in handed_out(shop, office, 6):
            for wallet in ("a", "b", "c"):
                Post(office.store, NotedWallet(wallet)).hand_out(shop, card)
                urgency, waits = some.choice([0, 1, 2]), some.random() < 0.6
                due_at = NOON + seconds(some.randrange(1_000)) if waits else None
                with shop.write() as session:
                    row = session.get_one(Delivery, (shop.merchant_id, card, wallet))
                    row.urgency, row.due_at = urgency, due_at
                if due_at is not None:
                    lane = (shard_of(shop.merchant_id), wallet, shop.merchant_id, urgency)
                    expected[lane] = min(due_at, expected.get(lane, due_at))
    with office.store.read_all() as session:
        found = waiting_lanes(session)
    assert {waiting.lane: waiting.due_at for waiting in found} == expected
    assert len(found) == len(expected) > 10
