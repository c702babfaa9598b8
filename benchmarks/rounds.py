"""Measures things side by side: short rounds in turn, so that all of them meet the same machine."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence

Batch = Callable[[], float]
"""Does some work and returns how many units of it were done in a second."""


def interleave(batches: Mapping[str, Batch], seconds: float) -> dict[str, list[float]]:
    """Runs the batches in turn for about ``seconds``, at least twice; the rates, round by round."""
    rates: dict[str, list[float]] = {name: [] for name in batches}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or any(len(found) < 2 for found in rates.values()):
        for name, batch in batches.items():
            rates[name].append(batch())
    return rates


def usual(rates: Sequence[float]) -> float:
    """The median."""
    return statistics.median(rates)


def middle_half(values: Sequence[float]) -> tuple[float, float]:
    """The first and the third quartile."""
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def batch_of(count: int, prepare: Callable[[], object], work: Callable[..., object]) -> Batch:
    """``count`` calls of ``work``, each with something that ``prepare`` made beforehand."""

    def run() -> float:
        prepared = [prepare() for _ in range(count)]
        start = time.perf_counter()
        for one in prepared:
            work(one)
        return count / (time.perf_counter() - start)

    return run


def threaded(
    threads: int, count: int, prepare: Callable[[], object], work: Callable[..., object]
) -> Batch:
    """The same in several threads at once, ``count`` calls in each; the rate of all together."""

    def run() -> float:
        prepared = [[prepare() for _ in range(count)] for _ in range(threads)]
        start_line = threading.Barrier(threads + 1)

        def work_through(share: list[object]) -> None:
            start_line.wait()
            for one in share:
                work(one)

        workers = [threading.Thread(target=work_through, args=(share,)) for share in prepared]
        for worker in workers:
            worker.start()
        start_line.wait()
        start = time.perf_counter()
        for worker in workers:
            worker.join()
        return threads * count / (time.perf_counter() - start)

    return run
