"""One kept HTTP/1.1 connection to a push service, to an address that was checked beforehand."""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import BinaryIO, cast

from pwa.endpoints import Endpoint

MOST_READ = 4_096
"""Bytes of an answer's body; a connection with more in it is closed."""
_BODY_SECONDS = 1.0
"""The status says it all; for the rest nobody waits longer."""
_IDLE_SECONDS = 60.0


class Unanswered(Exception):
    """No answer came; the sentence says why and holds nothing of what was sent or received.

    ``untouched``: a kept connection had ended before it was used, so another may do.
    """

    def __init__(self, message: str, *, untouched: bool = False) -> None:
        super().__init__(message)
        self.untouched = untouched


@dataclass(frozen=True, slots=True)
class Answer:
    """``retry_after``: the header as it came, or ""; ``body``: its first 4 KB, never logged."""

    status: int
    retry_after: str
    body: bytes


class Connection:
    """One connection, used by one thread at a time. All times are ``time.monotonic``'s."""

    def __init__(
        self,
        endpoint: Endpoint,
        addresses: Sequence[str],
        context: ssl.SSLContext | None,
        end: float,
    ) -> None:
        """Connects to the first of ``addresses`` that takes it. No name is looked up here, so what
        was checked is what is used; the certificate must be for the endpoint's name.

        ``context`` None: without TLS. Raises Unanswered.
        """
        self._authority = endpoint.authority
        self._socket = _connected(addresses, endpoint.port, end)
        self._used_at = time.monotonic()
        self._is_fresh = True
        self.is_open = True
        if context is not None:
            try:
                self._socket.settimeout(_left(end))
                self._socket = context.wrap_socket(self._socket, server_hostname=endpoint.host)
            except (OSError, ValueError) as error:
                self.close()
                raise _unanswered(error) from None

    def __del__(self) -> None:
        if hasattr(self, "_socket"):
            self.close()

    def close(self) -> None:
        self.is_open = False
        with suppress(OSError):
            self._socket.close()

    @property
    def is_old(self) -> bool:
        """Push services hang up on connections that were idle for so long."""
        return time.monotonic() - self._used_at > _IDLE_SECONDS

    def is_usable(self) -> bool:
        """Whether it is worth a try: it is not old, and the other side has neither hung up nor
        said anything unasked."""
        if not self.is_open or self.is_old:
            return False
        try:
            self._socket.settimeout(0)
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def post(self, target: str, headers: Mapping[str, str], body: bytes, end: float) -> Answer:
        """Sends one request and reads its answer. Raises Unanswered, also when ``end`` comes."""
        lines = [
            f"POST {target} HTTP/1.1",
            f"Host: {self._authority}",
            *(f"{name}: {value}" for name, value in headers.items()),
            f"Content-Length: {len(body)}",
        ]
        request = "\r\n".join([*lines, "", ""]).encode("ascii") + body
        kept, self._is_fresh = not self._is_fresh, False
        source = _Timed(self._socket, end)
        try:
            self._socket.settimeout(_left(end))
            self._socket.sendall(request)
            response = HTTPResponse(cast(socket.socket, source), method="POST")
            response.begin()
        except (OSError, HTTPException, ValueError) as error:
            self.close()
            untouched = kept and not source.received and not isinstance(error, TimeoutError)
            raise _unanswered(error, untouched=untouched) from None
        source.end = min(end, time.monotonic() + _BODY_SECONDS)
        answer = Answer(
            response.status, response.headers.get("Retry-After", ""), self._rest(response)
        )
        self._used_at = time.monotonic()
        return answer

    def _rest(self, response: HTTPResponse) -> bytes:
        """The body; without all of it the connection cannot be used again."""
        try:
            body = response.read(MOST_READ)
            is_whole = response.isclosed() or not response.read(1)
        except (OSError, HTTPException, ValueError):
            body, is_whole = b"", False
        if response.will_close or not is_whole:
            self.close()
        response.close()
        return body


class _Timed(io.RawIOBase):
    """Reads from a socket until ``end``, however slowly what is read drips in."""

    def __init__(self, source: socket.socket, end: float) -> None:
        super().__init__()
        self.end = end
        self.received = False
        self._source = source

    def makefile(self, mode: str) -> BinaryIO:
        """What HTTPResponse asks of a socket."""
        return cast(BinaryIO, io.BufferedReader(self))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any buffer is meant
        self._source.settimeout(_left(self.end))
        count = self._source.recv_into(buffer)
        self.received = self.received or count > 0
        return count


def _connected(addresses: Sequence[str], port: int, end: float) -> socket.socket:
    trouble: OSError = OSError("no address")
    for place, address in enumerate(addresses):
        # Each gets an equal part of the time, so that one that is silent leaves some for the rest.
        share = _left(end) / (len(addresses) - place)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_STREAM)
        try:
            opened.settimeout(share)
            opened.connect((address, port))
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            opened.close()
            trouble = error
            continue
        return opened
    raise _unanswered(trouble)


def _left(end: float) -> float:
    """Seconds until ``end``. Raises TimeoutError when there are none."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time is over")
    return left


def _unanswered(error: Exception, *, untouched: bool = False) -> Unanswered:
    """Only the kind of trouble: the text of some errors holds what was sent or received."""
    if isinstance(error, TimeoutError):
        return Unanswered("The push service did not answer in time.")
    if isinstance(error, ssl.SSLError):
        return Unanswered(f"The push service's TLS cannot be trusted ({type(error).__name__}).")
    if isinstance(error, HTTPException | ValueError):
        return Unanswered(
            f"The push service answered with what is no HTTP ({type(error).__name__}).",
            untouched=untouched,
        )
    return Unanswered(
        f"The push service cannot be reached ({type(error).__name__}).", untouched=untouched
    )
