"""Imports: what fits together is stored, everything else names its field."""

from __future__ import annotations

import base64
import json
import subprocess
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from passes.wallet_port import Account, CredentialsRefused
from tests.wallet_apple.authorities import (
    NOW,
    PTID,
    Authority,
    accept,
    cer,
    key_pem,
    make_apple,
    p12,
    p12_by_openssl,
    pem,
    refused,
    stirred_for_hours,
    stored,
)
from wallet_apple import signing
from wallet_apple.wallet import AppleWallet

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def apple(certificates):
    return make_apple(certificates)


# --- files in every form -------------------------------------------------------------------------


def test_certificate_and_key_as_pem(wallet, apple):
    made = accept(wallet, {"certificate": pem(apple.leaf), "private_key": key_pem(apple.key)})
    assert (made.name, made.fulfils) == (PTID, None)
    (credentials,) = signing.read_account(stored(made))
    assert (credentials.pass_type_id, credentials.team_id) == (PTID, "TEAM123456")
    assert credentials.certificate == apple.leaf
    assert credentials.sign(b"{}", NOW)


def test_a_cer_file_as_apple_hands_it_out(wallet, apple):
    accept(wallet, {"certificate": cer(apple.leaf), "private_key": key_pem(apple.key)})


def test_a_pem_file_in_base64_and_one_that_holds_the_key_too(wallet, apple):
    both = "Bag Attributes\n  friendlyName: x\n" + key_pem(apple.key) + pem(apple.leaf)
    for text in (both, base64.b64encode(both.encode()).decode()):
        assert accept(wallet, {"certificate": text}).name == PTID


@pytest.mark.parametrize("password", ["correct horse", "pässwörd ☕"])
def test_a_private_key_with_a_password(wallet, apple, password):
    given = {
        "certificate": pem(apple.leaf),
        "private_key": key_pem(apple.key, password),
        "password": password,
    }
    made = accept(wallet, given)
    assert "ENCRYPTED" not in made.data
    assert password not in made.data
    refused(wallet, {**given, "password": "wrong"}, "password", "does not open the private key")
    del given["password"]
    refused(wallet, given, "password", "needs its password")


def test_a_password_for_a_key_that_has_none_does_no_harm(wallet, apple):
    given = {"certificate": pem(apple.leaf), "private_key": key_pem(apple.key), "password": "x"}
    assert accept(wallet, given).name == PTID


@pytest.mark.parametrize("password", ["correct horse", "pässwörd"])
def test_a_modern_p12(wallet, apple, password):
    file = p12(apple.key, apple.leaf, password)
    assert accept(wallet, {"p12": file, "password": password}).name == PTID
    refused(wallet, {"p12": file, "password": "wrong"}, "password", "does not open the .p12")
    refused(wallet, {"p12": file}, "password", "needs its password")


def test_a_p12_with_an_empty_password(wallet, apple, tmp_path):
    for file in (
        p12(apple.key, apple.leaf, ""),
        p12_by_openssl(apple.key, apple.leaf, "", tmp_path),
    ):
        assert accept(wallet, {"p12": file}).name == PTID


def test_a_p12_brings_its_intermediate_along(wallet, apple):
    leaf = apple.g6.issue(apple.key.public_key())
    file = p12(apple.key, leaf, "x", [apple.g6.certificate])
    made = accept(wallet, {"p12": file, "password": "x"})
    assert signing.read_account(stored(made))[0].intermediate == apple.g6.certificate


@pytest.fixture
def legacy(apple, tmp_path):
    """RC2 with 40 bits and 3DES, as the Keychain makes it."""
    return p12_by_openssl(apple.key, apple.leaf, "x", tmp_path, "-legacy")


def test_a_legacy_p12_is_read_or_the_command_that_converts_it_is_told(wallet, apple, legacy):
    try:
        assert accept(wallet, {"p12": legacy, "password": "x"}).name == PTID
    except CredentialsRefused as refusal:
        assert "openssl pkcs12 -legacy" in str(refusal)  # noqa: PT017 - depends on this OpenSSL
    refused(wallet, {"p12": legacy, "password": "no"}, "password", "openssl pkcs12 -legacy -in")


