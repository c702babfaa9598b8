"""Apple's push service as far as a sender meets it: HTTP/2 over TLS, served on loopback.

    with FakeApns(certificates) as apns:      # the folder of certs_example: root.pem is trusted
        settings = {"TREUEPASS_APNS_URL": apns.url, "TREUEPASS_APNS_CA": str(apns.ca_file)}
        ...
        apns.wait(3); apns.pushes              # what arrived: token, headers, when, accepted or not
        apns.mode = Mode.HANG                  # from now on, on every connection; Mode.OK ends it
        apns.answer(token, 410, "Unregistered", timestamp=…)    # this token's next answer
        apns.limit(1)                          # SETTINGS_MAX_CONCURRENT_STREAMS, at once
        apns.stop_listening(); apns.listen()   # the same port again

A client must show a certificate that the root signed, unless ``demand_certificate=False``. The
server's own certificate is for 127.0.0.1 and localhost and made anew for each server. A push counts
as ``accepted`` when Apple would bring it to the device, whatever the client gets to hear of it.
"""

from __future__ import annotations

import json
import select
import socket
import ssl
import tempfile
import threading
import time
from collections import defaultdict, deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

LOOK_UP_SECONDS = 0.01
MOST_STREAMS = 100


class Mode(StrEnum):
    """How the server treats every push: well, or in one of the sixteen ways of misbehaving."""

    OK = "ok"
    GONE = "410 with timestamp"
    BAD_TOKEN = "400 BadDeviceToken"
    FORBIDDEN = "403"
    TOO_LARGE = "413"
    TOO_MANY = "429"
    BROKEN = "500"
    UNAVAILABLE = "503 with Retry-After"
    GOAWAY_BEFORE = "GOAWAY before the answer"
    GOAWAY_AFTER = "GOAWAY after the answer"
    RESET = "RST_STREAM"
    HANG = "hang"
    DROP = "TCP drop in mid-request"
    GARBAGE = "bytes that are no HTTP/2"
    HEADERS_ONLY = "headers and then nothing"
    ONE_STREAM = "one stream only"
    LATE = "late answers out of order"


FAULTS = tuple(mode for mode in Mode if mode is not Mode.OK)


@dataclass
class Push:
    """A request that arrived whole. ``connection`` counts from 1, ``at`` is time.monotonic()."""

    token: str
    headers: dict[str, str]
    body: bytes
    connection: int
    at: float
    accepted: bool = False


@dataclass
class Answer:
    """What a push gets to hear; ``timestamp`` in milliseconds."""

    status: int
    reason: str = ""
    timestamp: int | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        if self.status == 200:
            return b""
        said: dict[str, object] = {"reason": self.reason}
        if self.timestamp is not None:
            said["timestamp"] = self.timestamp
        return json.dumps(said).encode()


ACCEPTED = Answer(200)
IN_2030 = 1_900_000_000_000
OF_MODE = {
    Mode.GONE: Answer(410, "Unregistered", IN_2030),
    Mode.BAD_TOKEN: Answer(400, "BadDeviceToken"),
    Mode.FORBIDDEN: Answer(403, "Forbidden"),
    Mode.TOO_LARGE: Answer(413, "PayloadTooLarge"),
    Mode.TOO_MANY: Answer(429, "TooManyRequests"),
    Mode.BROKEN: Answer(500, "InternalServerError"),
    Mode.UNAVAILABLE: Answer(503, "ServiceUnavailable", headers={"retry-after": "2"}),
}


