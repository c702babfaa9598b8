"""Serves the demo merchant from an empty data folder on loopback, for what looks at its pages."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

START_SECONDS = 60


@contextmanager
def demo_server(data: str) -> Iterator[dict[str, Any]]:
    """Serves until the block ends; gives what ``treuepass demo --json`` says."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base_url = f"http://127.0.0.1:{port}"
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TREUEPASS_")}
    environment = {**kept, "TREUEPASS_DATA_DIR": data, "TREUEPASS_BASE_URL": base_url}
    program = Path(sys.executable).parent / "treuepass"
    command = [str(program), "serve", "--demo", "--host", "127.0.0.1", "--port", str(port)]
    log = Path(data) / "serve.log"
    with log.open("wb") as output:
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        _wait_until_ready(server, f"{base_url}/readyz", log)
        answer = subprocess.run(
            [program, "demo", "--json"], env=environment, check=True, capture_output=True, text=True
        )
        yield json.loads(answer.stdout)
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait_until_ready(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.2)
    raise SystemExit(f"The demo server did not become ready:\n{log.read_text()}")
