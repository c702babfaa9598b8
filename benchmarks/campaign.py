"""A campaign: a new design for all cards of a merchant, each on an iPhone, to the last receipt.

The worker is a process of its own, so that its memory is nobody else's.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from uuid import UUID

from sqlalchemy import func, select

from benchmarks.apns import make_server_certificate, sink
from benchmarks.databases import databases, fill, open_store
from benchmarks.table import Note, Row
from certs_example.make import make_all
from passes import clock
from passes.card_templates import templates
from passes.card_templates.models import CardTemplate
from passes.cards.models import Delivery
from passes.store import Store
from passes.wallet_port import Wallet
from passes.work import Worker
from wallet_apple.pushing import read_settings
from wallet_apple.wallet import AppleWallet

TITLE = "A new design for every card of one merchant, to Apple's last receipt"
FEW, MANY = 10_000, 100_000
MOST_MEMORY = 200
"""MB above what the process took before."""
MOST_GROWTH = 3.0
"""Of the memory, from few cards to ten times as many."""
BASE_URL = "https://treuepass.example"
STATUS = Path("/proc/self/status")


def run(folder: Path, seconds: float, *, with_peers: bool = False) -> Iterator[Row | Note]:
    """Cards a second and the worker's memory. Takes as long as it takes, without peers."""
    if not STATUS.exists():
        yield Note("How much memory a process takes at most is read from /proc, which is not here.")
        return
    certificates, server = folder / "certs_example", folder / "apns"
    make_all(certificates)
    server.mkdir(parents=True, exist_ok=True)
    make_server_certificate(server)
    with databases(folder) as urls, sink(server, certificates) as port:
        for name, url in urls.items():
            store = open_store(url)
            memory = {}
            for number in (FEW, MANY):
                merchant_id = _on_iphones(store, number)
                took, memory[number] = _campaign(folder, port, url, store, merchant_id)
                yield Row(f"{number:,} cards, {name}", [number / took])
                yield Note(
                    f"{name}, {number:,} cards on as many iPhones: {took:.1f} s,"
                    f" {memory[number]:.0f} MB more than before."
                )
            store.close()
            yield Note(_judged(name, memory))


def _judged(name: str, memory: dict[int, float]) -> str:
    growth = memory[MANY] / memory[FEW]
    held = memory[MANY] < MOST_MEMORY and growth < MOST_GROWTH
    return (
        f"{name}: memory for {MANY:,} cards {memory[MANY]:.0f} MB, {growth:.1f} times that for"
        f" {FEW:,}. Target < {MOST_MEMORY} MB and < {MOST_GROWTH:g} times:"
        f" {'held' if held else 'NOT HELD'}."
    )


def _on_iphones(store: Store, number: int) -> UUID:
    """A merchant with so many cards, each registered by a device of its own."""
    [merchant_id] = fill(store, 1, number, AppleWallet.kind, _address)
    return merchant_id


def _address(number: int) -> dict[str, str]:
    return {"token": f"{number:064x}", "topic": "pass.example.treuepass", "scheme": "ApplePass"}


def _campaign(
    folder: Path, port: int, url: str, store: Store, merchant_id: UUID
) -> tuple[float, float]:
    """Seconds from the new design to the last receipt, and MB that the worker took for it."""
    command = [sys.executable, "-m", "benchmarks.campaign", url, str(folder), str(port)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        try:
            assert worker.stdout.readline() == "ready\n"
            began = time.perf_counter()
            with store.write(merchant_id) as session:
                template_id = session.scalars(
                    select(CardTemplate.id).where(CardTemplate.merchant_id == merchant_id)
                ).one()
                templates.revise(session, template_id, {"name": "Neue Karte"}, clock.now())
            _wait_until_told(store, merchant_id)
            took = time.perf_counter() - began
        finally:
            said, _ = worker.communicate("stop\n")
    return took, float(said.splitlines()[-1])  # before it the log


def _wait_until_told(store: Store, merchant_id: UUID) -> None:
    """Returns when every device has been told of its card's second version."""
    left = select(func.count()).where(
        Delivery.merchant_id == merchant_id, Delivery.delivered_version < 2
    )
    while True:
        with store.read(merchant_id) as session:
            if not session.scalar(left):
                break
        time.sleep(0.2)
    with store.read(merchant_id) as session:
        failed = select(func.count()).where(
            Delivery.merchant_id == merchant_id, Delivery.last_error.is_not(None)
        )
        assert session.scalar(failed) == 0


def _work_for_parent() -> None:
    url, folder, port = sys.argv[1:]
    settings = {
        "TREUEPASS_APNS_URL": f"https://127.0.0.1:{port}",
        "TREUEPASS_APNS_CA": str(Path(folder) / "apns" / "server.pem"),
    }
    wallet = AppleWallet(
        BASE_URL, Path(folder) / "certs_example", clock.now, read_settings(settings)
    )
    store = open_store(url)
    worker = Worker(store, {wallet.kind: cast(Wallet, wallet)}, BASE_URL, clock.now)
    store.ahead()
    before = _most_memory()
    thread = worker.start()
    print("ready", flush=True)
    sys.stdin.readline()
    worker.stop()
    thread.join()
    print(_most_memory() - before)


def _most_memory() -> float:
    """The most that this process ever held, in MB."""
    [line] = [line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    _work_for_parent()
