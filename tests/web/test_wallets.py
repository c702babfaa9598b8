"""Credentials over the API: entered, renewed, requested, removed; nothing secret comes back."""

from __future__ import annotations

import base64
import logging
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from cryptography import x509
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands.parts import Parts
from passes.cards import cards, installations
from passes.delivery import reports
from passes.delivery.pauses import pause
from passes.merchants import accounts
from passes.wallet_port import Complaint
from tests.conftest import Clock, Shop
from tests.fakes.google import FakeGoogle
from tests.wallet_apple.authorities import (
    PTID,
    Authority,
    cer,
    key_pem,
    new_key,
    p12,
    pem,
)
from tests.web.entering import ISSUER_ID, at_google, listed, put

IPHONE = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X)"}


@pytest.fixture(scope="module")
def apple(certificates: Path) -> SimpleNamespace:
    """Made once: RSA takes its time."""
    g4, key = Authority.of_examples(certificates), new_key()
    leaf = g4.issue(key.public_key(), begins=Clock().moment - timedelta(days=1))
    return SimpleNamespace(g4=g4, key=key, leaf=leaf)


def own(apple: SimpleNamespace) -> dict[str, str]:
    return {"certificate": pem(apple.leaf), "private_key": key_pem(apple.key)}


@pytest.fixture
def further_settings(google: FakeGoogle) -> dict[str, str]:
    return {"TREUEPASS_GOOGLE_API_BASE": google.api_base}


def test_before_anything_is_entered_all_wallets_are_in_test_mode(alma: Shop) -> None:
    wallets = listed(alma)
    assert list(wallets) == ["apple", "google", "pwa"]
    for wallet in wallets.values():
        assert (wallet["mode"], wallet["accounts"], wallet["pending"]) == ("test", [], [])
        assert wallet["pause"] is None


def test_apple_is_entered_and_new_passes_carry_the_merchants_own_id(
    alma: Shop, bruno: Shop, apple: SimpleNamespace
) -> None:
    wallet = put(alma, "apple", own(apple))
    assert wallet["mode"] == "live"
    (account,) = wallet["accounts"]
    assert (account["name"], account["team"], account["nfc"]) == (PTID, "TEAM123456", False)
    assert account["expires_at"].startswith(f"{apple.leaf.not_valid_after_utc:%Y-%m-%d}")
    assert listed(alma)["apple"] == wallet
    assert listed(bruno)["apple"]["mode"] == "test"
    for shop, ptid in ((alma, PTID), (bruno, "pass.example.treuepass")):
        card = shop.card(shop.template("stamp")["id"])
        path = card["links"]["apple"].removeprefix("http://127.0.0.1:8000")
        file = shop.client.get(path, headers=IPHONE)
        assert file.mimetype == "application/vnd.apple.pkpass"
        assert f'"passTypeIdentifier":"{ptid}"'.encode() in file.data


def test_google_is_entered_and_cards_carry_the_merchants_own_ids(
    alma: Shop, google: FakeGoogle
) -> None:
    before = alma.card(alma.template("stamp")["id"])
    assert before["google"]["issuer_id"] == "3388000000000000001"
    wallet = put(alma, "google", at_google(google))
    (account,) = wallet["accounts"]
    assert account["name"] == ISSUER_ID
    assert account["expires_at"] is None
    assert account["service_account"].endswith(".iam.gserviceaccount.com")
    after = alma.get(f"/cards/{before['id']}")
    assert after["google"]["issuer_id"] == ISSUER_ID
    assert after["google"]["object_id"].startswith(f"{ISSUER_ID}.")
    assert {seen.method for seen in google.requests} == {"GET"}


def test_a_request_that_is_repeated_makes_no_second_key(
    alma: Shop,
) -> None:
    made = alma.post("/wallets/apple/requests", {"common_name": "Alma"}, Idempotency_Key="once")
    alma.call("DELETE", f"/wallets/apple/requests/{made['id']}")
    again = alma.call(
        "POST", "/wallets/apple/requests", {"common_name": "Alma"}, Idempotency_Key="once"
    )
    assert (again.status_code, again.json) == (201, made)
    assert again.headers["Idempotent-Replay"] == "true"
    assert listed(alma)["apple"]["pending"] == []
    problem = alma.refused(
        "POST", "/wallets/apple/requests", {"common_name": "Other"}, Idempotency_Key="once"
    )
    assert problem["code"] == "IDEMPOTENCY_KEY_REUSED"


def test_a_request_its_certificate_and_a_renewal(
    alma: Shop, apple: SimpleNamespace, now: Clock
) -> None:
    made = alma.post("/wallets/apple/requests", {"common_name": "Alma"}, Idempotency_Key="once")
    again = alma.post("/wallets/apple/requests", {"common_name": "Alma"}, Idempotency_Key="once")
    assert made == again
    (waiting,) = listed(alma)["apple"]["pending"]
    assert waiting == made
    key = x509.load_pem_x509_csr(made["csr"].encode()).public_key()
    first = apple.g4.issue(key, begins=now() - timedelta(days=1))
    wallet = put(alma, "apple", {"certificate": cer(first)})
    assert (len(wallet["accounts"]), wallet["pending"]) == (1, [])

    now.set(f"{first.not_valid_after_utc - timedelta(days=10):%Y-%m-%dT%H:%M:%S+00:00}")
    (finding,) = listed(alma)["apple"]["findings"]
    assert not finding["stops"]
    assert "in 10 days" in finding["sentence"]
    second = apple.g4.issue(key, begins=now())
    (account,) = put(alma, "apple", {"certificate": cer(second)})["accounts"]
    assert account["id"] == wallet["accounts"][0]["id"]
    assert len(account["certificates"]) == 2
    assert listed(alma)["apple"]["findings"] == []


