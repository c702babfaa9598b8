"""Apple's web service against a trivial JSON view of the same server: lists, 304s, changed passes.

One granian process as ``treuepass serve`` starts it, and a client in this process with four
connections that are kept, so that the server always has something to do.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

from sqlalchemy import update

import migrations
from app import assemble
from benchmarks import rounds
from benchmarks.devices_server import TRIVIAL
from benchmarks.table import Note, Row
from commands.parts import Parts
from passes import clock
from passes.card_templates import templates
from passes.card_templates.kinds import Kind
from passes.cards import utm
from passes.cards.issue import Origin, issue
from passes.cards.models import Installation
from passes.content.draw import draw
from passes.customers import customers
from passes.customers.details import Details
from passes.delivery.issuer import DomainIssuer
from passes.merchants import merchants
from passes.settings import read_settings
from passes.wallet_port import PassContent

TITLE = "Apple's web service, SQLite, one server process, requests per second"
CARDS = 1_200
"""More than the wallet remembers signatures for, so that each pass is signed anew."""
CONNECTIONS = 4
TYPE = "pass.example.treuepass"
BASE = f"/wallet/apple/{TYPE}/v1"


def run(folder: Path, seconds: float, *, with_peers: bool = True) -> list[Row | Note]:
    """Rows of the report; ``with_peers`` makes no difference here."""
    data_dir = folder / "devices"
    shutil.rmtree(data_dir, ignore_errors=True)
    data_dir.mkdir(parents=True)
    port = _free_port()
    environment = {
        "TREUEPASS_DATA_DIR": str(data_dir.resolve()),
        "TREUEPASS_BASE_URL": f"http://127.0.0.1:{port}",
    }
    parts = assemble(read_settings(environment))
    migrations.upgrade(parts.store.engine)
    held = _wallet_of_cards(parts)
    one = held[0]
    proof = f"Authorization: ApplePass {one.secret}\r\n"
    since = one.changed_at.strftime("If-Modified-Since: %a, %d %b %Y %H:%M:%S GMT\r\n")
    asked = {
        "trivial": _request(TRIVIAL),
        "list": _request(f"{BASE}/devices/phone-0/registrations/{TYPE}?passesUpdatedSince=0"),
        "nothing": _request(
            f"{BASE}/devices/phone-0/registrations/{TYPE}?passesUpdatedSince=999999999"
        ),
        "unchanged": _request(f"{BASE}/passes/{TYPE}/{one.serial}", proof + since),
    }
    changed = cycle(
        _request(
            f"{BASE}/passes/{TYPE}/{each.serial}", f"Authorization: ApplePass {each.secret}\r\n"
        )
        for each in held
    )
    with _server(environment, port), _connected(port) as client:
        for name, status in (("trivial", 200), ("list", 200), ("nothing", 204), ("unchanged", 304)):
            assert client.ask([asked[name]]) == [status], name
            client.ask([asked[name]] * 200)
        batches: dict[str, rounds.Batch] = {
            name: _batch(client, [request] * 400) for name, request in asked.items()
        }

        def changed_passes() -> float:
            _forget_fetches(parts)  # so that each fetch is news, and written down
            return _batch(client, [next(changed) for _ in range(200)], 200)()

        changed_passes()
        found = rounds.interleave({**batches, "changed": changed_passes}, seconds)
    parts.store.close()
    trivial = found["trivial"]
    return [
        Row("a trivial JSON view", trivial),
        Row("list of changes, one named", found["list"], "trivial", trivial, 0.33),
        Row("list of changes, none (204)", found["nothing"], "trivial", trivial, 0.33),
        Row("a pass that is unchanged (304)", found["unchanged"], "trivial", trivial, 0.33),
        Row("a pass that changed, signed", found["changed"], "trivial", trivial, 0.2),
        Note("Each changed pass is drawn, signed and noted as fetched (a write)."),
    ]


def _wallet_of_cards(parts: Parts) -> list[PassContent]:
    """Cards of one merchant, each on a phone of its own and changed once."""
    store, now = parts.store, clock.now()
    merchant_id = merchants.set_up(store, name="Café Kranz", now=now)
    with store.write(merchant_id) as session:
        template = templates.create(session, Kind.MULTIPASS, {"name": "Zehnerkarte"}, now)
    contents = []
    issuer = DomainIssuer(store, parts.settings.base_url, clock.now)
    with store.write(merchant_id) as session:
        for number in range(CARDS):
            holder = customers.create(session, Details(first_name=f"Gast {number}"), now)
            card = issue(session, template, holder, Origin("api", utm.Utm("api")), now)
            contents.append(draw(session, card, "apple", parts.settings.base_url, now))
    for number, content in enumerate(contents):
        address = {"token": f"{number:064x}", "topic": TYPE, "scheme": "ApplePass"}
        issuer.installed("apple", content.serial, f"{TYPE}/phone-{number}", address)
    return contents


def _forget_fetches(parts: Parts) -> None:
    with parts.store.write_all() as session:
        session.execute(
            update(Installation)
            .values(fetched_version=0)
            .execution_options(synchronize_session=False)
        )


def _batch(client: _Client, requests: Sequence[bytes], status: int | None = None) -> rounds.Batch:
    def work() -> float:
        start = time.perf_counter()
        statuses = client.ask(requests)
        took = time.perf_counter() - start
        assert len(set(statuses)) == 1, set(statuses)
        assert status is None or statuses[0] == status
        return len(requests) / took

    return work


def _request(path: str, headers: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode()


class _Client:
    """A few kept connections; each has one request under way."""

    def __init__(self, port: int) -> None:
        self._sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
        for each in self._sockets:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, requests: Sequence[bytes]) -> list[int]:
        """The statuses, in the order of the requests."""
        statuses: list[int] = []
        for number, request in enumerate(requests):
            one = self._sockets[number % CONNECTIONS]
            if number >= CONNECTIONS:
                statuses.append(_read(one))
            one.sendall(request)
        under_way = min(CONNECTIONS, len(requests))
        for number in range(len(requests) - under_way, len(requests)):
            statuses.append(_read(self._sockets[number % CONNECTIONS]))
        return statuses

    def close(self) -> None:
        for each in self._sockets:
            each.close()


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


@contextmanager
def _connected(port: int) -> Iterator[_Client]:
    client = _Client(port)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def _server(environment: dict[str, str], port: int) -> Iterator[None]:
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--factory",
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--blocking-threads", "2", "--no-ws", "--no-access-log",
        "benchmarks.devices_server:create_app",
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


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
    return port