class FakeApns:
    """Runs while the ``with`` block runs. All its figures may be read at any time."""

    def __init__(self, ca_folder: Path, *, demand_certificate: bool = True) -> None:
        """``ca_folder`` holds root.pem, which signed the clients' certificates (with wwdr.pem)."""
        self.mode: Mode = Mode.OK
        self.pushes: list[Push] = []
        self.connections = 0
        self.shown_certificates = 0
        """On how many connections the client showed one."""
        self.pings = 0
        """How many PINGs clients sent."""
        self.pongs = 0
        """How many PINGs of ours they answered."""
        self.goaway_reason = "Shutdown"
        self.reset_code = h2.errors.ErrorCodes.REFUSED_STREAM
        self.open: set[_Connection] = set()
        self._limit = MOST_STREAMS
        self._refusals = 0
        self._fault_after: tuple[int, Mode] | None = None
        self._scripts: dict[str, deque[Answer]] = defaultdict(deque)
        self._changed = threading.Condition()
        self._folder = tempfile.TemporaryDirectory(prefix="apns-")
        self.ca_file = Path(self._folder.name) / "apns.pem"
        self._context = _server_context(self.ca_file, ca_folder, demand_certificate)
        self._port = 0
        self._listener: socket.socket | None = None

    def __enter__(self) -> FakeApns:
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_listening()
        self.drop_connections()
        self._folder.cleanup()

    @property
    def url(self) -> str:
        """The value of TREUEPASS_APNS_URL."""
        return f"https://127.0.0.1:{self._port}"

    def listen(self) -> None:
        listener = socket.create_server(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        self._listener = listener
        self._thread = threading.Thread(target=self._accept, args=(listener,), daemon=True)
        self._thread.start()

    def stop_listening(self) -> None:
        """New connections are refused from now on; open ones go on."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
            self._thread.join()

    def drop_connections(self) -> None:
        """Closes every open connection, as a network does that fails."""
        for connection in list(self.open):
            connection.stop.set()
        for connection in list(self.open):
            connection.thread.join()

    def answer(
        self, token: str, status: int, reason: str = "", timestamp: int | None = None,
        times: int = 1, headers: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        """What the next ``times`` pushes to this token hear, in mode OK."""
        answer = Answer(status, reason, timestamp, headers or {})
        self._scripts[token].extend([answer] * times)

    def limit(self, streams: int) -> None:
        """How many streams a client may have open; told to open connections too."""
        self._limit = streams

    def refuse_streams(self, count: int) -> None:
        """The next ``count`` pushes meet RST_STREAM (``reset_code``), in mode OK."""
        self._refusals = count

    def fault_after(self, count: int, fault: Mode) -> None:
        """Behaves for ``count`` more pushes; then ``mode`` becomes ``fault``."""
        self._fault_after = (count, fault)

    def ping(self) -> None:
        """Asks every client for a sign of life."""
        for connection in list(self.open):
            connection.ping.set()

    def wait(self, count: int, seconds: float = 5.0) -> bool:
        """Until ``count`` pushes were accepted since the start; False when that took too long."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.accepted()) >= count, seconds)

    def wait_for_connections(self, count: int, seconds: float = 5.0) -> bool:
        """Until so many connections were opened since the start."""
        with self._changed:
            return self._changed.wait_for(lambda: self.connections >= count, seconds)

    def accepted(self) -> list[str]:
        """The tokens of the pushes that Apple would bring to the device, in order."""
        return [push.token for push in list(self.pushes) if push.accepted]

    # --- for the connections ---------------------------------------------------------------------

    def streams(self) -> int:
        return 1 if self.mode is Mode.ONE_STREAM else self._limit

    def record(self, push: Push) -> tuple[Mode, Answer]:
        """Keeps the push; how it is treated, and what it hears if it is answered."""
        if self._fault_after is not None:
            left, fault = self._fault_after
            self._fault_after = (left - 1, fault) if left else None
            self.mode = self.mode if left else fault
        script = self._scripts.get(push.token)
        answer = script.popleft() if script else ACCEPTED
        mode = self.mode
        if self._refusals:
            self._refusals -= 1
            mode = Mode.RESET
        answer = OF_MODE.get(mode, answer)
        lost = {Mode.GOAWAY_BEFORE, Mode.RESET, Mode.HANG, Mode.DROP, Mode.GARBAGE}
        with self._changed:
            push.accepted = answer.status == 200 and mode not in lost
            self.pushes.append(push)
            self._changed.notify_all()
        return mode, answer

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                accepted, _ = listener.accept()
            except OSError:
                return
            with self._changed:
                self.connections += 1
                self._changed.notify_all()
            connection = _Connection(self, accepted, self._context, self.connections)
            self.open.add(connection)
            connection.thread.start()


class _Connection:
    """One client, served by one thread."""

    def __init__(
        self, apns: FakeApns, plain: socket.socket, context: ssl.SSLContext, number: int
    ) -> None:
        self.stop = threading.Event()
        self.ping = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(plain, context), daemon=True)
        self._apns, self._number = apns, number
        self._requests: dict[int, tuple[dict[str, str], bytearray]] = {}
        self._late: list[tuple[int, Answer]] = []
        self._http = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        )

    def _run(self, plain: socket.socket, context: ssl.SSLContext) -> None:
        try:
            with plain:
                plain.settimeout(5)
                with context.wrap_socket(plain, server_side=True) as secure:
                    self._serve(secure)
        except (OSError, h2.exceptions.ProtocolError):
            pass  # the client went away, or was sent away
        finally:
            self._apns.open.discard(self)

    def _serve(self, secure: ssl.SSLSocket) -> None:
        http = self._http
        if secure.getpeercert():
            self._apns.shown_certificates += 1
        http.local_settings = h2.settings.Settings(
            client=False,
            initial_values={
                h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: self._apns.streams(),
                h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: 8000,
            },
        )
        limit = self._apns.streams()
        http.initiate_connection()
        secure.sendall(http.data_to_send())
        while not self.stop.is_set():
            if self._apns.streams() != limit:
                limit = self._apns.streams()
                http.update_settings({h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: limit})
                secure.sendall(http.data_to_send())
            if self.ping.is_set():
                self.ping.clear()
                http.ping(b"are you?")
                secure.sendall(http.data_to_send())
            if not secure.pending() and not select.select([secure], [], [], LOOK_UP_SECONDS)[0]:
                self._answer_late()
            else:
                received = secure.recv(65536)
                if not received or not self._react(secure, received):
                    return
            secure.sendall(http.data_to_send())

    def _react(self, secure: ssl.SSLSocket, received: bytes) -> bool:
        """Whether the connection goes on."""
        for event in self._http.receive_data(received):
            if isinstance(event, h2.events.RequestReceived):
                headers = {str(name): str(value) for name, value in event.headers or ()}
                self._requests[event.stream_id or 0] = headers, bytearray()
            elif isinstance(event, h2.events.DataReceived):
                self._requests[event.stream_id or 0][1].extend(event.data or b"")
                self._http.acknowledge_received_data(
                    event.flow_controlled_length or 0, event.stream_id or 0
                )
            elif isinstance(event, h2.events.StreamEnded):
                if not self._treat(secure, event.stream_id or 0):
                    return False
            elif isinstance(event, h2.events.PingReceived):
                self._apns.pings += 1
            elif isinstance(event, h2.events.PingAckReceived):
                self._apns.pongs += 1
            elif isinstance(event, h2.events.ConnectionTerminated):
                return False
        return True

    def _treat(self, secure: ssl.SSLSocket, stream: int) -> bool:
        headers, body = self._requests.pop(stream)
        token = headers[":path"].removeprefix("/3/device/")
        push = Push(token, headers, bytes(body), self._number, time.monotonic())
        mode, answer = self._apns.record(push)
        match mode:
            case Mode.GOAWAY_BEFORE:
                # All that came before this one may still be answered, this one never was.
                return self._go_away(secure, stream - 2)
            case Mode.GOAWAY_AFTER:
                self._answer(stream, answer)
                return self._go_away(secure, stream)
            case Mode.RESET:
                self._http.reset_stream(stream, self._apns.reset_code)
            case Mode.HANG:
                pass
            case Mode.DROP:
                secure.sendall(self._http.data_to_send())
                return False
            case Mode.GARBAGE:
                secure.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 4)
                return False
            case Mode.HEADERS_ONLY:
                self._http.send_headers(stream, [(":status", "200")])
            case Mode.LATE:
                self._late.append((stream, answer))
            case _:
                self._answer(stream, answer)
        return True

    def _answer(self, stream: int, answer: Answer) -> None:
        body = answer.body()
        headers = [(":status", str(answer.status)), *answer.headers.items()]
        self._http.send_headers(stream, headers, end_stream=not body)
        if body:
            self._http.send_data(stream, body, end_stream=True)

    def _answer_late(self) -> None:
        """When nothing more comes: the last one first."""
        while self._late:
            self._answer(*self._late.pop())

    def _go_away(self, secure: ssl.SSLSocket, last_stream: int) -> bool:
        reason = json.dumps({"reason": self._apns.goaway_reason}).encode()
        self._http.close_connection(
            h2.errors.ErrorCodes.NO_ERROR, reason, last_stream_id=max(last_stream, 0)
        )
        secure.sendall(self._http.data_to_send())
        secure.settimeout(0.05)
        with suppress(TimeoutError):
            # Closing with requests unread would take the farewell back.
            while secure.recv(65536):
                pass
        return False


def _server_context(
    certificate_file: Path, ca_folder: Path, demand_certificate: bool
) -> ssl.SSLContext:
    """TLS for the server; writes its certificate, which is also the root to trust, to a file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    names = x509.SubjectAlternativeName(
        [x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")]
    )
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file.write_bytes(certificate.public_bytes(Encoding.PEM))
    both = certificate_file.with_suffix(".both")
    both.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    context.set_alpn_protocols(["h2"])
    context.load_verify_locations(ca_folder / "root.pem")
    context.load_verify_locations(ca_folder / "wwdr.pem")
    context.verify_mode = ssl.CERT_REQUIRED if demand_certificate else ssl.CERT_OPTIONAL
    return context
