"""Pushes behind the port: who is told, with whose key, and what stays silent."""

import base64
import json
import logging
from dataclasses import replace
from datetime import timedelta
from shutil import copy, copytree

import pytest

from passes.wallet_port import (
    Account,
    CredentialsRefused,
    Installation,
    Outcome,
    Reason,
    State,
    WalletMisconfigured,
)
from pwa.endpoints import read_hosts
from pwa.keys import PushKeys
from pwa.vapid import KeyPair
from pwa.wallet import NO_SUBJECT, PwaWallet
from tests.fakes.web_push import FakePushService, Fault
from tests.pwa.conftest import BASE_URL, CONTENT, NOW

OUTSIDE = "https://fcm.googleapis.com/fcm/send/secret-of-a-browser"


@pytest.fixture
def service():
    with FakePushService() as running:
        running.clock = NOW.timestamp
        yield running


@pytest.fixture
def mounted(tmp_path, certificates, service):
    """Makes wallets as the folder's ``mount`` does."""
    (tmp_path / "certs_example").mkdir()
    copy(certificates / "vapid.json", tmp_path / "certs_example")

    def make(base_url=BASE_URL, **settings):
        environment = {"TREUEPASS_WEBPUSH_EXTRA_HOSTS": service.host, **settings}
        keys = PushKeys(tmp_path, environment, base_url)
        return PwaWallet(keys, read_hosts(environment, base_url), NOW.timestamp)

    return make


@pytest.fixture
def wallet(mounted):
    return mounted()


@pytest.fixture
def browser(service, wallet):
    """Subscribes a new browser with the key that the page of ``account`` shows."""

    def subscribe(account=None):
        key_id, public_key = wallet.public_key(account)
        device = service.subscribe(base64.urlsafe_b64decode(public_key + "="))
        address = {**wallet.hosts.accept(device.subscription()), "key": key_id}
        return device, Installation(f"device-{len(service.devices)}", address, NOW)

    return subscribe


def account_of(wallet, number=1, subject="mailto:inhaber@cafe-kranz.de"):
    made = wallet.accept({"subject": subject}, [], [], NOW)
    return Account(f"{number:032}", 1, made.data, made.name)


def said(device):
    return [json.loads(message.text)["notification"]["body"] for message in device.arrived]


def claims(device):
    token = device.arrived[-1].headers["authorization"].partition("t=")[2].partition(".")[2]
    return json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))


def test_browsers_that_subscribed_are_told_and_the_others_look_themselves(wallet, browser):
    device, listening = browser()
    _, other = browser()
    quiet = Installation("quiet", {}, NOW)
    receipts = wallet.push(CONTENT, [quiet, listening, quiet, other], Reason.BALANCE)
    assert [receipt.outcome for receipt in receipts] == [Outcome.DELIVERED] * 4
    assert [receipt.told for receipt in receipts] == [False, True, False, True]
    assert said(device) == ["Ihre Karte hat sich geändert"]


def test_a_batch_of_cards_is_answered_in_its_order(wallet, browser):
    devices, installations = zip(*(browser() for _ in range(6)), strict=True)
    devices[1].fault, devices[4].fault = Fault.GONE, Fault.UNAVAILABLE
    cards = [replace(CONTENT, serial=f"{number:012}", merchant=f"M{number}") for number in range(3)]
    answers = wallet.push_many(
        [
            (cards[0], installations[:3], Reason.BALANCE),
            (cards[1], [], Reason.BALANCE),
            (cards[2], installations[3:], Reason.MESSAGE),
        ]
    )
    assert [[receipt.outcome for receipt in row] for row in answers] == [
        [Outcome.DELIVERED, Outcome.UNREACHABLE, Outcome.DELIVERED],
        [],
        [Outcome.DELIVERED, Outcome.LATER, Outcome.DELIVERED],
    ]
    titles = [
        json.loads(device.arrived[0].text)["notification"]["title"] if device.arrived else None
        for device in devices
    ]
    assert titles == ["M0", None, "M0", "M2", None, "M2"]


def test_a_new_design_disturbs_nobody(wallet, browser, service):
    _, listening = browser()
    [receipt] = wallet.push(CONTENT, [listening], Reason.CONTENT)
    assert (receipt.outcome, receipt.told) == (Outcome.DELIVERED, False)
    assert service.requests == []


