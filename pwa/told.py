"""Remembers which browsers heard of which version, so that a repetition tells nobody twice."""

from __future__ import annotations

_GENERATION = 50_000


class Told:
    """Forgets what is old; safe between threads.

    A card is pushed again to all its devices when one of them did not get it, and a phone makes a
    sound each time. Whatever is forgotten, or was told by another process, is told once more.
    """

    def __init__(self) -> None:
        self._young: set[int] = set()
        self._old: set[int] = set()

    def knows(self, serial: str, version: int, endpoint: str) -> bool:
        key = hash((serial, version, endpoint))
        return key in self._young or key in self._old

    def add(self, serial: str, version: int, endpoint: str) -> None:
        if len(self._young) >= _GENERATION:
            self._old, self._young = self._young, set()
        self._young.add(hash((serial, version, endpoint)))
