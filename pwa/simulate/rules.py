"""What a push service demands of a message before it takes it.

Sources: RFC 8030 (TTL, Topic, Urgency, size), RFC 8188 (Content-Encoding), RFC 8292 (VAPID), and
what Google, Mozilla and Apple refuse beyond them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from pwa import base64url

LONGEST_BODY = 4_096
LONGEST_TOKEN_LIFE = 24 * 3_600
"""Seconds until a VAPID token may end at most (RFC 8292, 2)."""

_URGENCIES = {"very-low", "low", "normal", "high"}
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}")
_VAPID = re.compile(r"vapid\s+(.+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The status that a sender gets, and a sentence about it."""

    status: int
    reason: str


def refusal(
    headers: Mapping[str, str], body: bytes, *, origin: str, server_key: bytes, now: float
) -> Refusal | None:
    """Why a message is not taken; None: it is. ``headers`` have names in lower case.

    ``origin`` is the push service's own; ``server_key`` the applicationServerKey that the browser
    subscribed with, 65 bytes; ``now`` in seconds since 1970.
    """
    if not headers.get("ttl", "").isdecimal():
        return Refusal(400, "TTL is missing or no number")
    if len(body) > LONGEST_BODY:
        return Refusal(413, "the message is too large")
    if body and headers.get("content-encoding", "").lower() != "aes128gcm":
        return Refusal(400, "Content-Encoding must be aes128gcm")
    if headers.get("urgency", "normal") not in _URGENCIES:
        return Refusal(400, "Urgency has a value that there is not")
    if "topic" in headers and not _TOPIC.fullmatch(headers["topic"]):
        return Refusal(400, "Topic has other characters, or more than 32")
    return _refused_vapid(headers.get("authorization", ""), origin, server_key, now)


def _refused_vapid(
    authorization: str, origin: str, server_key: bytes, now: float
) -> Refusal | None:
    if not authorization:
        return Refusal(401, "the sender does not say who it is")
    scheme = _VAPID.fullmatch(authorization)
    pairs = (part.strip().partition("=") for part in scheme[1].split(",")) if scheme else ()
    given = {name: value for name, _, value in pairs}
    if given.get("k") != base64url.encoded(server_key):
        return Refusal(403, "another key than the one that was subscribed with")
    try:
        claims = jwt.decode(
            given.get("t", ""),
            _public_key(given["k"]),
            algorithms=["ES256"],
            audience=origin,
            options={"require": ["aud", "exp", "sub"], "verify_exp": False},
        )
    except (jwt.InvalidTokenError, ValueError) as error:
        return Refusal(403, f"the token does not hold: {error}")
    ends = claims["exp"]
    if not isinstance(ends, int | float) or not now < ends <= now + LONGEST_TOKEN_LIFE:
        return Refusal(403, "the token has ended, or ends later than in 24 hours")
    if not str(claims["sub"]).startswith(("mailto:", "https:")):
        return Refusal(403, "sub is neither mailto: nor https:")
    return None


def _public_key(text: str) -> ec.EllipticCurvePublicKey:
    """Raises ValueError."""
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), base64url.decoded(text))
