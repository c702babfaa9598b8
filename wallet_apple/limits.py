"""Counts what one address asks for in a minute, for routes that anybody may call."""

from __future__ import annotations

from datetime import datetime
from threading import Lock


class PerMinute:
    """At most ``most`` of something from one address in a minute; kept in memory, per process.

    It forgets everything when the minute is over, so it never grows beyond one minute's callers,
    and beyond ``most_callers`` it lets nobody new in: that many addresses are an attack.
    """

    def __init__(self, most: int, most_callers: int = 50_000) -> None:
        self._most = most
        self._most_callers = most_callers
        self._minute = 0
        self._seen: dict[str, int] = {}
        self._lock = Lock()

    def allows(self, address: str, now: datetime) -> bool:
        """Counts one more, and says whether it is still few enough."""
        minute = int(now.timestamp()) // 60
        with self._lock:
            if minute != self._minute:
                self._minute, self._seen = minute, {}
            count = self._seen.get(address, 0)
            if count >= self._most or (not count and len(self._seen) >= self._most_callers):
                return False
            self._seen[address] = count + 1
            return True
