"""Writes down what devices fetched: at once when it is quiet, in batches after a campaign."""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import islice
from threading import Lock, Timer

import structlog

from passes.cards.fetches import Fetched, Place, record_fetches
from passes.store import Store

PAUSE = 0.05
"""Seconds between two writings; what comes meanwhile is written together."""
MOST_AT_ONCE = 200

log = structlog.get_logger("treuepass.delivery")


class FetchNotes:
    """Notes of fetches on their way to the database.

    Thousands of devices fetch after a campaign, and a transaction for each would cost as much as
    its pass. So a first note is written at once, and those of the next moment are written together
    by a thread of their own.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._notes: dict[Place, Fetched] = {}
        """The newest of each installation, until it is written."""
        self._lock = Lock()
        self._is_in_hand = False
        """Somebody writes, or will in a moment."""
        self._rests_until = 0.0
        self._later: Timer | None = None
        store.unwritten.append(self.finish)

    def add(self, fetched: Iterable[Fetched]) -> None:
        """Written when this returns, or a moment later. Raises what goes wrong at once."""
        with self._lock:
            for note in fetched:
                if note.version >= self.version(note.place):
                    self._notes[note.place] = note
            if self._is_in_hand or not self._notes:
                return
            self._is_in_hand = True
        try:
            if time.monotonic() >= self._rests_until:
                self._write()
        finally:
            if self._has_more():
                self._later = Timer(PAUSE, self._write_all)
                self._later.daemon = False  # a process that stops waits until all is written
                self._later.start()

    def finish(self) -> None:
        """Returns when all is written."""
        if self._later is not None:
            self._later.join()

    def version(self, place: Place) -> int:
        """Which version is noted of an installation but not yet written; 0: none."""
        note = self._notes.get(place)
        return 0 if note is None else note.version

    def _write_all(self) -> None:
        while True:
            try:
                self._write()
            except Exception:
                # The devices will be told once more of what they have, and that will be noted.
                log.exception("fetches_not_noted")
            if not self._has_more():
                return
            time.sleep(PAUSE)

    def _write(self) -> None:
        """Writes what is there; what cannot be written is forgotten."""
        with self._lock:
            several = list(islice(self._notes.values(), MOST_AT_ONCE))
        try:
            with self._store.note_all() as connection:
                record_fetches(connection, several)
        finally:
            with self._lock:
                for note in several:
                    if self._notes[note.place] is note:
                        del self._notes[note.place]
                self._rests_until = time.monotonic() + PAUSE

    def _has_more(self) -> bool:
        """Whether more has come meanwhile; if not, whoever brings some has it in hand."""
        with self._lock:
            self._is_in_hand = bool(self._notes)
            return self._is_in_hand
