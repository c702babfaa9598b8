"""Settings of the push service, and test mode, in which nothing leaves the machine."""

import json
import logging
import socket
from typing import cast

import pytest

import wallet_apple
from passes.wallet_port import Issuer, Outcome, Reason, WalletMisconfigured, WalletSettings
from tests.wallet_apple import telling
from tests.wallet_apple.telling import content, device, token
from wallet_apple import pushing, shown_pushes
from wallet_apple.pushing import read_settings
from wallet_apple.shown_pushes import ShownPush


def test_without_settings_real_certificates_go_to_apple():
    settings = read_settings({})
    endpoint = settings.endpoint
    assert (endpoint.host, endpoint.port, endpoint.tls) == ("api.push.apple.com", 443, True)
    assert endpoint.authority == "api.push.apple.com"
    assert (endpoint.push_type, endpoint.priority) == ("background", "5")
    assert settings.test_mode


@pytest.mark.parametrize(
    ("url", "authority", "tls"),
    [
        ("https://apns.example:2197/", "apns.example:2197", True),
        ("http://127.0.0.1:9999", "127.0.0.1:9999", False),
        ("http://localhost:9999", "localhost:9999", False),
        ("http://[::1]:9999", "[::1]:9999", False),
    ],
)
def test_addresses(url, authority, tls):
    settings = read_settings({"TREUEPASS_APNS_URL": url})
    assert (settings.endpoint.authority, settings.endpoint.tls) == (authority, tls)
    assert not settings.test_mode


@pytest.mark.parametrize(
    "wrong",
    [
        {"TREUEPASS_APNS_URL": "http://apns.example"},
        {"TREUEPASS_APNS_URL": "http://127.0.0.1.example"},
        {"TREUEPASS_APNS_URL": "ftp://127.0.0.1"},
        {"TREUEPASS_APNS_URL": "api.push.apple.com"},
        {"TREUEPASS_APNS_URL": "https://"},
        {"TREUEPASS_APNS_URL": "https://x:port"},
        {"TREUEPASS_APNS_CA": "/does/not/exist.pem"},
        {"TREUEPASS_APNS_PUSH_TYPE": "voip"},
        {"TREUEPASS_APNS_PRIORITY": "7"},
        {"TREUEPASS_APNS_PRIORITY": "10"},
        {"TREUEPASS_APNS_KEY_ID": "ABC123DEFG"},
        {"TREUEPASS_APNS_KEY": "/does/not/exist.p8", "TREUEPASS_APNS_KEY_ID": "ABC123DEFG"},
    ],
)
def test_settings_that_cannot_be_used_are_named(wrong, tmp_path):
    settings = WalletSettings("https://cards.example", tmp_path, wrong, telling.now)
    with pytest.raises(WalletMisconfigured, match="|".join(wrong)):
        wallet_apple.mount(settings, cast(Issuer, object()))


