"""The wallet behind the port: test mode, ids, settings, findings, its one route."""

import json
import logging
import socket
from dataclasses import replace
from datetime import UTC, datetime

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flask import Flask

from passes.wallet_port import (
    Account,
    Crop,
    Fit,
    Installation,
    Platform,
    Reason,
    Visitor,
    WalletMisconfigured,
    WalletSettings,
)
from tests.wallet_google.conftest import (
    ANDROID,
    ISSUER_ID,
    VISITS,
    clock,
    content,
    mount_it,
    mounted,
)
from wallet_google.credentials import CredentialStore
from wallet_google.objects import PHOTO

TEST_ISSUER = "3388000000000000001"
NOW = datetime(2026, 11, 21, tzinfo=UTC)


# --- test mode -----------------------------------------------------------------------------------


@pytest.fixture
def alone(example_folder, google, monkeypatch):
    """A wallet in test mode on a machine that may not open any connection."""
    wallet = mounted(example_folder, base_url="http://127.0.0.1:8000")

    def refuse(*_):
        raise AssertionError("something left the machine")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return wallet


def test_in_test_mode_a_stand_in_answers_and_nothing_leaves(alone, google, caplog):
    with caplog.at_level(logging.INFO):
        link = alone.offer(content(), ANDROID).url
        token = link.removeprefix("https://pay.google.com/gp/v/save/")
        claims = jwt.decode(token, google.key.public_key(), ["RS256"], audience="google")
        assert claims["payload"] == {"loyaltyObjects": [{"id": f"{TEST_ISSUER}.123456789012"}]}
        assert claims["origins"] == ["http://127.0.0.1:8000"]

        more = content(fields=(replace(VISITS, value=9),))
        alone.push(more, [Installation("phone", {}, NOW)], Reason.BALANCE)
        kept = alone._test_transport.kept("loyaltyObject", f"{TEST_ISSUER}.123456789012")
        assert kept["loyaltyPoints"]["balance"] == {"int": 9}

    logged = [record.getMessage() for record in caplog.records]
    assert sum("POST loyaltyClass" in line for line in logged) == 1
    assert sum("POST loyaltyObject" in line for line in logged) == 1
    assert sum("PATCH loyaltyObject" in line for line in logged) == 1
    assert not any("Anna" in line or "0123456789ABCDEF" in line for line in logged)


def test_the_stand_in_forgets_what_left_the_card_as_google_does(alone):
    alone.offer(content(expires_at=NOW), ANDROID)
    alone.push(content(), [], Reason.STATE)
    kept = alone._test_transport.kept("loyaltyObject", f"{TEST_ISSUER}.123456789012")
    assert "validTimeInterval" not in kept


def test_a_stand_in_of_another_process_has_not_seen_the_pass(example_folder, google):
    mounted(example_folder).push(content(), [], Reason.BALANCE)
    assert google.requests == []


def test_with_an_api_base_test_mode_goes_there(wallet, google):
    wallet.offer(content(), ANDROID)
    assert f"loyaltyObject/{TEST_ISSUER}.123456789012" in google.resources


def test_without_the_example_account_the_sentence_says_what_to_do(tmp_path):
    wallet = mounted(tmp_path)
    with pytest.raises(WalletMisconfigured, match="treuepass certs example"):
        wallet.offer(content(), ANDROID)
    assert any("treuepass certs example" in finding.sentence for finding in wallet.check(NOW))


def test_an_example_account_that_appears_later_is_used(tmp_path, google):
    wallet = mounted(tmp_path)
    with pytest.raises(WalletMisconfigured):
        wallet.offer(content(), ANDROID)
    (tmp_path / "certs_example").mkdir()
    (tmp_path / "certs_example" / "google.json").write_text(json.dumps(google.service_account()))
    assert wallet.offer(content(), ANDROID).url
    assert wallet.check(NOW) == []


# --- the port ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "fit"),
    [
        (Platform.ANDROID, Fit.NATIVE),
        (Platform.OTHER, Fit.POSSIBLE),
        (Platform.IOS, Fit.NO),
    ],
)
def test_whom_it_suits(wallet, platform, fit):
    assert wallet.suits(Visitor(platform, "de")) is fit


def test_who_it_is_and_which_pictures_it_needs(wallet):
    assert (wallet.kind, wallet.title) == ("google", "Google Wallet")
    sizes = {(size.name, size.role, size.width, size.height, size.crop) for size in wallet.pictures}
    assert sizes == {
        ("google-logo", "logo", 660, 660, Crop.CONTAIN),
        ("google-hero", "strip", 1032, 336, Crop.COVER),
        (PHOTO, "photo", 1032, 1032, Crop.SHRINK),
    }


