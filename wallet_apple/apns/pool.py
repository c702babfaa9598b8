"""Open connections that wait for the next batch, by the credential that they show."""

from __future__ import annotations

import select
import threading
import time
from collections import defaultdict
from dataclasses import dataclass

from wallet_apple.apns.connection import Connection

LONGEST_IDLE = 600.0
"""Seconds; whatever stands between us and Apple forgets quiet connections sooner or later."""
ASK_AFTER = 30.0
ASK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Credential:
    """What a connection shows: an account, its version, the certificate's serial number."""

    account: str
    version: int
    certificate: int


class Pool:
    """Keeps idle connections; each is handed to one thread at a time. Safe between threads."""

    def __init__(self) -> None:
        self._idle: dict[Credential, list[tuple[Connection, float]]] = defaultdict(list)
        self._lock = threading.Lock()

    def take(self, credential: Credential, most: int) -> list[Connection]:
        """Up to so many that are alive. Those that are not, or whose credential was replaced, are
        closed."""
        now = time.monotonic()
        with self._lock:
            mine = self._idle.pop(credential, [])
            taken, rest = mine[-most:], mine[:-most]
            if rest:
                self._idle[credential] = rest
            dropped = self._drop(credential, now)
        for connection in dropped:
            connection.close()
        alive = []
        for connection, since in taken:
            if is_alive(connection, now - since):
                alive.append(connection)
            else:
                connection.close()
        return alive

    def give_back(self, credential: Credential, connection: Connection) -> None:
        with self._lock:
            self._idle[credential].append((connection, time.monotonic()))

    def close(self, credential: Credential | None = None) -> None:
        """All of them, or those of one credential."""
        with self._lock:
            wanted = list(self._idle) if credential is None else [credential]
            closing = [each for name in wanted for each, _ in self._idle.pop(name, [])]
        for connection in closing:
            connection.close()

    def _drop(self, credential: Credential, now: float) -> list[Connection]:
        dropped = []
        for name, kept in list(self._idle.items()):
            replaced = (
                name.account == credential.account
                and name.version <= credential.version
                and name != credential
            )
            for entry in list(kept):
                if replaced or now - entry[1] > LONGEST_IDLE:
                    kept.remove(entry)
                    dropped.append(entry[0])
            if not kept:
                del self._idle[name]
        return dropped


def is_alive(connection: Connection, idle: float) -> bool:
    """Whether it can be used again; after a while without a word the server is asked.

    ``idle`` in seconds.
    """
    connection.receive()  # what came meanwhile: PING, SETTINGS, GOAWAY, the end
    connection.flush()
    if not connection.idle or idle > LONGEST_IDLE:
        return False
    if idle < ASK_AFTER:
        return True
    pongs, end = connection.pongs, time.monotonic() + ASK_SECONDS
    connection.ping()
    connection.flush()
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    while connection.pongs == pongs and connection.idle:
        rest = end - time.monotonic()
        if rest <= 0 or not poll.poll(rest * 1000):
            return False
        connection.receive()
    return connection.idle
