"""The worker: wakes up when there is work, outlives trouble, stops when told."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import select

from passes import idempotency, work
from passes.delivery import crew
from passes.delivery.lanes import Seen, look
from passes.idempotency import Answer, KeptAnswer
from passes.store import Store
from passes.vault import Vault
from passes.wallet_port import Outcome, Receipt
from passes.work import Worker
from tests.passes.conftest import KEY, NOON, Shop, only_postgresql
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

    def fail_three_times(*arguments: Any) -> Seen:
        tries.append(arguments)
        if len(tries) <= 3:
            raise OSError("the database is away")
        return look(*arguments)

    monkeypatch.setattr(crew, "look", fail_three_times)
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
    looks: list[Any] = []

    def note(*arguments: Any) -> Seen:
        looks.append(arguments)
        return look(*arguments)

    monkeypatch.setattr(crew, "look", note)
    running = worker(shop.store, NotedWallet("other"), Clock())
    thread = running.start()
    time.sleep(0.5)
    running.stop()
    thread.join(5)
    assert len(looks) <= 3


def test_an_idle_worker_writes_nothing(alma: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "POLL", 0.01)
    running = worker(alma.store, NotedWallet(), Clock())
    running.work_once()  # puts things away, once an hour
    written: list[Any] = []
    for name in ("write", "write_all"):
        monkeypatch.setattr(alma.store, name, lambda *who: written.append(who))
    thread = running.start()
    time.sleep(0.3)
    running.stop()
    thread.join(5)
    assert written == []


@only_postgresql
def test_a_change_wakes_another_process(
    alma: Shop, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process is a store of its own: they share nothing but the database."""
    monkeypatch.setattr(work, "POLL", 30.0)
    wallet = NotedWallet()
    made = [handed_out(alma, wallet) for _ in range(2)]
    elsewhere = Store(database_url, Vault([KEY]))
    running = worker(elsewhere, wallet, Clock())
    thread = running.start()
    wait_until(lambda: listeners(alma.store))
    alma.post(made[0], "add-visits", 1)
    wait_until(lambda: len(wallet.pushes) == 1)
    lose_listeners(alma.store)
    alma.post(made[1], "add-visits", 1)  # nobody hears it, and it is found at the reconnection
    wait_until(lambda: len(wallet.pushes) == 2)
    running.stop()
    thread.join(10)
    assert not thread.is_alive()
    elsewhere.close()


_LISTENERS = (
    "FROM pg_stat_activity WHERE starts_with(query, 'LISTEN') AND datname = current_database()"
)


def listeners(store: Store) -> int:
    with store.engine.connect() as connection:
        return connection.exec_driver_sql(f"SELECT count(*) {_LISTENERS}").scalar_one()


def lose_listeners(store: Store) -> None:
    with store.engine.connect() as connection:
        connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid) {_LISTENERS}")


@only_postgresql
def test_a_change_that_is_taken_back_wakes_nobody(alma: Shop, database_url: str) -> None:
    elsewhere, stopping = Store(database_url, Vault([KEY])), Event()
    thread = Thread(target=elsewhere.listen, args=(stopping,))
    thread.start()
    wait_until(elsewhere.due.is_set)  # it listens
    elsewhere.due.clear()

    def fail() -> None:
        with alma.write() as session:
            session.info["wakes_worker"] = True
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    with alma.write() as session:
        session.info["wakes_worker"] = False
    time.sleep(0.2)
    assert not elsewhere.due.is_set()
    with alma.write() as session:
        session.info["wakes_worker"] = True
    wait_until(elsewhere.due.is_set)
    stopping.set()
    thread.join(10)
    elsewhere.close()


def test_the_worker_goes_by_the_databases_clock(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    wallet = NotedWallet()
    card = handed_out(shop, wallet)
    shop.post(card, "add-visits", 1, NOON + timedelta(hours=1))  # this machine is an hour behind
    monkeypatch.setattr(shop.store, "ahead", lambda: timedelta(hours=1, seconds=1))
    running = worker(shop.store, wallet, Clock())
    thread = running.start()
    wait_until(lambda: wallet.pushes)
    running.stop()
    thread.join(5)
    assert Post(shop.store, wallet).row(shop, card).delivered_at == NOON + timedelta(
        hours=1, seconds=1
    )


def test_how_far_the_databases_clock_is_ahead(store: Store) -> None:
    assert abs(store.ahead()) < timedelta(seconds=5)  # it runs on this very machine


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
