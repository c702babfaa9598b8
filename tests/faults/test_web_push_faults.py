"""Push services in trouble of eleven kinds: every browser hears of its change in the end."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from passes.wallet_port import Installation, Outcome, PassContent, Reason, Receipt
from pwa import sender
from pwa.endpoints import read_hosts
from pwa.keys import PushKeys
from pwa.simulate.browser import new_device
from pwa.vapid import KeyPair
from pwa.wallet import PwaWallet
from tests.fakes.web_push import FAULTS, Device, FakePushService, Fault
from tests.fakes.web_push_canary import Canary
from tests.pwa.conftest import CONTENT
from tests.running import free_port

DELIVERIES = 50
ROUNDS_OF_TROUBLE = 2
ROUNDS_AFTERWARDS = 3
SINCE = datetime(2026, 11, 20, tzinfo=UTC)

# What is over for this version: the browser subscribes anew, or the fault of ours is mended and
# the card changes once more. All else is repeated.
ENDS = {
    Fault.NOT_FOUND: Outcome.UNREACHABLE,
    Fault.GONE: Outcome.UNREACHABLE,
    Fault.TOO_LARGE: Outcome.REFUSED,
    Fault.REDIRECT: Outcome.REFUSED,
}
LOUD = [fault for fault in FAULTS if fault in {Fault.TOO_MANY, Fault.UNAVAILABLE}]


@pytest.fixture
def canary() -> Iterator[Canary]:
    with Canary() as canary:
        yield canary


@pytest.fixture
def service(canary: Canary) -> Iterator[FakePushService]:
    with FakePushService(f"http://127.0.0.1:{canary.port}/") as service:
        yield service


@dataclass
class Cards:
    """Cards by number, each in one browser, and the wallet that pushes to them."""

    wallet: PwaWallet
    service: FakePushService
    keys: KeyPair
    version: int = 1
    devices: dict[int, Device] = field(default_factory=dict)

    def subscribe(self, number: int) -> None:
        """In a new browser, or anew in the one that it had."""
        self.devices[number] = self.service.subscribe(self.keys.point)

    def installation(self, number: int) -> Installation:
        accepted = self.wallet.hosts.accept(self.devices[number].subscription())
        return Installation(new_device(), {**accepted, "key": self.keys.key_id}, SINCE)

    def content(self, number: int) -> PassContent:
        return replace(CONTENT, serial=f"{number:012}", version=self.version)

    def push(self, numbers: Iterable[int]) -> dict[int, Receipt]:
        """One round; what became of each."""
        asked = list(numbers)
        batch = [(self.content(each), [self.installation(each)], Reason.BALANCE) for each in asked]
        return {
            each: receipt
            for each, [receipt] in zip(asked, self.wallet.push_many(batch), strict=True)
        }

    def push_until_done(self, numbers: Iterable[int], rounds: int) -> dict[int, Outcome]:
        """What became at last of those that need no repetition any more."""
        due = set(numbers)
        done: dict[int, Outcome] = {}
        for _ in range(rounds):
            for each, receipt in self.push(sorted(due)).items():
                if receipt.outcome is not Outcome.LATER:
                    due.discard(each)
                    done[each] = receipt.outcome
        return done


@pytest.fixture
def cards(
    service: FakePushService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cards]:
    """With less patience, so that a push service that hangs does not hold the tests either."""
    monkeypatch.setattr(sender, "PUSH_SECONDS", 3.0)
    keys = KeyPair.generate()
    base_url = "https://karten.example.de"
    environment = {
        "TREUEPASS_VAPID_KEY": keys.scalar,
        "TREUEPASS_WEBPUSH_EXTRA_HOSTS": service.host,
    }
    wallet = PwaWallet(
        PushKeys(tmp_path, environment, base_url), read_hosts(environment, base_url), time.time
    )
    cards = Cards(wallet, service, keys)
    for number in range(DELIVERIES):
        cards.subscribe(number)
    yield cards
    wallet._sender.close()


def arrived(devices: Iterable[Device]) -> set[int]:
    """How often each of them heard of its card."""
    return {len(device.arrived) for device in devices}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.value)
def test_fifty_deliveries_survive(
    service: FakePushService,
    canary: Canary,
    cards: Cards,
    fault: Fault,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    service.fault = fault
    with monkeypatch.context() as impatient:
        impatient.setattr(sender, "PUSH_SECONDS", 0.4)
        ended = cards.push_until_done(cards.devices, ROUNDS_OF_TROUBLE)
    assert arrived(cards.devices.values()) == {0}
    assert service.requests

    service.fault = Fault.NONE
    if fault in ENDS:
        assert ended == dict.fromkeys(cards.devices, ENDS[fault])
        cards.version += 1
        if ENDS[fault] is Outcome.UNREACHABLE:
            for number in cards.devices:
                cards.subscribe(number)
    else:
        assert ended == {}
    ended = cards.push_until_done(cards.devices, ROUNDS_AFTERWARDS)

    assert ended == dict.fromkeys(cards.devices, Outcome.DELIVERED)
    assert arrived(cards.devices.values()) == {1}
    assert canary.visits == []
    told = caplog.text
    for device in cards.devices.values():
        assert device.endpoint.rpartition("/")[2] not in told


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.value)
def test_one_bad_device_holds_up_nobody(
    service: FakePushService, cards: Cards, fault: Fault
) -> None:
    bad = cards.devices[7]
    bad.fault = fault
    found = cards.push(cards.devices)
    assert found.pop(7).outcome is ENDS.get(fault, Outcome.LATER)
    assert {receipt.outcome for receipt in found.values()} == {Outcome.DELIVERED}
    assert arrived(device for device in cards.devices.values() if device is not bad) == {1}
    assert bad.arrived == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.value)
def test_devices_of_one_card_are_told_apart(
    service: FakePushService, cards: Cards, fault: Fault
) -> None:
    """Receipts come in the order of the installations, whoever answers first."""
    places = [cards.installation(number) for number in range(10)]
    for number in (0, 4, 9):
        cards.devices[number].fault = fault
    expected = [
        ENDS.get(fault, Outcome.LATER) if number in {0, 4, 9} else Outcome.DELIVERED
        for number in range(10)
    ]
    receipts = cards.wallet.push(cards.content(0), places, Reason.BALANCE)
    assert [receipt.outcome for receipt in receipts] == expected
    # A repetition tells nobody twice.
    for number in (0, 4, 9):
        cards.devices[number].fault = Fault.NONE
    again = cards.wallet.push(cards.content(0), places, Reason.BALANCE)
    assert {receipt.outcome for receipt in again} == {Outcome.DELIVERED}
    assert arrived(cards.devices[number] for number in range(10)) == {1}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.value)
def test_a_fault_in_the_middle_of_a_batch(
    service: FakePushService, cards: Cards, fault: Fault
) -> None:
    service.fault_after, service.fault = 20, fault
    first = cards.push(cards.devices)
    fine = [each for each, receipt in first.items() if receipt.outcome is Outcome.DELIVERED]
    # A connection that breaks after it was used may be tried once more, which counts as a request.
    assert len(fine) == 20
    service.fault = Fault.NONE
    service.fault_after = None
    cards.version += 1 if fault in ENDS else 0
    left = set(cards.devices) - set(fine)
    ended = cards.push_until_done(left, ROUNDS_AFTERWARDS)
    assert ended == dict.fromkeys(left, Outcome.DELIVERED)
    assert arrived(cards.devices.values()) == {1}


@pytest.mark.parametrize("fault", LOUD, ids=lambda fault: fault.value)
@pytest.mark.parametrize(
    ("said", "meant"), [("2", 2.0), ("", None), ("soon", None), ("999999999", 86_400.0)]
)
def test_a_service_says_how_long_to_wait(
    service: FakePushService, cards: Cards, fault: Fault, said: str, meant: float | None
) -> None:
    service.fault, service.retry_after = fault, said
    found = cards.push([0])
    assert (found[0].outcome, found[0].retry_after) == (Outcome.LATER, meant)


def test_a_service_that_is_not_there_is_asked_again(cards: Cards) -> None:
    """Nobody listens: all come later, and none is forgotten."""
    away = f"127.0.0.1:{free_port()}"
    base_url = "https://karten.example.de"
    environment = {"TREUEPASS_WEBPUSH_EXTRA_HOSTS": f"{away},{cards.service.host}"}
    cards.wallet.hosts = read_hosts(environment, base_url)
    here = cards.devices[1].endpoint
    cards.devices[0].endpoint = f"http://{away}/push/x"
    found = cards.push([0, 1])
    assert [receipt.outcome for receipt in found.values()] == [Outcome.LATER, Outcome.DELIVERED]
    assert here == cards.devices[1].endpoint


def test_no_redirect_is_followed(service: FakePushService, canary: Canary, cards: Cards) -> None:
    service.fault = Fault.REDIRECT
    receipts: Sequence[Receipt] = list(cards.push(cards.devices).values())
    assert {receipt.outcome for receipt in receipts} == {Outcome.REFUSED}
    assert [request.status for request in service.requests] == [307] * DELIVERIES
    assert canary.visits == []
