"""SIGTERM: what is in hand is finished, and the rest is left for the next one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commands.parts import Parts
from passes import clock
from passes.cards import cards, installations
from passes.cards.models import Delivery
from passes.delivery.offers import handed_out
from tests.conftest import MASTER_KEY, Shop
from tests.faults.processes import Vendor, free_port, is_ready, toy_vendor, web, worker
from tests.passes.test_work import wait_until


@pytest.fixture
def now() -> Any:
    """The real time: the processes know no other."""
    return clock.now


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "TREUEPASS_DATA_DIR": str(tmp_path / "var"),
        "TREUEPASS_DATABASE_URL": database_url,
        "TREUEPASS_MASTER_KEY": MASTER_KEY,
    }


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with toy_vendor() as made:
        yield made


def handed_out_card(parts: Parts, shop: Shop, wallet: str) -> dict[str, Any]:
    card: dict[str, Any] = shop.card(shop.template("multipass")["id"])
    with parts.store.write(shop.merchant_id) as session:
        row = cards.get(session, card["id"], locked=True)
        handed_out(session, row, wallet, row.version, clock.now())
        installations.install(session, row, wallet, "phone", {}, clock.now())
    return card


def delivery(parts: Parts, shop: Shop, card: dict[str, Any], wallet: str) -> Delivery:
    with parts.store.read(shop.merchant_id) as session:
        found = cards.get(session, card["id"])
        return session.get_one(Delivery, (shop.merchant_id, found.id, wallet))


def test_a_worker_finishes_the_push_in_hand(
    parts: Parts, alma: Shop, environment: dict[str, str], vendor: Vendor, tmp_path: Path
) -> None:
    card = handed_out_card(parts, alma, "toy")
    alma.post(f"/cards/{card['id']}/add-visits", {"value": 1})
    vendor.slowness = 1.0
    running = worker(vendor.address, environment, tmp_path)
    began: list[float] = []
    hear = vendor.hear

    def note(serial: str, version: int) -> None:
        began.append(time.monotonic())
        hear(serial, version)

    vendor.hear = note  # to see the push while it is on its way
    running.start()
    try:
        wait_until(lambda: began, 60)
        assert running.stop() == 0
    finally:
        running.kill()
    assert vendor.told == {card["serial_number"]: [2]}
    row = delivery(parts, alma, card, "toy")
    assert (row.delivered_version, row.due_at) == (2, None)


def test_serve_stops_with_its_worker(
    parts: Parts, alma: Shop, environment: dict[str, str], tmp_path: Path
) -> None:
    card = handed_out_card(parts, alma, "pwa")
    port = free_port()
    serving = web(port, environment, tmp_path)
    serving.start()
    try:
        wait_until(lambda: is_ready(port), 60)
        alma.post(f"/cards/{card['id']}/add-visits", {"value": 1})
        wait_until(lambda: delivery(parts, alma, card, "pwa").delivered_version == 2, 20)
        assert serving.stop() == 0
    finally:
        serving.kill()
    assert "worker_stopped" in serving.said()
    assert "Traceback" not in serving.said()
    assert not is_ready(port)
