"""Takes in what Apple issued: requests for certificates, and the files that a merchant brings back.

Sources: Apple, Create a Pass Type ID and certificate (a request with RSA-2048, a .cer in answer,
some 13 months valid, not renewed but followed by another one for the same identifier); Building a
Pass (the intermediate that issued it belongs into every signature).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from passes.wallet_port import Account, CredentialsRefused, NewAccount, WalletMisconfigured
from wallet_apple import signing
from wallet_apple.brought import (
    Brought,
    bytes_of,
    certificates_in,
    line_of,
    read,
    refuse_unknown,
)

AUTHORITY_PAGE = "https://www.apple.com/certificateauthority/"


# --- a request -----------------------------------------------------------------------------------


def make_request(given: Mapping[str, object]) -> tuple[str, NewAccount]:
    """A certificate signing request, and its key to keep.

    ``given``: common_name, and email if wanted; Apple puts names of its own into the certificate,
    so these only help people. Raises CredentialsRefused.
    """
    refuse_unknown(given, ("common_name", "email"))
    name = line_of(given, "common_name", 64)
    if not name:
        raise CredentialsRefused(
            "common_name", "A request needs a name by which you find it again, such as your own."
        )
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if email := line_of(given, "email", 128):
        if not re.fullmatch(r"[!-?A-~]+@[!-?A-~]+", email):
            raise CredentialsRefused("email", "This is not an e-mail address.")
        subject.insert(0, x509.NameAttribute(NameOID.EMAIL_ADDRESS, email))
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    csr = request.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return csr, NewAccount(name, json.dumps({"private_key": pem, "csr": csr}))


# --- an import -----------------------------------------------------------------------------------


def accept(
    given: Mapping[str, object],
    known: Sequence[Account],
    pending: Sequence[Account],
    intermediates: Iterable[x509.Certificate],
    now: datetime,
) -> NewAccount:
    """The credentials in ``given``: certificate (PEM text, or .cer or .pem in base64), private_key
    and password where there are, wwdr if it is not known yet; or p12 (base64) with password.

    A certificate without key gets that of the request that it answers. Certificates of the same
    pass type identifier stay beside each other until they end, so that a new one can come early.
    Raises CredentialsRefused with the name of the wrong part.
    """
    brought = read(given)
    _find_key(brought, known, pending)
    leaf = _choose_leaf(brought)
    pass_type_id, _ = signing.identifiers(leaf)
    if leaf.not_valid_after_utc <= now:
        raise CredentialsRefused(
            brought.source,
            f"This certificate ended on {leaf.not_valid_after_utc:%Y-%m-%d}. Apple does not renew "
            "certificates: make a request, and let Apple issue another one for the same pass type "
            "identifier.",
        )
    wwdr = _choose_wwdr(leaf, given, brought, known, intermediates, now)
    assert brought.key is not None  # noqa: S101 - _find_key refuses otherwise
    new = {
        "certificate": _pem(leaf),
        "private_key": brought.key,
        "wwdr": _pem(wwdr),
    }
    try:
        signing.parse(*(new[name].encode() for name in ("certificate", "private_key", "wwdr")))
    except WalletMisconfigured as error:
        raise CredentialsRefused(brought.source, str(error)) from None
    kept = [
        part
        for account in known
        if account.name == pass_type_id
        for part in _parts_of(account)
        if part["certificate"] != new["certificate"]
        and _load(part["certificate"]).not_valid_after_utc > now
    ]
    return NewAccount(pass_type_id, json.dumps({"certificates": [*kept, new]}), brought.fulfils)


def _find_key(brought: Brought, known: Sequence[Account], pending: Sequence[Account]) -> None:
    """Takes the key of the request that the certificate answers, when none was brought."""
    if brought.key is not None:
        return
    waiting = [(account.id, json.loads(account.data)["private_key"]) for account in pending]
    used = [(None, part["private_key"]) for account in known for part in _parts_of(account)]
    wanted = [certificate.public_key() for certificate in brought.certificates]
    for request_id, pem in (*waiting, *used):
        if _load_key(pem).public_key() in wanted:
            brought.key, brought.fulfils = pem, request_id
            return
    raise CredentialsRefused(
        "private_key",
        "No request made here has the key of this certificate. Send its private_key, or a .p12 "
        "file that holds both; or make a request here and let Apple issue a certificate for it.",
    )


def _choose_leaf(brought: Brought) -> x509.Certificate:
    """The pass certificate among those that were brought. Its key must fit."""
    leaves = [
        certificate
        for certificate in brought.certificates
        if signing.identifiers(certificate)[0].startswith("pass.")
        and signing.identifiers(certificate)[1]
    ]
    if not leaves:
        raise CredentialsRefused(
            brought.source,
            "This is not a Pass Type ID certificate: its subject names no pass type identifier "
            "or no team. Make one at developer.apple.com under Certificates, Pass Type ID.",
        )
    assert brought.key is not None  # noqa: S101 - _find_key refuses otherwise
    public_key = _load_key(brought.key).public_key()
    fitting = [leaf for leaf in leaves if leaf.public_key() == public_key]
    if not fitting:
        raise CredentialsRefused(
            brought.key_source,
            "The private key does not belong to the certificate. Send the key that was made "
            "together with the certificate signing request.",
        )
    return max(fitting, key=lambda leaf: leaf.not_valid_after_utc)


def _choose_wwdr(
    leaf: x509.Certificate,
    given: Mapping[str, object],
    brought: Brought,
    known: Sequence[Account],
    intermediates: Iterable[x509.Certificate],
    now: datetime,
) -> x509.Certificate:
    """Apple's intermediate that issued the leaf, wherever it is found; the one that ends last."""
    generation = signing.generation_of(leaf.issuer)
    download = (
        f"Download the Worldwide Developer Relations certificate, {generation}, from "
        f"{AUTHORITY_PAGE} and send it as wwdr."
    )
    sent = bytes_of(given, "wwdr")
    named = certificates_in(sent) if sent is not None else []
    if sent is not None and not any(signing.was_issued_by(leaf, each) for each in named):
        what = (
            f"This intermediate certificate ({signing.generation_of(named[0].subject)}) is not the "
            "one that issued the pass certificate."
            if named
            else "This is not a certificate."
        )
        raise CredentialsRefused("wwdr", f"{what} {download}")
    kept = [_load(part["wwdr"]) for account in known for part in _parts_of(account)]
    issuers = [
        each
        for each in (*named, *brought.certificates, *kept, *intermediates)
        if signing.was_issued_by(leaf, each)
    ]
    if not issuers:
        raise CredentialsRefused("wwdr", f"Apple's intermediate certificate is missing. {download}")
    wwdr = max(issuers, key=lambda each: each.not_valid_after_utc)
    if wwdr.not_valid_after_utc <= now:
        raise CredentialsRefused(
            "wwdr",
            f"Apple's intermediate certificate ({generation}) ended on "
            f"{wwdr.not_valid_after_utc:%Y-%m-%d}. Let Apple issue a new pass certificate, which "
            "a newer intermediate signs.",
        )
    return wwdr


def _parts_of(account: Account) -> Sequence[Mapping[str, str]]:
    """The stored certificates of an account; none when it cannot be read, as ``check`` tells."""
    try:
        return signing.stored_parts(account)
    except WalletMisconfigured:
        return ()


def _load(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def _load_key(pem: str) -> rsa.RSAPrivateKey:
    # It was validated when it was opened, which takes 35 ms.
    key = load_pem_private_key(pem.encode(), None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, rsa.RSAPrivateKey)  # noqa: S101 - the opening refuses all others
    return key


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
