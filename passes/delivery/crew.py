"""The threads of one worker: several lanes at once, so that none waits for another.

- A lane has one batch on its way, and more only while nobody else waits and room is left.
- A batch that takes longer than a second does not count any more: whatever hangs, a merchant's
  stamp waits a second at most before it gets a thread.
- Bulk leaves room for tills.
- A batch is cut to what its wallet does in about a second, so a new change never waits long
  behind the batch in front of it.
- Bulk of a wallet with a pace mostly waits for turns: it gets half of the threads at most. The
  batches of such a wallet are small, so that leases do not run out while they wait, and that little
  is in hand when a process dies.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Condition, Thread

import structlog

from passes.cards.change import Urgency
from passes.delivery import deliver
from passes.delivery.deliver import Now
from passes.delivery.lanes import Lane, Seen, look
from passes.store import Store
from passes.wallet_port import Wallet

AT_ONCE = {"sqlite": 4, "postgresql": 8}
"""Batches that count. SQLite has one writer; the rest of a batch's time is drawing and waiting."""
MOST_THREADS = {"sqlite": 12, "postgresql": 24}
"""All batches, those that hang included; fewer than the connections that the pool gives."""
KEPT_FOR_TILLS = 1
SLOW = 1.0
SMALLEST_BATCH = 10
FIRST_BATCH = 50
PACED_BATCH = 0.25
"""Seconds of its pace that make a batch of a wallet that has one."""
REST = 0.05
"""Seconds that a lane rests which was due and gave nothing: another process holds its rows."""

log = structlog.get_logger("treuepass.delivery")


@dataclass(slots=True, eq=False)
class _Running:
    """A batch on its way: ``size`` rows were asked for, ``claimed`` came; None: not yet."""

    lane: Lane
    began: float
    size: int
    claimed: int | None = None

    @property
    def is_full(self) -> bool:
        return self.claimed == self.size


class Crew:
    """Works off due deliveries in threads of its own. ``round`` is called by one thread."""

    def __init__(
        self, store: Store, wallets: Mapping[str, Wallet], base_url: str, now: Now
    ) -> None:
        self._store = store
        self._wallets = wallets
        self._base_url = base_url
        self._now = now
        dialect = store.engine.dialect.name
        self._at_once, self._most = AT_ONCE[dialect], MOST_THREADS[dialect]
        self._change = Condition()
        self._running: list[_Running] = []
        self._resting: dict[Lane, float] = {}
        self._turns: dict[Lane, int] = {}
        self._turn = 0
        self._seconds_per_row: dict[str, float] = {}

    def round(self) -> float | None:
        """Looks once and starts what there is room for; seconds until another look is worth it.

        None: only a call makes it so. A batch that ends, or that shows that there is more, sets
        the store's ``due``.
        """
        now = self._now()
        seen = look(self._store, self._wallets, now)
        waits = [(seen.next_at - now).total_seconds()] if seen.next_at else []
        with self._change:
            refused = False
            for lane in self._in_turn(seen):
                if self._has_room(lane):
                    self._start(lane, probes=lane in seen.probing)
                else:
                    refused = True
            moment = time.monotonic()
            waits += [end - moment for end in self._resting.values()]
            if refused:  # a batch that turns slow gives its place away
                waits += [
                    left for running in self._running if (left := running.began + SLOW - moment) > 0
                ]
        return max(0.0, min(waits)) if waits else None

    def finish(self, seconds: float) -> bool:
        """Waits for the batches on their way; whether all of them ended in time."""
        with self._change:
            return self._change.wait_for(lambda: not self._running, seconds)

    def _in_turn(self, seen: Seen) -> list[Lane]:
        """Urgent ones first; then who waits, before who has a batch; then whose turn is longest
        ago."""
        moment = time.monotonic()
        self._resting = {lane: end for lane, end in self._resting.items() if end > moment}
        busy = Counter(running.lane for running in self._running)
        self._turns = {lane: self._turns.get(lane, 0) for lane in seen.due}
        lanes = [lane for lane in seen.due if lane not in self._resting]
        return sorted(lanes, key=lambda lane: (busy[lane], lane.urgency, self._turns[lane]))

    def _has_room(self, lane: Lane) -> bool:
        moment = time.monotonic()
        own = [running for running in self._running if running.lane == lane]
        counted = sum(moment - running.began < SLOW for running in self._running)
        room = self._at_once
        if lane.urgency != Urgency.TILL or own:
            room -= KEPT_FOR_TILLS
        if lane.urgency != Urgency.TILL and self._wallets[lane.wallet].pace is not None:
            bulk = [
                running
                for running in self._running
                if running.lane.wallet == lane.wallet and running.lane.urgency != Urgency.TILL
            ]
            if len(bulk) >= self._most // 2 or not all(each.is_full for each in own):
                return False
        elif own and not (all(each.is_full for each in own) and len(own) < room):
            return False
        return counted < room and len(self._running) < self._most

    def _start(self, lane: Lane, *, probes: bool) -> None:
        self._turn += 1
        self._turns[lane] = self._turn
        running = _Running(lane, time.monotonic(), self._size(lane))
        self._running.append(running)
        Thread(
            target=self._work,
            args=(running,),
            kwargs={"probes": probes},
            name=f"treuepass-{lane.wallet}",
            daemon=True,
        ).start()

    def _size(self, lane: Lane) -> int:
        wallet = self._wallets[lane.wallet]
        seconds = self._seconds_per_row.get(lane.wallet)
        size = FIRST_BATCH
        if seconds is not None:
            size = max(SMALLEST_BATCH, min(deliver.BATCH, int(SLOW / max(seconds, 1e-6))))
        if wallet.pace is None:
            return size
        most = max(1, round(wallet.pace * PACED_BATCH))
        if lane.urgency != Urgency.TILL and wallet.together > 1:
            return max(most, wallet.together)
        return min(size, most)

    def _work(self, running: _Running, *, probes: bool) -> None:
        lane, rested = running.lane, REST
        try:
            deliver.deliver(
                self._store,
                self._wallets[lane.wallet],
                lane,
                self._base_url,
                self._now,
                most=running.size,
                probes=probes,
                when_claimed=lambda number: self._note_claimed(running, number),
            )
        except Exception:
            log.exception("batch_failed", wallet=lane.wallet, merchant=str(lane.merchant_id))
            rested = SLOW
            running.claimed = 0
        finally:
            with self._change:
                self._note_end(running, rested)
                self._change.notify_all()
            self._store.due.set()

    def _note_claimed(self, running: _Running, number: int) -> None:
        with self._change:
            running.claimed = number
            is_full = running.is_full
        if is_full:
            self._store.due.set()

    def _note_end(self, running: _Running, rested: float) -> None:
        self._running.remove(running)
        if not running.claimed:
            self._resting[running.lane] = time.monotonic() + rested
            return
        seconds = (time.monotonic() - running.began) / running.claimed
        known = self._seconds_per_row.get(running.lane.wallet, seconds)
        self._seconds_per_row[running.lane.wallet] = 0.7 * known + 0.3 * seconds
