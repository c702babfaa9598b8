"""Says to a push service who sends: VAPID key pairs and signed headers (RFC 8292)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pwa import base64url

LIFE = 12 * 3_600
"""Seconds for which a token is made; RFC 8292, 2 allows 24 hours."""
LEAST_LEFT = 3_600
"""Seconds that a token must have left to be sent once more."""
_MOST_KEPT = 4_096

_CURVE = ec.SECP256R1()
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]*[a-z0-9])?", re.ASCII)
_MAILBOX = re.compile(r"[!#$%&'*+/=?^_`{|}~A-Za-z0-9.-]+", re.ASCII)
_NOT_REACHABLE = {"local", "localhost", "test", "invalid"}
"""Ends of names that nobody else can look up (RFC 2606, RFC 6762); Apple answers 403 to them."""


@dataclass(frozen=True, eq=False)
class KeyPair:
    """A P-256 pair. A browser subscribes with the public half, and only the private one reaches
    that subscription, for all its life."""

    private: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> KeyPair:
        return cls(ec.generate_private_key(_CURVE))

    @classmethod
    def load(cls, scalar: str) -> KeyPair:
        """From the private scalar in base64url (32 bytes). Raises ValueError."""
        raw = base64url.decoded(scalar)
        if len(raw) != 32:
            raise ValueError("A VAPID key has 32 bytes.")
        return cls(ec.derive_private_key(int.from_bytes(raw, "big"), _CURVE))

    @cached_property
    def scalar(self) -> str:
        """The private key as ``load`` takes it."""
        number = self.private.private_numbers().private_value
        return base64url.encoded(number.to_bytes(32, "big"))

    @cached_property
    def point(self) -> bytes:
        """The public key, uncompressed: 65 bytes."""
        return self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @cached_property
    def public_key(self) -> str:
        """The public key as a page gives it to ``PushManager.subscribe``: base64url."""
        return base64url.encoded(self.point)

    @cached_property
    def key_id(self) -> str:
        """12 characters that name the pair."""
        return base64url.encoded(hashlib.sha256(self.point).digest())[:12]


class Headers:
    """Authorization headers, made once for each push service and used again. Safe between
    threads."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], tuple[float, str]] = {}
        self._lock = Lock()

    def header(self, pair: KeyPair, subject: str, origin: str, now: float) -> str:
        """``vapid t=…, k=…`` for the push service at ``origin``; ``now`` in seconds since 1970.

        It has an hour left at least, and never more than twelve.
        """
        key = (pair.key_id, subject, origin)
        with self._lock:
            kept = self._kept.get(key)
            # A clock that was set back must not bring tokens that end too late.
            if kept is not None and LEAST_LEFT <= kept[0] - now <= LIFE:
                return kept[1]
            end = int(now) + LIFE
            claims = {"aud": origin, "exp": end, "sub": subject}
            token = jwt.encode(claims, pair.private, algorithm="ES256")
            header = f"vapid t={token}, k={pair.public_key}"
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = (end, header)
            return header


def checked_subject(given: str) -> str:
    """Whom a push service may write to about our pushes: ``mailto:`` or ``https:`` (RFC 8292, 2.1).

    Raises ValueError with a sentence. Apple answers 403 to subjects that are refused here
    (spec/web.md 6.1): spaces, angle brackets, names without a dot or that nobody can look up.
    """
    scheme, _, rest = given.partition(":")
    if scheme == "mailto":
        mailbox, _, domain = rest.partition("@")
        is_good = bool(_MAILBOX.fullmatch(mailbox)) and _is_public(domain)
    elif scheme == "https" and re.fullmatch("[!-~]+", given) and not set(given) & set('<>"\\'):
        try:
            parts = urlsplit(given)
            is_good = _is_public(parts.hostname or "") and "@" not in parts.netloc
        except ValueError:
            is_good = False
    else:
        is_good = False
    if not is_good or len(given) > 255:
        raise ValueError(
            "The contact for push services must be a real address, such as"
            " mailto:you@your-domain.com or https://your-domain.com."
        )
    return given


def _is_public(domain: str) -> bool:
    domain = domain.lower()
    return _DOMAIN.fullmatch(domain) is not None and domain.rpartition(".")[2] not in _NOT_REACHABLE
