"""The worker: which due rows exist, which function drains them, and when to look again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from threading import Event, Thread

import structlog
from sqlalchemy import select

from passes import idempotency
from passes.delivery import loud, vendor_events
from passes.delivery.agreed_clock import AgreedClock
from passes.delivery.campaigns import CampaignLog
from passes.delivery.crew import Crew
from passes.delivery.deliver import deliver_due
from passes.delivery.reconcile import reconcile_due
from passes.delivery.revisions import roll_out
from passes.delivery.stale import end_unreachable, mark_stale
from passes.ledger.proof import prove_when_due
from passes.ledger.wake import wake_due
from passes.merchants.models import Merchant
from passes.referrals.due import settle_due
from passes.store import Store
from passes.wallet_port import Wallet

POLL = 1.0
"""Seconds between two looks when nobody calls."""
BREATH = 0.01
"""Seconds between two looks when everybody calls: one look then sees the rows of many."""
TIDY = 3_600.0
"""Seconds between two rounds of putting away what has run out."""
RECONNECT = 1.0
LOOK_FOR_NIGHTS = 600.0
"""Seconds between two looks for merchants whose cards are to be reconciled."""
LAST_BATCHES = 60.0
"""Seconds that the batches in hand get when the worker stops."""

log = structlog.get_logger("treuepass.worker")


class Worker:
    """A loop over everything that happens later. Any number may run against one PostgreSQL.

    ``now`` is this machine's time; on PostgreSQL the worker goes by the database's, so that
    machines whose clocks differ agree on what is due.
    """

    def __init__(
        self,
        store: Store,
        wallets: Mapping[str, Wallet],
        base_url: str,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._wallets = wallets
        self._base_url = base_url
        self._now = AgreedClock(store, now)
        self._crew = Crew(store, wallets, base_url, self._now)
        self._campaigns = CampaignLog(store, wallets)
        self._stopping = Event()
        self._tidy_at: datetime | None = None

    def start(self) -> Thread:
        """Runs in a thread of this process. A process that ends waits for the batches in hand."""
        thread = Thread(target=self.run, name="treuepass-worker")
        thread.start()
        return thread

    def stop(self) -> None:
        """Ends the loop; the batches in hand are finished."""
        self._stopping.set()
        self._store.due.set()

    def run(self) -> None:
        """Works until stopped; trouble with the database is waited out."""
        aside = [Thread(target=self._do_chores, name="treuepass-chores", daemon=True)]
        if not self._store.is_sqlite:
            aside.append(Thread(target=self._listen, name="treuepass-listen", daemon=True))
        for thread in aside:
            thread.start()
        # Nobody waits for this one: it waits for vendors, and may be cut off at any moment.
        Thread(target=self._reconcile, name="treuepass-reconcile", daemon=True).start()
        while self._goes_on():
            self._store.due.clear()
            looked = time.monotonic()
            try:
                self._now.compare()
                wait = self._crew.round()
            except Exception:
                log.exception("worker_round_failed")
                wait = POLL
            self._store.due.wait(POLL if wait is None else min(wait, POLL))
            self._stopping.wait(max(0.0, looked + BREATH - time.monotonic()))
        self._stopping.set()
        for thread in aside:
            thread.join(LAST_BATCHES)
        if not self._crew.finish(LAST_BATCHES):
            log.warning("worker_left_batches")  # they fall due again
        log.info("worker_stopped")

    def work_once(self) -> int:
        """One round over everything that is due, in this thread; how many rows it took."""
        now = self._now()
        if self._tidy_when_due(now):
            reconcile_due(self._store, self._wallets, self._now)
        roll_out(self._store, now)
        while wake_due(self._store, now):
            pass
        settle_due(self._store, now)
        return deliver_due(self._store, self._wallets, self._base_url, self._now)

    def _goes_on(self) -> bool:
        # A server that is told to stop knows nothing of us; its process waits for this thread.
        if not threading.main_thread().is_alive():
            self._stopping.set()
        return not self._stopping.is_set()

    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                self._store.listen(self._stopping)
            except Exception as error:  # noqa: BLE001 - looks go on without it, only slower
                log.warning("listening_broke", error=type(error).__name__)
                self._stopping.wait(RECONNECT)

    def _do_chores(self) -> None:
        """What may take a while, beside the deliveries: what time does to cards, new versions of
        templates, tidying up."""
        while not self._stopping.is_set():
            try:
                now = self._now()
                busy = wake_due(self._store, now) + roll_out(self._store, now)
                busy += settle_due(self._store, now)
                self._campaigns.tell_when_due(now)
                self._tidy_when_due(now)
            except Exception:
                log.exception("chore_failed")
                busy = 0
            self._stopping.wait(BREATH if busy else POLL)

    def _tidy_when_due(self, now: datetime) -> bool:
        if self._tidy_at is not None and (now - self._tidy_at).total_seconds() < TIDY:
            return False
        self._tidy_at = now
        tidy(self._store, now)
        return True

    def _reconcile(self) -> None:
        """Asks vendors each night who has what; nothing else stands behind their answers."""
        while not self._stopping.is_set():
            try:
                reconcile_due(self._store, self._wallets, self._now, self._goes_on)
            except Exception:
                log.exception("reconciling_failed")
            self._stopping.wait(LOOK_FOR_NIGHTS)


def tidy(store: Store, now: datetime) -> None:
    """Drops answers kept for repeats and announcements that were counted, once their day is over,
    and events that cannot come again; marks devices that went silent, and ends those that cannot be
    reached; each night proves the ledger."""
    with store.read_all() as session:
        merchant_ids = session.scalars(select(Merchant.id)).all()
    for merchant_id in merchant_ids:
        with store.write(merchant_id) as session:
            idempotency.forget_old(session, merchant_id, now)
            loud.forget_old(session, now)
            vendor_events.forget_old(session, now)
            mark_stale(session, now)
        end_unreachable(store, merchant_id, now)
        prove_when_due(store, merchant_id, now)
