"""Stands in for Apple: intermediates of several generations, and pass certificates they issue."""

from __future__ import annotations

import base64
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from passes.wallet_port import Account, CredentialsRefused, NewAccount
from wallet_apple.signing import NFC_MARKER

NOW = datetime.fromisoformat("2026-11-21T12:00:00+00:00")
PTID = "pass.de.alma.karte"


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Authority:
    """An intermediate with its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @classmethod
    def made(cls, unit: str, ends: datetime = NOW + timedelta(days=3_000)) -> Authority:
        key = new_key()
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, "Apple Worldwide Developer Relations CA"),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Apple Inc."),
            ]
        )
        return cls(_signed(name, name, key.public_key(), key, NOW - timedelta(days=900), ends), key)

    @classmethod
    def of_examples(cls, folder: Path) -> Authority:
        key = load_pem_private_key((folder / "wwdr.key").read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return cls(x509.load_pem_x509_certificate((folder / "wwdr.pem").read_bytes()), key)

    @property
    def pem(self) -> str:
        return pem(self.certificate)

    def issue(
        self,
        public_key: object,
        pass_type_id: str = PTID,
        team: str | None = "TEAM123456",
        begins: datetime = NOW - timedelta(days=1),
        days: float = 395,
        title: str = "Pass Type ID",
        nfc: bool = False,
    ) -> x509.Certificate:
        """A pass certificate as Apple issues it."""
        parts = [
            x509.NameAttribute(NameOID.USER_ID, pass_type_id),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{title}: {pass_type_id}"),
        ]
        if team:
            parts.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, team))
        marker = x509.UnrecognizedExtension(NFC_MARKER, b"\x05\x00") if nfc else None
        return _signed(
            x509.Name(parts),
            self.certificate.subject,
            public_key,
            self.key,
            begins,
            begins + timedelta(days=days),
            marker,
        )


def _signed(subject, issuer, public_key, key, begins, ends, extension=None) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )
    if extension is not None:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, SHA256())


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def cer(certificate: x509.Certificate) -> str:
    """What Apple's portal hands out (DER), in base64."""
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


def key_pem(key: Any, password: str | None = None) -> str:
    protection = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection).decode()


def p12(key, certificate, password: str, others=()) -> str:
    protection = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    made = pkcs12.serialize_key_and_certificates(b"x", key, certificate, others, protection)
    return base64.b64encode(made).decode()


def p12_by_openssl(key, certificate, password: str, folder: Path, *options: str) -> str:
    """As other programs make it, such as with old ciphers or very often stirred."""
    file = folder / "both.pem"
    file.write_text(key_pem(key) + pem(certificate))
    made = subprocess.run(
        ["openssl", "pkcs12", "-export", *options, "-in", file, "-passout", f"pass:{password}"],
        capture_output=True,
        check=True,
    )
    return base64.b64encode(made.stdout).decode()


def stirred_for_hours(file: str) -> str:
    """A .p12 (base64, of OpenSSL) whose check of the password takes two thousand million rounds."""
    data = bytearray(base64.b64decode(file))
    mac = next(
        at
        for at in range(len(data) - 130, len(data))
        if data[at] == data[at + 2] == 0x30 and at + 2 + data[at + 1] == len(data)
    )
    assert data[-4:] == b"\x02\x02\x08\x00"
    data[-4:] = b"\x02\x04\x7f\xff\xff\xff"
    data[mac + 1] += 2
    data[2:4] = (int.from_bytes(data[2:4]) + 2).to_bytes(2)
    return base64.b64encode(data).decode()


def make_apple(certificates: Path) -> SimpleNamespace:
    """Keys and authorities; RSA takes its time. ``g4`` is the one behind the examples."""
    g4, key = Authority.of_examples(certificates), new_key()
    return SimpleNamespace(
        g4=g4,
        g6=Authority.made("G6"),
        key=key,
        other=new_key(),
        leaf=g4.issue(key.public_key()),
    )


def stored(made: NewAccount, account_id: str = "a" * 32) -> Account:
    return Account(account_id, 1, made.data, made.name)


def accept(wallet, given, known=(), pending=(), now=NOW) -> NewAccount:
    made: NewAccount = wallet.accept(given, known, pending, now)
    return made


def refused(wallet, given, field, words, known=(), pending=(), now=NOW) -> str:
    with pytest.raises(CredentialsRefused, match=words) as refusal:
        wallet.accept(given, known, pending, now)
    assert refusal.value.field == field
    sentence = str(refusal.value)
    assert "PRIVATE" not in sentence.replace("BEGIN PRIVATE KEY", "")
    return sentence
