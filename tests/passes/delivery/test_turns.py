"""Turns at a vendor's quota: never more than the pace allows, tills first, bulk at full pace."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from passes.delivery import turns
from passes.delivery.agreed_clock import AgreedClock
from passes.delivery.issuer import DomainIssuer
from passes.store import Store
from tests.passes.conftest import NOON
from tests.passes.delivery.conftest import BASE_URL, seconds

ROOT = Path(__file__).parent.parent.parent.parent


class Line:
    """One account's turns without a database."""

    def __init__(self, pace: float) -> None:
        self.pace = pace
        self.ready_at = NOON
        self.taken: list[datetime] = []

    def take(self, now: datetime, *, urgent: bool) -> float:
        wait = turns.wait_for(self.ready_at, self.pace, now, urgent=urgent)
        if not wait:
            self.ready_at = turns.after(self.ready_at, self.pace, now)
            self.taken.append(now)
        return wait


def most_in_any_window(taken: Sequence[datetime], pace: float) -> float:
    """By how much the turns in the worst window are more than the pace times its length."""
    return max(
        (last - first + 1) - pace * (taken[last] - taken[first]).total_seconds()
        for first in range(len(taken))
        for last in range(first, len(taken))
    )


@given(
    pace=some.one_of(some.floats(0.5, 400), some.sampled_from([1.0, 3.0, 15.0])),
    asked=some.lists(
        some.tuples(some.sampled_from([0, 0, 0, 1, 7, 66, 400]), some.booleans()),
        min_size=20,
        max_size=80,
    ),
)
def test_in_any_window_there_are_no_more_turns_than_pace_and_burst(
    pace: float, asked: list[tuple[int, bool]]
) -> None:
    line, now = Line(pace), NOON
    for milliseconds, urgent in asked:
        now += timedelta(milliseconds=milliseconds)
        line.take(now, urgent=urgent)
    assert not line.taken or most_in_any_window(line.taken, pace) <= turns.BURST


def test_the_burst_is_what_was_promised_and_no_less() -> None:
    line = Line(10)
    got = [line.take(NOON + seconds(60), urgent=True) for _ in range(8)]
    assert [wait == 0 for wait in got] == [True] * turns.BURST + [False] * 3
    assert got[-1] == pytest.approx(0.1)


def test_bulk_that_wakes_up_late_keeps_the_whole_pace() -> None:
    line, now = Line(10), NOON
    while now < NOON + seconds(20):
        wait = line.take(now, urgent=False)
        now += seconds(wait + 0.06) if wait else timedelta(0)
    assert 199 <= len(line.taken) <= 201


def test_a_till_goes_before_bulk_that_uses_up_every_turn() -> None:
    line, now, tills = Line(10), NOON, 0
    for step in range(400):
        now += seconds(0.025)
        line.take(now, urgent=False)
        if step % 10 == 9:  # four a second
            assert line.take(now, urgent=True) == 0
            tills += 1
    assert tills == 40
    assert 98 <= len(line.taken) <= 105  # what tills took, bulk did without


def test_who_waits_as_long_as_told_gets_a_turn_and_no_sooner(store: Store) -> None:
    for urgent in (True, False):
        subject = f"urgent is {urgent}"
        now = NOON
        while not (wait := turns.take(store, "toy", subject, 3, now, urgent=urgent)):
            pass
        assert turns.take(store, "toy", subject, 3, now, urgent=urgent) > 0
        earliest = seconds(wait if urgent else 1 / 3)
        too_early = now + earliest - timedelta(milliseconds=10)
        assert turns.take(store, "toy", subject, 3, too_early, urgent=urgent) > 0
        assert turns.take(store, "toy", subject, 3, now + seconds(wait + 1e-6), urgent=urgent) == 0


def test_accounts_and_wallets_do_not_share_turns(store: Store) -> None:
    for wallet, subject in (("toy", "one"), ("toy", "two"), ("other", "one")):
        assert turns.take(store, wallet, subject, 1, NOON, urgent=False) == 0
        assert turns.take(store, wallet, subject, 1, NOON, urgent=False) > 0


def grants_of_threads(store: Store, now: datetime, number: int = 8) -> int:
    """How many turns these threads get together, each asking five times at one moment."""
    begin, got = threading.Barrier(number), []

    def ask() -> None:
        begin.wait()
        for _ in range(5):
            got.append(turns.take(store, "toy", "one", 10, now, urgent=True) == 0)

    threads = [threading.Thread(target=ask) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 5 * number
    return sum(got)


def test_eight_threads_get_no_turn_twice(store: Store) -> None:
    assert grants_of_threads(store, NOON) == turns.BURST - 1  # nothing was left over yet
    for step in range(1, 6):
        assert grants_of_threads(store, NOON + step * seconds(10)) == turns.BURST


@pytest.fixture
def two_processes(database_url: str) -> Iterator[list[subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "tests.passes.delivery.turn_taker", database_url, "10"]
    made = [
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    yield made
    for process in made:
        process.kill()
        process.communicate()


def heard(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def test_two_processes_share_one_pace(two_processes: list[subprocess.Popen[str]]) -> None:
    assert [heard(process) for process in two_processes] == [0, 0]
    got = []
    for moment in range(0, 300, 10):
        for process in two_processes:
            assert process.stdin is not None
            process.stdin.write(f"{moment}\n")
            process.stdin.flush()
        got.append(sum(heard(process) for process in two_processes))
    assert got == [turns.BURST - 1] + [turns.BURST] * 29


def test_the_issuer_asks_by_the_clock_that_all_agree_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def issuer(behind: float) -> DomainIssuer:
        monkeypatch.setattr(store, "ahead", lambda: seconds(behind))
        made = DomainIssuer(store, BASE_URL, lambda: NOON - seconds(behind))
        assert made.turn("toy", f"behind by {behind}", 1, urgent=False) == 0  # clocks are compared
        return made

    right, behind = issuer(0), issuer(10)
    assert right.turn("toy", "one", 1, urgent=False) == 0
    assert 1 <= behind.turn("toy", "one", 1, urgent=False) <= 1.5


def test_the_way_to_the_database_is_no_difference_of_clocks(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for ahead, seen in ((0.05, 0.0), (-0.05, 0.0), (5.0, 5.0), (-5.0, -5.0)):
        now = AgreedClock(store, lambda: NOON)
        assert now() == NOON
        monkeypatch.setattr(store, "ahead", partial(seconds, ahead))
        now.compare()
        assert now() == NOON + seconds(seen)
        monkeypatch.setattr(store, "ahead", lambda: seconds(99))
        now.compare()  # not again within the minute
        assert now() == NOON + seconds(seen)
