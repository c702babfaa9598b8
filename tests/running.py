"""Runs the product's own command as processes, as a user does in terminals."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import requests

PATIENCE = 60.0
"""Seconds until something that must happen counts as missing; nothing is measured by it."""

_COMMAND = (sys.executable, "-c", "import sys, app; sys.exit(app.main())")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def treuepass(*arguments: str, environment: Mapping[str, str]) -> str:
    """What a command that ends by itself prints."""
    done = subprocess.run(
        [*_COMMAND, *arguments], env=_environment(environment), capture_output=True, text=True,
        check=True, timeout=PATIENCE,
    )  # fmt: skip
    return done.stdout


class Running:
    """A command that stays, with the lines that it printed so far."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self.lines: list[str] = []
        self._printed = threading.Condition()
        self.process = subprocess.Popen(
            [*_COMMAND, *arguments], env=_environment(environment), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Waits for a line with the pattern; each call looks behind the line of the one before."""
        end = time.monotonic() + PATIENCE
        with self._printed:
            place = getattr(self, "_place", 0)
            while True:
                for number in range(place, len(self.lines)):
                    found = re.search(pattern, self.lines[number])
                    if found:
                        self._place = number + 1
                        return found
                left = end - time.monotonic()
                if left <= 0 or (self.process.poll() is not None and not self._reader.is_alive()):
                    printed = "\n".join(self.lines[-60:])
                    raise AssertionError(f"{pattern!r} was never printed:\n{printed}")
                self._printed.wait(min(left, 0.5))

    def count(self, pattern: str) -> int:
        with self._printed:
            return sum(bool(re.search(pattern, line)) for line in self.lines)

    def wait(self) -> int:
        return self.process.wait(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(5)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._printed:
                self.lines.append(line.rstrip("\n"))
                self._printed.notify_all()


def wait_until_ready(base_url: str) -> None:
    """Waits until the server at this address has a migrated database."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if requests.get(f"{base_url}/readyz", timeout=5).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{base_url} never became ready")


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TREUEPASS_")}
    return {**kept, "PYTHONUNBUFFERED": "1", **given}
