"""Remembers what this process sent last, so that Google is not asked for nothing."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock, RLock

MOST_KEPT = 10_000
"""Classes or objects; some 400 bytes each."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A body that was sent: the version that it was drawn from, and a digest of it."""

    version: int
    digest: bytes

    @classmethod
    def of(cls, version: int, body: Mapping[str, object]) -> Mark:
        written = json.dumps(body, sort_keys=True).encode()
        return cls(version, hashlib.blake2b(written, digest_size=16).digest())


class Sent:
    """Marks by Google's id, the oldest go first; safe to use from several threads."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._marks: OrderedDict[str, Mark] = OrderedDict()
        self._busy: dict[str, tuple[RLock, int]] = {}
        self._lock = Lock()

    def last(self, resource_id: str) -> Mark | None:
        with self._lock:
            return self._marks.get(resource_id)

    def forget(self, resource_id: str) -> None:
        with self._lock:
            self._marks.pop(resource_id, None)

    @contextmanager
    def sending(self, resource_id: str, mark: Mark) -> Iterator[None]:
        """What is sent inside is noted when it went well, and else forgotten: nobody knows then
        what Google has."""
        try:
            yield
        except BaseException:
            self.forget(resource_id)
            raise
        with self._lock:
            self._marks[resource_id] = mark
            self._marks.move_to_end(resource_id)
            while len(self._marks) > self._most:
                self._marks.popitem(last=False)

    @contextmanager
    def alone(self, resource_id: str) -> Iterator[None]:
        """One thread of this process at a time for each id: of two changes, Google keeps the one
        that comes last (Google has no conditional update). A thread may enter again."""
        with self._lock:
            door, waiting = self._busy.get(resource_id, (RLock(), 0))
            self._busy[resource_id] = (door, waiting + 1)
        try:
            with door:
                yield
        finally:
            with self._lock:
                door, waiting = self._busy[resource_id]
                if waiting > 1:
                    self._busy[resource_id] = (door, waiting - 1)
                else:
                    del self._busy[resource_id]