def test_a_legacy_p12_where_openssl_refuses_it(wallet, apple, legacy, tmp_path, monkeypatch):
    monkeypatch.setenv("CRYPTOGRAPHY_OPENSSL_NO_LEGACY", "1")
    sentence = refused(wallet, {"p12": legacy, "password": "x"}, "password", "old cipher")
    # The command is exact: what it makes is accepted.
    (tmp_path / "old.p12").write_bytes(base64.b64decode(legacy))
    command = sentence.split("`")[1].split()
    assert command[:3] == ["openssl", "pkcs12", "-legacy"]
    subprocess.run([*command, "-passin", "pass:x"], cwd=tmp_path, check=True, capture_output=True)
    assert accept(wallet, {"certificate": (tmp_path / "pass.pem").read_text()}).name == PTID


def test_a_hostile_p12_is_given_up_after_seconds(wallet, apple, tmp_path):
    slow = stirred_for_hours(p12_by_openssl(apple.key, apple.leaf, "x", tmp_path))
    refused(wallet, {"p12": slow, "password": "x"}, "p12", "takes too long")


# --- what does not fit ---------------------------------------------------------------------------


def test_every_refusal_names_its_field_and_says_what_to_do(wallet, apple):
    good, key = pem(apple.leaf), key_pem(apple.key)
    file = p12(apple.key, apple.leaf, "x")
    curve = ec.generate_private_key(ec.SECP256R1())
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    for given, field, words in (
        ({}, "certificate", r"\.cer or \.pem"),
        ({"private_key": key}, "certificate", "Send the certificate"),
        ({"certificate": "", "private_key": key}, "certificate", "Send the certificate"),
        ({"certificate": 1}, "certificate", "must be text"),
        ({"certificate": ["x"], "private_key": key}, "certificate", "must be text"),
        ({"certificate": "x" * 70_000}, "certificate", "65,536"),
        ({"certificate": "§§§", "private_key": key}, "certificate", "base64"),
        ({"certificate": "aGVsbG8=", "private_key": key}, "certificate", "not a certificate"),
        ({"certificate": key, "private_key": key}, "certificate", "not a certificate"),
        ({"certificate": good, "private_key": good}, "private_key", "BEGIN PRIVATE KEY"),
        ({"certificate": good, "private_key": "aGVsbG8="}, "private_key", "BEGIN PRIVATE KEY"),
        (
            {"certificate": good, "private_key": key[:300] + key[-27:]},
            "private_key",
            "cannot be read",
        ),
        ({"certificate": good, "private_key": key_pem(curve)}, "private_key", "wrong kind"),
        ({"certificate": good, "private_key": key_pem(short)}, "private_key", "wrong kind"),
        ({"certificate": good, "private_key": key_pem(apple.other)}, "private_key", "signing requ"),
        ({"certificate": good}, "private_key", "make a request here"),
        ({"p12": file, "certificate": good}, "p12", "either"),
        ({"p12": file, "private_key": key}, "p12", "either"),
        ({"p12": "aGVsbG8="}, "p12", "Export it anew"),
        ({"p12": file[:400], "password": "x"}, "p12", "Export it anew|base64"),
        ({"p12": file, "password": 5}, "password", "must be text"),
        ({"certificate": good, "private_key": key, "wwdr": "aGVsbG8="}, "wwdr", "send it as wwdr"),
        ({"certificate": good, "key": key}, "key", "there are certificate, private_key"),
    ):
        refused(wallet, given, field, words)


def test_a_p12_without_key_or_without_certificate(wallet, apple):
    refused(wallet, {"p12": p12(None, apple.leaf, "x"), "password": "x"}, "p12", "no private key")
    refused(wallet, {"p12": p12(apple.key, None, "x"), "password": "x"}, "p12", "no certificate")


def test_a_certificate_for_something_else(wallet, apple):
    for leaf in (
        apple.g4.issue(apple.key.public_key(), "com.example.app"),
        apple.g4.issue(apple.key.public_key(), team=None),
        apple.g4.certificate,
    ):
        given = {"certificate": pem(leaf), "private_key": key_pem(apple.key)}
        refused(wallet, given, "certificate", "not a Pass Type ID certificate")


def test_a_certificate_that_ended(wallet, apple):
    given = {"certificate": pem(apple.leaf), "private_key": key_pem(apple.key)}
    end = apple.leaf.not_valid_after_utc
    assert accept(wallet, given, now=end - DAY).name == PTID
    refused(wallet, given, "certificate", f"ended on {end:%Y-%m-%d}", now=end)


# --- the intermediate ----------------------------------------------------------------------------


