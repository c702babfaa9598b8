"""Sends a batch of pushes over a few connections at once, within one deadline.

What Apple surely did not process goes once more at once: streams above a GOAWAY's last one, streams
that were refused, requests that were still in the queue. What it may have processed does not.
"""

from __future__ import annotations

import select
import ssl
import time
import weakref
from collections.abc import Callable

from wallet_apple.apns import frames
from wallet_apple.apns.batch import Answer, Batch
from wallet_apple.apns.connection import Connection
from wallet_apple.apns.endpoint import CONNECT_SECONDS, Endpoint, Unreachable, connect
from wallet_apple.apns.frames import Requests
from wallet_apple.apns.pool import Credential, Pool

SILENCE = 10.0
"""Seconds without a byte after which a connection with open questions counts as dead."""
SILENCE_WITHOUT_QUESTIONS = 1.0
"""The same where each push was answered but no stream was closed."""
PUSHES_PER_CONNECTION = 5000
MOST_CONNECTIONS = 4

# Reasons for which Apple would answer 403; in a GOAWAY they say the same of the whole connection.
_CREDENTIAL_REASONS = {
    "BadCertificate", "BadCertificateEnvironment", "ExpiredProviderToken", "Forbidden",
    "InvalidProviderToken", "MissingProviderToken", "UnrelatedKeyIdInToken",
    "BadEnvironmentKeyIdInToken",
}  # fmt: skip


