"""Trouble with a push: tried again, given up, woken, or a device that is gone (R-UPD-2, D.7)."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passes.cards import cards, installations
from passes.cards.models import Installation as Row
from passes.delivery.claim import LEASE
from passes.delivery.judge import GIVEN_UP_AFTER, backoff
from passes.wallet_port import (
    ContentRefused,
    Installation,
    Outcome,
    PassContent,
    Receipt,
)
from tests.passes.conftest import NOON, Shop
from tests.passes.delivery.conftest import Post, delivered, seconds

MINUTE = timedelta(minutes=1)


def change(shop: Shop, card: Any, now: datetime, times: int = 1) -> None:
    for _ in range(times):
        shop.post(card, "add-visits", 1, now)


# --- trouble -------------------------------------------------------------------------------------


def later(retry_after: float | None) -> Any:
    return lambda content, places: [Receipt(Outcome.LATER, "busy", retry_after) for _ in places]


@pytest.mark.parametrize("asked", [None, 0.5, 30, 7_200])
def test_R_UPD_2_a_vendor_that_asks_us_to_wait_is_waited_for(
    shop: Shop, post_office: Post, asked: float | None
) -> None:
    card = shop.card()
    post_office.hand_out(shop, card, "phone")
    change(shop, card, NOON)
    post_office.wallet.answer = later(asked)
    now = NOON
    for attempt in (1, 2, 3):
        post_office.work(now)
        row = post_office.row(shop, card)
        assert (row.attempts, row.delivered_version, row.last_error) == (attempt, 1, "busy")
        assert row.due_at is not None
        least = max(0.75 * 2 ** (attempt - 1), asked or 0)
        most = max(1.25 * 2 ** (attempt - 1), asked or 0)
        assert least <= (row.due_at - now).total_seconds() <= most
        now = row.due_at
    post_office.wallet.answer = delivered
    post_office.work(now)
    row = post_office.row(shop, card)
    assert (row.attempts, row.delivered_version, row.last_error) == (0, 2, None)


def test_a_change_while_a_vendor_is_down_does_not_press_it(shop: Shop, post_office: Post) -> None:
    card = shop.card()
    post_office.hand_out(shop, card, "phone")
    change(shop, card, NOON)
    post_office.wallet.answer = later(600)
    post_office.work(NOON)
    change(shop, card, NOON + seconds(1))
    assert post_office.row(shop, card).due_at == NOON + seconds(600)
    post_office.wallet.answer = delivered
    post_office.work(NOON + seconds(600))
    assert post_office.wallet.versions() == [2, 3]


@pytest.mark.parametrize("asked", [None, 1_000_000.0])
def test_R_UPD_2_after_a_day_it_is_given_up_and_seen(
    shop: Shop, post_office: Post, asked: float | None
) -> None:
    card = shop.card()
    post_office.hand_out(shop, card, "phone")
    change(shop, card, NOON)
    post_office.wallet.answer = later(asked)
    now, tries = NOON, 0
    while (row := post_office.row(shop, card)).dead_at is None:
        assert row.due_at is not None
        now = row.due_at
        assert post_office.work(now) == 1
        tries += 1
    assert row.due_at is None
    assert row.failing_since == NOON
    assert row.dead_at == now >= NOON + GIVEN_UP_AFTER
    assert tries == 2 if asked else 30 < tries < 45  # 12 within the first hour, then one an hour
    assert post_office.work(now + timedelta(days=1)) == 0
    [event] = post_office.events(shop, card, "delivery_failed")
    assert event["error"] == "busy"


def test_a_dead_row_wakes_with_the_cards_next_change(alma: Shop, office: Post) -> None:
    card = alma.card()
    office.hand_out(alma, card, "phone")
    change(alma, card, NOON)

    def refuse(content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
        raise ContentRefused("too many pictures")

    office.wallet.answer = refuse
    office.work(NOON)
    row = office.row(alma, card)
    assert (row.due_at, row.dead_at, row.last_error) == (None, NOON, "too many pictures")
    assert office.work(NOON + timedelta(days=1)) == 0
    office.wallet.answer = delivered
    change(alma, card, NOON + MINUTE)
    row = office.row(alma, card)
    assert (row.due_at, row.dead_at, row.attempts) == (NOON + MINUTE, None, 0)
    assert row.failing_since is None
    office.work(NOON + MINUTE)
    row = office.row(alma, card)
    assert (row.delivered_version, row.last_error) == (3, None)


def test_on_a_repetition_those_that_have_it_are_not_told_again(alma: Shop, office: Post) -> None:
    card = alma.card()
    office.hand_out(alma, card, "phone", "watch")
    change(alma, card, NOON)
    office.wallet.answer = lambda content, places: [
        Receipt(Outcome.LATER if place.device == "watch" else Outcome.DELIVERED) for place in places
    ]
    office.work(NOON)
    with alma.write() as session:
        key = (alma.merchant_id, card, office.wallet.kind, "phone")
        session.get_one(Row, key).fetched_version = 2
    office.wallet.answer = delivered
    office.work(NOON + MINUTE)
    assert [push.devices for push in office.wallet.pushes] == [("phone", "watch"), ("watch",)]
    assert office.row(alma, card).delivered_version == 2


def test_trouble_with_one_card_is_not_the_others(shop: Shop, post_office: Post) -> None:
    template = shop.template()
    made = [shop.card(template) for _ in range(3)]
    for card in made:
        post_office.hand_out(shop, card, "phone")
        change(shop, card, NOON)
    wrong = post_office.card(shop, made[1]).serial_number

    def refuse_one(content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
        if content.serial == wrong:
            raise ContentRefused("no")
        return delivered(content, places)

    post_office.wallet.answer = refuse_one
    post_office.work(NOON)
    assert [post_office.row(shop, card).delivered_version for card in made] == [2, 1, 2]


def test_a_device_that_refuses_is_noted_and_not_asked_again(shop: Shop, post_office: Post) -> None:
    card = shop.card()
    post_office.hand_out(shop, card, "phone", "watch")
    change(shop, card, NOON)
    post_office.wallet.answer = lambda content, places: [
        Receipt(Outcome.REFUSED, "bad topic"),
        Receipt(Outcome.DELIVERED),
    ]
    post_office.work(NOON)
    row = post_office.row(shop, card)
    assert (row.delivered_version, row.due_at, row.last_error) == (2, None, "bad topic")


@given(st.integers(1, 60), st.none() | st.floats(0, 100_000))
def test_R_UPD_2_the_wait_doubles_up_to_an_hour_and_is_never_shorter_than_asked(
    attempts: int, asked: float | None
) -> None:
    wait = backoff(attempts, asked).total_seconds()
    doubled = min(2.0 ** (attempts - 1), 3_600)
    assert wait >= (asked or 0) - 1e-5
    assert 0.75 * doubled <= wait <= max(1.25 * doubled, asked or 0) + 1e-5


# --- devices that are gone -----------------------------------------------------------------------


def gone_from(device: str) -> Any:
    def answer(content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
        return [
            Receipt(Outcome.GONE if place.device == device else Outcome.DELIVERED)
            for place in places
        ]

    return answer


def test_D_7_1_a_device_that_is_gone_loses_the_card(alma: Shop, office: Post) -> None:
    card = alma.card()
    office.hand_out(alma, card, "phone", "watch")
    change(alma, card, NOON + MINUTE)
    office.wallet.answer = gone_from("phone")
    office.work(NOON + MINUTE)
    assert office.card(alma, card).status == "installed"
    assert office.events(alma, card, "uninstalled") == [{"at": MINUTE, "remaining": 1}]
    change(alma, card, NOON + 2 * MINUTE)
    office.wallet.answer = gone_from("watch")
    office.work(NOON + 2 * MINUTE)
    row = office.card(alma, card)
    assert (row.status, row.status_cause) == ("deleted", "customer")
    assert [push.devices for push in office.wallet.pushes] == [("phone", "watch"), ("watch",)]
    assert office.row(alma, card).delivered_version == 3


def test_D_7_1_a_device_that_came_back_meanwhile_stays(alma: Shop, office: Post) -> None:
    """The vendor's answer is about the address that we asked for, not the one that came since."""
    card = alma.card()
    office.hand_out(alma, card, "phone")
    change(alma, card, NOON + MINUTE)

    def come_back(content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
        with alma.write() as session:
            row = cards.get(session, card, locked=True)
            at = NOON + MINUTE + seconds(1)
            installations.install(session, row, office.wallet.kind, "phone", {"address": "new"}, at)
        return [Receipt(Outcome.GONE) for _ in places]

    office.wallet.answer = come_back
    office.work(NOON + MINUTE)
    assert office.card(alma, card).status == "installed"
    assert office.events(alma, card, "removed") == []


def test_the_till_and_a_worker_that_finds_devices_gone_do_not_lock_each_other_out(
    alma: Shop, office: Post
) -> None:
    """Both need the card and its delivery row; they take them in the same order."""
    template = alma.template()
    made = [alma.card(template) for _ in range(6)]
    office.wallet.answer = gone_from("phone")
    for card in made:
        office.hand_out(alma, card, "phone", "watch")
        change(alma, card, NOON)

    def till(number: int) -> None:
        for turn in range(6):
            change(alma, made[(number + turn) % 6], NOON + seconds(turn))

    def work(_: int) -> None:
        for turn in range(6):
            office.work(NOON + seconds(3 * turn))

    with ThreadPoolExecutor(4) as pool:
        for done in [
            pool.submit(till, 0),
            pool.submit(work, 0),
            pool.submit(till, 3),
            pool.submit(work, 1),
        ]:
            done.result(timeout=60)
    office.work(NOON + LEASE + MINUTE)
    office.work(NOON + 2 * LEASE + MINUTE)
    for card in made:
        row = office.row(alma, card)
        assert row.delivered_version == row.wanted_version == office.card(alma, card).version
        assert office.card(alma, card).status == "installed"
