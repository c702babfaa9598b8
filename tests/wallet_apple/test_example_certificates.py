"""The example credentials have the vendors' shapes and survive a second run."""

import base64
import json
import stat
import subprocess
import sys
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs_example import make
from certs_example.make import PASS_TYPE_ID, TEAM_ID, make_all


@pytest.fixture
def leaf(certificates):
    return x509.load_pem_x509_certificate((certificates / "pass.pem").read_bytes())


def attribute(name, oid):
    return name.get_attributes_for_oid(oid)[0].value


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


def test_the_pass_certificate_has_apples_shape(leaf):
    assert attribute(leaf.subject, NameOID.USER_ID) == PASS_TYPE_ID == "pass.example.treuepass"
    assert attribute(leaf.subject, NameOID.COMMON_NAME) == f"Pass Type ID: {PASS_TYPE_ID}"
    assert attribute(leaf.subject, NameOID.ORGANIZATIONAL_UNIT_NAME) == TEAM_ID
    assert len(TEAM_ID) == 10
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert ExtendedKeyUsageOID.CLIENT_AUTH in usage
    assert x509.ObjectIdentifier("1.2.840.113635.100.4.14") in usage
    marker = x509.ObjectIdentifier("1.2.840.113635.100.6.1.16")
    extension = leaf.extensions.get_extension_for_oid(marker).value
    assert extension.value == b"\x0c\x16" + PASS_TYPE_ID.encode()
    assert leaf.extensions.get_extension_for_oid(x509.ObjectIdentifier("1.2.840.113635.100.6.3.2"))
    assert leaf.public_key().key_size == 2048
    assert timedelta(days=390) < leaf.not_valid_after_utc - leaf.not_valid_before_utc


def test_the_chain_leads_to_a_root_that_says_it_is_an_example(certificates, leaf):
    wwdr = x509.load_pem_x509_certificate((certificates / "wwdr.pem").read_bytes())
    root = x509.load_pem_x509_certificate((certificates / "root.pem").read_bytes())
    leaf.verify_directly_issued_by(wwdr)
    wwdr.verify_directly_issued_by(root)
    assert attribute(wwdr.subject, NameOID.ORGANIZATIONAL_UNIT_NAME) == "G4"
    assert attribute(wwdr.subject, NameOID.ORGANIZATION_NAME) == "Apple Inc."
    assert attribute(root.subject, NameOID.COMMON_NAME) == "Treuepass Example Root"


def test_keys_are_readable_by_their_owner_alone(certificates):
    secrets = [
        *certificates.glob("*.key"),
        certificates / "google.json",
        certificates / "vapid.json",
    ]
    assert len(secrets) == 6
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}


def test_the_other_credentials(certificates):
    google = json.loads((certificates / "google.json").read_text())
    assert google["type"] == "service_account"
    assert google["token_uri"] == "http://127.0.0.1:9/token"
    assert google["client_email"].endswith(".iam.gserviceaccount.com")
    assert len(google["private_key_id"]) == 40
    load_pem_private_key(google["private_key"].encode(), None)
    vapid = json.loads((certificates / "vapid.json").read_text())
    scalar, point = (
        base64.urlsafe_b64decode(vapid[name] + "==") for name in ("private_key", "public_key")
    )
    pair = ec.derive_private_key(int.from_bytes(scalar, "big"), ec.SECP256R1())
    public = pair.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert (len(scalar), public) == (32, point)


def test_a_second_run_keeps_everything(tmp_path, now):
    make_all(tmp_path, now=now)
    before = contents(tmp_path)
    make_all(tmp_path, now=now + timedelta(days=300))
    assert contents(tmp_path) == before


def test_an_old_pass_certificate_gets_a_successor_for_the_same_key(tmp_path, now):
    make_all(tmp_path, now=now)
    before = contents(tmp_path)
    later = now + timedelta(days=370)
    make_all(tmp_path, now=later)
    after = contents(tmp_path)
    assert {name for name in before if before[name] != after[name]} == {"pass.pem"}
    leaf = x509.load_pem_x509_certificate(after["pass.pem"])
    assert leaf.not_valid_after_utc > later + timedelta(days=360)


@pytest.mark.parametrize("lost", ["root.key", "wwdr.pem", "pass.key", "pass.pem"])
def test_what_is_lost_or_spoilt_is_made_anew(tmp_path, now, lost):
    make_all(tmp_path, now=now)
    (tmp_path / lost).write_bytes(b"spoilt")
    make_all(tmp_path, now=now)
    chain = {
        name: x509.load_pem_x509_certificate((tmp_path / f"{name}.pem").read_bytes())
        for name in ("root", "wwdr", "pass")
    }
    chain["pass"].verify_directly_issued_by(chain["wwdr"])
    chain["wwdr"].verify_directly_issued_by(chain["root"])
    for name, certificate in chain.items():
        key = load_pem_private_key((tmp_path / f"{name}.key").read_bytes(), None)
        assert key.public_key() == certificate.public_key()


def callback_key(folder):
    [key] = json.loads((folder / "google-callback-keys.json").read_text())["keys"]
    return key


def test_the_callback_keys_have_the_shape_of_googles_document(tmp_path, now):
    make_all(tmp_path, now=now)
    key = callback_key(tmp_path)
    assert list(key) == ["keyValue", "protocolVersion", "keyExpiration"]
    assert key["protocolVersion"] == "ECv2SigningOnly"
    assert int(key["keyExpiration"]) > (now + timedelta(days=3000)).timestamp() * 1000
    root = load_pem_private_key((tmp_path / "google-callback.key").read_bytes(), None)
    assert isinstance(root.curve, ec.SECP256R1)
    assert load_der_public_key(base64.b64decode(key["keyValue"])) == root.public_key()


def test_an_old_callback_key_is_prolonged_and_stays_the_same(tmp_path, now):
    make_all(tmp_path, now=now)
    before, root = callback_key(tmp_path), (tmp_path / "google-callback.key").read_bytes()
    make_all(tmp_path, now=now + timedelta(days=3640))
    after = callback_key(tmp_path)
    assert int(after["keyExpiration"]) > int(before["keyExpiration"])
    assert after["keyValue"] == before["keyValue"]
    assert (tmp_path / "google-callback.key").read_bytes() == root


@pytest.mark.parametrize("lost", ["google-callback.key", "google-callback-keys.json"])
@pytest.mark.parametrize("spoilt", [b"spoilt", b'{"keys": []}', b'{"keys": [{"keyValue": 7}]}'])
def test_spoilt_callback_keys_are_made_anew(tmp_path, now, lost, spoilt):
    make_all(tmp_path, now=now)
    (tmp_path / lost).write_bytes(spoilt)
    make_all(tmp_path, now=now)
    root = load_pem_private_key((tmp_path / "google-callback.key").read_bytes(), None)
    public = load_der_public_key(base64.b64decode(callback_key(tmp_path)["keyValue"]))
    assert public == root.public_key()


def test_the_token_address_can_change_without_a_new_key(tmp_path, now):
    make_all(tmp_path, now=now)
    before = json.loads((tmp_path / "google.json").read_text())
    make_all(tmp_path, "http://127.0.0.1:4711/token", now)
    after = json.loads((tmp_path / "google.json").read_text())
    assert after == {**before, "token_uri": "http://127.0.0.1:4711/token"}


def test_it_runs_as_a_command(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", make.__name__, tmp_path / "made"], capture_output=True, check=True
    )
    assert b"made" in run.stdout
    assert (tmp_path / "made" / "pass.pem").exists()
