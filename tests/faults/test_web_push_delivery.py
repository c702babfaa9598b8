"""Push services in trouble, from till to browser: the worker brings each change in the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from commands.parts import Parts
from passes.delivery.deliver import deliver_due
from pwa import base64url, sender
from pwa.simulate.browser import new_device
from tests.conftest import Clock, Shop
from tests.fakes.web_push import FAULTS, Device, FakePushService, Fault
from tests.fakes.web_push_canary import Canary

CARDS = 5
GONE = {Fault.NOT_FOUND, Fault.GONE}
REFUSED = {Fault.TOO_LARGE, Fault.REDIRECT}


@pytest.fixture
def canary() -> Iterator[Canary]:
    with Canary() as canary:
        yield canary


@pytest.fixture
def service(canary: Canary, now: Clock) -> Iterator[FakePushService]:
    with FakePushService(f"http://127.0.0.1:{canary.port}/") as service:
        service.clock = lambda: now().timestamp()
        yield service


@pytest.fixture
def further_settings(service: FakePushService) -> dict[str, str]:
    return {
        "TREUEPASS_WEBPUSH_EXTRA_HOSTS": service.host,
        "TREUEPASS_VAPID_SUBJECT": "mailto:till@cafe-kranz.de",
    }


@dataclass
class Holder:
    """A customer with the card on the home screen of a phone."""

    shop: Shop
    card: Any
    service: FakePushService
    server_key: tuple[str, str]
    device_id: str
    device: Device

    def subscribe(self) -> None:
        """As the page's script does whenever it is opened."""
        key_id, key = self.server_key
        self.device = self.service.subscribe(base64url.decoded(key))
        page = self.card["links"]["pwa"].partition(":8000")[2]
        told = {
            "device": self.device_id,
            "mode": "standalone",
            "subscription": self.device.subscription(),
            "key": key_id,
        }
        answer = self.shop.client.post(f"{page}push-subscription", json=told)
        assert answer.status_code == 204, answer.text

    def add_visit(self) -> None:
        self.shop.post(f"/cards/{self.card['id']}/add-visits", {"value": 1})

    def shown(self) -> Any:
        return self.shop.get(f"/cards/{self.card['id']}")

    def is_done(self) -> bool:
        """Whether nothing is to be tried again for this version."""
        return bool(self._delivery()["delivered_version"] == self.shown()["version"])

    def has_error(self) -> bool:
        return self._delivery()["last_error"] is not None

    def _delivery(self) -> Any:
        [page] = [row for row in self.shown()["deliveries"] if row["wallet"] == "pwa"]
        return page

    def heard(self) -> list[str]:
        """The words of each notification."""
        said = [json.loads(message.text or b"") for message in self.device.arrived]
        return [each["notification"]["body"] for each in said]


@pytest.fixture
def holders(parts: Parts, alma: Shop, service: FakePushService) -> list[Holder]:
    template = alma.template("multipass")["id"]
    server_key = parts.wallets["pwa"].public_key(None)  # type: ignore[attr-defined]  # a PwaWallet
    made = []
    for _ in range(CARDS):
        card = alma.card(template)
        nobody = Device("", b"")
        holder = Holder(alma, card, service, server_key, new_device(), nobody)
        holder.subscribe()
        made.append(holder)
    return made


@dataclass
class Worker:
    """The worker of the product, by the clock of the test."""

    parts: Parts
    now: Clock

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            deliver_due(self.parts.store, self.parts.wallets, "http://127.0.0.1:8000", self.now)
            self.now.move(seconds=1)


@pytest.fixture
def worker(parts: Parts, now: Clock, monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.setattr(sender, "PUSH_SECONDS", 0.4)
    return Worker(parts, now)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.value)
def test_each_change_arrives_within_a_minute_after_the_fault(
    service: FakePushService,
    canary: Canary,
    holders: list[Holder],
    worker: Worker,
    fault: Fault,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker.run(3)
    service.fault = fault
    for holder in holders:
        holder.add_visit()
    worker.run(5)
    assert [holder.heard() for holder in holders] == [[]] * CARDS
    assert [each.is_done() for each in holders] == [fault in GONE | REFUSED] * CARDS
    assert [each.has_error() for each in holders] == [fault not in GONE] * CARDS
    # Who cannot be reached has the card all the same (D.7.1).
    assert {holder.shown()["status"] for holder in holders} == {"installed"}

    service.fault = Fault.NONE
    monkeypatch.setattr(sender, "PUSH_SECONDS", 10.0)
    expected = "Sie haben jetzt noch 1 Besuche"
    if fault in GONE:  # their page subscribes anew when it is opened, and hears of the next change
        for holder in holders:
            holder.subscribe()
    if fault in GONE | REFUSED:
        expected = "Sie haben jetzt noch 2 Besuche"
        for holder in holders:
            holder.add_visit()
    worker.run(60)

    assert [holder.heard() for holder in holders] == [[expected]] * CARDS
    assert [each.is_done() for each in holders] == [True] * CARDS
    assert [each.has_error() for each in holders] == [False] * CARDS
    assert canary.visits == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.value)
def test_one_card_in_trouble_holds_up_no_other(
    holders: list[Holder], worker: Worker, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "PUSH_SECONDS", 2.0)
    worker.run(3)
    bad, *others = holders
    bad.device.fault = fault
    for holder in holders:
        holder.add_visit()
    worker.run(1)
    assert [len(holder.heard()) for holder in holders] == [0, *[1] * len(others)]
    assert {holder.is_done() for holder in others} == {True}


def test_a_device_that_cannot_be_reached_is_not_asked_again(
    service: FakePushService, holders: list[Holder], worker: Worker
) -> None:
    worker.run(3)
    holder = holders[0]
    service.unsubscribe(holder.device)
    for _ in range(3):
        holder.add_visit()
        worker.run(5)
    path = holder.device.endpoint.removeprefix(service.origin)
    asked = [request.status for request in service.requests if request.path == path]
    assert asked == [410]
    assert holder.is_done()
