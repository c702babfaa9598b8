"""Sends many pushes at once: each has ten seconds, and none waits for another's push service.

Sources: RFC 8030, RFC 8291, spec/web.md 6.1 and 6.4. No redirect is ever followed.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from passes.wallet_port import Outcome, Receipt
from pwa import answers
from pwa.connection import Answer, Connection, Unanswered
from pwa.endpoints import Endpoint, Forbidden, addresses
from pwa.webpush import MOST_PLAINTEXT, BadKeys, TooLong, encrypt

PUSH_SECONDS = 10.0
"""For one push, from the look-up of the name to the end of the answer."""
PATIENCE = 30.0
"""Seconds in which the pushes of one batch may begin; the rest is sent later."""
AT_ONCE = 20
"""Pushes under way to one push service."""
_MOST_THREADS = 100
_MOST_ORIGINS = 1_000
_PADDED_TO = 1_024

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Push:
    """One message for one browser. ``ttl`` in seconds; ``authorization`` is the VAPID header."""

    endpoint: Endpoint
    p256dh: bytes = field(repr=False)
    auth: bytes = field(repr=False)
    plaintext: bytes = field(repr=False)
    ttl: int
    urgency: str
    topic: str
    authorization: str = field(repr=False)


@dataclass(slots=True)
class _Origin:
    """One push service: connections that wait to be used again, and room for so many pushes."""

    idle: deque[Connection] = field(default_factory=deque)
    room: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(AT_ONCE)
    )


class Sender:
    """Keeps connections to push services. Safe between threads."""

    def __init__(self, clock: Callable[[], float], context: ssl.SSLContext | None = None) -> None:
        """``clock`` in seconds since 1970; ``context``: whom to trust, the system's roots if not
        given."""
        self._clock = clock
        self._context = context or ssl.create_default_context()
        self._origins: dict[str, _Origin] = {}
        self._lock = threading.Lock()

    def send(self, pushes: Sequence[Push]) -> list[Receipt]:
        """A receipt for each push, in their order; takes 40 seconds at most."""
        receipts: list[Receipt] = [answers.NO_TIME] * len(pushes)
        end = time.monotonic() + PATIENCE
        places: dict[str, deque[int]] = {}
        for place, push in enumerate(pushes):
            places.setdefault(push.endpoint.origin, deque()).append(place)

        def work(origin: _Origin, mine: deque[int]) -> None:
            while mine and time.monotonic() < end:
                try:
                    place = mine.popleft()
                except IndexError:  # another thread was faster
                    return
                receipts[place] = self._send_one(origin, pushes[place], end)

        jobs = [
            (self._origin(name), mine)
            for name, mine in places.items()
            for _ in range(min(AT_ONCE, len(mine)))
        ]
        if len(jobs) == 1:
            work(*jobs[0])
        elif jobs:
            with ThreadPoolExecutor(min(_MOST_THREADS, len(jobs))) as threads:
                list(threads.map(lambda job: work(*job), jobs))
        self._tidy()
        _report(pushes, receipts)
        return receipts

    def close(self) -> None:
        """Closes what is not in use."""
        with self._lock:
            origins, self._origins = self._origins, {}
        for origin in origins.values():
            while origin.idle:
                origin.idle.popleft().close()

    def _tidy(self) -> None:
        """Closes what nobody will use any more; the oldest are in front."""
        with self._lock:
            origins = list(self._origins.values())
        for origin in origins:
            with suppress(IndexError):  # another thread took it
                while origin.idle[0].is_old:
                    origin.idle.popleft().close()

    def _origin(self, name: str) -> _Origin:
        with self._lock:
            if len(self._origins) >= _MOST_ORIGINS and name not in self._origins:
                self._origins.clear()
            return self._origins.setdefault(name, _Origin())

    def _send_one(self, origin: _Origin, push: Push, end_of_batch: float) -> Receipt:
        if not origin.room.acquire(timeout=max(0.0, end_of_batch - time.monotonic())):
            return answers.NO_TIME
        try:
            answer = self._post(origin, push, time.monotonic() + PUSH_SECONDS)
        except (Forbidden, BadKeys, TooLong) as error:
            return Receipt(Outcome.REFUSED, str(error))
        except Unanswered as error:
            return Receipt(Outcome.LATER, str(error))
        finally:
            origin.room.release()
        return answers.receipt(answer, self._clock())

    def _post(self, origin: _Origin, push: Push, end: float) -> Answer:
        """Raises Unanswered and Forbidden."""
        padded = -(-len(push.plaintext) // _PADDED_TO) * _PADDED_TO
        body = encrypt(
            push.plaintext, push.p256dh, push.auth, padded_to=min(padded, MOST_PLAINTEXT)
        )
        headers = {
            "TTL": str(push.ttl),
            "Urgency": push.urgency,
            "Topic": push.topic,
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "Authorization": push.authorization,
            "User-Agent": "treuepass",
        }
        while True:
            connection = _taken(origin) or self._connect(push.endpoint, end)
            try:
                answer = connection.post(push.endpoint.target, headers, body, end)
            except Unanswered as error:
                if error.untouched:
                    continue  # at most as often as there are connections that were kept
                raise
            if connection.is_open:
                origin.idle.append(connection)
            return answer

    def _connect(self, endpoint: Endpoint, end: float) -> Connection:
        context = None if endpoint.is_on_this_machine else self._context
        return Connection(endpoint, _looked_up(endpoint, end), context, end)


def _taken(origin: _Origin) -> Connection | None:
    """The connection that was used last, of those that still stand."""
    while True:
        try:
            connection = origin.idle.pop()
        except IndexError:
            return None
        if connection.is_usable():
            return connection
        connection.close()


def _looked_up(endpoint: Endpoint, end: float) -> list[str]:
    """``addresses``, but not for longer than until ``end``: a resolver has no such limit itself.

    Raises Unanswered and Forbidden.
    """
    found: SimpleQueue[list[str] | Exception] = SimpleQueue()

    def look_up() -> None:
        try:
            found.put(addresses(endpoint))
        except (OSError, ValueError, Forbidden) as error:
            found.put(error)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        result = found.get(timeout=max(0.0, end - time.monotonic()))
    except Empty:
        raise Unanswered("The push service's name was not looked up in time.") from None
    if isinstance(result, Forbidden):
        raise result
    if isinstance(result, Exception):
        raise Unanswered(f"The push service's name is not known ({type(result).__name__}).")
    return result


def _report(pushes: Sequence[Push], receipts: Sequence[Receipt]) -> None:
    """What an operator must look at: a refusal is no device's fault. Hosts only, no addresses."""
    refused = Counter(
        (push.endpoint.host, receipt.detail)
        for push, receipt in zip(pushes, receipts, strict=True)
        if receipt.outcome is Outcome.REFUSED
    )
    for (host, detail), times in refused.items():
        log.warning("Web Push refused by %s, %d times: %s", host, times, detail)
