"""Rules for the signature of a pass: made rightly, by the right certificate, at the right time.

Source: Apple, Building a Pass; RFC 5652. Subject and marks of the certificate as Apple issues it.
"""

from __future__ import annotations

import hashlib
import hmac
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from wallet_apple.format import der
from wallet_apple.format.cms_reader import Signature, read_signature
from wallet_apple.format.der import BadDer
from wallet_apple.format.remarks import ERROR, NOTE, WARNING, Remark, quoted
from wallet_apple.signing import (
    UNREADABLE,
    generation_of,
    identifiers,
    may_speak_nfc,
    was_issued_by,
)

FILE = "signature"
_HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303  Wallet still takes it, so it must be readable
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


@dataclass(frozen=True, slots=True)
class Roots:
    """Authorities at the end of the chain, which are known not to be made up.

    ``are_all``: a chain that ends at another one is refused; otherwise it is only noted, since
    nobody can tell whether the intermediate certificate is Apple's.
    """

    certificates: tuple[x509.Certificate, ...] = ()
    are_all: bool = False


NO_ROOTS = Roots()


def check_signature(
    body: bytes, manifest: bytes, document: Mapping[str, object], roots: Roots
) -> Iterator[Remark]:
    """Remarks on the file ``signature`` over the bytes of manifest.json."""
    try:
        signature = read_signature(body)
    except BadDer:
        sentence = "The file is no CMS signature with one signer. Sign the pass again."
        yield Remark(ERROR, FILE, sentence)
        return
    # Odd certificates make the library warn on standard error; the remarks say it better.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield from [*_check(signature, manifest, document, roots)]


def _check(
    signature: Signature, manifest: bytes, document: Mapping[str, object], roots: Roots
) -> Iterator[Remark]:
    yield from _check_form(signature, manifest)
    certificates = [*_certificates(signature.certificates)]
    if len(certificates) < len(signature.certificates):
        yield Remark(ERROR, FILE, "One of the certificates cannot be read. Sign the pass again.")
    leaf = next((one for one in certificates if _is_signer(one, signature)), None)
    if leaf is None:
        sentence = (
            "The certificate that signed is not enclosed. Sign with the Pass Type ID certificate "
            "and enclose it."
        )
        yield Remark(ERROR, FILE, sentence)
        return
    if not _verifies(leaf, signature, manifest):
        sentence = "The signature does not fit manifest.json. Sign the pass again, as a last step."
        yield Remark(ERROR, FILE, sentence)
    yield from _check_owner(leaf, document)
    intermediate = next(
        (one for one in certificates if one is not leaf and was_issued_by(leaf, one)), None
    )
    if intermediate is None:
        sentence = (
            "The intermediate certificate is missing. Enclose Apple's Worldwide Developer "
            f"Relations certificate, {generation_of(leaf.issuer)}."
        )
        yield Remark(ERROR, FILE, sentence)
    else:
        yield from _check_root(intermediate, roots)
    if signature.signing_time is not None:
        chain = [one for one in (leaf, intermediate) if one is not None]
        yield from _check_validity(chain, signature.signing_time)


def _check_form(signature: Signature, manifest: bytes) -> Iterator[Remark]:
    if signature.is_attached:
        sentence = "The signature holds a copy of what it signs. Make it a detached one."
        yield Remark(ERROR, FILE, sentence)
    if not signature.is_der:
        yield Remark(NOTE, FILE, "The signature is in BER form; Apple asks for DER.")
    if signature.signing_time is None:
        sentence = "The signature has no signing time, and Wallet refuses it. Sign with one."
        yield Remark(ERROR, FILE, sentence)
    if signature.digest == "sha1":
        yield Remark(NOTE, FILE, "The signature is made with SHA-1. SHA-256 is the safer choice.")
    if signature.message_digest is not None and not hmac.compare_digest(
        signature.message_digest, hashlib.new(signature.digest, manifest).digest()
    ):
        sentence = "manifest.json was changed after it was signed. Sign the pass again."
        yield Remark(ERROR, "manifest.json", sentence)


