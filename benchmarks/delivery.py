"""The delivery engine: from changed cards to pushes, against a vendor that costs nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from sqlalchemy import event, func, select

from benchmarks.databases import databases, fill, open_store
from benchmarks.table import Note, Row
from passes import clock
from passes.cards.change import bump_many
from passes.cards.models import Card, Delivery
from passes.delivery import deliver
from passes.ledger.book import Actor, Posting
from passes.ledger.post import post
from passes.store import Store
from passes.wallet_port import (
    Installation,
    Outcome,
    PassContent,
    Reason,
    Receipt,
    Wallet,
    WalletError,
)
from passes.work import Worker

TITLE = "Delivery: cards brought up to date"
SHOPS, CARDS = 4, 5_000
SLOW_SHOPS = 24, 250
CHANGES_PER_SECOND = 20
LATENCY = 0.05
BASE_URL = "https://treuepass.example"


class BenchWallet:
    """Answers at once, or after ``latency`` seconds for each card, as a request each takes."""

    kind = "bench"
    pace = None
    together = 1
    loud_a_day = None

    def __init__(self, latency: float = 0.0) -> None:
        self.latency = latency
        self.heard: dict[str, float] = {}

    def push_many(
        self,
        batch: Sequence[tuple[PassContent, Sequence[Installation], Reason]],
        *,
        urgent: bool = True,
    ) -> Sequence[Sequence[Receipt] | WalletError]:
        if self.latency:
            time.sleep(self.latency * len(batch))
        moment = time.perf_counter()
        for content, _, _ in batch:
            self.heard[content.serial] = moment
        return [[Receipt(Outcome.DELIVERED)] * len(places) for _, places, _ in batch]


def run(folder: Path, seconds: float, *, with_peers: bool = False) -> list[Row | Note]:
    """Rates and shares on both databases. There are no peers to run beside it."""
    lines: list[Row | Note] = []
    with databases(folder) as urls:
        for name, url in urls.items():
            store = open_store(url)
            shops = fill(store, SHOPS, CARDS, BenchWallet.kind)
            lines += _end_to_end(name, store, shops)
            lines.append(_latency(name, store, shops[0], seconds))
            store.close()
        lines += _two_workers(urls["PostgreSQL"])
    return lines


# --- all cards of four merchants -----------------------------------------------------------------


def _end_to_end(name: str, store: Store, shops: Sequence[UUID]) -> list[Row | Note]:
    number = SHOPS * CARDS
    _change_all(store, shops)
    shares, alone = _drain_in_one_thread(store)
    rates = []
    for _ in range(3):
        _change_all(store, shops)
        rates.append(number / _drain(store, BenchWallet()))
    parts = ", ".join(f"{part} {share:.0%}" for part, share in shares.items())
    return [
        Row(f"{number:,} changed cards, {name}", rates),
        Note(
            f"{name}, one thread: {number / alone:,.0f} cards a second; of its time {parts}."
            " Passes are signed when a phone fetches them, not here."
        ),
    ]


def _change_all(store: Store, shops: Sequence[UUID]) -> None:
    for merchant_id in shops:
        with store.read(merchant_id) as session:
            card_ids = session.scalars(select(Card.id).where(Card.merchant_id == merchant_id)).all()
        for first in range(0, len(card_ids), 500):
            with store.write(merchant_id) as session:
                bump_many(session, card_ids[first : first + 500], Reason.CONTENT, clock.now())
    time.sleep(2.1)  # what was pushed just now waits for two seconds


def _drain(store: Store, wallet: BenchWallet) -> float:
    worker = Worker(store, {wallet.kind: cast(Wallet, wallet)}, BASE_URL, clock.now)
    began = time.perf_counter()
    thread = worker.start()
    _wait_until_done(store)
    took = time.perf_counter() - began
    worker.stop()
    thread.join()
    return took


def _wait_until_done(store: Store) -> None:
    while True:
        with store.read_all() as session:
            if not session.scalar(
                select(func.count()).select_from(Delivery).where(Delivery.due_at.is_not(None))
            ):
                return
        time.sleep(0.02)


def _drain_in_one_thread(store: Store) -> tuple[Mapping[str, float], float]:
    """Shares of the time in the database, in drawing and in sending, and the time in seconds."""
    wallet = BenchWallet()
    sending = 0.0
    push_many = wallet.push_many

    def timed(batch: Any, **how: Any) -> Any:
        nonlocal sending
        began = time.perf_counter()
        answers = push_many(batch, **how)
        sending += time.perf_counter() - began
        return answers

    wallet.push_many = timed  # type: ignore[method-assign]  # to stop its time
    began = time.perf_counter()
    with _database_time(store) as spent:
        wallets = {wallet.kind: cast(Wallet, wallet)}
        while deliver.deliver_due(store, wallets, BASE_URL, clock.now):
            pass
    took = time.perf_counter() - began
    database = sum(spent)
    return {
        "database": database / took,
        "sending": sending / took,
        "drawing and our own statements": 1 - (database + sending) / took,
    }, took


@contextmanager
def _database_time(store: Store) -> Iterator[list[float]]:
    """Collects the seconds that the driver took for statements and for commits."""
    spent: list[float] = []
    began = [0.0]
    dialect: Any = store.engine.dialect

    def before(*_: Any) -> None:
        began[0] = time.perf_counter()

    def after(*_: Any) -> None:
        spent.append(time.perf_counter() - began[0])

    driver_commit = dialect.do_commit

    def commit(connection: Any) -> None:
        before()
        driver_commit(connection)
        after()

    event.listen(store.engine, "before_cursor_execute", before)
    event.listen(store.engine, "after_cursor_execute", after)
    dialect.do_commit = commit  # to stop its time
    try:
        yield spent
    finally:
        event.remove(store.engine, "before_cursor_execute", before)
        event.remove(store.engine, "after_cursor_execute", after)
        dialect.do_commit = driver_commit


# --- from a commit to its push -------------------------------------------------------------------


def _latency(name: str, store: Store, merchant_id: UUID, seconds: float) -> Note:
    wallet = BenchWallet()
    worker = Worker(store, {wallet.kind: cast(Wallet, wallet)}, BASE_URL, clock.now)
    thread = worker.start()
    time.sleep(1)
    with store.read(merchant_id) as session:
        cards = session.execute(
            select(Card.id, Card.serial_number)
            .where(Card.merchant_id == merchant_id)
            .limit(max(100, int(seconds * CHANGES_PER_SECOND)))
        ).all()
    committed: dict[str, float] = {}
    till = Actor("api", "till", "api")
    start = time.perf_counter()
    for number, card in enumerate(cards):
        time.sleep(max(0.0, start + number / CHANGES_PER_SECOND - time.perf_counter()))
        with store.write(merchant_id) as session:
            post(session, str(card.id), Posting("add-visits", 1), till, clock.now())
        committed[card.serial_number] = time.perf_counter()
    _wait_until_done(store)
    worker.stop()
    thread.join()
    waits = sorted(
        max(0.0, wallet.heard[serial] - moment) * 1_000 for serial, moment in committed.items()
    )
    middle, late = waits[len(waits) // 2], waits[len(waits) * 95 // 100]
    return Note(
        f"{name}, from commit to push at {CHANGES_PER_SECOND} changes a second:"
        f" p50 {middle:.0f} ms, p95 {late:.0f} ms ({len(waits)} changes)."
    )


# --- two workers ---------------------------------------------------------------------------------


def _two_workers(url: str) -> list[Row | Note]:
    """Rates of one and of two worker processes in turn, against a vendor with latency."""
    store = open_store(url)
    shops = fill(store, *SLOW_SHOPS, "slow")
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(3):
        for processes, found in rates.items():
            _change_all(store, shops)
            found.append(SLOW_SHOPS[0] * SLOW_SHOPS[1] / _drain_by(processes, url, store))
    store.close()
    one = f"one worker process, a vendor with {LATENCY * 1_000:.0f} ms a card"
    return [
        Row(one, rates[1]),
        Row("two of them", rates[2], to="one", yardstick=rates[1], target=1.6),
    ]


def _drain_by(processes: int, url: str, store: Store) -> float:
    """Seconds until nothing is due, with so many processes at work; all of them start together."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.delivery", url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    try:
        for each in running:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n"
        began = time.perf_counter()
        for each in running:
            assert each.stdin is not None
            each.stdin.write("go\n")
            each.stdin.flush()
        _wait_until_done(store)
        return time.perf_counter() - began
    finally:
        for each in running:
            each.communicate("stop\n")


def _work_for_parent() -> None:
    wallet = BenchWallet(LATENCY)
    wallet.kind = "slow"
    store = open_store(sys.argv[1])
    worker = Worker(store, {wallet.kind: cast(Wallet, wallet)}, BASE_URL, clock.now)
    store.ahead()
    print("ready", flush=True)
    sys.stdin.readline()
    thread = worker.start()
    sys.stdin.readline()
    worker.stop()
    thread.join()


if __name__ == "__main__":
    _work_for_parent()
