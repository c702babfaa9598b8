"""Text messages over WebSocket (RFC 6455), from either end: small, and enough for tests.

There is no compression, as nobody offers it, and fragments are put together.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import socket
import threading
from contextlib import suppress
from typing import BinaryIO

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CONTINUED, _TEXT, _CLOSE, _PING, _PONG = 0, 1, 8, 9, 10
_LAST = 0x80
_MASKED = 0x80


class Frames:
    """An open connection. ``masks``: we are the client, whose frames are masked (5.3)."""

    def __init__(self, connection: socket.socket, reading: BinaryIO, *, masks: bool) -> None:
        self._connection, self._reading, self._masks = connection, reading, masks
        self._sending = threading.Lock()

    def send(self, text: str) -> None:
        self._send(_TEXT, text.encode())

    def receive(self) -> str | None:
        """The next message; None when the other end has gone. Answers pings."""
        text = b""
        while True:
            try:
                opcode, is_last, payload = self._frame()
            except (OSError, EOFError, ValueError):
                return None
            if opcode == _PING:
                self._send(_PONG, payload)
            elif opcode == _CLOSE:
                return None
            elif opcode in {_TEXT, _CONTINUED}:
                text += payload
                if is_last:
                    return text.decode()

    def close(self) -> None:
        with suppress(OSError):  # the other end was faster
            self._connection.shutdown(socket.SHUT_RDWR)
        self._reading.close()
        self._connection.close()

    def _frame(self) -> tuple[int, bool, bytes]:
        first, second = self._exactly(2)
        length = second & 0x7F
        if length > 125:
            length = int.from_bytes(self._exactly(2 if length == 126 else 8), "big")
        mask = self._exactly(4) if second & _MASKED else b""
        payload = self._exactly(length)
        if mask:
            payload = _masked(payload, mask)
        return first & 0x0F, bool(first & _LAST), payload

    def _exactly(self, count: int) -> bytes:
        got = self._reading.read(count) if count else b""
        if len(got) < count:
            raise EOFError
        return got

    def _send(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        flag = _MASKED if self._masks else 0
        if size < 126:
            length = bytes([flag | size])
        elif size < 1 << 16:
            length = bytes([flag | 126]) + size.to_bytes(2, "big")
        else:
            length = bytes([flag | 127]) + size.to_bytes(8, "big")
        if self._masks:
            mask = secrets.token_bytes(4)
            length, payload = length + mask, _masked(payload, mask)
        with self._sending:
            self._connection.sendall(bytes([_LAST | opcode]) + length + payload)


def accepting(key: str) -> str:
    """The server's proof that it understood the client's Sec-WebSocket-Key (4.2.2)."""
    digest = hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def connect(host: str, port: int, path: str, patience: float) -> Frames:
    """Opens a connection as a client. Raises OSError; ``patience`` in seconds, for each read."""
    connection = socket.create_connection((host, port), timeout=patience)
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    asked = (
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    connection.sendall(asked.encode())
    reading = connection.makefile("rb")
    status = reading.readline()
    headers = {}
    while (line := reading.readline()) not in {b"\r\n", b""}:
        name, _, value = line.decode().partition(":")
        headers[name.strip().lower()] = value.strip()
    if b" 101 " not in status or headers.get("sec-websocket-accept") != accepting(key):
        connection.close()
        raise ConnectionError(f"no WebSocket at {path}: {status!r}")
    return Frames(connection, reading, masks=True)


def _masked(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    stream = (mask * (size // 4 + 1))[:size]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
    return mixed.to_bytes(size, "big")
