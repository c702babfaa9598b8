"""Pushes from end to end: the page's own button, our encryption, a real Firefox's decryption."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec

from pwa import base64url
from tests.conftest import Shop
from tests.fakes.web_push import Device, FakePushService
from tests.firefox.conftest import Site
from tests.firefox.firefox import PATIENCE, Firefox
from tests.pwa.pushing import authorization, headers

IS_CONTROLLED = "navigator.serviceWorker.controller !== null"
FIGURE = "document.querySelector('#live .figure').ariaLabel"
SUBSCRIPTION = (
    "navigator.serviceWorker.ready.then(there => there.pushManager.getSubscription())"
    ".then(subscription => subscription && subscription.toJSON())"
)


def shows(block: str) -> str:
    """The script's own sign of where notifications stand."""
    return f"!document.querySelector('[data-notify=\"{block}\"]').closest('[hidden]')"


def wait_until(claim: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not claim():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)


@pytest.fixture
def card(alma: Shop) -> Any:
    return alma.card(alma.template("multipass")["id"])


@pytest.fixture
def device(firefox: Firefox, push_service: FakePushService, card: Any) -> Device:
    """The card's page in Firefox, subscribed to pushes by its button."""
    firefox.go(card["links"]["pwa"])
    firefox.wait_for(IS_CONTROLLED)
    firefox.wait_for(shows("ask"))
    firefox.click("#notify-yes")
    firefox.wait_for(shows("on"))
    [device] = push_service.devices.values()
    assert firefox.run(SUBSCRIPTION)["endpoint"] == device.endpoint
    return device


def test_a_balance_is_pushed_and_the_page_shows_it(
    site: Site,
    firefox: Firefox,
    push_service: FakePushService,
    alma: Shop,
    card: Any,
    device: Device,
) -> None:
    # Who listens in a tab has not installed anything (R-INST-2).
    assert alma.get(f"/cards/{card['id']}")["status"] == "not_installed"
    assert firefox.run(FIGURE) == "Verfügbare Besuche: 0"

    alma.post(f"/cards/{card['id']}/add-visits", {"value": 7})
    site.deliver()

    [message] = device.arrived
    assert message.headers["urgency"] == "high"
    assert message.headers["ttl"] == str(7 * 24 * 3_600)
    wait_until(lambda: site.notifications)
    [shown] = site.notifications
    assert shown["title"] == "Alma"
    assert shown["options"]["body"] == "Sie haben jetzt noch 7 Besuche"
    # It was Firefox that opened the message, and its worker did not fail.
    wait_until(push_service.mozilla.acknowledged)
    firefox.wait_for(f"{FIGURE} === 'Verfügbare Besuche: 7'")
    assert alma.get(f"/cards/{card['id']}")["status"] == "not_installed"


def test_what_waited_arrives_when_firefox_is_online_again(
    site: Site, firefox: Firefox, alma: Shop, card: Any, device: Device
) -> None:
    device.is_online = False
    for _ in range(3):
        alma.post(f"/cards/{card['id']}/add-visits", {"value": 3})
        time.sleep(2.1)  # quicker changes would ride on one push
        site.deliver()
    # Of one topic the newest waits.
    [_] = device.waiting
    device.come_back(time.time())
    wait_until(lambda: site.notifications)
    [shown] = site.notifications
    assert shown["options"]["body"] == "Sie haben jetzt noch 9 Besuche"


def test_what_others_send_to_firefox_is_refused(
    push_service: FakePushService, device: Device
) -> None:
    def send(body: bytes, **others: str) -> int:
        with requests.Session() as http:
            told = headers(push_service.origin, **others)
            return http.post(device.endpoint, data=body, headers=told, timeout=10).status_code

    other = ec.generate_private_key(ec.SECP256R1())
    assert send(b"x", Authorization=authorization(push_service.origin, other)) == 403
    assert send(b"x" * 4_097) == 413
    assert device.arrived == []


def test_whoever_wants_no_more_is_not_pushed_to(
    site: Site,
    firefox: Firefox,
    push_service: FakePushService,
    alma: Shop,
    card: Any,
    device: Device,
) -> None:
    firefox.click("#notify-no")
    firefox.wait_for(shows("ask"))
    assert firefox.run(SUBSCRIPTION) is None
    wait_until(lambda: not device.is_subscribed)
    alma.post(f"/cards/{card['id']}/add-visits", {"value": 1})
    site.deliver()
    assert push_service.requests == []


def test_a_subscription_that_ended_unseen_is_forgotten(
    site: Site,
    firefox: Firefox,
    push_service: FakePushService,
    alma: Shop,
    card: Any,
    device: Device,
) -> None:
    """As when a browser's data are cleared: the page told nobody, the push service knows it."""
    firefox.run(
        "navigator.serviceWorker.ready.then(there => there.pushManager.getSubscription())"
        ".then(subscription => subscription.unsubscribe())"
    )
    wait_until(lambda: not device.is_subscribed)
    for _ in range(2):
        alma.post(f"/cards/{card['id']}/add-visits", {"value": 1})
        time.sleep(2.1)
        site.deliver()
    assert [request.status for request in push_service.requests] == [410]


def test_the_page_subscribes_with_the_key_that_the_server_has(
    firefox: Firefox, device: Device
) -> None:
    told = firefox.run("({...document.body.dataset})")
    assert told["pushKey"] == base64url.encoded(device.server_key)
    assert len(told["pushKeyId"]) == 12
