"""A server process as ``treuepass serve`` starts it, and a client that keeps its connections."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks import rounds


class Client:
    """A few kept connections; each has one request under way."""

    def __init__(self, port: int, connections: int) -> None:
        self._sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
        for each in self._sockets:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, requests: Sequence[bytes]) -> list[int]:
        """The statuses, in the order of the requests."""
        statuses: list[int] = []
        connections = len(self._sockets)
        for number, request in enumerate(requests):
            one = self._sockets[number % connections]
            if number >= connections:
                statuses.append(_read(one))
            one.sendall(request)
        under_way = min(connections, len(requests))
        for number in range(len(requests) - under_way, len(requests)):
            statuses.append(_read(self._sockets[number % connections]))
        return statuses

    def close(self) -> None:
        for each in self._sockets:
            each.close()


@contextmanager
def connected(port: int, connections: int) -> Iterator[Client]:
    client = Client(port, connections)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def server(factory: str, environment: dict[str, str], port: int) -> Iterator[None]:
    """Serves ``module:factory`` until the block ends."""
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--factory",
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--blocking-threads", "2", "--no-ws", "--no-access-log", factory,
    ]  # fmt: skip
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(150):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
    return port


def get(path: str, headers: str = "") -> bytes:
    """A request; each header ends with its own line break."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode()


def post(path: str, body: bytes, headers: str = "") -> bytes:
    """A request with a JSON body."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n{headers}\r\n"
    )
    return head.encode() + body


def batch(client: Client, requests: Sequence[bytes], status: int | None = None) -> rounds.Batch:
    """Sends all of them; they must all be answered alike, and with ``status`` where it is given."""

    def work() -> float:
        start = time.perf_counter()
        statuses = client.ask(requests)
        took = time.perf_counter() - start
        assert len(set(statuses)) == 1, set(statuses)
        assert status is None or statuses[0] == status, statuses[0]
        return len(requests) / took

    return work


def _read(connection: socket.socket) -> int:
    """Reads one answer whole; its status."""
    got = connection.recv(262_144)
    while (end := got.find(b"\r\n\r\n")) < 0:
        got += connection.recv(262_144)
    head = got[:end].lower()
    status = int(head[9:12])
    length = 0
    if status not in {204, 304}:
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    missing = end + 4 + length - len(got)
    while missing > 0:
        missing -= len(connection.recv(262_144))
    return status
