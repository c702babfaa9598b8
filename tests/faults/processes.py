"""Real processes of the product on one database, which tests start, stop and kill."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


@dataclass
class Vendor:
    """Remembers, for each card, the versions that it was told, in their order."""

    told: dict[str, list[int]] = field(default_factory=dict)
    slowness: float = 0.0
    address: str = ""

    def hear(self, serial: str, version: int) -> None:
        time.sleep(self.slowness)
        self.told.setdefault(serial, []).append(version)

    def count(self) -> int:
        return sum(map(len, self.told.values()))


@contextlib.contextmanager
def toy_vendor() -> Iterator[Vendor]:
    vendor = Vendor()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            vendor.hear(told["serial"], told["version"])
            with contextlib.suppress(OSError):  # the worker was killed meanwhile
                self.send_response(204)
                self.end_headers()

        def log_message(self, *words: object) -> None: ...

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

        def handle_error(self, *_: object) -> None: ...  # a client that was killed

    server = Server(("127.0.0.1", 0), Handler)
    vendor.address = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield vendor
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Process:
    """One command, in a process group of its own; what it says goes to a file."""

    def __init__(self, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        self._command, self._environment, self._log = command, environment, log
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._running = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env={**os.environ, **self._environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """kill -9, of all its processes at once."""
        if self._running is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._running.pid, signal.SIGKILL)
            self._running.wait()
            self._running = None

    def stop(self, seconds: float = 30) -> int:
        """SIGTERM, to the process alone, as a service manager does; its exit code."""
        assert self._running is not None
        self._running.terminate()
        code = self._running.wait(seconds)
        self._running = None
        return code

    @property
    def lives(self) -> bool:
        return self._running is not None and self._running.poll() is None

    def said(self) -> str:
        return self._log.read_text() if self._log.exists() else ""


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def web(port: int, environment: Mapping[str, str], folder: Path, *more: str) -> Process:
    command = ["import sys, app; sys.exit(app.main())", "serve", "--port", str(port), *more]
    return Process([sys.executable, "-c", *command], environment, folder / "web.log")


def worker(address: str, environment: Mapping[str, str], folder: Path) -> Process:
    command = [sys.executable, "-m", "tests.faults.toy_worker", address]
    return Process(command, environment, folder / "worker.log")


def is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
