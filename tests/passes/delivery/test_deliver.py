"""Bringing a card up to date in a wallet: claimed, pushed, recorded, nothing lost (design §4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from passes.cards import cards
from passes.cards.change import Urgency
from passes.content.draw import draw
from passes.delivery import drawing
from passes.delivery.claim import LEASE
from passes.delivery.deliver import deliver
from passes.delivery.lanes import Lane, look
from passes.delivery.offers import handed_out
from passes.merchants import accounts
from passes.store import shard_of
from passes.wallet_port import (
    Installation,
    Outcome,
    PassContent,
    Reason,
    Receipt,
)
from tests.passes.conftest import NOON, Shop
from tests.passes.delivery.conftest import NotedWallet, Post, delivered, seconds

MINUTE = timedelta(minutes=1)


def change(shop: Shop, card: Any, now: datetime, times: int = 1) -> None:
    for _ in range(times):
        shop.post(card, "add-visits", 1, now)


# --- from a change to a push ---------------------------------------------------------------------


def test_a_change_is_pushed_to_where_the_card_is(alma: Shop, office: Post) -> None:
    card = alma.card()
    office.hand_out(alma, card, "phone", "watch")
    assert office.work(NOON) == 0  # what was handed out is up to date
    change(alma, card, NOON + MINUTE)
    assert office.work(NOON + MINUTE) == 1
    [push] = office.wallet.pushes
    assert (push.version, push.devices, push.reason) == (2, ("phone", "watch"), Reason.BALANCE)
    row = office.row(alma, card)
    assert (row.wanted_version, row.delivered_version, row.delivered_at) == (2, 2, NOON + MINUTE)
    assert (row.due_at, row.attempts, row.last_error, row.dead_at) == (None, 0, None, None)
    assert office.events(alma, card, "delivered") == [{"at": MINUTE, "version": 2, "devices": 2}]
    assert office.work(NOON + 2 * MINUTE) == 0


def test_a_wallet_that_keeps_the_pass_is_told_without_an_installation(
    shop: Shop, post_office: Post
) -> None:
    card = shop.card()
    post_office.hand_out(shop, card)
    change(shop, card, NOON)
    post_office.work(NOON)
    assert [push.devices for push in post_office.wallet.pushes] == [()]
    assert post_office.events(shop, card, "delivered") == []  # nobody received anything


def test_a_pass_that_was_never_handed_out_is_nobodys_business(
    shop: Shop, post_office: Post
) -> None:
    card = shop.card()
    change(shop, card, NOON)
    assert post_office.work(NOON) == 0


def test_handing_out_again_changes_nothing(alma: Shop, office: Post) -> None:
    card = alma.card()
    office.hand_out(alma, card)
    change(alma, card, NOON)
    office.hand_out(alma, card)
    row = office.row(alma, card)
    assert (row.wanted_version, row.delivered_version) == (2, 1)
    assert len(office.events(alma, card, "pass_offered")) == 1
    assert office.card(alma, card).downloaded_at == NOON


def test_a_pass_that_changed_while_it_was_handed_out_is_pushed(alma: Shop, office: Post) -> None:
    card = alma.card()
    change(alma, card, NOON)
    with alma.write() as session:
        handed_out(session, cards.get(session, card), office.wallet.kind, 1, NOON)
    assert office.work(NOON) == 1
    assert office.wallet.versions() == [2]


def test_ten_changes_are_one_push(alma: Shop, office: Post) -> None:
    card = alma.card()
    office.hand_out(alma, card, "phone")
    change(alma, card, NOON, times=10)
    assert office.work(NOON) == 1
    assert office.work(NOON + MINUTE) == 0
    assert office.wallet.versions() == [11]


def test_R_UPD_1_the_first_change_goes_at_once_and_others_after_two_seconds(
    alma: Shop, office: Post
) -> None:
    card = alma.card()
    office.hand_out(alma, card, "phone")
    change(alma, card, NOON)
    office.work(NOON)
    for tenth in (1, 5, 9):
        change(alma, card, NOON + seconds(tenth / 10))
    assert office.row(alma, card).due_at == NOON + seconds(2)
    assert office.work(NOON + seconds(1.999)) == 0
    assert office.work(NOON + seconds(2)) == 1
    change(alma, card, NOON + seconds(10))
    assert office.work(NOON + seconds(10)) == 1
    assert office.wallet.versions() == [2, 5, 6]


def test_a_change_during_a_push_leads_to_another_push(alma: Shop, office: Post) -> None:
    card = alma.card()
    office.hand_out(alma, card, "phone")
    change(alma, card, NOON)

    def slowly(content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
        if content.version == 2:
            change(alma, card, NOON + seconds(1))
        return delivered(content, places)

    office.wallet.answer = slowly
    office.work(NOON)
    row = office.row(alma, card)
    assert (row.wanted_version, row.delivered_version, row.due_at) == (3, 2, NOON + seconds(2))
    office.work(NOON + seconds(2))
    assert office.wallet.versions() == [2, 3]
    assert office.row(alma, card).due_at is None


def test_the_newest_reason_is_told(shop: Shop, post_office: Post) -> None:
    card = shop.card()
    post_office.hand_out(shop, card, "phone")
    change(shop, card, NOON)
    with shop.write() as session:
        cards.delete(session, cards.get(session, card, locked=True), NOON)
    post_office.work(NOON)
    assert [push.reason for push in post_office.wallet.pushes] == [Reason.STATE]


def test_each_wallet_has_its_own_row(shop: Shop, post_office: Post) -> None:
    card = shop.card()
    other = NotedWallet("other")
    for wallet in (post_office.wallet, other):
        Post(post_office.store, wallet).hand_out(shop, card, f"on {wallet.kind}")
    change(shop, card, NOON)
    assert Post(post_office.store, other).work(NOON) == 1
    assert post_office.wallet.pushes == []
    assert post_office.work(NOON) == 1
    assert [push.devices for push in other.pushes] == [("on other",)]


def test_cards_of_several_merchants_in_one_batch_stay_apart(
    alma: Shop, bruno: Shop, office: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("passes.delivery.offers.shard_of", lambda merchant_id: 7)
    made = []
    for shop in (alma, bruno):
        with shop.write() as session:
            accounts.keep_wallet_account(
                session, office.wallet.kind, "x", f"of {shop.merchant_id}", NOON
            )
        card = shop.card()
        office.hand_out(shop, card, f"phone {shop.merchant_id}")
        change(shop, card, NOON)
        made.append(card)
    seen: list[tuple[str, str]] = []

    def note(content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
        assert content.account is not None
        seen.append((content.merchant, content.account.data))
        return delivered(content, places)

    office.wallet.answer = note
    assert office.work(NOON) == 2
    assert sorted(seen) == [
        ("Alma", f"of {alma.merchant_id}"),
        ("Bruno", f"of {bruno.merchant_id}"),
    ]


# --- claiming ------------------------------------------------------------------------------------


def test_two_workers_never_take_the_same_row(alma: Shop, office: Post) -> None:
    template = alma.template()
    made = [alma.card(template) for _ in range(40)]
    for card in made:
        office.hand_out(alma, card, "phone")
        change(alma, card, NOON)
    lane = Lane(shard_of(alma.merchant_id), office.wallet.kind, alma.merchant_id, Urgency.TILL)

    def work(_: int) -> int:
        taken = 0
        while count := deliver(office.store, office.wallet, lane, "", lambda: NOON, most=5):
            taken += count
        return taken

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 40
    assert Counter(push.serial for push in office.wallet.pushes).most_common(1)[0][1] == 1
    assert all(office.row(alma, card).delivered_version == 2 for card in made)


def test_a_batch_is_bounded_and_the_oldest_go_first(shop: Shop, post_office: Post) -> None:
    template = shop.template()
    made = [shop.card(template) for _ in range(3)]
    for number, card in enumerate(reversed(made)):
        post_office.hand_out(shop, card)
        change(shop, card, NOON + seconds(number))
    [lane] = look(post_office.store, {"noted"}, NOON + MINUTE).due
    taken = [
        deliver(post_office.store, post_office.wallet, lane, "", lambda: NOON + MINUTE, most=2)
        for _ in range(3)
    ]
    assert taken == [2, 1, 0]
    serials = [push.serial for push in post_office.wallet.pushes]
    assert serials[-1] == post_office.card(shop, made[0]).serial_number


class Killed(BaseException):
    """What a process that dies leaves behind: nothing."""


def test_a_dead_workers_rows_fall_due_again(alma: Shop, office: Post) -> None:
    card = alma.card()
    office.hand_out(alma, card, "phone")
    change(alma, card, NOON)

    def die(content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
        raise Killed

    office.wallet.answer = die
    with pytest.raises(Killed):
        office.work(NOON)
    office.wallet.answer = delivered
    assert office.work(NOON + LEASE - seconds(0.001)) == 0
    assert office.work(NOON + LEASE) == 1
    assert office.wallet.versions() == [2, 2]
    assert office.row(alma, card).delivered_version == 2


def test_a_worker_that_comes_back_too_late_changes_nothing(alma: Shop, office: Post) -> None:
    card = alma.card()
    office.hand_out(alma, card, "phone")
    change(alma, card, NOON)
    later = NOON + LEASE

    def overslept(content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
        office.wallet.answer = delivered
        change(alma, card, later)
        assert office.work(later) == 1  # another worker, after the lease
        return [Receipt(Outcome.LATER, "slow", 3_600)]

    office.wallet.answer = overslept
    office.work(NOON)
    row = office.row(alma, card)
    assert (row.delivered_version, row.delivered_at, row.due_at) == (3, later, None)
    assert len(office.events(alma, card, "delivered")) == 1


def test_a_card_that_cannot_be_drawn_does_not_hold_the_others_back(
    alma: Shop, office: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = alma.template()
    made = [alma.card(template) for _ in range(3)]
    for card in made:
        office.hand_out(alma, card, "phone")
        change(alma, card, NOON)

    def fail_for_one(session: Any, card: Any, *rest: Any) -> PassContent:
        if card.id == made[1]:
            raise LookupError("the pictures are gone")
        return draw(session, card, *rest)

    monkeypatch.setattr(drawing, "draw", fail_for_one)
    office.work(NOON)
    assert [office.row(alma, card).delivered_version for card in made] == [2, 1, 2]
    row = office.row(alma, made[1])
    assert (row.attempts, row.last_error) == (1, "The pass could not be drawn.")
    assert row.due_at is not None
    assert row.due_at > NOON
    assert office.work(NOON) == 0
    monkeypatch.setattr(drawing, "draw", draw)
    assert office.work(NOON + LEASE) == 1
    assert office.row(alma, made[1]).delivered_version == 2


def test_a_statement_that_fails_in_a_drawing_spoils_no_other_card(
    alma: Shop, office: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL refuses everything in a transaction after an error in it."""
    template = alma.template()
    made = [alma.card(template) for _ in range(3)]
    for card in made:
        office.hand_out(alma, card, "phone")
        change(alma, card, NOON)

    def fail_for_first(session: Any, card: Any, *rest: Any) -> PassContent:
        if card.id == made[0]:
            session.connection().exec_driver_sql("SELECT * FROM nothing_of_this_name")
        return draw(session, card, *rest)

    monkeypatch.setattr(drawing, "draw", fail_for_first)
    office.work(NOON)
    assert [office.row(alma, card).delivered_version for card in made] == [1, 2, 2]


