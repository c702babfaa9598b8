"""A push service as a sender and as a browser meet it, served on loopback.

    with FakePushService() as service:
        settings = {"TREUEPASS_WEBPUSH_EXTRA_HOSTS": service.host}
        device = service.subscribe(server_key)      # as PushManager.subscribe in some browser
        device.subscription()                       # what its page sends to the server
        ...
        device.arrived[-1].text, device.arrived[-1].headers
        service.fault = Fault.HANG                  # from now on, for everybody; Fault.NONE ends it
        device.fault = Fault.GONE                   # for this one alone
        device.is_online = False; device.come_back(now)
        service.unsubscribe(device)                 # 410 from now on

``pwa.simulate.rules`` says what it demands of a message. A message is opened by http_ece, and once
more by ``pwa.simulate.keys``, which must agree. A real Firefox may subscribe over WebSocket at the
same address: see ``web_push_mozilla``.
"""

from __future__ import annotations

import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import http_ece

from pwa.simulate.keys import Keys, new_keys
from pwa.simulate.rules import LONGEST_BODY, Refusal, refusal
from tests.fakes.web_push_mozilla import Mozilla
from tests.fakes.web_push_socket import Frames, accepting

_DRIP_SECONDS = 0.05


class Fault(StrEnum):
    """How the service treats a message: well, or in one of the eleven ways of misbehaving."""

    NONE = "none"
    NOT_FOUND = "404"
    GONE = "410"
    TOO_LARGE = "413"
    TOO_MANY = "429 with Retry-After"
    BROKEN = "500"
    UNAVAILABLE = "503"
    HANG = "hang"
    DROP = "drop"
    REDIRECT = "redirect"
    GARBAGE = "garbage instead of HTTP"
    SLOW = "slow drip"


FAULTS = tuple(fault for fault in Fault if fault is not Fault.NONE)

_STATUS = {
    Fault.NOT_FOUND: 404,
    Fault.GONE: 410,
    Fault.TOO_LARGE: 413,
    Fault.TOO_MANY: 429,
    Fault.BROKEN: 500,
    Fault.UNAVAILABLE: 503,
    Fault.REDIRECT: 307,
}


@dataclass(frozen=True)
class Message:
    """A message that was taken. ``text``: what the device read; None: only a browser can read it.

    ``headers`` have names in lower case.
    """

    headers: dict[str, str]
    body: bytes = field(repr=False)
    text: bytes | None
    at: float

    def is_over(self, now: float) -> bool:
        return now >= self.at + int(self.headers["ttl"])


@dataclass(eq=False)
class Device:
    """A subscription. ``keys`` None: they are in a real browser."""

    endpoint: str
    server_key: bytes
    keys: Keys | None = None
    fault: Fault = Fault.NONE
    is_online: bool = True
    is_subscribed: bool = True
    arrived: list[Message] = field(default_factory=list)
    waiting: list[Message] = field(default_factory=list)
    bring: Callable[[Message], bool] = lambda message: True
    """Hands a message on to a real browser; False: it is away."""

    def subscription(self) -> dict[str, Any]:
        """As ``PushSubscription.toJSON()`` gives it to a page."""
        assert self.keys is not None
        return self.keys.subscription(self.endpoint)

    def take(self, message: Message) -> None:
        """A message for the device; while it is away, of each topic the newest waits (RFC 8030,
        5.4), and what lives for no time is lost (5.2)."""
        if self.is_online and self.bring(message):
            self.arrived.append(message)
            return
        topic = message.headers.get("topic")
        if topic is not None:
            self.waiting = [each for each in self.waiting if each.headers.get("topic") != topic]
        if message.headers["ttl"] != "0":
            self.waiting.append(message)

    def come_back(self, now: float) -> None:
        """Is online again, and gets what waited and has not ended by ``now``."""
        self.is_online = True
        waited, self.waiting = self.waiting, []
        for message in waited:
            if not message.is_over(now):
                self.take(message)


@dataclass(frozen=True)
class Request:
    """One request of a sender, in the order of arrival. ``status`` None: it got none."""

    path: str
    headers: dict[str, str]
    status: int | None
    connection: int


