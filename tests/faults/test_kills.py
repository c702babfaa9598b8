"""kill -9 of worker, web and both, again and again, while changes come in (security.md §7).

``TREUEPASS_KILLS`` says how often, per database (4, or 200 for the whole proof); with
``--junit-xml`` the figures of the run are written down.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from commands.parts import Parts
from passes import clock
from passes.cards import cards, installations
from passes.cards.models import Delivery
from passes.delivery.offers import handed_out
from passes.ledger.figures import disagreements
from passes.ledger.models import LedgerEntry
from tests.conftest import MASTER_KEY, Shop
from tests.faults.processes import Process, Vendor, free_port, is_ready, toy_vendor, web, worker
from tests.passes.test_work import wait_until

KILLS = int(os.environ.get("TREUEPASS_KILLS", "4"))
CARDS = 20
CLIENTS = 3


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The real time: the processes know no other."""
    return clock.now


@dataclass
class Till:
    """Adds a visit after another, each with a key of its own, and repeats what has no answer."""

    port: int
    key: str
    card_ids: list[str]
    name: str
    done: int = 0
    refused: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.stopping.is_set():
            card = random.choice(self.card_ids)
            while (answer := self._send(card)) is None:
                time.sleep(0.05)
            if answer != 201:
                self.refused.append(f"{answer} for {self.name}-{self.done}")
            self.done += 1
            time.sleep(0.01)

    def _send(self, card: str) -> int | None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(
                "POST",
                f"/api/v1/cards/{card}/add-visits",
                json.dumps({"value": 1}),
                {
                    "Authorization": f"Bearer {self.key}",
                    "Content-Type": "application/json",
                    "Idempotency-Key": f"{self.name}-{self.done}",
                },
            )
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        return None if status >= 500 else status


@dataclass
class Scene:
    """The processes, the cards, and the vendor that hears of every version."""

    web: Process
    worker: Process
    port: int
    vendor: Vendor
    cards: dict[str, str]
    """Serial numbers by the cards' ids."""

    def start(self) -> None:
        for process in (self.web, self.worker):
            if not process.lives:
                process.start()

    def wait(self) -> None:
        """Until both are at work again."""
        heard = self.vendor.count()
        wait_until(lambda: is_ready(self.port), 60)
        wait_until(lambda: self.vendor.count() > heard, 60)


@pytest.fixture
def scene(parts: Parts, alma: Shop, database_url: str, tmp_path: Path) -> Iterator[Scene]:
    template = alma.template("multipass")
    made = {
        card["id"]: card["serial_number"]
        for card in (alma.card(template["id"]) for _ in range(CARDS))
    }
    with parts.store.write(alma.merchant_id) as session:
        for card_id in made:
            card = cards.get(session, card_id, locked=True)
            handed_out(session, card, "toy", card.version, clock.now())
            installations.install(session, card, "toy", "phone", {}, clock.now())
    environment = {
        "TREUEPASS_DATA_DIR": str(tmp_path / "var"),
        "TREUEPASS_DATABASE_URL": database_url,
        "TREUEPASS_MASTER_KEY": MASTER_KEY,
    }
    port = free_port()
    with toy_vendor() as vendor:
        scene = Scene(
            web(port, environment, tmp_path, "--no-worker"),
            worker(vendor.address, environment, tmp_path),
            port,
            vendor,
            made,
        )
        try:
            yield scene
        finally:
            scene.web.kill()
            scene.worker.kill()


@pytest.mark.long
def test_killed_again_and_again_nothing_is_lost_or_doubled(
    scene: Scene, parts: Parts, alma: Shop, record_testsuite_property: Callable[[str, object], None]
) -> None:
    tills = [Till(scene.port, alma.key, list(scene.cards), f"till{n}") for n in range(CLIENTS)]
    threads = [threading.Thread(target=till.run) for till in tills]
    scene.start()
    wait_until(lambda: is_ready(scene.port), 60)
    for thread in threads:
        thread.start()
    for _ in range(KILLS):
        scene.wait()
        time.sleep(random.uniform(0, 0.5))
        for victim in random.choice([(scene.worker,), (scene.web,), (scene.worker, scene.web)]):
            victim.kill()
        scene.start()
    for till in tills:
        till.stopping.set()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), scene.web.said()[-2000:]
    changes = sum(till.done for till in tills)
    assert [till.refused for till in tills] == [[]] * CLIENTS

    def all_delivered() -> bool:
        with parts.store.read_all() as session:
            behind = Delivery.delivered_version != Delivery.wanted_version
            return not session.scalar(select(func.count()).select_from(Delivery).where(behind))

    wait_until(all_delivered, 60)
    with parts.store.read(alma.merchant_id) as session:
        mine = LedgerEntry.merchant_id == alma.merchant_id
        entries = session.execute(
            select(func.count(), func.count(LedgerEntry.idempotency_key.distinct())).where(mine)
        ).one()
        assert tuple(entries) == (changes, changes)
        assert disagreements(session) == []
        total = 0
        for card_id, serial in scene.cards.items():
            card = cards.get(session, UUID(card_id))
            total += card.available_visits
            row = session.get_one(Delivery, (alma.merchant_id, card.id, "toy"))
            assert row.delivered_version == row.wanted_version == card.version
            told = scene.vendor.told.get(serial, [])
            assert (told or [1])[-1] == card.version  # the newest came last
        assert total == changes
    pushes = scene.vendor.count()
    repeated = sum(len(told) - len(set(told)) for told in scene.vendor.told.values())
    record_testsuite_property(
        f"kills on {parts.store.engine.dialect.name}",
        f"{KILLS} kills, {changes} changes, {pushes} pushes, {repeated} of them repeated",
    )
