"""The worker: wakes up when there is work, outlives trouble, stops when told."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from passes import idempotency, work
from passes.delivery.deliver import deliver_due
from passes.idempotency import Answer, KeptAnswer
from passes.store import Store
from passes.wallet_port import Outcome, Receipt
from passes.work import Worker
from tests.passes.conftest import NOON, Shop
from tests.passes.delivery.conftest import BASE_URL, NotedWallet, Post


class Clock:
    def __init__(self) -> None:
        self.moment = NOON

    def __call__(self) -> datetime:
        return self.moment


def worker(store: Store, wallet: NotedWallet, now: Callable[[], datetime]) -> Worker:
    return Worker(store, {wallet.kind: wallet}, BASE_URL, now)


def wait_until(it_is: Callable[[], Any], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not it_is():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def handed_out(shop: Shop, wallet: NotedWallet) -> Any:
    card = shop.card()
    Post(shop.store, wallet).hand_out(shop, card, "phone")
    return card


def test_a_change_wakes_the_worker_at_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "POLL", 30.0)  # so that nothing but the wake-up brings it
    wallet, clock = NotedWallet(), Clock()
    card = handed_out(shop, wallet)
    running = worker(shop.store, wallet, clock)
    thread = running.start()
    time.sleep(0.2)
    began = time.monotonic()
    shop.post(card, "add-visits", 1)
    wait_until(lambda: wallet.pushes)
    assert time.monotonic() - began < 2
    running.stop()
    thread.join(5)
    assert not thread.is_alive()


def test_what_falls_due_later_is_not_slept_through(shop: Shop) -> None:
    wallet = NotedWallet(answer=lambda content, places: [Receipt(Outcome.LATER) for _ in places])
    card = handed_out(shop, wallet)
    begin = time.monotonic()

    def now() -> datetime:
        return NOON + timedelta(seconds=time.monotonic() - begin)

    running = worker(shop.store, wallet, now)
    thread = running.start()
    shop.post(card, "add-visits", 1, now())
    wait_until(lambda: wallet.pushes)
    wallet.answer = NotedWallet().answer
    wait_until(lambda: len(wallet.pushes) > 1)  # the wait after a first failure is about a second
    running.stop()
    thread.join(5)
    assert not thread.is_alive()


def test_stopping_finishes_the_batch_in_hand(shop: Shop) -> None:
    begun, wallet = [], NotedWallet()

    def slowly(content: Any, places: Any) -> Any:
        begun.append(content.serial)
        time.sleep(0.3)
        return [Receipt(Outcome.DELIVERED) for _ in places]

    wallet.answer = slowly
    card = handed_out(shop, wallet)
    shop.post(card, "add-visits", 1)
    running = worker(shop.store, wallet, Clock())
    thread = running.start()
    wait_until(lambda: begun)
    running.stop()
    thread.join(5)
    assert not thread.is_alive()
    assert Post(shop.store, wallet).row(shop, card).delivered_version == 2


def test_trouble_is_outlived(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "POLL", 0.01)
    wallet, tries = NotedWallet(), []
    card = handed_out(shop, wallet)
    shop.post(card, "add-visits", 1)

    def fail_three_times(*arguments: Any) -> int:
        tries.append(arguments)
        if len(tries) <= 3:
            raise OSError("the database is away")
        return deliver_due(*arguments)

    monkeypatch.setattr(work, "deliver_due", fail_three_times)
    running = worker(shop.store, wallet, Clock())
    thread = running.start()
    wait_until(lambda: wallet.pushes)
    running.stop()
    thread.join(5)
    assert wallet.versions() == [2]


def test_rows_of_a_wallet_that_is_gone_do_not_keep_the_worker_awake(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    wallet = NotedWallet()
    card = handed_out(shop, wallet)
    shop.post(card, "add-visits", 1)
    looks: list[datetime] = []
    running = worker(shop.store, NotedWallet("other"), Clock())
    work_once = running.work_once

    def look() -> int:
        looks.append(NOON)
        return work_once()

    monkeypatch.setattr(running, "work_once", look)
    thread = running.start()
    time.sleep(0.5)
    running.stop()
    thread.join(5)
    assert len(looks) <= 3


def test_R_LED_4_answers_for_repeats_are_kept_for_a_day(alma: Shop, bruno: Shop) -> None:
    for shop in (alma, bruno):
        with shop.write() as session:
            for key, hours in (("old", 0), ("new", 1)):
                at = NOON + timedelta(hours=hours)
                idempotency.keep(session, key, "hash", Answer(201, "{}"), at)
    clock = Clock()
    running = worker(alma.store, NotedWallet(), clock)
    clock.moment = NOON + timedelta(hours=24)
    running.work_once()
    with alma.store.read_all() as session:
        assert session.scalars(select(KeptAnswer.key)).all() == ["new", "new"]
    clock.moment = NOON + timedelta(hours=25)  # an hour later it tidies up again
    running.work_once()
    with alma.store.read_all() as session:
        assert session.scalars(select(KeptAnswer.key)).all() == []
