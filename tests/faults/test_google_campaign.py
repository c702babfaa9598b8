"""A campaign at Google: all cards changed at once, at the set pace, with kill -9 of the worker.

``TREUEPASS_CAMPAIGN`` says how many cards, per database (500, or 10000 for the whole proof) and
``TREUEPASS_CAMPAIGN_PACE`` how many requests a second, ``TREUEPASS_CAMPAIGN_BATCH`` how many passes
share a request (1); with ``--junit-xml`` the figures of the run
are written down.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from commands.parts import Parts
from passes import clock
from passes.card_templates import templates
from passes.cards import installations, utm
from passes.cards.change import Urgency, bump_many
from passes.cards.issue import Origin, issue
from passes.cards.models import Delivery
from passes.customers import customers
from passes.customers.details import Details
from passes.delivery import turns
from passes.delivery.offers import handed_out
from passes.ledger.book import Actor
from passes.ledger.post import open_balance
from passes.merchants.accounts import keep_wallet_account
from passes.wallet_port import Reason
from tests.conftest import MASTER_KEY, Shop
from tests.fakes.google import ISSUER_ID, FakeGoogle
from tests.faults.processes import Process
from tests.passes.test_work import wait_until

CARDS = int(os.environ.get("TREUEPASS_CAMPAIGN", "500"))
PACE = float(os.environ.get("TREUEPASS_CAMPAIGN_PACE", "40"))
TOGETHER = os.environ.get("TREUEPASS_CAMPAIGN_BATCH", "1")
CHUNK = 500
MOST_GROWTH = 48 * 1024
"""KiB that the worker may grow by in the course of a campaign."""
LONGEST = 300 + 4 * CARDS / PACE
"""Seconds after which the test gives up waiting."""


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The real time: the worker knows no other."""
    return clock.now


@dataclass
class Scene:
    """A worker, the Google that it talks to, and cards that are all there with nothing on them."""

    parts: Parts
    shop: Shop
    worker: Process
    google: FakeGoogle
    visits: dict[UUID, int]
    """What each card is worth."""
    objects: dict[UUID, str]
    """Their paths at Google."""
    shown: dict[str, int] = field(default_factory=dict)
    """The place of the request that brought an object its first balance."""
    _read: int = 0

    def reached(self) -> int:
        """How many objects have a balance by now."""
        requests = self.google.requests
        for place in range(self._read, len(requests)):
            if "loyaltyPoints" in requests[place].body:
                self.shown.setdefault(requests[place].path, place)
        self._read = len(requests)
        return len(self.shown)

    def wait_for(self, number: int) -> None:
        wait_until(lambda: self.reached() >= number, LONGEST)

    def balance(self, card_id: UUID) -> int | None:
        points = self.google.resources[self.objects[card_id]].get("loyaltyPoints")
        return points["balance"]["int"] if points else None

    def place_of_newest(self, card_id: UUID) -> int:
        """The place of the first request with what the card is worth now."""
        return next(
            place
            for place, seen in enumerate(self.google.requests)
            if seen.path == self.objects[card_id]
            and seen.body["loyaltyPoints"]["balance"]["int"] == self.visits[card_id]
        )

    def waiting(self) -> list[UUID]:
        """The cards of the campaign that nobody has in hand, in their order."""
        with self.parts.store.read_all() as session:
            waits = (
                Delivery.wallet == "google",
                Delivery.urgency == Urgency.BULK,
                Delivery.due_at <= clock.now(),
            )
            found = select(Delivery.card_id).where(*waits).order_by(Delivery.due_at)
            return list(session.scalars(found))

    def is_newest(self, card_id: UUID) -> bool:
        return self.balance(card_id) == self.visits[card_id]

    def behind(self) -> int:
        """Deliveries that wait or are in hand."""
        with self.parts.store.read_all() as session:
            waits = (Delivery.wallet == "google", Delivery.due_at.is_not(None))
            return session.scalar(select(func.count()).select_from(Delivery).where(*waits)) or 0


@pytest.fixture
def scene(parts: Parts, alma: Shop, database_url: str, tmp_path: Path) -> Iterator[Scene]:
    data_dir = tmp_path / "var"
    with FakeGoogle() as google:
        environment = {
            "TREUEPASS_DATA_DIR": str(data_dir),
            "TREUEPASS_DATABASE_URL": database_url,
            "TREUEPASS_MASTER_KEY": MASTER_KEY,
            "TREUEPASS_BASE_URL": "http://127.0.0.1:8000",
            "TREUEPASS_GOOGLE_API_BASE": google.api_base,
            "TREUEPASS_GOOGLE_BATCH": TOGETHER,
        }
        command = [sys.executable, "-m", "tests.faults.google_worker", str(PACE)]
        worker = Process(command, environment, tmp_path / "worker.log")
        made = Scene(parts, alma, worker, google, {}, {})
        set_up(made)
        try:
            yield made
        finally:
            worker.kill()


