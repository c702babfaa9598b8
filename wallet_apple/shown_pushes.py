"""The pushes of test mode: what would go to Apple is written to a file that everybody may read.

A line of the file is one JSON object. The first names the log itself (``{"log": …}``), each other
one is a push: at, topic, device (SHA-256 of the push token in hex), serial, version, reason.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

FILE_NAME = "test-pushes.log"
MOST_BYTES = 1_000_000
"""A log that is longer starts anew."""


@dataclass(frozen=True, slots=True)
class ShownPush:
    """A push to one device. ``at`` is RFC 3339 in UTC, ``reason`` a value of the port's Reason."""

    at: str
    topic: str
    device: str
    serial: str
    version: int
    reason: str


def device_hash(push_token: str) -> str:
    """What stands for the device in the log."""
    return hashlib.sha256(push_token.encode()).hexdigest()


def append(file: Path, pushes: Sequence[ShownPush]) -> None:
    """Adds the pushes in one piece. Threads and processes may do so at once.

    Raises OSError when the file cannot be written.
    """
    lines = b"".join(orjson.dumps(asdict(push)) + b"\n" for push in pushes)
    if not lines:
        return
    with _locked(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, fcntl.LOCK_EX) as descriptor:
        size = os.fstat(descriptor).st_size
        if size > MOST_BYTES:
            os.ftruncate(descriptor, 0)
            size = 0
        if size == 0:
            lines = orjson.dumps({"log": secrets.token_hex(8)}) + b"\n" + lines
        os.write(descriptor, lines)


def since(
    file: Path, position: str | None, device_hashes: Collection[str]
) -> tuple[str, list[ShownPush]]:
    """The pushes to these devices after ``position``, oldest first, and the position to ask with
    next time.

    A position that is None, not one of ours, or of a log that started anew since, means the
    beginning.
    """
    try:
        with _locked(file, os.O_RDONLY, fcntl.LOCK_SH) as descriptor:
            head = os.pread(descriptor, 200, 0).partition(b"\n")[0]
            log = str(orjson.loads(head)["log"])
            known, _, told = (position or "").partition("-")
            size = os.fstat(descriptor).st_size
            start = int(told) if known == log and told.isdecimal() and told.isascii() else 0
            # Ours end with a line; whoever made one up gets the beginning.
            if start > size or (start and os.pread(descriptor, 1, start - 1) != b"\n"):
                start = 0
            lines = os.pread(descriptor, size - start, start).splitlines()
    except (FileNotFoundError, orjson.JSONDecodeError, KeyError, TypeError):
        return "", []
    read = (orjson.loads(line) for line in lines)
    pushes = [ShownPush(**push) for push in read if push.get("device") in device_hashes]
    return f"{log}-{size}", pushes


@contextmanager
def _locked(file: Path, flags: int, lock: int) -> Iterator[int]:
    descriptor = os.open(file, flags, 0o600)
    try:
        fcntl.flock(descriptor, lock)
        yield descriptor
    finally:
        os.close(descriptor)  # and with it the lock
