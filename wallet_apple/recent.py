"""A small cache that forgets what was not used lately; safe between threads."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Keeps at least the ``size`` entries that were used last, and at most twice as many.

    Two generations: when the young one is full, it becomes the old one and what was old is
    dropped; an old entry that is asked for is young again. No entry is ever moved in order, so a
    hit costs one look in a dict. Each step is atomic, hence no lock: threads that meet may make a
    value twice or drop a generation early, and both only cost time.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        value = self._young.get(key)
        if value is None:
            value = self._old.get(key)
            if value is not None:
                self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        if len(self._young) >= self._size:
            self._old, self._young = self._young, {}
        self._young[key] = value

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())
