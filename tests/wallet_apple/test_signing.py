"""The signature is what an independent signer makes, and bad credentials are named as such."""

import json
from datetime import timedelta, timezone

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs7,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from certs_example.make import issue_pass_certificate, make_all
from passes.wallet_port import Account, WalletMisconfigured
from wallet_apple import signing


@pytest.fixture(scope="session")
def pems(certificates):
    return [(certificates / name).read_bytes() for name in ("pass.pem", "pass.key", "wwdr.pem")]


@pytest.fixture(scope="session")
def credentials(pems):
    return signing.parse(*pems)


@pytest.fixture(scope="session")
def authority(certificates):
    wwdr = x509.load_pem_x509_certificate((certificates / "wwdr.pem").read_bytes())
    return wwdr, load_pem_private_key((certificates / "wwdr.key").read_bytes(), None)


@pytest.fixture(scope="session")
def strange_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def pem(certificate):
    return certificate.public_bytes(Encoding.PEM)


@settings(deadline=None)
@given(manifest=st.binary(max_size=4000))
def test_every_byte_is_as_the_oracle_makes_it(credentials, pems, now, manifest):
    leaf, key, wwdr = (
        x509.load_pem_x509_certificate(pems[0]),
        credentials.key,
        x509.load_pem_x509_certificate(pems[2]),
    )
    # The oracle reads the clock itself, when it signs.
    with time_machine.travel(now, tick=False):
        oracle = (
            pkcs7.PKCS7SignatureBuilder()
            .set_data(manifest)
            .add_signer(leaf, key, hashes.SHA256())
            .add_certificate(wwdr)
            .sign(
                Encoding.DER,
                [
                    pkcs7.PKCS7Options.DetachedSignature,
                    pkcs7.PKCS7Options.Binary,
                    pkcs7.PKCS7Options.NoCapabilities,
                ],
            )
        )
    assert credentials.sign(manifest, now) == oracle


def test_identifiers_come_from_the_certificate(credentials):
    assert credentials.pass_type_id == "pass.example.treuepass"
    assert credentials.team_id == "EXAMPLE123"


def test_a_manifest_that_comes_again_is_not_signed_again(credentials, now):
    first = credentials.sign(b"{}", now)
    assert credentials.sign(b"{}", now + timedelta(minutes=5)) == first
    assert credentials.sign(b"{ }", now + timedelta(minutes=5)) != first


def test_the_signing_time_is_that_of_the_moment(credentials, now):
    """The time is written once a second, and is right whatever order the moments come in."""
    cet = timezone(timedelta(hours=1))
    for number, (after, written) in enumerate(
        [
            (0, "12:00:00"),
            (0.999, "12:00:00"),
            (1, "12:00:01"),
            (0.5, "12:00:00"),
            (-0.001, "11:59:59"),
        ]
    ):
        moment = now + timedelta(seconds=after)
        for same_moment in (moment, moment.astimezone(cet)):
            signature = credentials.sign(
                b"%d %b" % (number, str(same_moment).encode()), same_moment
            )
            assert b"261121" + written.replace(":", "").encode() + b"Z" in signature


def test_no_signature_outside_the_validity(credentials):
    hour = timedelta(hours=1)
    assert credentials.sign(b"{}", credentials.begins)
    assert credentials.sign(b"{}", credentials.expires - hour)
    for moment in (credentials.begins - hour, credentials.expires, credentials.expires + hour):
        with pytest.raises(WalletMisconfigured, match="does not hold at this time"):
            credentials.sign(b"{}", moment)


def test_a_key_of_another_certificate(pems, strange_key):
    with pytest.raises(WalletMisconfigured, match="private key does not belong"):
        signing.parse(pems[0], key_pem(strange_key), pems[2])


def test_an_intermediate_of_another_chain(pems, tmp_path, now):
    make_all(tmp_path, now=now)
    with pytest.raises(WalletMisconfigured, match="generation G4"):
        signing.parse(pems[0], pems[1], (tmp_path / "wwdr.pem").read_bytes())


def test_a_key_that_is_not_rsa(pems):
    with pytest.raises(WalletMisconfigured, match="wrong kind"):
        signing.parse(pems[0], key_pem(ec.generate_private_key(ec.SECP256R1())), pems[2])


def test_a_certificate_for_something_else(pems, authority, strange_key, now):
    wwdr, wwdr_key = authority
    other = issue_pass_certificate(
        strange_key.public_key(), wwdr, wwdr_key, now, pass_type_id="com.example.app"
    )
    with pytest.raises(WalletMisconfigured, match="not a Pass Type ID certificate"):
        signing.parse(pem(other), key_pem(strange_key), pems[2])


@pytest.mark.parametrize(
    ("position", "sentence"),
    [
        (0, "The Apple certificate cannot"),
        (1, "private key cannot"),
        (2, "intermediate certificate"),
    ],
)
def test_unreadable_files(pems, position, sentence):
    broken = [*pems]
    broken[position] = b"-----BEGIN NONSENSE-----"
    with pytest.raises(WalletMisconfigured, match=sentence):
        signing.parse(*broken)


@pytest.mark.parametrize(
    "data",
    ["", "[]", "{}", '{"certificate": "x", "private_key": "y"}', '{"certificate": 1}', "null"],
)
def test_incomplete_stored_credentials(data):
    with pytest.raises(WalletMisconfigured, match="incomplete"):
        signing.read_account(Account("alma", 1, data))


def test_stored_credentials(account):
    (credentials,) = signing.read_account(account)
    assert credentials.pass_type_id == "pass.example.treuepass"


def test_another_size_of_key_has_its_own_template(
    certificates, authority, now, is_accepted, tmp_path
):
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    wwdr, wwdr_key = authority
    leaf = issue_pass_certificate(key.public_key(), wwdr, wwdr_key, now)
    signature = signing.parse(pem(leaf), key_pem(key), pem(wwdr)).sign(b"{}", now)
    assert is_accepted({"manifest.json": b"{}", "signature": signature}, tmp_path)


def test_secrets_do_not_show(credentials, account):
    assert "PRIVATE" not in repr(account)
    assert json.loads(account.data)["private_key"] not in repr(credentials)
    assert "RSAPrivateKey" not in repr(credentials)
