"""The push service of the tests keeps, replaces, refuses and misbehaves as real ones do."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import pytest
import requests

from pwa import base64url
from tests.fakes.web_push import FAULTS, Device, FakePushService, Fault
from tests.fakes.web_push_canary import Canary
from tests.fakes.web_push_socket import Frames, connect
from tests.pwa.pushing import SENDER_KEY, encrypted, headers

PATIENCE = 10.0


@pytest.fixture
def service() -> Iterator[FakePushService]:
    with FakePushService() as service:
        yield service


def send(
    service: FakePushService, device: Device, text: bytes = b"new balance", **others: str
) -> requests.Response:
    with requests.Session() as http:
        return http.post(
            device.endpoint,
            data=encrypted(text, device.subscription()),
            headers=headers(service.origin, **others),
            timeout=1,
            allow_redirects=False,
        )


def test_a_message_arrives_and_is_read(service: FakePushService) -> None:
    device = service.subscribe(SENDER_KEY)
    assert send(service, device, Topic="balance", Urgency="high").status_code == 201
    [message] = device.arrived
    assert message.text == b"new balance"
    assert (message.headers["topic"], message.headers["urgency"]) == ("balance", "high")
    [request] = service.requests
    assert request.status == 201


def test_while_a_device_is_away_the_newest_of_a_topic_waits(service: FakePushService) -> None:
    device = service.subscribe(SENDER_KEY)
    device.is_online = False
    send(service, device, b"1", Topic="balance")
    send(service, device, b"a", Topic="message")
    send(service, device, b"2", Topic="balance")
    send(service, device, b"now or never", TTL="0")
    send(service, device, b"for a second", TTL="1")
    assert device.arrived == []
    device.come_back(time.time() + 1)
    assert [message.text for message in device.arrived] == [b"a", b"2"]


def test_who_unsubscribed_is_gone_and_who_never_was_is_unknown(service: FakePushService) -> None:
    device = service.subscribe(SENDER_KEY)
    service.unsubscribe(device)
    assert send(service, device).status_code == 410
    device.endpoint += "x"
    assert send(service, device).status_code == 404
    assert device.arrived == []


@pytest.mark.parametrize(
    "fault", [fault for fault in FAULTS if fault is not Fault.SLOW], ids=lambda fault: fault.value
)
def test_a_fault_is_what_its_name_says(service: FakePushService, fault: Fault) -> None:
    with Canary() as canary:
        service.redirects_to = f"http://127.0.0.1:{canary.port}/"
        sick, well = service.subscribe(SENDER_KEY), service.subscribe(SENDER_KEY)
        sick.fault = fault
        if fault.value[0].isdigit() or fault is Fault.REDIRECT:
            answer = send(service, sick)
            assert answer.status_code == int(fault.value[:3]) if fault.value[0].isdigit() else 307
            retry = {Fault.TOO_MANY: "2", Fault.UNAVAILABLE: "2"}.get(fault)
            assert answer.headers.get("Retry-After") == retry
        else:
            with pytest.raises(requests.RequestException):
                send(service, sick)
        assert send(service, well).status_code == 201
        assert sick.arrived == []
        assert canary.visits == []
        sick.fault = Fault.NONE
        assert send(service, sick).status_code == 201


def test_a_slow_drip_never_ends_and_never_pauses(service: FakePushService) -> None:
    """So a limit on each read alone would wait for it for ever."""
    service.fault = Fault.SLOW
    with socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE) as sending:
        sending.sendall(b"POST /push/x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        read = [sending.recv(100) for _ in range(20)]
    assert b"HTTP/1.1 201 Created".startswith(b"".join(read)[:20])
    assert max(map(len, read)) < 20


def test_the_canary_sings() -> None:
    with Canary() as canary:
        assert requests.get(f"http://127.0.0.1:{canary.port}/x", timeout=5).status_code == 201
    [visit] = canary.visits
    assert visit.startswith(b"GET /x ")


# --- Mozilla's protocol --------------------------------------------------------------------------


def say(frames: Frames, **message: object) -> dict[str, object]:
    frames.send(json.dumps(message))
    return heard(frames)


def heard(frames: Frames) -> dict[str, object]:
    text = frames.receive()
    assert text is not None
    told: dict[str, object] = json.loads(text)
    return told


def test_a_browser_subscribes_over_websocket(service: FakePushService) -> None:
    frames = connect("127.0.0.1", service.port, "/", PATIENCE)
    hello = say(frames, messageType="hello", use_webpush=True)
    assert hello["status"] == 200
    made = say(
        frames, messageType="register", channelID="one", key=base64url.encoded(SENDER_KEY) + "="
    )
    [device] = service.devices.values()
    assert (made["channelID"], made["pushEndpoint"]) == ("one", device.endpoint)

    sent = b"only the browser can read it" * 10
    with requests.Session() as http:
        answer = http.post(device.endpoint, data=sent, headers=headers(service.origin))
        assert answer.status_code == 201
    told = heard(frames)
    assert (told["messageType"], told["channelID"]) == ("notification", "one")
    assert told["headers"] == {"encoding": "aes128gcm"}
    assert base64url.decoded(told["data"]) == sent
    assert say(frames) == {}
    say(frames, messageType="ping")
    frames.send(
        json.dumps({"messageType": "ack", "updates": [{"channelID": "one", "version": "v"}]})
    )
    assert say(frames, messageType="unregister", channelID="one")["status"] == 200
    assert service.mozilla.acknowledged() == ["v"]
    assert not device.is_subscribed
    frames.close()


def test_what_came_while_a_browser_was_away_waits_for_it(service: FakePushService) -> None:
    frames = connect("127.0.0.1", service.port, "/", PATIENCE)
    uaid = say(frames, messageType="hello", use_webpush=True)["uaid"]
    say(frames, messageType="register", channelID="one", key=base64url.encoded(SENDER_KEY))
    frames.close()
    browser = service.mozilla.browsers[str(uaid)]
    end = time.monotonic() + PATIENCE
    while browser.frames is not None and time.monotonic() < end:
        time.sleep(0.01)
    [device] = service.devices.values()
    with requests.Session() as http:
        assert http.post(device.endpoint, data=b"x", headers=headers(service.origin)).ok
    assert len(device.waiting) == 1

    frames = connect("127.0.0.1", service.port, "/", PATIENCE)
    frames.send(json.dumps({"messageType": "hello", "uaid": uaid, "use_webpush": True}))
    assert heard(frames)["uaid"] == uaid
    assert heard(frames)["messageType"] == "notification"
    frames.close()