def test_the_wwdr_is_chosen_by_the_leafs_issuer(wallet, apple):
    """Apple has several generations; a constant would be wrong for all but one."""
    leaf = apple.g6.issue(apple.key.public_key())
    given = {"certificate": pem(leaf), "private_key": key_pem(apple.key)}
    sentence = refused(wallet, given, "wwdr", "generation G6")
    assert "https://www.apple.com/certificateauthority/" in sentence
    wrong = {**given, "wwdr": apple.g4.pem}
    refused(wallet, wrong, "wwdr", r"\(generation G4\) is not the one.*generation G6")
    known = []
    for wwdr in (apple.g6.pem, cer(apple.g6.certificate), apple.g4.pem + apple.g6.pem):
        known = [stored(accept(wallet, {**given, "wwdr": wwdr}))]
        assert signing.read_account(known[0])[0].intermediate == apple.g6.certificate
    # Once known, it need not be brought again; nor when it stands in the certificate's file.
    another = apple.g6.issue(apple.key.public_key(), "pass.de.alma.zweite")
    given["certificate"] = pem(another)
    assert accept(wallet, given, known).name == "pass.de.alma.zweite"
    given["certificate"] = pem(another) + apple.g6.pem
    assert accept(wallet, given).name == "pass.de.alma.zweite"


def test_an_intermediate_of_the_same_name_that_did_not_issue_it(wallet, apple):
    leaf = apple.g6.issue(apple.key.public_key())
    given = {"certificate": pem(leaf), "private_key": key_pem(apple.key)}
    impostor = Authority.made("G6")
    refused(wallet, {**given, "wwdr": impostor.pem}, "wwdr", "is not the one")


def test_of_two_intermediates_the_one_that_lasts(wallet, apple, tmp_path):
    """Apple renewed an intermediate under the same key before."""
    leaf = apple.g6.issue(apple.key.public_key())
    longer = (
        x509.CertificateBuilder()
        .subject_name(apple.g6.certificate.subject)
        .issuer_name(apple.g6.certificate.subject)
        .public_key(apple.g6.key.public_key())
        .serial_number(5)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + 5_000 * DAY)
        .sign(apple.g6.key, SHA256())
    )
    given = {"certificate": pem(leaf), "private_key": key_pem(apple.key)}
    made = accept(wallet, {**given, "wwdr": apple.g6.pem + pem(longer)})
    assert signing.read_account(stored(made))[0].intermediate == longer


def test_an_intermediate_that_ended(wallet, apple):
    old = Authority.made("G1", ends=NOW - DAY)
    leaf = old.issue(apple.key.public_key())
    given = {"certificate": pem(leaf), "private_key": key_pem(apple.key), "wwdr": old.pem}
    refused(wallet, given, "wwdr", "ended on 2026-11-20")


def test_whoever_runs_this_may_lay_down_apples_intermediates_once(certificates, apple, tmp_path):
    wallet = AppleWallet("https://cards.example", tmp_path / "certs_example", lambda: NOW)
    leaf = apple.g6.issue(apple.key.public_key())
    given = {"certificate": pem(leaf), "private_key": key_pem(apple.key)}
    refused(wallet, given, "wwdr", "is missing")
    folder = tmp_path / "apple_intermediates"
    folder.mkdir()
    (folder / "README").write_text("not a certificate")
    (folder / "broken.cer").write_bytes(b"nor this")
    (folder / "AppleWWDRCAG6.cer").write_bytes(apple.g6.certificate.public_bytes(Encoding.DER))
    assert accept(wallet, given).name == PTID


# --- garbage -------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_broken_certificates_are_refused_and_nothing_else(wallet, apple):
    """Each byte of a good certificate changed in turn: strict parsers fail in many ways."""
    der = apple.leaf.public_bytes(Encoding.DER)
    both = key_pem(apple.key)
    heard = set()
    for at in range(len(der)):
        broken = bytes([*der[:at], der[at] ^ (0x81 if at % 2 else 0x11), *der[at + 1 :]])
        certificate = base64.b64encode(broken).decode()
        known = [Account("a" * 32, 1, json.dumps({"certificates": [
            {"certificate": pem(apple.leaf), "private_key": both, "wwdr": apple.g4.pem}
        ]}), PTID)]  # fmt: skip
        try:
            wallet.accept({"certificate": certificate}, known, [], NOW)
        except CredentialsRefused as refusal:
            heard.add(refusal.field)
        else:
            raise AssertionError(f"byte {at} can be changed")
    assert {"certificate", "wwdr"} <= heard
