"""SSRF by push endpoint (security.md, 3 and 7): hostile ones are refused and never contacted."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from passes.wallet_port import Installation, NotAllowed, Outcome, Reason, Receipt
from pwa.endpoints import PushHosts, read_hosts
from pwa.keys import PushKeys
from pwa.simulate.keys import new_keys
from pwa.vapid import KeyPair
from pwa.wallet import PwaWallet
from tests.fakes.web_push_canary import Canary
from tests.pwa.conftest import CONTENT
from tests.pwa.hostile_endpoints import GOOD, HOSTILE, NO_TEXTS

KEYS = new_keys()
HOSTS = read_hosts({}, "https://cards.example")
SERVER = KeyPair.generate()
FCM = "https://fcm.googleapis.com/fcm/send/x"
SOMEWHERE = "93.184.215.14"
"""A public address. Nothing ever gets there: see ``Network``."""


def subscription(endpoint: object) -> dict[str, object]:
    return {**KEYS.subscription(""), "endpoint": endpoint}


def test_there_are_enough_of_them() -> None:
    assert len(set(HOSTILE)) >= 60


@pytest.mark.parametrize("endpoint", [*HOSTILE, *NO_TEXTS], ids=ascii)
def test_a_hostile_endpoint_is_refused_at_subscription(endpoint: object) -> None:
    if isinstance(endpoint, str):
        endpoint = endpoint.replace("{port6}", "8031").replace("{port}", "8031")
    with pytest.raises(NotAllowed) as error:
        HOSTS.accept(subscription(endpoint))
    assert error.value.field == "endpoint"


@pytest.mark.parametrize("endpoint", GOOD)
def test_a_real_push_service_is_accepted(endpoint: str) -> None:
    assert HOSTS.accept(subscription(endpoint))["endpoint"] == endpoint


def test_a_port_of_this_machine_is_allowed_alone() -> None:
    hosts = read_hosts({"TREUEPASS_WEBPUSH_EXTRA_HOSTS": "127.0.0.1:8031"}, "https://cards.example")
    assert hosts.accept(subscription("http://127.0.0.1:8031/x"))["endpoint"]
    for other in (
        "http://127.0.0.1:8032/x",
        "https://127.0.0.1:8031/x",
        "http://localhost:8031/x",
        "http://127.0.0.1/x",
        "http://127.0.0.1:08031/x",
        "http://user@127.0.0.1:8031/x",
        "http://127.0.0.1:8031@evil.example/x",
        "http://evil.example:8031/x",
        # Where the simulator listens, but this server is no trial on one machine.
        "http://127.0.0.1:8030/x",
    ):
        with pytest.raises(NotAllowed):
            hosts.accept(subscription(other))


def test_hosts_that_nobody_set_are_the_push_services_alone() -> None:
    assert PushHosts() == HOSTS


# --- at send time --------------------------------------------------------------------------------


@dataclass
class Network:
    """What names resolve to here, and where anything in this process tried to connect to.

    Nothing can be reached, whatever it is.
    """

    names: dict[str, list[list[str]]] = field(default_factory=dict)
    """The answers to come for a name, of which the last one stays."""
    asked: list[str] = field(default_factory=list)
    tried: list[Any] = field(default_factory=list)
    is_watching: bool = True

    def resolve(self, host: Any, port: Any, *_: Any, **__: Any) -> list[Any]:
        self.asked.append(host)
        answers = self.names.get(host)
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "not known here")
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (address, port, 0, 0) if ":" in address else (address, port),
            )
            for address in addresses
        ]

    def hear(self, event: str, details: tuple[Any, ...]) -> None:
        if event == "socket.connect" and self.is_watching:
            self.tried.append(details[1])
            raise ConnectionRefusedError("nothing leaves this machine")


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    network = Network()
    monkeypatch.setattr(socket, "getaddrinfo", network.resolve)
    sys.addaudithook(network.hear)  # which stays for ever, so it is told when to end
    yield network
    network.is_watching = False


@pytest.fixture
def wallet(tmp_path: Path) -> Iterator[PwaWallet]:
    base_url = "https://cards.example.com"
    environment = {"TREUEPASS_VAPID_KEY": SERVER.scalar}
    wallet = PwaWallet(
        PushKeys(tmp_path, environment, base_url), read_hosts(environment, base_url), time.time
    )
    yield wallet
    wallet._sender.close()


def push(wallet: PwaWallet, *endpoints: str) -> list[Receipt]:
    """To addresses as a database may hold them, whoever once put them there."""
    made = KEYS.subscription("")["keys"]
    assert isinstance(made, dict)
    places = [
        Installation(
            f"{number:022}",
            {"endpoint": endpoint, "key": SERVER.key_id, **made},
            datetime(2026, 11, 20, tzinfo=UTC),
        )
        for number, endpoint in enumerate(endpoints)
    ]
    return list(wallet.push(CONTENT, places, Reason.BALANCE))


def test_no_hostile_endpoint_is_contacted(network: Network, wallet: PwaWallet) -> None:
    """Not even looked up."""
    receipts = push(wallet, *HOSTILE)
    assert network.asked == []
    assert network.tried == []
    for endpoint, receipt in zip(HOSTILE, receipts, strict=True):
        if endpoint:
            assert receipt.outcome is Outcome.REFUSED, endpoint
        else:  # as of an installation that has no subscription
            assert not receipt.told


def test_no_hostile_endpoint_reaches_a_canary(wallet: PwaWallet) -> None:
    """The same over real sockets, past two servers that would answer."""
    with Canary() as canary, Canary("::1") as canary6:
        ports = (str(canary.port), str(canary6.port))
        endpoints = [
            endpoint.replace("{port}", ports[0]).replace("{port6}", ports[1])
            for endpoint in HOSTILE
            if "{port" in endpoint
        ]
        assert len(endpoints) >= 15
        outcomes = {receipt.outcome for receipt in push(wallet, *endpoints)}
        assert canary.visits == []
        assert canary6.visits == []
    assert outcomes == {Outcome.REFUSED}


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["127.8.9.10"],
        ["0.0.0.0"],
        ["10.1.2.3"],
        ["172.31.255.255"],
        ["192.168.0.1"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["192.0.2.1"],
        ["198.18.0.1"],
        ["224.0.0.1"],
        ["240.0.0.1"],
        ["255.255.255.255"],
        ["::1"],
        ["::"],
        ["fc00::1"],
        ["fd00:ec2::254"],
        ["fe80::1"],
        ["fe80::1%eth0"],
        ["ff02::1"],
        ["2001:db8::1"],
        ["::ffff:127.0.0.1"],
        ["::ffff:10.0.0.1"],
        ["::127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["64:ff9b::a9fe:a9fe"],
        ["64:ff9b:1::a00:1"],
        ["2002:7f00:1::1"],
        ["2002:a9fe:a9fe::1"],
        ["2001:0:7f00:1::1"],
        ["fec0::1"],
        # One that is bad spoils the others, wherever it stands.
        [SOMEWHERE, "127.0.0.1"],
        ["127.0.0.1", SOMEWHERE],
        [SOMEWHERE, "2606:4700::1", "::ffff:192.168.1.1"],
    ],
    ids=" ".join,
)
def test_a_known_name_that_leads_inside_is_not_contacted(
    network: Network, wallet: PwaWallet, addresses: list[str]
) -> None:
    network.names["fcm.googleapis.com"] = [addresses]
    [receipt] = push(wallet, FCM)
    assert receipt.outcome in {Outcome.REFUSED, Outcome.LATER}
    assert network.asked == ["fcm.googleapis.com"]
    assert network.tried == []


@pytest.mark.parametrize("address", [SOMEWHERE, "2606:4700::6810:84e5", "64:ff9b::5db8:d70e"])
def test_a_public_address_is_contacted(network: Network, wallet: PwaWallet, address: str) -> None:
    """So the tests beside this one could fail."""
    network.names["fcm.googleapis.com"] = [[address]]
    [receipt] = push(wallet, FCM)
    assert receipt.outcome is Outcome.LATER
    assert [tried[:2] for tried in network.tried] == [(address, 443)]


def test_a_name_that_changes_between_check_and_connection(
    network: Network, wallet: PwaWallet
) -> None:
    """DNS rebinding: public when it is checked, inside when it is asked again."""
    network.names["fcm.googleapis.com"] = [[SOMEWHERE], ["127.0.0.1"]]
    push(wallet, FCM)
    # Looked up once, and what was checked is what was connected to.
    assert network.asked == ["fcm.googleapis.com"]
    assert [tried[:2] for tried in network.tried] == [(SOMEWHERE, 443)]
    # The next push asks anew, and is stopped.
    push(wallet, FCM)
    assert network.asked == ["fcm.googleapis.com"] * 2
    assert len(network.tried) == 1


def test_the_audit_hears_of_connections(network: Network) -> None:
    with suppress(ConnectionRefusedError), socket.socket() as probe:
        probe.connect(("127.0.0.1", 9))
    assert network.tried == [("127.0.0.1", 9)]