def test_a_template_chooses_among_several_accounts(alma: Shop, apple: SimpleNamespace) -> None:
    second = apple.g4.issue(apple.key.public_key(), "pass.de.alma.zweite")
    put(alma, "apple", own(apple))
    put(alma, "apple", {"certificate": pem(second)})
    chosen = alma.template("stamp", wallet_accounts={"apple": PTID})
    assert chosen["definition"]["wallet_accounts"] == {"apple": PTID}
    for template, ptid in ((alma.template("stamp"), "pass.de.alma.zweite"), (chosen, PTID)):
        card = alma.card(template["id"])
        path = card["links"]["apple"].removeprefix("http://127.0.0.1:8000")
        assert f'"passTypeIdentifier":"{ptid}"'.encode() in alma.client.get(path).data


def test_a_template_cannot_choose_what_is_not_there(
    alma: Shop, bruno: Shop, apple: SimpleNamespace
) -> None:
    put(alma, "apple", own(apple))
    body = {"kind": "stamp", "name": "x", "wallet_accounts": {"apple": PTID}}
    problem = bruno.refused("POST", "/templates", body)
    assert [wrong["field"] for wrong in problem["fields"]] == ["wallet_accounts.apple"]
    assert alma.post("/templates", body)


def test_entering_credentials_ends_a_pause(
    alma: Shop, parts: Parts, apple: Any, now: Clock
) -> None:
    with parts.store.write(alma.merchant_id) as session:
        pause(session, "apple", "Apple refuses the certificate.", None, now(), probed=True)
    stopped = listed(alma)["apple"]["pause"]
    assert stopped["sentence"] == "Apple refuses the certificate."
    assert put(alma, "apple", own(apple))["pause"] is None


def test_what_devices_say_of_its_own_passes_is_the_merchants_to_read(
    alma: Shop, bruno: Shop, apple: SimpleNamespace, parts: Parts, now: Clock
) -> None:
    put(alma, "apple", own(apple))
    with parts.store.write_all() as session:
        reports.count(session, "apple", PTID, {Complaint.SAME_TAG: 3}, now())
    [finding] = listed(alma)["apple"]["findings"]
    assert finding["stops"] is False
    assert PTID in finding["sentence"]
    assert listed(bruno)["apple"]["findings"] == []
    now.move(days=15)
    assert listed(alma)["apple"]["findings"] == []


def test_accounts_and_requests_are_removed(
    alma: Shop, bruno: Shop, parts: Parts, apple: SimpleNamespace
) -> None:
    (account,) = put(alma, "apple", own(apple))["accounts"]
    waiting = alma.post("/wallets/apple/requests", {"common_name": "Alma"})
    path, request = (
        f"/wallets/apple/accounts/{account['id']}",
        f"/wallets/apple/requests/{waiting['id']}",
    )
    for shop, wrong in (
        (bruno, path),
        (bruno, request),
        (alma, path.replace("apple", "google")),
        (alma, f"/wallets/apple/accounts/{uuid4()}"),
        (alma, "/wallets/apple/accounts/x"),
        (alma, f"/wallets/apple/accounts/{waiting['id']}"),
        (alma, f"/wallets/apple/requests/{account['id']}"),
    ):
        assert shop.refused("DELETE", wrong)["status"] == 404
    template = alma.template("stamp")
    card = alma.card(template["id"])
    install(parts, alma, card["serial_number"])
    problem = alma.refused("DELETE", path)
    assert (problem["status"], problem["code"]) == (409, "ACCOUNT_IN_USE")
    assert problem["facts"] == {"installations": 1}
    assert "never be updated again" in problem["detail"]
    assert bruno.refused("DELETE", f"{path}?force=true")["status"] == 404
    removed = alma.call("DELETE", f"{path}?force=true").json
    assert (removed["mode"], removed["accounts"]) == ("test", [])
    assert alma.call("DELETE", request).json["pending"] == []


def install(parts: Parts, shop: Shop, serial: str) -> None:
    with parts.store.write(shop.merchant_id) as session:
        card = cards.get(session, serial, locked=True)
        installations.install(session, card, "apple", "device", {"push_token": "t"}, Clock().moment)


# --- refusals and secrets ------------------------------------------------------------------------