@pytest.mark.parametrize(
    ("reason", "ttl", "urgency"),
    [
        (Reason.BALANCE, 604_800, "high"),
        (Reason.STATE, 172_800, "normal"),
        (Reason.MESSAGE, 86_400, "normal"),
    ],
)
def test_of_what_waits_for_a_browser_the_newest_stays(wallet, browser, reason, ttl, urgency):
    device, listening = browser()
    device.is_online = False
    for version in (4, 5, 6):
        card = replace(CONTENT, version=version, merchant=f"Version {version}")
        wallet.push(card, [listening], reason)
    wallet.push(replace(CONTENT, serial="210987654321"), [listening], reason)
    assert len(device.waiting) == 2
    device.come_back(NOW.timestamp())
    first = device.arrived[0]
    assert json.loads(first.text)["notification"]["title"] == "Version 6"
    assert (first.headers["ttl"], first.headers["urgency"]) == (str(ttl), urgency)


def test_R_UPD_a_repetition_for_one_browser_does_not_tell_the_others_again(wallet, browser):
    (good, one), (bad, two) = browser(), browser()
    bad.fault = Fault.UNAVAILABLE
    for _ in range(3):
        receipts = wallet.push(CONTENT, [one, two], Reason.BALANCE)
        assert [receipt.outcome for receipt in receipts] == [Outcome.DELIVERED, Outcome.LATER]
    bad.fault = Fault.NONE
    wallet.push(CONTENT, [one, two], Reason.BALANCE)
    assert (len(good.arrived), len(bad.arrived)) == (1, 1)
    wallet.push(replace(CONTENT, version=4), [one, two], Reason.BALANCE)
    assert (len(good.arrived), len(bad.arrived)) == (2, 2)


def test_a_withdrawn_card_says_so(wallet, browser):
    device, listening = browser()
    wallet.push(replace(CONTENT, state=State.VOID), [listening], Reason.STATE)
    assert said(device) == ["Diese Karte ist nicht mehr gültig"]


# --- keys ----------------------------------------------------------------------------------------


def test_each_subscription_is_served_with_the_key_it_was_made_with(wallet, browser):
    first, second = account_of(wallet, 1), account_of(wallet, 2, "https://cafe-kranz.de")
    subscribed = [browser(account) for account in (None, first, second)]
    card = replace(CONTENT, account=second, earlier_accounts=(first,))
    receipts = wallet.push(card, [installation for _, installation in subscribed], Reason.BALANCE)
    assert [receipt.outcome for receipt in receipts] == [Outcome.DELIVERED] * 3
    assert [claims(device)["sub"] for device, _ in subscribed] == [
        BASE_URL, "mailto:inhaber@cafe-kranz.de", "https://cafe-kranz.de",
    ]  # fmt: skip


def test_a_key_that_is_not_known_any_more_is_refused_in_a_sentence(wallet, browser, service):
    _, of_removed = browser(account_of(wallet))
    _, of_nobody = browser()
    without = replace(of_nobody, address={**of_nobody.address, "key": ""})
    for installation in (of_removed, without):
        [receipt] = wallet.push(CONTENT, [installation], Reason.BALANCE)
        assert receipt.outcome is Outcome.REFUSED
        assert "a key that is not known any more" in receipt.detail
    assert service.requests == []


def test_a_token_is_made_out_to_the_push_service_for_twelve_hours(wallet, browser, service):
    device, listening = browser()
    wallet.push(CONTENT, [listening], Reason.BALANCE)
    until = int((NOW + timedelta(hours=12)).timestamp())
    assert claims(device) == {"aud": service.origin, "exp": until, "sub": BASE_URL}


def test_several_machines_share_a_key_by_setting(mounted, tmp_path):
    pair = KeyPair.generate()
    wallet = mounted(TREUEPASS_VAPID_KEY=pair.scalar)
    assert wallet.public_key(None) == (pair.key_id, pair.public_key)
    kept = json.loads((tmp_path / "certs_example" / "vapid.json").read_text())
    assert mounted().public_key(None)[1] == kept["public_key"]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("TREUEPASS_VAPID_KEY", "a secret that is no key"),
        ("TREUEPASS_VAPID_SUBJECT", "till@cafe-kranz.de"),
        ("TREUEPASS_VAPID_SUBJECT", "mailto:till@localhost"),
    ],
)
def test_a_setting_that_cannot_be_used_stops_the_start(mounted, setting, value):
    with pytest.raises(WalletMisconfigured, match=setting) as refusal:
        mounted(**{setting: value})
    assert "a secret" not in str(refusal.value)


