"""Reads what a merchant brought: a JSON object whose parts are PEM, DER in base64, a .p12 file."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509

from passes.wallet_port import CredentialsRefused
from wallet_apple.opening import open_key, open_p12
from wallet_apple.signing import UNREADABLE

LARGEST = 64 * 1024
"""Characters of one part; a .p12 with its chain has some 7,000."""
MOST_IN_A_FILE = 10

PARTS = ("certificate", "private_key", "p12", "password", "wwdr")

_PEM_CERTIFICATE = re.compile(b"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.S)
_PEM_KEY = re.compile(
    b"-----BEGIN ((?:RSA |EC |ENCRYPTED )?PRIVATE KEY)-----.+?-----END \\1-----", re.S
)


@dataclass(slots=True)
class Brought:
    """What was found in the files; ``source`` names the part that holds the certificate."""

    source: str
    certificates: list[x509.Certificate]
    key: str | None = field(repr=False)
    key_source: str = "private_key"
    fulfils: str | None = None


def read_folder(folder: Path) -> list[x509.Certificate]:
    """Intermediates that whoever runs this put into a folder, once for all merchants."""
    found: list[x509.Certificate] = []
    for path in sorted(folder.glob("*")):
        if path.suffix in {".pem", ".cer", ".crt"} and path.is_file():
            found += certificates_in(path.read_bytes())
    return found


def read(given: Mapping[str, object]) -> Brought:
    """Certificates and, if it is among the parts, their key. Raises CredentialsRefused."""
    refuse_unknown(given, PARTS)
    password = text_of(given, "password")
    p12, certificate = bytes_of(given, "p12"), bytes_of(given, "certificate")
    key = bytes_of(given, "private_key")
    if p12 is not None:
        if certificate is not None or key is not None:
            raise CredentialsRefused(
                "p12", "Send either p12 or certificate and private_key, not both."
            )
        opened = open_p12(p12, password)
        certificates = certificates_in("".join(opened.certificates).encode())
        if not certificates or opened.key is None:
            raise CredentialsRefused(
                "p12",
                "The .p12 file holds no "
                f"{'certificate' if opened.key else 'private key'}. Export both together.",
            )
        return Brought("p12", certificates, opened.key, "p12")
    if certificate is None:
        raise CredentialsRefused(
            "certificate", "Send the certificate that Apple issued (.cer or .pem), or a .p12 file."
        )
    certificates = certificates_in(certificate)
    if not certificates:
        raise CredentialsRefused(
            "certificate",
            "This is not a certificate. It must be the .cer file from Apple in base64, or PEM.",
        )
    source = "private_key" if key is not None else "certificate"
    pem = _PEM_KEY.search(certificate if key is None else key)
    if pem is None and key is not None:
        raise CredentialsRefused(
            "private_key",
            "This is not a private key in PEM form (-----BEGIN PRIVATE KEY-----).",
        )
    opened_key = open_key(source, pem[0], password) if pem else None
    return Brought("certificate", certificates, opened_key, source)


def refuse_unknown(given: Mapping[str, object], names: Sequence[str]) -> None:
    for name in given:
        if name not in names:
            raise CredentialsRefused(name, f"There is no such part; there are {', '.join(names)}.")


def text_of(given: Mapping[str, object], name: str) -> str | None:
    value = given.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise CredentialsRefused(name, "must be text")
    if len(value) > LARGEST:
        raise CredentialsRefused(name, f"must not have more than {LARGEST:,} characters")
    return value


def line_of(given: Mapping[str, object], name: str, longest: int) -> str:
    value = (text_of(given, name) or "").strip()
    if len(value) > longest or not value.isprintable():
        raise CredentialsRefused(name, f"must be one line of at most {longest} characters")
    return value


def bytes_of(given: Mapping[str, object], name: str) -> bytes | None:
    """PEM as it is, everything else from base64."""
    value = text_of(given, name)
    if value is None:
        return None
    try:
        if "-----BEGIN" in value:
            return value.encode("ascii", "replace")
        return base64.b64decode(re.sub(r"\s", "", value), validate=True)
    except (binascii.Error, ValueError):
        raise CredentialsRefused(name, "must be PEM text, or the file in base64") from None


def certificates_in(data: bytes) -> list[x509.Certificate]:
    """All that is readable in PEM or DER; nothing when it is something else."""
    pems = _PEM_CERTIFICATE.findall(data)[:MOST_IN_A_FILE]
    found = []
    for each in pems or [data]:
        try:
            load = x509.load_pem_x509_certificate if pems else x509.load_der_x509_certificate
            certificate = load(each)
            # These are parsed when they are asked for: a broken one fails here and not later.
            _ = (certificate.public_key(), certificate.subject, certificate.issuer)
            _ = (certificate.extensions, certificate.not_valid_after_utc)
        except UNREADABLE:
            continue
        found.append(certificate)
    return found