def test_the_ids_of_a_card(wallet, account):
    assert wallet.identity("t-1", "123456789012", account) == {
        "issuer_id": ISSUER_ID,
        "class_id": f"{ISSUER_ID}.t-1",
        "object_id": f"{ISSUER_ID}.123456789012",
    }
    assert wallet.identity("t-1", "1", None)["object_id"] == f"{TEST_ISSUER}.1"
    assert wallet.identity("t-1", "1", Account("x", 1, "no JSON")) == {}


def test_a_new_version_of_the_account_is_read_anew(wallet, account, google):
    assert wallet.identity("t", "1", account)["issuer_id"] == ISSUER_ID
    data = json.dumps({"issuer_id": "77", "service_account": google.service_account()})
    assert wallet.identity("t", "1", replace(account, data=data))["issuer_id"] == ISSUER_ID
    assert wallet.identity("t", "1", replace(account, data=data, version=2))["issuer_id"] == "77"


UNREADABLE = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
NOT_RSA = (
    ec.generate_private_key(ec.SECP256R1())
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)


# --- accounts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"issuer_id": "Café"}, "issuer id must be the number"),
        ({"issuer_id": None}, "issuer id must be the number"),
        ({"service_account": None}, "JSON key file"),
        ({"service_account": {"type": "authorized_user"}}, "JSON key file"),
        ({"client_email": None}, "client_email is missing"),
        ({"private_key": UNREADABLE}, "not an RSA key"),
        ({"private_key": NOT_RSA}, "not an RSA key"),
        ({"private_key": 5}, "private_key is missing"),
        ({"client_email": "e" * 300}, "too long"),
        ({"token_uri": "http://oauth2.googleapis.com/token"}, "token_uri"),
        ({"token_uri": "https://oauth2.googleapis.com.example.com/token"}, "token_uri"),
        ({"token_uri": "https://169.254.169.254/latest"}, "token_uri"),
        ({"token_uri": "https://[oops/"}, "token_uri"),
    ],
)  # fmt: skip
def test_an_account_that_cannot_work_is_refused_with_a_sentence(wallet, google, change, sentence):
    data = json.loads(google.account())
    for name, value in change.items():
        place = data if name in data else data["service_account"]
        place[name] = value
    with pytest.raises(WalletMisconfigured, match=sentence) as refused:
        wallet.offer(content(account=Account("a", 1, json.dumps(data))), ANDROID)
    assert "PRIVATE KEY" not in str(refused.value)
    assert google.requests == []


def test_a_merchants_key_may_not_name_a_token_endpoint_behind_the_firewall(tmp_path, google):
    """Without an API base on this machine, loopback is somebody else's service."""
    account = Account("a", 1, google.account())
    with pytest.raises(WalletMisconfigured, match="token_uri"):
        CredentialStore(tmp_path, loopback_tokens=False).of(account)
    assert CredentialStore(tmp_path, loopback_tokens=True).of(account).issuer_id == ISSUER_ID


def test_secrets_do_not_show(tmp_path, google):
    credentials = CredentialStore(tmp_path, loopback_tokens=True).of(
        Account("a", 1, google.account())
    )
    assert "key=" not in repr(credentials)


# --- settings and the route ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["TREUEPASS_GOOGLE_API_BASE", "TREUEPASS_GOOGLE_SAVE_URL"])
@pytest.mark.parametrize(
    "url", ["http://example.com/v1", "ftp://127.0.0.1/", "127.0.0.1:80", "https://"]
)
def test_an_address_without_https_is_refused_by_name(tmp_path, name, url):
    with pytest.raises(WalletMisconfigured, match=name):
        mount_it(WalletSettings("https://a.example", tmp_path, {name: url}, clock))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9", "http://[::1]:9/", "http://localhost:9", "https://g.example"]
)
def test_addresses_that_are_allowed(tmp_path, url):
    mounted(tmp_path, GOOGLE_API_BASE=url)


def test_the_save_address_can_be_another(example_folder):
    wallet = mounted(example_folder, GOOGLE_SAVE_URL="http://127.0.0.1:7000/save/")
    assert wallet.offer(content(), ANDROID).url.startswith("http://127.0.0.1:7000/save/ey")


def test_a_server_that_google_cannot_reach_is_a_finding_but_stops_nothing(example_folder):
    [finding] = mounted(example_folder, base_url="http://127.0.0.1:8000").check(NOW)
    assert (finding.wallet, finding.stops) == ("google", False)
    assert "TREUEPASS_BASE_URL" in finding.sentence


def test_the_neutral_logo_is_served(tmp_path):
    _, blueprint = mount_it(WalletSettings("https://a.example", tmp_path, {}, clock))
    app = Flask(__name__)
    app.register_blueprint(blueprint)
    answer = app.test_client().get("/wallet/google/logo.png")
    assert answer.status_code == 200
    assert answer.mimetype == "image/png"
    assert answer.data.startswith(b"\x89PNG")
    assert answer.cache_control.max_age == 86_400
    answer.close()
