"""What a merchant enters for Google: an issuer id and a key file, refused field by field."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from passes.wallet_port import Account, CredentialsRefused
from tests.wallet_google.conftest import ANDROID, ISSUER_ID, content, mounted

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def pem(key) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture
def given(google):
    return {"issuer_id": ISSUER_ID, "service_account": google.service_account()}


def test_the_console_s_number_and_the_key_file_are_enough(wallet, google, given):
    made = wallet.accept(given, [], [], NOW)
    assert (made.name, made.fulfils) == (ISSUER_ID, None)
    account = Account("own", 1, made.data, made.name)
    assert wallet.offer(content(account=account), ANDROID)
    assert any(ISSUER_ID in key for key in google.resources)
    assert wallet.facts(account) == {
        "service_account": given["service_account"]["client_email"],
        "key_id": given["service_account"]["private_key_id"],
    }
    assert wallet.check(NOW, [account]) == []
    assert "PRIVATE" not in repr(made)


def test_a_number_and_the_text_of_the_file_do_as_well(wallet, given):
    text = json.dumps(given["service_account"])
    made = wallet.accept({"issuer_id": int(ISSUER_ID), "service_account": text}, [], [], NOW)
    assert made.name == ISSUER_ID


def test_only_what_is_used_is_kept(wallet, given):
    given["service_account"]["note"] = "of no use"
    made = wallet.accept(given, [], [], NOW)
    assert sorted(json.loads(made.data)["service_account"]) == [
        "client_email",
        "private_key",
        "private_key_id",
        "token_uri",
        "type",
    ]


def test_every_refusal_names_its_field(wallet, given):
    file = given["service_account"]
    curve, short = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 1024)
    long = "-----BEGIN PRIVATE KEY-----\n" + "QUJD" * 5_000 + "\n-----END PRIVATE KEY-----"
    for changed, field in (
        ({"issuer_id": None}, "issuer_id"),
        ({"issuer_id": "my café"}, "issuer_id"),
        ({"issuer_id": "3" * 21}, "issuer_id"),
        ({"issuer_id": ["3"]}, "issuer_id"),
        ({"issuer": "3388"}, "issuer"),
        ({"service_account": None}, "service_account"),
        ({"service_account": "{"}, "service_account"),
        ({"service_account": "[" * 100_000}, "service_account"),
        ({"service_account": 5}, "service_account"),
        ({"service_account": {**file, "type": "user"}}, "service_account"),
        *(
            ({"service_account": {**file, name: value}}, f"service_account.{name}")
            for name, value in (
                ("client_email", ""),
                ("client_email", "x" * 300),
                ("private_key_id", 5),
                ("private_key_id", "x" * 65),
                ("token_uri", "https://evil.example/token"),
                ("token_uri", None),
                ("private_key", ""),
                ("private_key", "secret"),
                ("private_key", file["private_key"][:400]),
                ("private_key", pem(curve)),
                ("private_key", pem(short)),
                ("private_key", long),
            )
        ),
    ):
        with pytest.raises(CredentialsRefused) as refusal:
            wallet.accept(given | changed, [], [], NOW)
        assert refusal.value.field == field
        assert len(str(refusal.value)) > 20
        assert file["private_key"][40:80] not in str(refusal.value)


def test_a_token_endpoint_on_this_machine_is_for_trials_only(example_folder, given):
    production = mounted(example_folder)
    with pytest.raises(CredentialsRefused) as refusal:
        production.accept(given, [], [], NOW)
    assert refusal.value.field == "service_account.token_uri"


def test_google_issues_no_certificates(wallet):
    with pytest.raises(CredentialsRefused, match="service account"):
        wallet.request({"common_name": "x"}, NOW)


def test_accounts_that_cannot_be_used_stop_the_wallet(wallet):
    broken = Account("b" * 32, 1, '{"issuer_id": "a secret"}', "3388")
    [finding] = wallet.check(NOW, [broken])
    assert finding.stops
    assert finding.sentence.startswith("3388: ")
    assert "a secret" not in finding.sentence
    assert wallet.facts(broken) == {}