def test_an_own_pair_is_made_and_shown_without_its_secret(wallet):
    account = account_of(wallet)
    facts = wallet.facts(account)
    key_id, public_key = wallet.public_key(account)
    assert facts == {
        "subject": "mailto:inhaber@cafe-kranz.de",
        "key_id": key_id,
        "public_key": public_key,
        "made_at": NOW,
    }
    assert account.name == key_id != wallet.public_key(None)[0]
    assert json.loads(account.data)["private_key"] not in json.dumps(facts, default=str)
    assert wallet.check(NOW, [account]) == []
    assert account_of(wallet).name != account.name  # entered again: a fresh pair


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "subject"),
        ({"subject": 5}, "subject"),
        ({"subject": "mailto:till@cafe.local"}, "subject"),
        ({"subject": "mailto:till@cafe-kranz.de", "private_key": "x"}, "private_key"),
    ],
)
def test_a_contact_that_cannot_be_used_is_refused_by_field(wallet, given, field):
    with pytest.raises(CredentialsRefused) as refusal:
        wallet.accept(given, [], [], NOW)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    "data", ["", "[]", "{}", '{"private_key": 5, "subject": "x", "made_at": "y"}']
)
def test_an_account_that_cannot_be_read_leaves_the_servers_key(wallet, browser, data):
    broken = Account("b" * 32, 1, data, "broken")
    assert wallet.public_key(broken) == wallet.public_key(None)
    _, listening = browser(broken)
    [receipt] = wallet.push(replace(CONTENT, account=broken), [listening], Reason.BALANCE)
    assert (receipt.outcome, receipt.told) == (Outcome.DELIVERED, True)
    assert wallet.facts(broken) == {}
    [finding] = wallet.check(NOW, [broken])
    assert (finding.wallet, finding.stops) == ("pwa", False)


# --- without a contact, and addresses that came in otherwise -------------------------------------


def test_without_a_contact_nothing_is_sent_but_the_log_tells(mounted, service, caplog):
    wallet = mounted("http://192.168.1.5:8000")
    keys = service.subscribe(b"")
    key_id, _ = wallet.public_key(None)
    address = {**wallet.hosts.accept(keys.keys.subscription(OUTSIDE)), "key": key_id}
    with caplog.at_level(logging.INFO):
        [receipt] = wallet.push(CONTENT, [Installation("d", address, NOW)], Reason.BALANCE)
    assert (receipt.outcome, receipt.told) == (Outcome.DELIVERED, False)
    assert caplog.messages == [
        "Web Push in test mode: card 123456789012, version 3, reason balance, browsers 1"
    ]
    assert [finding.sentence for finding in wallet.check(NOW)] == [NO_SUBJECT]
    with_contact = mounted(
        "http://192.168.1.5:8000", TREUEPASS_VAPID_SUBJECT="mailto:till@cafe-kranz.de"
    )
    assert with_contact.check(NOW) == []


def test_a_push_service_on_this_machine_asks_for_no_contact(mounted, service):
    wallet = mounted("http://127.0.0.1:8000")
    key_id, public_key = wallet.public_key(None)
    device = service.subscribe(base64.urlsafe_b64decode(public_key + "="))
    address = {**wallet.hosts.accept(device.subscription()), "key": key_id}
    [receipt] = wallet.push(CONTENT, [Installation("d", address, NOW)], Reason.BALANCE)
    assert (receipt.outcome, receipt.told, len(device.arrived)) == (Outcome.DELIVERED, True, 1)


def test_without_a_key_pages_offer_no_pushes_and_check_says_why(tmp_path, certificates):
    wallet = PwaWallet(PushKeys(tmp_path, {}, BASE_URL), read_hosts({}, BASE_URL), NOW.timestamp)
    assert wallet.public_key(None) == ("", "")
    [finding] = wallet.check(NOW)
    assert "vapid.json" in finding.sentence
    copytree(certificates, tmp_path / "certs_example")
    assert wallet.public_key(None) != ("", "")
    assert wallet.check(NOW) == []


def test_an_endpoint_that_is_not_allowed_any_more_is_not_asked(wallet, browser, service):
    _, listening = browser()
    for changes in (
        {"endpoint": "http://127.0.0.1:9/x"},
        {"endpoint": "https://example.com/x"},
        {"p256dh": "?"},
        {"auth": "AAAA"},
    ):
        odd = replace(listening, address={**listening.address, **changes})
        [receipt] = wallet.push(CONTENT, [odd], Reason.BALANCE)
        assert receipt.outcome is Outcome.REFUSED
    assert service.requests == []


def test_no_address_and_no_key_in_what_is_logged(wallet, browser, caplog):
    device, listening = browser()
    device.fault = Fault.TOO_LARGE
    with caplog.at_level(logging.DEBUG):
        receipts = wallet.push(CONTENT, [listening], Reason.BALANCE)
    shown = caplog.text + repr(receipts) + repr(wallet) + repr(listening)
    for secret in (device.endpoint.rpartition("/")[2], *listening.address.values()):
        assert secret not in shown
