"""Requests for certificates, and certificates that follow each other."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from passes.wallet_port import Account, CredentialsRefused
from tests.wallet_apple.authorities import (
    NOW,
    PTID,
    accept,
    cer,
    key_pem,
    make_apple,
    p12,
    pem,
    refused,
    stored,
)
from wallet_apple import signing

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def apple(certificates):
    return make_apple(certificates)


def test_a_request_is_made_here_and_its_key_never_leaves(wallet, apple):
    csr, waiting = wallet.request({"common_name": "Café Kranz", "email": "a@alma.example"}, NOW)
    request = x509.load_pem_x509_csr(csr.encode())
    assert request.is_signature_valid
    assert request.public_key().key_size == 2048
    assert isinstance(request.signature_hash_algorithm, SHA256)
    assert "CN=Café Kranz" in request.subject.rfc4514_string()
    assert "PRIVATE" not in csr
    assert "PRIVATE" not in repr(waiting)
    pending = [stored(wallet.request({"common_name": "x"}, NOW)[1], "b" * 32), stored(waiting)]
    assert dict(wallet.facts(pending[1])) == {"csr": csr}

    leaf = apple.g4.issue(request.public_key())
    made = accept(wallet, {"certificate": cer(leaf)}, pending=pending)
    assert (made.name, made.fulfils) == (PTID, "a" * 32)
    assert signing.read_account(stored(made))[0].sign(b"{}", NOW)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "common_name"),
        ({"common_name": " "}, "common_name"),
        ({"common_name": "x" * 65}, "common_name"),
        ({"common_name": "a\nb"}, "common_name"),
        ({"common_name": 5}, "common_name"),
        ({"common_name": "x", "email": "no address"}, "email"),
        ({"common_name": "x", "email": "ü@alma.example"}, "email"),
        ({"common_name": "x", "city": "Berlin"}, "city"),
    ],
)
def test_a_request_names_what_is_wrong(wallet, given, field):
    with pytest.raises(CredentialsRefused) as refusal:
        wallet.request(given, NOW)
    assert refusal.value.field == field


def test_certificates_overlap_until_the_old_one_ends(wallet, apple):
    old = {"certificate": pem(apple.leaf), "private_key": key_pem(apple.key)}
    known = [stored(accept(wallet, old))]
    newer = apple.g4.issue(apple.other.public_key(), begins=NOW + 300 * DAY)
    given = {"certificate": pem(newer), "private_key": key_pem(apple.other)}
    at = NOW + 301 * DAY
    made = accept(wallet, given, known, now=at)
    both = signing.read_account(stored(made))
    assert [each.certificate for each in both] == [apple.leaf, newer]
    # Of those that hold the one that ends last; when it is not there yet, the other one.
    assert signing.current(both, NOW).certificate == apple.leaf
    assert signing.current(both, at).certificate == newer
    # Entered twice it is there once, and what ended goes with the next import.
    assert len(signing.read_account(stored(accept(wallet, given, [stored(made)], now=at)))) == 2
    later = apple.leaf.not_valid_after_utc
    kept = signing.read_account(stored(accept(wallet, given, [stored(made)], now=later)))
    assert [each.certificate for each in kept] == [newer]


def test_a_renewal_with_the_wrong_key_is_refused(wallet, apple):
    known = [stored(accept(wallet, {"p12": p12(apple.key, apple.leaf, "x"), "password": "x"}))]
    newer = apple.g4.issue(apple.other.public_key())
    given = {"certificate": pem(newer), "private_key": key_pem(apple.key)}
    refused(wallet, given, "private_key", "does not belong", known)
    refused(wallet, {"certificate": pem(newer)}, "private_key", "make a request here", known)


def test_a_renewal_may_answer_the_same_request_again(wallet, apple):
    known = [stored(accept(wallet, {"p12": p12(apple.key, apple.leaf, "x"), "password": "x"}))]
    newer = apple.g4.issue(apple.key.public_key(), days=400)
    assert accept(wallet, {"certificate": cer(newer)}, known).fulfils is None


def test_the_first_form_of_stored_accounts_is_still_read(wallet, apple):
    old_form = {
        "certificate": pem(apple.leaf),
        "private_key": key_pem(apple.key),
        "wwdr": apple.g4.pem,
    }
    known = [Account("a" * 32, 1, json.dumps(old_form), PTID)]
    assert signing.read_account(known[0])[0].certificate == apple.leaf
    newer = apple.g4.issue(apple.key.public_key(), days=400)
    made = accept(wallet, {"certificate": pem(newer)}, known)
    assert len(signing.read_account(stored(made))) == 2


def test_several_pass_type_ids_do_not_mix(wallet, apple):
    known = [stored(accept(wallet, {"p12": p12(apple.key, apple.leaf, "x"), "password": "x"}))]
    leaf = apple.g4.issue(apple.key.public_key(), "pass.de.alma.zweite")
    made = accept(wallet, {"certificate": pem(leaf)}, known)
    assert made.name == "pass.de.alma.zweite"
    assert len(signing.read_account(stored(made))) == 1


def test_certificates_for_nfc_are_recognised(wallet, apple):
    for leaf, nfc in (
        (apple.leaf, False),
        (apple.g4.issue(apple.key.public_key(), title="Pass Type ID with NFC"), True),
        (apple.g4.issue(apple.key.public_key(), nfc=True), True),
    ):
        account = stored(accept(wallet, {"p12": p12(apple.key, leaf, "x"), "password": "x"}))
        assert signing.read_account(account)[0].nfc is nfc
        assert wallet.facts(account)["nfc"] is nfc
