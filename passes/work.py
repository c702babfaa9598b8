"""The worker: which due rows exist, which function drains them, and when to look again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from threading import Event, Thread

import structlog
from sqlalchemy import select

from passes import idempotency
from passes.delivery.deliver import deliver_due, next_due
from passes.merchants.models import Merchant
from passes.store import Store
from passes.wallet_port import Wallet

POLL = 1.0
"""Seconds between two looks when nobody calls; other processes' changes are found so."""
TIDY = 3_600.0
"""Seconds between two rounds of putting away what has run out."""

log = structlog.get_logger("treuepass.worker")


class Worker:
    """A loop over everything that happens later. Any number may run against one PostgreSQL."""

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
        self._now = now
        self._stopping = Event()
        self._tidy_at: datetime | None = None

    def start(self) -> Thread:
        """Runs in a thread of this process."""
        thread = Thread(target=self.run, name="treuepass-worker", daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """Ends the loop after the batch in hand."""
        self._stopping.set()
        self._store.due.set()

    def run(self) -> None:
        """Works until stopped; trouble with the database is waited out."""
        while not self._stopping.is_set():
            self._store.due.clear()
            try:
                busy = self.work_once()
            except Exception:
                log.exception("worker_round_failed")
                busy = 0
            if not busy:
                self._store.due.wait(self._pause())

    def work_once(self) -> int:
        """One round over everything that is due; how many rows it took."""
        now = self._now()
        if self._tidy_at is None or (now - self._tidy_at).total_seconds() >= TIDY:
            self._tidy_at = now
            tidy(self._store, now)
        return deliver_due(self._store, self._wallets, self._base_url, now)

    def _pause(self) -> float:
        try:
            due = next_due(self._store, self._wallets)
        except Exception:  # noqa: BLE001 - the next round reports it
            return POLL
        if due is None:
            return POLL
        return min(POLL, max(0.01, (due - self._now()).total_seconds()))


def tidy(store: Store, now: datetime) -> None:
    """Drops answers kept for repeats once their day is over."""
    with store.read_all() as session:
        merchant_ids = session.scalars(select(Merchant.id)).all()
    for merchant_id in merchant_ids:
        with store.write(merchant_id) as session:
            idempotency.forget_old(session, merchant_id, now)
