"""Makes the example credentials: an Apple-shaped chain, a Google service account, keys.

Shapes follow what Apple issues under its G4 intermediate (Pass Type ID certificate: UID, OU,
extended key usage, marker extensions). Nothing here is trusted by any real device or vendor.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PASS_TYPE_ID = "pass.example.treuepass"
TEAM_ID = "EXAMPLE123"
TOKEN_URL = "http://127.0.0.1:9/token"
"""Port 9 is "discard": the example account never reaches a token endpoint unless told of one."""

APPLE_PASS_SIGNING = x509.ObjectIdentifier("1.2.840.113635.100.4.14")
APPLE_PASS_TYPE_ID = x509.ObjectIdentifier("1.2.840.113635.100.6.1.16")
APPLE_PASS_MARKER = x509.ObjectIdentifier("1.2.840.113635.100.6.3.2")

ROOT_LIFE = timedelta(days=25 * 365)
WWDR_LIFE = timedelta(days=10 * 365)
PASS_LIFE = timedelta(days=395)
CALLBACK_KEY_LIFE = timedelta(days=10 * 365)
RENEW_BEFORE = timedelta(days=30)
BACKDATED = timedelta(hours=1)
"""Certificates begin a little in the past, so that a device whose clock is slow accepts them."""

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def make_all(
    folder: Path,
    base_url_of_google_token: str = TOKEN_URL,
    now: datetime | None = None,
) -> None:
    """Writes every example credential into ``folder``; what is there and still good stays.

    ``root.pem``, ``wwdr.pem`` and ``pass.pem`` with their ``.key`` files (RSA-2048),
    ``google.json`` (a service account whose token_uri is ``base_url_of_google_token``),
    ``google-callback.key`` (P-256) with ``google-callback-keys.json``, and ``vapid.json`` (a P-256
    pair, base64url). Keys, ``google.json`` and ``vapid.json`` have mode 0600. A pass certificate or
    callback key with less than 30 days left gets a successor for the same key. ``now`` is an aware
    time (default: the clock).
    Raises OSError when the folder cannot be written.
    """
    moment = now or datetime.fromtimestamp(time.time(), UTC)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        # A web process and a worker may both start on an empty folder.
        fcntl.flock(lock, fcntl.LOCK_EX)
        _make_chain(folder, moment)
        _make_service_account(folder / "google.json", base_url_of_google_token)
        _make_callback_keys(folder, moment)
        _make_vapid_pair(folder / "vapid.json")


def _make_chain(folder: Path, now: datetime) -> None:
    """Each link is kept while it is good and its issuer is still the one that signed it."""
    root_key = _rsa_key(folder / "root.key")
    root = _kept(folder / "root.pem", root_key, None, now)
    if root is None:
        root = _authority(_root_name(), root_key, _root_name(), root_key, 1, now, ROOT_LIFE)
        _write(folder / "root.pem", root.public_bytes(Encoding.PEM))

    wwdr_key = _rsa_key(folder / "wwdr.key")
    wwdr = _kept(folder / "wwdr.pem", wwdr_key, root, now)
    if wwdr is None:
        wwdr = _authority(_wwdr_name(), wwdr_key, root.subject, root_key, 0, now, WWDR_LIFE)
        _write(folder / "wwdr.pem", wwdr.public_bytes(Encoding.PEM))

    pass_key = _rsa_key(folder / "pass.key")
    if _kept(folder / "pass.pem", pass_key, wwdr, now) is None:
        leaf = issue_pass_certificate(pass_key.public_key(), wwdr, wwdr_key, now)
        _write(folder / "pass.pem", leaf.public_bytes(Encoding.PEM))


def _kept(
    path: Path, key: rsa.RSAPrivateKey, issuer: x509.Certificate | None, now: datetime
) -> x509.Certificate | None:
    """The certificate at ``path`` if it fits its key and issuer and has 30 days left."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        certificate.verify_directly_issued_by(issuer or certificate)
    except (OSError, ValueError, TypeError, InvalidSignature):
        # Missing, garbled, of another issuer: whatever is wrong, a new one puts it right.
        return None
    fits_key = certificate.public_key() == key.public_key()
    lasts = certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - RENEW_BEFORE
    return certificate if fits_key and lasts else None


def issue_pass_certificate(
    public_key: rsa.RSAPublicKey,
    wwdr: x509.Certificate,
    wwdr_key: rsa.RSAPrivateKey,
    now: datetime,
    *,
    pass_type_id: str = PASS_TYPE_ID,
    team_id: str = TEAM_ID,
    life: timedelta = PASS_LIFE,
) -> x509.Certificate:
    """A certificate of the shape that Apple gives for a Pass Type ID, signed by ``wwdr``.

    UID holds the pass type identifier, OU the team; valid from an hour before ``now``.
    """
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.USER_ID, pass_type_id),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Pass Type ID: {pass_type_id}"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, team_id),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Treuepass Example"),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
        ]
    )
    wwdr_identifier = wwdr.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    builder = (
        _certificate(subject, public_key, wwdr.subject, now, life)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(wwdr_identifier.value),
            critical=False,
        )
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, APPLE_PASS_SIGNING]),
            critical=False,
        )
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(
            x509.UnrecognizedExtension(APPLE_PASS_TYPE_ID, _der_utf8_string(pass_type_id)),
            critical=False,
        )
        .add_extension(
            x509.UnrecognizedExtension(APPLE_PASS_MARKER, b"\x05\x00"),
            critical=False,
        )
    )
    return builder.sign(wwdr_key, hashes.SHA256())


