"""Many pushes at once over kept connections; the eleven faults: tests/faults."""

import logging
import socket
import threading

import pytest

from passes.wallet_port import Outcome
from pwa import sender as module
from pwa.endpoints import PushHosts
from pwa.sender import AT_ONCE, Push, Sender
from pwa.vapid import Headers, KeyPair
from tests.fakes.web_push import FakePushService, Fault

PAIR = KeyPair.generate()
SUBJECT = "mailto:till@cafe-kranz.de"
DAY = 86_400


@pytest.fixture
def service():
    with FakePushService() as running:
        yield running


@pytest.fixture
def sender(service):
    made = Sender(service.clock)
    yield made
    made.close()


def push_to(service, device, text=b'{"n":1}', **changes):
    keys = device.keys
    given = {
        "endpoint": PushHosts(loopback=(service.host,)).endpoint(device.endpoint),
        "p256dh": keys.public,
        "auth": keys.auth,
        "plaintext": text,
        "ttl": DAY,
        "urgency": "high",
        "topic": "T" * 32,
        "authorization": Headers().header(PAIR, SUBJECT, service.origin, service.clock()),
    }
    return Push(**{**given, **changes})


def devices(service, number):
    return [service.subscribe(PAIR.point) for _ in range(number)]


def outcomes(receipts):
    return [receipt.outcome for receipt in receipts]


def test_every_browser_gets_its_own_message(service, sender):
    targets = devices(service, 60)
    pushes = [push_to(service, each, b"%d" % n) for n, each in enumerate(targets)]
    assert outcomes(sender.send(pushes)) == [Outcome.DELIVERED] * 60
    assert [[m.text for m in each.arrived] for each in targets] == [[b"%d" % n] for n in range(60)]
    headers = targets[0].arrived[0].headers
    assert headers["ttl"] == str(DAY)
    assert headers["urgency"] == "high"
    assert headers["topic"] == "T" * 32
    assert headers["content-encoding"] == "aes128gcm"
    assert headers["content-type"] == "application/octet-stream"


def test_messages_of_one_sort_are_of_one_length(service, sender):
    targets = devices(service, 3)
    texts = [b"1", b"x" * 900, b"x" * 3_993]
    sender.send([push_to(service, each, text) for each, text in zip(targets, texts, strict=True)])
    assert [each.arrived[0].text for each in targets] == texts
    lengths = [len(each.arrived[0].body) for each in targets]
    assert lengths == [1_024 + 103, 1_024 + 103, 4_096]


def test_twenty_connections_serve_all_and_are_used_again(service, sender):
    targets = devices(service, 100)
    for _ in range(3):
        sender.send([push_to(service, each) for each in targets])
    assert [len(each.arrived) for each in targets] == [3] * 100
    assert service.connections <= AT_ONCE


def test_connections_that_the_push_service_closed_meanwhile_do_no_harm(service, sender):
    targets = devices(service, 30)
    for _ in range(3):
        assert outcomes(sender.send([push_to(service, each) for each in targets])) == [
            Outcome.DELIVERED
        ] * len(targets)
        service.drop_connections()
    assert [len(each.arrived) for each in targets] == [3] * 30


def test_browsers_that_hang_leave_the_others_alone(service, sender, monkeypatch):
    monkeypatch.setattr(module, "PUSH_SECONDS", 0.5)
    targets = devices(service, 40)
    for each in targets[::4]:
        each.fault = Fault.HANG
    receipts = sender.send([push_to(service, each) for each in targets])
    expected = [Outcome.LATER if n % 4 == 0 else Outcome.DELIVERED for n in range(40)]
    assert outcomes(receipts) == expected
    assert receipts[0].detail == "The push service did not answer in time."


def test_what_cannot_begin_in_time_is_sent_later(service, sender, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    [one, *rest] = [push_to(service, each) for each in devices(service, 3)]
    for batch in ([one], [one, *rest]):
        assert outcomes(sender.send(batch)) == [Outcome.LATER] * len(batch)
    assert service.connections == 0


def test_no_pushes_are_no_work(sender):
    assert sender.send([]) == []


def test_a_name_that_is_not_looked_up_in_time_is_tried_later(service, sender, monkeypatch):
    monkeypatch.setattr(module, "PUSH_SECONDS", 0.2)
    ready = threading.Event()
    look_up = socket.getaddrinfo

    def slow(*arguments, **options):
        ready.wait()
        return look_up(*arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    [receipt] = sender.send([push_to(service, *devices(service, 1))])
    ready.set()
    assert (receipt.outcome, service.connections) == (Outcome.LATER, 0)


def test_a_name_that_is_not_known_is_tried_later(service, sender, monkeypatch):
    def unknown(*arguments, **options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    [receipt] = sender.send([push_to(service, *devices(service, 1))])
    assert receipt.outcome is Outcome.LATER


def test_keys_and_messages_that_cannot_be_sent_are_refused_alone(service, sender):
    good, other, third = devices(service, 3)
    receipts = sender.send(
        [
            push_to(service, good),
            push_to(service, other, p256dh=b"\x04" * 65),
            push_to(service, third, b"x" * 3_994),
        ]
    )
    assert outcomes(receipts) == [Outcome.DELIVERED, Outcome.REFUSED, Outcome.REFUSED]
    assert len(service.requests) == 1


def test_an_operator_reads_of_refusals_and_of_nothing_secret(service, sender, caplog):
    targets = devices(service, 3)
    for each in targets[:2]:
        each.fault = Fault.TOO_LARGE
    with caplog.at_level(logging.DEBUG):
        sender.send([push_to(service, each) for each in targets])
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "Web Push refused by 127.0.0.1, 2 times: The push service answered 413: the message is too"
        " large."
    )
    assert targets[0].endpoint.rpartition("/")[2] not in repr(push_to(service, targets[0]))