class FakePushService:
    """Runs while the ``with`` block runs. What it has may be read and changed at any time."""

    def __init__(self, redirects_to: str = "http://127.0.0.1:9/") -> None:
        self.fault = Fault.NONE
        self.fault_after: int | None = None
        """``fault`` begins with the request after so many; None: at once."""
        self.retry_after = "2"
        """With 429 and 503; seconds or an HTTP date, "" for none."""
        self.redirects_to = redirects_to
        self.clock: Callable[[], float] = time.time
        """Seconds since 1970; for tests in which time stands still."""
        self.devices: dict[str, Device] = {}
        self.requests: list[Request] = []
        self.connections = 0
        self._asked = 0
        self.mozilla = Mozilla(self)
        self.ending = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        self._server.shutdown()
        self._thread.join()
        self.drop_connections()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def host(self) -> str:
        """What TREUEPASS_WEBPUSH_EXTRA_HOSTS must name."""
        return f"127.0.0.1:{self.port}"

    @property
    def origin(self) -> str:
        return f"http://{self.host}"

    def subscribe(self, server_key: bytes) -> Device:
        """A browser subscribes. ``server_key``: the applicationServerKey, 65 bytes."""
        return self.add(server_key, new_keys())

    def add(self, server_key: bytes, keys: Keys | None) -> Device:
        path = f"/push/{secrets.token_urlsafe(24)}"
        device = Device(f"{self.origin}{path}", server_key, keys)
        with self._lock:
            self.devices[path] = device
        return device

    def unsubscribe(self, device: Device) -> None:
        device.is_subscribed = False

    def drop_connections(self) -> None:
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    # --- what the handler calls ---

    def connected(self, connection: socket.socket) -> int:
        """Notes a new connection; its number, from 1."""
        with self._lock:
            self._open.add(connection)
            self.connections += 1
            return self.connections

    def disconnected(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    def fault_at(self, path: str) -> Fault:
        device = self.devices.get(path)
        own = device.fault if device is not None else Fault.NONE
        with self._lock:
            self._asked += 1
            if self.fault_after is not None and self._asked <= self.fault_after:
                return own
        return own if own is not Fault.NONE else self.fault

    def take(self, path: str, headers: dict[str, str], body: bytes) -> Refusal | None:
        """A message that a sender brought; why it is not taken."""
        with self._lock:
            device = self.devices.get(path)
            if device is None:
                return Refusal(404, "there never was such a subscription")
            if not device.is_subscribed:
                return Refusal(410, "nobody is subscribed here any more")
            now = self.clock()
            refused = refusal(
                headers, body, origin=self.origin, server_key=device.server_key, now=now
            )
            if refused is None:
                device.take(Message(headers, body, _opened(device.keys, body), now))
            return refused

    def note(self, request: Request) -> None:
        with self._lock:
            self.requests.append(request)


def _opened(keys: Keys | None, body: bytes) -> bytes | None:
    """The plaintext, on which two decryptions that know nothing of each other agree."""
    if keys is None:
        return None
    text: bytes = http_ece.decrypt(
        body, private_key=keys.private, auth_secret=keys.auth, version="aes128gcm"
    )
    assert keys.open(body) == text
    return text


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None: ...  # a client that went away


def _handler(service: FakePushService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer leaves as one piece

        def setup(self) -> None:
            super().setup()
            self.number = service.connected(self.request)

        def finish(self) -> None:
            service.disconnected(self.request)
            with suppress(OSError):
                super().finish()

        def do_GET(self) -> None:
            key = self.headers.get("Sec-WebSocket-Key")
            if key is None:
                self._answer(404)
                return
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.send_header("Sec-WebSocket-Accept", accepting(key))
            if "Sec-WebSocket-Protocol" in self.headers:
                self.send_header("Sec-WebSocket-Protocol", self.headers["Sec-WebSocket-Protocol"])
            self.end_headers()
            self.wfile.flush()
            self.close_connection = True
            service.mozilla.serve(Frames(self.connection, self.rfile, masks=False))

        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            fault = service.fault_at(self.path)
            length = int(headers.get("content-length", 0))
            if fault is Fault.DROP:
                self.rfile.read(length // 2)
                self._note(headers, None)
                # With nothing to linger for, the connection is reset at once.
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.close_connection = True
                return
            body = self.rfile.read(length)
            if fault in _STATUS:
                self._note(headers, _STATUS[fault])
                self._answer(_STATUS[fault])
            elif fault is not Fault.NONE:
                self._note(headers, None)
                self.close_connection = True
                self._misbehave(fault)
            else:
                refused = service.take(self.path, headers, body)
                status = 201 if refused is None else refused.status
                self._note(headers, status)
                self._answer(status, "" if refused is None else refused.reason)
            assert length <= 10 * LONGEST_BODY

        def _note(self, headers: dict[str, str], status: int | None) -> None:
            service.note(Request(self.path, headers, status, self.number))

        def _answer(self, status: int, said: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            if status in {429, 503} and service.retry_after:
                self.send_header("Retry-After", service.retry_after)
            if status == 307:
                self.send_header("Location", service.redirects_to)
            if status == 201:
                self.send_header("TTL", self.headers["TTL"])
                self.send_header("Location", f"{service.origin}/message/{secrets.token_hex(8)}")
            self.end_headers()
            self.wfile.write(said.encode())

        def _misbehave(self, fault: Fault) -> None:
            if fault is Fault.HANG:
                self._wait_until_hung_up()
            elif fault is Fault.GARBAGE:
                self.wfile.write(b"\x16\x03\x01\x00 220 this is no HTTP\r\n\r\n" * 3)
            elif fault is Fault.SLOW:
                with suppress(OSError):
                    for byte in b"HTTP/1.1 201 Created\r\nX-Drip: " + b"." * 10_000:
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                        if service.ending.wait(_DRIP_SECONDS):
                            return

        def _wait_until_hung_up(self) -> None:
            with suppress(OSError):
                self.rfile.read(1)

        def log_message(self, *_: object) -> None: ...

    return Handler
