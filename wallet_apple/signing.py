"""Signs manifests: credentials parsed once, and a CMS signature whose length never changes.

Source of the rules: Apple, Building a Pass (detached PKCS #7 signature with signing time, the
Apple intermediate enclosed); RFC 5652 for the structure; RFC 2315 calls the same thing PKCS #7.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID

from passes.wallet_port import Account, WalletMisconfigured
from wallet_apple import cms
from wallet_apple.recent import Recent

NFC_MARKER = x509.ObjectIdentifier("1.2.840.113635.100.6.1.26")
UNREADABLE = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What the parts of a strange certificate raise when they are looked at."""

_PARTS = ("certificate", "private_key", "wwdr")
_PKCS1V15 = PKCS1v15()
_SHA256 = SHA256()


@dataclass(frozen=True, slots=True, eq=False)
class Credentials:
    """A Pass Type ID certificate with its key and Apple's intermediate, ready to sign.

    Instances are compared by identity: one per parsed certificate. From ``begins`` until
    ``expires`` (UTC) both certificates hold. With ``nfc`` its passes may speak to readers; a pass
    that tries to without does not open. ``signed`` remembers signing time and signature by
    the manifest's digest: a phone and a watch ask for the same pass within a second, and the same
    manifest means the same pass.
    """

    pass_type_id: str
    team_id: str
    begins: datetime
    expires: datetime
    nfc: bool
    certificate: x509.Certificate = field(repr=False)
    intermediate: x509.Certificate = field(repr=False)
    key: RSAPrivateKey = field(repr=False)
    template: cms.SignatureTemplate = field(repr=False)
    signed: Recent[bytes, tuple[bytes, bytes]] = field(repr=False)

    def sign(self, manifest: bytes, now: datetime) -> bytes:
        """The DER of the detached signature over ``manifest``, made at ``now`` (UTC).

        Raises WalletMisconfigured outside the certificates' validity: a device compares the
        signing time with it and would refuse the pass without saying why.
        """
        if not self.begins <= now < self.expires:
            day = self.expires.date().isoformat()
            raise WalletMisconfigured(
                f"The Apple certificate for {self.pass_type_id} does not hold at this time "
                f"(it ends on {day}). Import a current one."
            )
        digest = hashlib.sha256(manifest).digest()
        signed = self.signed.get(digest)
        if signed is None:
            signing_time = _UTC_TIME.of(now)
            attributes = self.template.attributes(signing_time, digest)
            signed = (signing_time, self.key.sign(attributes, _PKCS1V15, _SHA256))
            self.signed.put(digest, signed)
        signing_time, signature = signed
        return self.template.fill(signing_time, digest, signature)


class _UTCTime:
    """UTCTime as DER wants it; what was written for the last second serves all of that second."""

    def __init__(self) -> None:
        never = datetime.max.replace(tzinfo=UTC)
        self._kept = never, never, b""

    def of(self, moment: datetime) -> bytes:
        """For example 261121193617Z; ``moment`` is an aware time."""
        begins, ends, text = self._kept
        if begins <= moment < ends:
            return text
        begins = moment.astimezone(UTC).replace(microsecond=0)
        text = begins.strftime("%y%m%d%H%M%SZ").encode()
        self._kept = begins, begins + timedelta(seconds=1), text
        return text


_UTC_TIME = _UTCTime()


def read_account(account: Account) -> tuple[Credentials, ...]:
    """Parses a merchant's stored credentials, of which several may hold at once.

    Raises WalletMisconfigured.
    """
    return tuple(parse(*(part[name].encode() for name in _PARTS)) for part in stored_parts(account))


def stored_parts(account: Account) -> list[Mapping[str, str]]:
    """PEM texts under certificate, private_key and wwdr, for each certificate of the account.

    The list stands under ``certificates``; accounts of the first version hold one set, without a
    list. Raises WalletMisconfigured.
    """
    try:
        stored = orjson.loads(account.data)
        parts = stored.get("certificates", [stored])
        if parts and all(isinstance(part[name], str) for part in parts for name in _PARTS):
            return list(parts)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        pass
    raise WalletMisconfigured(
        "The stored Apple credentials are incomplete. Import the certificate, its private key "
        "and Apple's intermediate certificate again."
    )


def current(credentials: Sequence[Credentials], now: datetime) -> Credentials:
    """The one to sign with: of those that hold at ``now`` the one that ends last.

    When none holds, the one that ends last; it will refuse to sign and say why.
    """
    return max(credentials, key=lambda each: (each.begins <= now < each.expires, each.expires))


