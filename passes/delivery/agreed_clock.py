"""The time that all machines agree on: the database's, on PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from passes.store import Store

COMPARE_CLOCKS = 60.0
"""Seconds between two looks at the database's clock."""
CLOCKS_AGREE = timedelta(milliseconds=100)
"""What lies beneath may be the way to the database and back."""


class AgreedClock:
    """This machine's time, corrected by what the database's clock was ahead at the last look.

    Calling it asks nobody; ``compare`` does, and raises when the database cannot be reached.
    """

    def __init__(self, store: Store, machine_now: Callable[[], datetime]) -> None:
        self._store = store
        self._machine_now = machine_now
        self._ahead = timedelta(0)
        self._compared_at: float | None = None

    def __call__(self) -> datetime:
        return self._machine_now() + self._ahead

    def compare(self) -> None:
        """Looks at the database's clock, unless that was done within the last minute."""
        moment = time.monotonic()
        if self._compared_at is None or moment - self._compared_at >= COMPARE_CLOCKS:
            self._compared_at = moment
            ahead = self._store.ahead()
            self._ahead = ahead if abs(ahead) >= CLOCKS_AGREE else timedelta(0)