def set_up(scene: Scene) -> None:
    """Cards on phones, with a balance that Google has not been told of."""
    template_id = UUID(scene.shop.template("multipass")["id"])
    actor, moment = Actor(kind="api", id="test", channel="api"), clock.now()
    with scene.parts.store.write(scene.shop.merchant_id) as session:
        keep_wallet_account(session, "google", ISSUER_ID, scene.google.account(), moment)
    for first in range(0, CARDS + 1, CHUNK):
        with scene.parts.store.write(scene.shop.merchant_id) as session:
            template = templates.get(session, template_id)
            for number in range(first, min(first + CHUNK, CARDS + 1)):
                holder = customers.create(session, Details(first_name="Anna"), moment)
                origin = Origin("api", utm.Utm("api"))
                card = issue(session, template, holder, origin, moment)
                worth = 1 + number % 7
                open_balance(
                    session, str(card.id), {"available_visits": worth}, None, actor, moment
                )
                session.refresh(card)
                handed_out(session, card, "google", card.version, moment)
                installations.install(session, card, "google", "account", {}, moment)
                name = f"{ISSUER_ID}.{card.serial_number}"
                scene.visits[card.id] = worth
                scene.objects[card.id] = f"loyaltyObject/{name}"
                scene.google.resources[f"loyaltyObject/{name}"] = {"id": name, "state": "ACTIVE"}
            session.execute(  # as if all of it had been told long ago
                update(Delivery)
                .where(Delivery.merchant_id == scene.shop.merchant_id)
                .values(due_at=None, delivered_version=Delivery.wanted_version)
            )


def begin(scene: Scene, card_ids: list[UUID]) -> None:
    for first in range(0, len(card_ids), 1_000):
        with scene.parts.store.write(scene.shop.merchant_id) as session:
            bump_many(session, card_ids[first : first + 1_000], Reason.CONTENT, clock.now())


def memory(worker: Process) -> int:
    """KiB that the worker has in memory (VmRSS)."""
    assert worker._running is not None
    status = Path(f"/proc/{worker._running.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
def test_a_campaign_keeps_the_pace_lets_tills_pass_and_outlives_kills(
    scene: Scene, record_testsuite_property: Callable[[str, object], None]
) -> None:
    *campaign, apart = scene.visits
    began = time.monotonic()
    begin(scene, campaign)
    scene.worker.start()
    scene.wait_for(CARDS // 10)
    early = memory(scene.worker)
    for part in (10, 5):
        scene.wait_for(CARDS // part)
        scene.worker.kill()
        scene.worker.start()
    scene.wait_for(CARDS // 2)
    early = min(early, memory(scene.worker))  # the worker of the first tenth was killed

    # In the middle of it a till changes a card that waits in the campaign, and another one.
    wait_until(scene.waiting, 60)
    *_, last = scene.waiting()
    for card_id in (last, apart):
        scene.shop.post(f"/cards/{card_id}/add-visits", {"value": 100})
        scene.visits[card_id] += 100
    for card_id in (last, apart):
        wait_until(partial(scene.is_newest, card_id), 60)
    wait_until(lambda: not scene.behind(), LONGEST)
    took = time.monotonic() - began
    assert scene.reached() == CARDS + 1
    tills = max(scene.place_of_newest(card_id) for card_id in (last, apart))
    rest = sum(place > tills for place in scene.shown.values())
    assert rest > CARDS // 5, "the campaign was over before"
    late = memory(scene.worker)
    assert {card_id: scene.balance(card_id) for card_id in scene.visits} == scene.visits
    number = len(scene.google.requests)
    assert number <= PACE * took + turns.BURST
    assert late - early < MOST_GROWTH, (early, late)
    [told, *_] = [line for line in scene.worker.said().splitlines() if "'campaign'" in line]
    assert f"merchant='{scene.shop.merchant_id}' waiting={CARDS} pace={PACE} done_at=" in told
    record_testsuite_property(
        f"campaign on {scene.parts.store.engine.dialect.name}",
        f"{CARDS} cards at {PACE:g}/s with 2 kills: {number} requests in {took:.1f} s,"
        f" {rest} cards behind the tills, worker {early} KiB at first, {late} KiB at the end",
    )