def _certificates(bodies: Sequence[bytes]) -> Iterator[x509.Certificate]:
    for body in bodies:
        try:
            certificate = x509.load_der_x509_certificate(body)
            # Read all that is looked at later, since the library reads only when asked; and what
            # it does not look at: the bits that fill up the last byte of the signature.
            certificate.public_key()
            _ = certificate.subject, certificate.issuer, certificate.extensions
            _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
            ending = der.read(body).children()[-1].expect(der.BIT_STRING)
            if ending.body[:1] == b"\0" and certificate.public_bytes(Encoding.DER) == body:
                yield certificate
        except (*UNREADABLE, BadDer):
            continue


def _is_signer(certificate: x509.Certificate, signature: Signature) -> bool:
    if signature.key_id is None:
        return (
            certificate.serial_number == signature.serial_number
            and certificate.issuer.public_bytes() == signature.issuer
        )
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        return False
    return found.value.digest == signature.key_id


def _verifies(leaf: x509.Certificate, signature: Signature, manifest: bytes) -> bool:
    key, digest = leaf.public_key(), _HASHES[signature.digest]
    signed = signature.signed
    if signed is None:
        signed = manifest
    elif signature.message_digest is None:
        return False
    try:
        if isinstance(key, rsa.RSAPublicKey) and signature.algorithm == "rsa":
            key.verify(signature.value, signed, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey) and signature.algorithm == "ec":
            key.verify(signature.value, signed, ec.ECDSA(digest))
        else:
            return False
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


def _check_owner(leaf: x509.Certificate, document: Mapping[str, object]) -> Iterator[Remark]:
    type_id, team_id = identifiers(leaf)
    for name, what, of_certificate in (
        ("passTypeIdentifier", "pass type identifier", type_id),
        ("teamIdentifier", "team", team_id),
    ):
        of_pass = document.get(name)
        if not of_certificate:
            sentence = f"The certificate names no {what}: it is no Pass Type ID certificate."
            yield Remark(ERROR, FILE, sentence)
        elif of_pass != of_certificate:
            sentence = (
                f"The pass says {quoted(of_pass)}, the certificate {quoted(of_certificate)}. "
                "Write what the certificate says, or sign with the other certificate."
            )
            yield Remark(ERROR, name, sentence)
    if "nfc" in document and not may_speak_nfc(leaf):
        sentence = (
            "The certificate does not look like one for NFC, and with any other the pass does not "
            "open at all. Ask Apple for one, or leave nfc out."
        )
        yield Remark(WARNING, "nfc", sentence)


def _check_root(intermediate: x509.Certificate, roots: Roots) -> Iterator[Remark]:
    if any(was_issued_by(intermediate, root) for root in roots.certificates):
        return
    issuer = intermediate.issuer.public_bytes()
    names = {root.subject.public_bytes() for root in roots.certificates}
    if roots.are_all or issuer in names:
        sentence = (
            "The intermediate certificate was not issued by an authority that you trust. Enclose "
            "the one from Apple's page of certificate authorities."
        )
        yield Remark(ERROR, FILE, sentence)
        return
    sentence = (
        "Whether the intermediate certificate is Apple's own was not checked. To have it checked, "
        "name the file of Apple's root certificate with --root."
    )
    yield Remark(NOTE, FILE, sentence)


def _check_validity(chain: Sequence[x509.Certificate], signed_at: datetime) -> Iterator[Remark]:
    for certificate in chain:
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if not begins <= signed_at <= ends:
            named = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            name = quoted(named[0].value if named else "", 80)
            sentence = (
                f"The pass was signed on {signed_at.date()}, but the certificate {name}"
                f" holds from {begins.date()} to {ends.date()}. Sign with a current one."
            )
            yield Remark(ERROR, FILE, sentence)