def test_what_is_wrong_is_named_and_nothing_is_stored(
    alma: Shop, apple: SimpleNamespace, google: FakeGoogle
) -> None:
    good, key = pem(apple.leaf), key_pem(apple.key)
    file = google.service_account()
    for wallet, body, field in (
        ("apple", {}, "certificate"),
        ("apple", {"certificate": good}, "private_key"),
        ("apple", {"certificate": good, "private_key": key_pem(new_key())}, "private_key"),
        ("apple", {"certificate": good, "private_key": key, "wwdr": "x"}, "wwdr"),
        ("apple", {"p12": "x" * 40}, "p12"),
        ("apple", {"p12": p12(apple.key, apple.leaf, "x"), "password": "y"}, "password"),
        ("google", {}, "issuer_id"),
        ("google", {"issuer_id": "3388"}, "service_account"),
        (
            "google",
            {"issuer_id": "3388", "service_account": file | {"private_key": "x"}},
            "service_account.private_key",
        ),
        ("pwa", {}, "subject"),
        ("pwa", {"subject": "mailto:me@localhost"}, "subject"),
    ):
        problem = alma.refused("PUT", f"/wallets/{wallet}", body)
        assert problem["status"] == 422
        assert [wrong["field"] for wrong in problem["fields"]] == [field]
        assert len(problem["fields"][0]["message"]) > 20
    assert alma.refused("PUT", "/wallets/samsung", {})["status"] == 404
    for wallet, body, field in (
        ("apple", {}, "common_name"),
        ("apple", {"common_name": ""}, "common_name"),
        ("apple", {"common_name": "x", "email": "x"}, "email"),
        ("google", {"common_name": "x"}, "wallet"),
        ("pwa", {"common_name": "x"}, "wallet"),
    ):
        problem = alma.refused("POST", f"/wallets/{wallet}/requests", body)
        assert [wrong["field"] for wrong in problem["fields"]] == [field]
    for wallet in listed(alma).values():
        assert wallet["accounts"] == wallet["pending"] == []


def test_no_answer_and_no_log_holds_a_secret(
    alma: Shop,
    apple: SimpleNamespace,
    parts: Parts,
    google: FakeGoogle,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file, password = google.service_account(), "a password of the merchant"
    key = key_pem(apple.key, password)
    said = []
    with caplog.at_level(logging.DEBUG):
        for wallet, body in (
            ("apple", {"certificate": pem(apple.leaf), "private_key": key, "password": password}),
            ("apple", {"certificate": pem(apple.leaf), "private_key": key, "password": "wrong"}),
            ("apple", {"certificate": pem(apple.g4.certificate), "private_key": key}),
            ("apple", {"certificate": key, "private_key": key, "wwdr": key}),
            ("google", {"issuer_id": ISSUER_ID, "service_account": file}),
            ("google", {"issuer_id": ISSUER_ID, "service_account": file["private_key"]}),
            ("google", {"issuer_id": file["private_key"], "service_account": file}),
            ("google", {"issuer_id": ISSUER_ID, "service_account": {**file, "type": "x"}}),
        ):
            said.append(alma.call("PUT", f"/wallets/{wallet}", body).text)
        said.append(alma.call("POST", "/wallets/apple/requests", {"common_name": "Alma"}).text)
        said.append(alma.call("GET", "/wallets").text)
    assert len(listed(alma)["apple"]["accounts"]) == len(listed(alma)["google"]["accounts"]) == 1
    with parts.store.read(alma.merchant_id) as session:
        stored = [
            account
            for kind in ("apple", "google")
            for pending in (False, True)
            for account in accounts.wallet_accounts(session, kind, pending=pending)
        ]
    assert len(stored) == 3
    said += [caplog.text, *(repr(account) for account in stored)]
    secrets = [password, file["private_key"][60:90], file["private_key"][-90:-60], key[60:90]]
    secrets += [key_pem(apple.key)[60:90], "PRIVATE KEY"]
    for text in said:
        for secret in secrets:
            assert secret not in text.replace("-----BEGIN PRIVATE KEY-----)", "")


PARTS_OF_CREDENTIALS = [
    "certificate", "private_key", "p12", "password", "wwdr", "issuer_id", "service_account",
]  # fmt: skip
NOISE = st.one_of(
    st.text(max_size=60),
    st.binary(max_size=200).map(lambda noise: base64.b64encode(noise).decode()),
    st.sampled_from(
        [
            "-----BEGIN CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\n====\n-----END ENCRYPTED PRIVATE KEY-----",
        ]
    ),
    st.none(),
    st.integers(),
    st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(st.sampled_from(["type", "private_key", "token_uri"]), st.text(max_size=9)),
)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_garbage_is_refused_and_never_breaks_anything(alma: Shop) -> None:
    sent = 0

    @settings(
        max_examples=150,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        wallet=st.sampled_from(["apple", "google", "pwa"]),
        body=st.dictionaries(st.sampled_from(PARTS_OF_CREDENTIALS), NOISE, max_size=4),
    )
    def check(wallet: str, body: dict[str, Any]) -> None:
        nonlocal sent
        sent += 1
        problem = alma.refused("PUT", f"/wallets/{wallet}", body)
        assert problem["status"] == 422
        assert problem["fields"]

    check()
    assert sent >= 150
    assert all(wallet["mode"] == "test" for wallet in listed(alma).values())