def test_an_error_of_ours_in_one_push_leaves_the_others_alone(alma: Shop, office: Post) -> None:
    template = alma.template()
    made = [alma.card(template) for _ in range(3)]
    for card in made:
        office.hand_out(alma, card, "phone")
        change(alma, card, NOON)
    wrong = office.card(alma, made[1]).serial_number

    def break_for_one(content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
        if content.serial == wrong:
            raise KeyError("a secret of a device")
        return delivered(content, places)

    office.wallet.answer = break_for_one
    office.work(NOON)
    assert [office.row(alma, card).delivered_version for card in made] == [2, 1, 2]
    row = office.row(alma, made[1])
    assert row.due_at is not None
    assert row.due_at > NOON
    assert "secret" not in (row.last_error or "")


def test_a_wallet_that_answers_for_too_few_devices_is_asked_again(
    shop: Shop, post_office: Post
) -> None:
    card = shop.card()
    post_office.hand_out(shop, card, "phone", "watch")
    change(shop, card, NOON)
    post_office.wallet.answer = lambda content, places: [Receipt(Outcome.DELIVERED)]
    post_office.work(NOON)
    row = post_office.row(shop, card)
    assert (row.delivered_version, row.attempts) == (1, 1)
    assert row.due_at is not None
    assert NOON < row.due_at < NOON + seconds(2)
