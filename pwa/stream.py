"""Tells open pages at once that their card changed: server-sent events (WHATWG HTML, 9.2).

A stream keeps a thread of the server busy, so there are few, they end by themselves, and a page
that gets none asks every now and then instead. One thread looks for all of them together.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping

MOST = 24
"""Streams of one process; ``treuepass serve`` has so many threads to spare."""
LIFE = 25.0
KEEP_ALIVE = 10.0
EVERY = 1.0
"""Seconds: how long a stream lives, says nothing, and how often somebody looks."""
RETRY_AFTER = 60
"""Seconds after which a page may ask for a stream again that got none."""

_RECONNECT = b"retry: 2000\n\n"
_STILL_HERE = b":\n\n"

log = logging.getLogger(__name__)


class Streams:
    """The open streams of one process.

    ``look`` answers with the version of each card by its token, as ``Issuer.versions`` does; a
    token without one is a card that was withdrawn.
    """

    def __init__(
        self,
        look: Callable[[Collection[str]], Mapping[str, int]],
        *,
        most: int = MOST,
        life: float = LIFE,
        keep_alive: float = KEEP_ALIVE,
        every: float = EVERY,
    ) -> None:
        self._look = look
        self._most = most
        self._life = life
        self._keep_alive = keep_alive
        self._every = every
        self._open: set[_Stream] = set()
        self._versions: Mapping[str, int] = {}
        self._news = threading.Condition()
        self._looks = False
        self._stopped = threading.Event()

    def open(self, token: str, version: int) -> Iterator[bytes] | None:
        """The events of a card that has this version now; None when there is no room.

        Whoever reads them calls ``close`` at the end, as WSGI asks for.
        """
        with self._news:
            now = time.monotonic()
            # Who never closed one is not waited for.
            self._open = {stream for stream in self._open if stream.end > now}
            if len(self._open) >= self._most or self._stopped.is_set():
                return None
            stream = _Stream(self, token, version, now + self._life)
            self._open.add(stream)
            self._versions = {**self._versions, token: version}
            if not self._looks:
                self._looks = True
                threading.Thread(target=self._keep_looking, name="streams", daemon=True).start()
        return stream

    def stop(self) -> None:
        """Ends all streams: the server shall not wait for them."""
        self._stopped.set()
        with self._news:
            self._news.notify_all()

    def close(self, stream: _Stream) -> None:
        with self._news:
            self._open.discard(stream)

    def wait(self, stream: _Stream) -> bytes | None:
        """What the stream says next, when it is time for it; None: nothing more."""
        silent_until = min(stream.end, time.monotonic() + self._keep_alive)
        with self._news:
            while not self._stopped.is_set():
                version = self._versions.get(stream.token)
                if version != stream.said:
                    stream.said = version
                    return _changed(version)
                left = silent_until - time.monotonic()
                if left <= 0:
                    return _STILL_HERE if stream.end > silent_until else None
                self._news.wait(left)
        return None

    def _keep_looking(self) -> None:
        while not self._stopped.wait(self._every):
            with self._news:
                tokens = {stream.token for stream in self._open}
                if not tokens:
                    self._looks = False
                    return
            try:
                versions = self._look(tokens)
            except Exception:  # whatever ails the database, the next look may succeed
                log.warning("Nobody could look for changes of open card pages", exc_info=True)
                continue
            with self._news:
                # Who came while we looked is in the next look.
                newcomers = {
                    token: version
                    for token, version in self._versions.items()
                    if token not in tokens
                }
                self._versions = {**newcomers, **versions}
                self._news.notify_all()


class _Stream:
    """The body of one answer."""

    def __init__(self, streams: Streams, token: str, version: int, end: float) -> None:
        self.token = token
        self.end = end
        self.said: int | None = version
        self._streams = streams
        self._greeting: bytes | None = _RECONNECT + _changed(version)

    def __iter__(self) -> _Stream:
        return self

    def __next__(self) -> bytes:
        if self._greeting is not None:
            greeting, self._greeting = self._greeting, None
            return greeting
        news = self._streams.wait(self)
        if news is None:
            raise StopIteration
        return news

    def close(self) -> None:
        self._streams.close(self)


def _changed(version: int | None) -> bytes:
    """The card has this version now; null: it was withdrawn."""
    return b'event: changed\ndata: {"version": %s}\n\n' % (
        b"null" if version is None else str(version).encode()
    )
