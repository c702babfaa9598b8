"""A small cache that forgets what it has kept for longest; safe between threads."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Keeps the ``size`` entries that were put in last.

    First in, first out: what is in use and falls out is soon back, and in return a hit costs no
    more than one look in a dict. Two threads that miss the same key at once both make the value
    and the later one stays, which is cheaper than a lock held meanwhile.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: dict[K, V] = {}
        self._lock = Lock()
        self.get = self._entries.get

    def put(self, key: K, value: V) -> None:
        with self._lock:
            if len(self._entries) >= self._size and key not in self._entries:
                del self._entries[next(iter(self._entries))]
            self._entries[key] = value

    def __len__(self) -> int:
        return len(self._entries)
