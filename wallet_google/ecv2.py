"""Verifies what Google signs: protocol ECv2SigningOnly of Google's payment method tokens.

Google: Use callbacks; spec/google.md §3.3, which follows Tink's PaymentMethodTokenRecipient. A root
key signs a key that lives for days, and that key signs the message.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

PROTOCOL = "ECv2SigningOnly"
SENDER = "GooglePayPasses"
"""Pinned: real messages verify with this sender only, whatever some pages say."""

_MOST_SIGNATURES = 8
"""Of one key. Google sends one; each costs a verification with every root key."""


class Refused(Exception):
    """What arrived does not come from Google, or not to us; ``why`` is for counting, not to tell.

    It is one of a few fixed words and holds nothing of what was sent.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class UnknownRoot(Refused):
    """No root key that we know signed the key: forged, or Google has new root keys."""

    def __init__(self) -> None:
        super().__init__("root")


@dataclass(frozen=True, slots=True)
class RootKey:
    """A key of Google's; not valid any more at ``expires_at``, in milliseconds since 1970."""

    key: EllipticCurvePublicKey
    expires_at: int


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message as it arrived; the signatures are over the strings exactly as they are here."""

    message: str = field(repr=False)
    signature: bytes = field(repr=False)
    signed_key: str = field(repr=False)
    key_signatures: tuple[bytes, ...] = field(repr=False)


def read(body: bytes) -> Envelope:
    """The parts of a request's body; further fields are let be. Raises Refused."""
    outer = json_object(body)
    inner = outer.get("intermediateSigningKey")
    if not isinstance(inner, dict):
        raise Refused("unreadable")
    if outer.get("protocolVersion") != PROTOCOL:
        raise Refused("protocol")
    signatures = inner.get("signatures")
    if not isinstance(signatures, list) or not 0 < len(signatures) <= _MOST_SIGNATURES:
        raise Refused("unreadable")
    return Envelope(
        message=_text(outer.get("signedMessage")),
        signature=_bytes(outer.get("signature")),
        signed_key=_text(inner.get("signedKey")),
        key_signatures=tuple(_bytes(each) for each in signatures),
    )


def verify(envelope: Envelope, recipient: str, roots: Iterable[RootKey], now: int) -> None:
    """Proves that Google sent the message, to ``recipient``, which is our bare issuer id.

    ``now`` in milliseconds since 1970. Raises Refused, as UnknownRoot where other root keys might
    make a difference.
    """
    signed = _together(SENDER, PROTOCOL, envelope.signed_key)
    good = [root.key for root in roots if root.expires_at > now]
    if not any(_signed(key, each, signed) for key in good for each in envelope.key_signatures):
        raise UnknownRoot
    given = json_object(envelope.signed_key.encode())
    expires_at = _milliseconds(given.get("keyExpiration"))
    if expires_at is None or expires_at <= now:
        raise Refused("key_expired")
    key = _public_key(given.get("keyValue"))
    if key is None:
        raise Refused("key")
    signed = _together(SENDER, recipient, PROTOCOL, envelope.message)
    if not _signed(key, envelope.signature, signed):
        raise Refused("signature")


def root_keys(document: bytes) -> tuple[RootKey, ...]:
    """The keys of Google's document that may sign for this protocol.

    A key without an end, or of another protocol, is none (Tink); one that has ended is still
    listed. Raises Refused when this is no such document.
    """
    listed = json_object(document).get("keys")
    if not isinstance(listed, list):
        raise Refused("unreadable")
    found = []
    for each in listed:
        if isinstance(each, dict) and each.get("protocolVersion") == PROTOCOL:
            key, expires_at = _public_key(each.get("keyValue")), each.get("keyExpiration")
            ends = _milliseconds(expires_at)
            if key is not None and ends is not None:
                found.append(RootKey(key, ends))
    return tuple(found)


def json_object(body: bytes) -> dict[str, object]:
    """A JSON object in UTF-8 that says each thing once, as RFC 8259 has it. Raises Refused."""
    try:
        value = json.loads(
            body.decode(), object_pairs_hook=_without_repeats, parse_constant=_no_number
        )
    except (ValueError, RecursionError):
        raise Refused("unreadable") from None
    if not isinstance(value, dict):
        raise Refused("unreadable")
    return value


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands twice")
    return made


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _together(*parts: str) -> bytes:
    """Each part behind the length of its UTF-8 bytes: four bytes, the lowest first."""
    encoded = [part.encode() for part in parts]
    return b"".join(len(each).to_bytes(4, "little") + each for each in encoded)


def _signed(key: EllipticCurvePublicKey, signature: bytes, data: bytes) -> bool:
    try:
        key.verify(signature, data, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _public_key(value: object) -> EllipticCurvePublicKey | None:
    """A P-256 key from the base64 of its SubjectPublicKeyInfo; None for anything else."""
    try:
        key = load_der_public_key(_bytes(value))
    except (Refused, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    return None


def _milliseconds(value: object) -> int | None:
    """Google writes these moments as strings."""
    if isinstance(value, str) and re.fullmatch("[0-9]{1,18}", value):
        return int(value)
    return None


def _text(value: object) -> str:
    try:
        if isinstance(value, str) and value.encode():
            return value
    except UnicodeEncodeError:  # half of a pair: no bytes of it can have been signed
        pass
    raise Refused("unreadable")


def _bytes(value: object) -> bytes:
    try:
        if isinstance(value, str) and value:
            return base64.b64decode(value, validate=True)
    except ValueError:
        pass
    raise Refused("unreadable")