@pytest.fixture
def offline(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError(f"a connection was tried: {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def wallet():
    return telling.wallet_for(read_settings({}))


@pytest.fixture
def log_file():
    return telling.certificates().parent / shown_pushes.FILE_NAME


@pytest.mark.usefixtures("offline")
def test_test_mode_shows_pushes_and_keeps_tokens_to_itself(wallet, log_file, caplog):
    caplog.set_level(logging.DEBUG)
    start, _ = shown_pushes.since(log_file, None, ())
    card = content(7, version=5)
    receipts = wallet.push(card, [device(token(1)), device(token(2))], Reason.MESSAGE)
    assert [receipt.outcome for receipt in receipts] == [Outcome.DELIVERED] * 2
    assert {receipt.detail for receipt in receipts} == {"test mode: shown in the log"}
    hashed = shown_pushes.device_hash(token(1))
    _, [shown] = shown_pushes.since(log_file, start, [hashed])
    assert (shown.topic, shown.serial, shown.version, shown.reason, shown.device) == (
        telling.TOPIC, card.serial, 5, "message", hashed,
    )  # fmt: skip
    assert shown.at.endswith("Z")
    assert token(1) not in log_file.read_text()
    assert token(1) not in caplog.text
    assert card.serial in caplog.text


@pytest.mark.usefixtures("offline")
def test_an_account_with_the_example_certificate_is_test_mode_too(wallet):
    """Nobody owns that pass type, so Apple must not hear of it."""
    own = telling.account(telling.TOPIC)
    [receipt] = wallet.push(content(account=own), [device(token(1))], Reason.BALANCE)
    assert receipt.detail == pushing.SHOWN.detail


def test_a_real_certificate_does_not_stay_in_test_mode(wallet, monkeypatch):
    """Without any setting it goes to Apple; here the way there is cut."""

    def refuse(address, timeout=None):
        tried.append(address)
        raise ConnectionRefusedError

    tried: list = []
    monkeypatch.setattr(socket, "create_connection", refuse)
    own = telling.account("pass.example.alma")
    [answer] = wallet.push_many([
        (content(account=own), [device(token(1), topic=own.name)], Reason.BALANCE)
    ])  # fmt: skip
    assert tried == [("api.push.apple.com", 443)]
    assert "cannot be reached" in str(answer)


# --- the log of test pushes ----------------------------------------------------------------------


def shown_push(number, serial="1"):
    device_hash = shown_pushes.device_hash(token(number))
    return ShownPush("2026-11-21T12:00:00Z", "pass.x", device_hash, serial, 1, "balance")


def test_a_reader_goes_on_where_it_was(tmp_path):
    file = tmp_path / "log"
    mine = [shown_push(1).device]
    assert shown_pushes.since(file, None, mine) == ("", [])
    shown_pushes.append(file, [shown_push(1, "1"), shown_push(2, "2")])
    position, found = shown_pushes.since(file, None, mine)
    assert [push.serial for push in found] == ["1"]
    assert shown_pushes.since(file, position, mine) == (position, [])
    shown_pushes.append(file, [shown_push(1, "3")])
    position, found = shown_pushes.since(file, position, mine)
    assert [push.serial for push in found] == ["3"]


@pytest.mark.parametrize("position", ["", "x", "-", "abc-5", "-5", "½-½"])
def test_a_made_up_position_means_the_beginning(tmp_path, position):
    file = tmp_path / "log"
    shown_pushes.append(file, [shown_push(1)])
    assert len(shown_pushes.since(file, position, [shown_push(1).device])[1]) == 1


def test_a_position_within_a_line_means_the_beginning(tmp_path):
    file = tmp_path / "log"
    shown_pushes.append(file, [shown_push(1)])
    end, _ = shown_pushes.since(file, None, [])
    log, _, size = end.partition("-")
    for moved in (int(size) - 3, int(size) + 100):
        assert len(shown_pushes.since(file, f"{log}-{moved}", [shown_push(1).device])[1]) == 1


def test_a_long_log_starts_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(shown_pushes, "MOST_BYTES", 1000)
    file = tmp_path / "log"
    mine = [shown_push(1).device]
    shown_pushes.append(file, [shown_push(1, str(number)) for number in range(10)])
    position, _ = shown_pushes.since(file, None, mine)
    shown_pushes.append(file, [shown_push(1, "fresh")])
    assert file.stat().st_size < 1000
    assert [push.serial for push in shown_pushes.since(file, position, mine)[1]] == ["fresh"]


def test_each_line_is_json(tmp_path):
    file = tmp_path / "log"
    shown_pushes.append(file, [shown_push(1)])
    head, line = map(json.loads, file.read_text().splitlines())
    assert list(head) == ["log"]
    assert list(line) == ["at", "topic", "device", "serial", "version", "reason"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path, caplog):
    wallet = telling.wallet_for(read_settings({}))
    wallet._pushing._test_log = tmp_path / "missing" / "log"
    [receipt] = wallet.push(content(), [device(token(1))], Reason.BALANCE)
    assert receipt.outcome is Outcome.DELIVERED
    assert "cannot be written" in caplog.text
