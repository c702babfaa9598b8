"""Writes down what devices fetched: one writer at a time, for everybody who comes meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from threading import Lock

from passes.cards.fetches import Fetched, record_fetches
from passes.store import Store

MOST_AT_ONCE = 200


class FetchNotes:
    """Notes of fetches on their way to the database.

    Thousands of devices fetch after a campaign, and writers of one database wait for each other:
    threads of a server would stand in a queue instead of sending passes. So whoever comes while
    another thread writes leaves the note behind and goes on, and that thread writes it too.
    """

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._notes: deque[Fetched] = deque()
        self._writing = Lock()

    def add(self, fetched: Iterable[Fetched]) -> None:
        """Written when this returns, unless another thread is about to write it."""
        self._notes.extend(fetched)
        # Looked at again after each writing: a note may have come just before the lock was free.
        while self._notes and self._writing.acquire(blocking=False):
            try:
                self._write()
            finally:
                self._writing.release()

    def _write(self) -> None:
        several = [self._notes.popleft() for _ in range(min(len(self._notes), MOST_AT_ONCE))]
        if several:
            with self._store.note_all() as connection:
                record_fetches(connection, several, self._now())
