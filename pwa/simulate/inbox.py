"""A push service of one browser on loopback: takes messages for it, as Google's or Apple's does."""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from typing import Self

from pwa.simulate.keys import Keys, Unreadable, new_keys
from pwa.simulate.rules import LONGEST_BODY, Refusal, refusal

_PATIENCE = 15.0
"""Seconds until a sender that says nothing is hung up on."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One browser's subscription: where it is reached, and who may write to it."""

    endpoint: str = field(repr=False)
    server_key: bytes
    keys: Keys


class PushService:
    """Listens on 127.0.0.1 while the ``with`` block runs, for one subscription at a time."""

    def __init__(self, port: int = 0) -> None:
        """Raises OSError when somebody else has the port; 0 takes a free one."""
        self._messages: SimpleQueue[bytes] = SimpleQueue()
        self._subscription: Subscription | None = None
        self._server = _Server(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def host(self) -> str:
        """What TREUEPASS_WEBPUSH_EXTRA_HOSTS must name: host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def origin(self) -> str:
        return f"http://{self.host}"

    def subscribe(self, server_key: bytes) -> Subscription:
        """As ``PushManager.subscribe``; an earlier subscription ends."""
        path = f"/push/{secrets.token_urlsafe(16)}"
        made = Subscription(f"{self.origin}{path}", server_key, new_keys())
        self._subscription = made
        return made

    def unsubscribe(self) -> None:
        self._subscription = None

    def wait(self, seconds: float) -> bytes | None:
        """The plaintext of the next message; None when none comes in time."""
        try:
            return self._messages.get(timeout=seconds)
        except Empty:
            return None

    def take(self, path: str, headers: dict[str, str], body: bytes) -> Refusal | None:
        """A message that a sender brought; why it is not taken."""
        found = self._subscription
        if found is None or f"{self.origin}{path}" != found.endpoint:
            return Refusal(410, "nobody is subscribed here any more")
        refused = refusal(
            headers, body, origin=self.origin, server_key=found.server_key, now=time.time()
        )
        if refused is None:
            # What a browser cannot read it drops; the push service never knew what it carried.
            with suppress(Unreadable):
                self._messages.put(found.keys.open(body))
        return refused


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_: object) -> None: ...  # a sender that hung up


def _handler(service: PushService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = _PATIENCE

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            # One byte more than is allowed tells that there is too much.
            most = min(int(length), LONGEST_BODY + 1) if length.isdecimal() else 0
            body = self.rfile.read(most)
            headers = {name.lower(): value for name, value in self.headers.items()}
            refused = service.take(self.path, headers, body)
            if refused is None:
                self._answer(201, "")
            else:
                self.close_connection = refused.status == 413
                self._answer(refused.status, refused.reason)

        def _answer(self, status: int, reason: str) -> None:
            said = reason.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            if status == 201:
                self.send_header("TTL", self.headers["TTL"])
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None: ...

    return Handler