class Sender:
    """Keeps connections open between batches. Safe between threads: a connection serves one.

    ``last_stream``: the highest stream number of a connection, after which there is a new one.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        silence: float = SILENCE,
        last_stream: int = frames.LAST_STREAM,
    ) -> None:
        self.endpoint = endpoint
        self.opened = 0
        """How many connections were opened so far."""
        self._silence = silence
        self._last_stream = last_stream
        self._pool = Pool()
        # Also at the end of the interpreter.
        self.close = weakref.finalize(self, self._pool.close)

    def send(
        self,
        credential: Credential,
        context: Callable[[], ssl.SSLContext] | None,
        requests: Requests,
        batch: Batch,
        end: float,
        *,
        connections: int | None = None,
    ) -> None:
        """Pushes what the batch has left and writes the answers into it.

        ``context`` makes the TLS of a new connection (None: no TLS). Returns when time.monotonic()
        passes ``end``; what has no answer then has none. ``connections``: how many to use at once,
        if not by the size of the batch. Raises what ``context`` raises.
        """
        if not batch.left:
            return
        wanted = connections or min(MOST_CONNECTIONS, -(-batch.left // PUSHES_PER_CONNECTION))
        run = _Run(self, credential, context, requests, batch, wanted, end)
        try:
            run.go()
        finally:
            run.end()

    def forget(self, credential: Credential) -> None:
        """Closes what is open for a credential that Apple no longer takes."""
        self._pool.close(credential)


class _Run:
    """One batch on its way."""

    def __init__(
        self,
        sender: Sender,
        credential: Credential,
        context: Callable[[], ssl.SSLContext] | None,
        requests: Requests,
        batch: Batch,
        wanted: int,
        end: float,
    ) -> None:
        self._sender, self._credential, self._make_context = sender, credential, context
        self._requests, self._batch, self._wanted = requests, batch, wanted
        self._end = end
        self._poll = select.poll()
        self._open: dict[int, Connection] = {}
        self._context: ssl.SSLContext | None = None
        self._in_vain = 0  # connections in a row that ended without a single answer

    def go(self) -> None:
        batch = self._batch
        for connection in self._sender._pool.take(self._credential, self._wanted):
            self._add(connection)
        while True:
            self._connect()
            for connection in list(self._open.values()):
                if connection.refused:
                    self._repeat(connection)
                connection.fill(self._requests)
                connection.flush()
                if connection.broken or (connection.leaving and not connection.waiting):
                    self._settle(connection)
            busy = any(connection.waiting for connection in self._open.values())
            if not busy and not batch.left:
                return
            if not self._open:
                if self._may_connect():
                    continue
                return
            if not self._listen():
                return

    def end(self) -> None:
        """Keeps what can be used again."""
        for connection in list(self._open.values()):
            self._poll.unregister(connection)
            if connection.waiting:
                self._batch.trouble = "Apple's push service did not answer in time."
            if connection.waiting or connection.leaving or connection.broken:
                connection.close()
            else:
                connection.begin(Batch(()))
                self._sender._pool.give_back(self._credential, connection)
        self._open.clear()
        if self._batch.refused_certificate or (
            self._batch.stopped is not None and self._batch.stopped.status == 403
        ):
            self._sender.forget(self._credential)

    # --- steps ---

    def _may_connect(self) -> bool:
        return self._in_vain < 2 and self._batch.left > 0 and time.monotonic() < self._end

    def _connect(self) -> None:
        """Opens as many connections as are wanted, or one after the other in times of trouble."""
        wanted = 1 if self._in_vain else self._wanted
        while self._usable() < wanted and self._may_connect():
            seconds = min(CONNECT_SECONDS, max(0.1, self._end - time.monotonic()))
            endpoint = self._sender.endpoint
            try:
                if self._context is None and self._make_context is not None:
                    self._context = self._make_context()
                plain = connect(endpoint, self._context, seconds)
            except Unreachable as error:
                self._batch.trouble = f"Apple's push service cannot be reached: {error}."
                self._batch.refused_certificate = error.refused_certificate
                # Nothing was sent; whoever gave no connection now will not give one at once.
                self._in_vain = 2
                return
            self._sender.opened += 1
            self._add(Connection(plain, self._sender._last_stream))

    def _usable(self) -> int:
        return sum(not connection.leaving for connection in self._open.values())

    def _add(self, connection: Connection) -> None:
        connection.begin(self._batch)
        self._open[connection.fileno()] = connection
        self._poll.register(connection, select.POLLIN)

    def _listen(self) -> bool:
        """Waits for the next bytes; False when the time is up."""
        now = time.monotonic()
        quiet = min(self._silent_at(connection) for connection in self._open.values())
        if now >= self._end:
            return False
        for descriptor, connection in self._open.items():
            wanted = select.POLLIN | (select.POLLOUT if connection.wants_write else 0)
            self._poll.modify(descriptor, wanted)
        for descriptor, _ in self._poll.poll(max(0.0, min(quiet, self._end) - now) * 1000 + 1):
            self._open[descriptor].receive()
        now = time.monotonic()
        for connection in list(self._open.values()):
            if not connection.broken and now >= self._silent_at(connection):
                connection.broken = "nothing came for too long"
        return True

    def _silent_at(self, connection: Connection) -> float:
        questions = connection.waiting or not connection.greeted
        silence = self._sender._silence if questions else SILENCE_WITHOUT_QUESTIONS
        if not questions and (connection.room or not self._batch.left):
            return self._end + 1  # nothing is expected of it
        return connection.heard_at + silence

    def _settle(self, connection: Connection) -> None:
        """A connection is at its end: what of its pushes goes again, and what does not."""
        batch = self._batch
        del self._open[connection.fileno()]
        self._poll.unregister(connection)
        self._in_vain = 0 if connection.answered else self._in_vain + 1
        if connection.goodbye:
            batch.trouble = f"Apple's push service hung up: {connection.goodbye}."
        elif connection.broken:
            batch.trouble = f"Apple's push service broke off: {connection.broken}."
        if connection.refused_certificate:
            batch.refused_certificate = connection.refused_certificate
        if connection.goodbye in _CREDENTIAL_REASONS:
            batch.stopped = Answer(403, connection.goodbye)
        self._repeat(connection)
        connection.close()

    def _repeat(self, connection: Connection) -> None:
        self._batch.repeat(connection.refused)
        connection.refused.clear()
