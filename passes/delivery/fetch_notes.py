"""Writes down what devices fetched: one writer at a time, for everybody who waits meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from threading import Lock
from uuid import UUID

from passes.cards import fetches
from passes.store import Store

MOST_AT_ONCE = 200


class Fetches:
    """Notes of fetches on their way to the database.

    Thousands of devices fetch after a campaign, and writers of one database wait for each other:
    threads of a server would stand in a queue instead of sending passes. So whoever comes while
    another thread writes leaves the note behind and goes on, and that thread writes it too.
    """

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._notes: deque[tuple[UUID, UUID, str, int]] = deque()
        self._writing = Lock()

    def note(self, merchant_id: UUID, card_id: UUID, wallet: str, version: int) -> None:
        """Written when this returns, unless another thread is about to write it."""
        self._notes.append((merchant_id, card_id, wallet, version))
        # Looked at again after each writing: a note may have come just before the lock was free.
        while self._notes and self._writing.acquire(blocking=False):
            try:
                self._write()
            finally:
                self._writing.release()

    def _write(self) -> None:
        several = [self._notes.popleft() for _ in range(min(len(self._notes), MOST_AT_ONCE))]
        with self._store.note_all() as session:
            # Sorted, as everybody does who locks several rows.
            for merchant_id, card_id, wallet, version in sorted(set(several)):
                fetches.record_fetch(session, merchant_id, card_id, wallet, version, self._now())