def _authority(
    subject: x509.Name,
    key: rsa.RSAPrivateKey,
    issuer: x509.Name,
    issuer_key: rsa.RSAPrivateKey,
    path_length: int,
    now: datetime,
    life: timedelta,
) -> x509.Certificate:
    builder = (
        _certificate(subject, key.public_key(), issuer, now, life)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
    )
    return builder.sign(issuer_key, hashes.SHA256())


def _certificate(
    subject: x509.Name,
    public_key: rsa.RSAPublicKey,
    issuer: x509.Name,
    now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _root_name() -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "Treuepass Example Root"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Treuepass Example, not Apple"),
        ]
    )


def _wwdr_name() -> x509.Name:
    """Apple's own subject, so that code which looks for it meets it; the root tells them apart."""
    return x509.Name(
        [
            x509.NameAttribute(
                NameOID.COMMON_NAME,
                "Apple Worldwide Developer Relations Certification Authority",
            ),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "G4"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Apple Inc."),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
        ]
    )


def _der_utf8_string(text: str) -> bytes:
    body = text.encode()
    if len(body) > 127:
        raise ValueError("A pass type identifier has at most 127 bytes here.")
    return bytes([0x0C, len(body)]) + body


def _make_service_account(path: Path, token_url: str) -> None:
    """The JSON that Google hands out for a service account; an existing one keeps its key."""
    try:
        account = json.loads(path.read_text())
        load_pem_private_key(account["private_key"].encode(), None)
    except (OSError, ValueError, KeyError, TypeError):
        account = _new_service_account()
    if account.get("token_uri") != token_url:
        account["token_uri"] = token_url
        _write_secret(path, json.dumps(account, indent=2).encode())


def _new_service_account() -> dict[str, str]:
    email = "treuepass-example@treuepass-example.iam.gserviceaccount.com"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return {
        "type": "service_account",
        "project_id": "treuepass-example",
        "private_key_id": secrets.token_hex(20),
        "private_key": _pem_of_key(key).decode(),
        "client_email": email,
        "client_id": "100000000000000000001",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
        "client_x509_cert_url": f"https://www.googleapis.com/robot/v1/metadata/x509/{email}",
        "universe_domain": "googleapis.com",
    }


def _make_callback_keys(folder: Path, now: datetime) -> None:
    """The root key that signs a simulated phone's callbacks, and the document that makes it known.

    The document has the shape of https://pay.google.com/gp/m/issuer/keys.
    """
    key = _p256_key(folder / "google-callback.key")
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    value, path = base64.b64encode(public).decode(), folder / "google-callback-keys.json"
    try:
        [known] = json.loads(path.read_text())["keys"]
        good = (
            known["keyValue"] == value
            and known["protocolVersion"] == "ECv2SigningOnly"
            and int(known["keyExpiration"]) > (now + RENEW_BEFORE).timestamp() * 1000
        )
    except (OSError, ValueError, KeyError, TypeError):
        good = False
    if not good:
        known = {
            "keyValue": value,
            "protocolVersion": "ECv2SigningOnly",
            "keyExpiration": str(int((now + CALLBACK_KEY_LIFE).timestamp() * 1000)),
        }
        _write(path, json.dumps({"keys": [known]}, indent=2).encode())


def _make_vapid_pair(path: Path) -> None:
    """The server's own pair for Web Push (RFC 8292): the scalar and the uncompressed point.

    Browsers are bound to the pair that they subscribed with, so one that can be read is kept.
    """
    try:
        scalar = base64.urlsafe_b64decode(json.loads(path.read_text())["private_key"] + "=")
        ec.derive_private_key(int.from_bytes(scalar, "big"), ec.SECP256R1())
    except (OSError, ValueError, KeyError, TypeError):
        key = ec.generate_private_key(ec.SECP256R1())
        scalar = key.private_numbers().private_value.to_bytes(32, "big")
        point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        pair = {"private_key": _base64url(scalar), "public_key": _base64url(point)}
        _write_secret(path, json.dumps(pair, indent=2).encode())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _p256_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        key = None
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    fresh = ec.generate_private_key(ec.SECP256R1())
    _write_secret(path, _pem_of_key(fresh))
    return fresh


def _rsa_key(path: Path) -> rsa.RSAPrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        key = None
    if isinstance(key, rsa.RSAPrivateKey):
        return key
    fresh = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    _write_secret(path, _pem_of_key(fresh))
    return fresh


def _pem_of_key(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write_secret(path: Path, body: bytes) -> None:
    _write(path, body, mode=0o600)


def _write(path: Path, body: bytes, mode: int = 0o644) -> None:
    """Replaces the file in one step: a reader sees the old one or the new one, never half."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(body)
    fresh.replace(path)


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "var/certs_example")
    make_all(target)
    sys.stdout.write(f"Example certificates: {target}\n")