def read_folder(folder: Path) -> Credentials:
    """Parses the example credentials. Raises WalletMisconfigured, also when they are missing."""
    try:
        pems = [(folder / name).read_bytes() for name in ("pass.pem", "pass.key", "wwdr.pem")]
    except OSError as error:
        raise WalletMisconfigured(
            "The example certificates are missing. Make them with: treuepass certs example"
        ) from error
    return parse(*pems)


def parse(certificate_pem: bytes, private_key_pem: bytes, wwdr_pem: bytes) -> Credentials:
    """Checks that the three belong together and prepares the signature.

    The key is validated here, once (some 35 ms for RSA-2048). Pass type identifier and team come
    from the certificate's subject, as they must equal those in every pass. Raises
    WalletMisconfigured with a sentence for the merchant.
    """
    leaf = _certificate(certificate_pem, "The Apple certificate")
    wwdr = _certificate(wwdr_pem, "Apple's intermediate certificate")
    key = _private_key(private_key_pem)

    if leaf.public_key() != key.public_key():
        raise WalletMisconfigured(
            "The private key does not belong to the Apple certificate. Import the key that was "
            "made together with the certificate signing request."
        )
    if not was_issued_by(leaf, wwdr):
        raise WalletMisconfigured(
            "Apple's intermediate certificate is not the one that issued this certificate. "
            f"Import the Worldwide Developer Relations certificate, {generation_of(leaf.issuer)}."
        )

    pass_type_id, team_id = identifiers(leaf)
    if not pass_type_id.startswith("pass.") or not team_id:
        raise WalletMisconfigured(
            "This is not a Pass Type ID certificate: its subject names no pass type identifier "
            "or no team."
        )
    return Credentials(
        pass_type_id=pass_type_id,
        team_id=team_id,
        begins=max(leaf.not_valid_before_utc, wwdr.not_valid_before_utc),
        expires=min(leaf.not_valid_after_utc, wwdr.not_valid_after_utc),
        nfc=may_speak_nfc(leaf),
        certificate=leaf,
        intermediate=wwdr,
        key=key,
        template=cms.compile_signature(
            leaf.public_bytes(Encoding.DER),
            wwdr.public_bytes(Encoding.DER),
            leaf.issuer.public_bytes(),
            leaf.serial_number,
            key.key_size // 8,
        ),
        signed=Recent(512),
    )


def was_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """By name and signature, not by a list of serial numbers: Apple has several intermediates."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (*UNREADABLE, InvalidSignature):
        return False
    return True


def identifiers(leaf: x509.Certificate) -> tuple[str, str]:
    """Pass type identifier and team of a pass certificate; "" where its subject has none."""
    return (
        _attribute(leaf.subject, NameOID.USER_ID),
        _attribute(leaf.subject, NameOID.ORGANIZATIONAL_UNIT_NAME),
    )


def may_speak_nfc(leaf: x509.Certificate) -> bool:
    """Whether Apple made it for passes with NFC, which it grants case by case."""
    if _attribute(leaf.subject, NameOID.COMMON_NAME).startswith("Pass Type ID with NFC"):
        return True
    return any(extension.oid == NFC_MARKER for extension in leaf.extensions)


def generation_of(authority: x509.Name) -> str:
    """How Apple calls one of its intermediates on its page of certificates: "generation G4"."""
    unit = _attribute(authority, NameOID.ORGANIZATIONAL_UNIT_NAME)
    if re.fullmatch("G[0-9]{1,2}", unit):
        return f"generation {unit}"
    return f"named “{unit or _attribute(authority, NameOID.COMMON_NAME) or 'unknown'}”"


def _certificate(pem: bytes, name: str) -> x509.Certificate:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        certificate.public_key()
    except UNREADABLE as error:
        raise WalletMisconfigured(
            f"{name} cannot be read. It must be a certificate in PEM form."
        ) from error
    return certificate


def _private_key(pem: bytes) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise WalletMisconfigured(
            "The private key cannot be read. It must be in PEM form and without a password."
        ) from error
    # Apple issues RSA-2048 for passes; whether a device takes any other kind is not documented.
    if not isinstance(key, RSAPrivateKey) or key.key_size < 2048:
        raise WalletMisconfigured(
            "The private key is of the wrong kind: Apple's pass certificates use RSA with 2048 bit."
        )
    return key


def _attribute(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    values = name.get_attributes_for_oid(oid)
    return str(values[0].value) if values else ""
