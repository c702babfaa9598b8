"""A sender of pushes that knows nothing of ours, for tests of what receives them."""

from __future__ import annotations

import time
from typing import Any

import http_ece
import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from pwa import base64url
from pwa.simulate.keys import point

SENDER = ec.generate_private_key(ec.SECP256R1())
SENDER_KEY = point(SENDER)
HOUR = 3_600


def encrypted(text: bytes, subscription: dict[str, Any]) -> bytes:
    """A message that only the browser of this subscription can read, by http_ece."""
    body: bytes = http_ece.encrypt(
        text,
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=base64url.decoded(subscription["keys"]["p256dh"]),
        auth_secret=base64url.decoded(subscription["keys"]["auth"]),
        version="aes128gcm",
    )
    return body


def authorization(origin: str, key: ec.EllipticCurvePrivateKey = SENDER, **claims: Any) -> str:
    """The header with a token that is good for an hour, unless ``claims`` say otherwise; None
    leaves a claim out."""
    told = {"aud": origin, "exp": int(time.time()) + HOUR, "sub": "mailto:till@example.com"}
    told = {name: value for name, value in {**told, **claims}.items() if value is not None}
    token = jwt.encode(told, key, algorithm="ES256")
    return f"vapid t={token}, k={base64url.encoded(point(key))}"


def headers(origin: str, **others: str | None) -> dict[str, str]:
    """What a push needs; ``others`` by their names with _ for -, None leaves one out."""
    told = {
        "TTL": "60",
        "Content-Encoding": "aes128gcm",
        "Authorization": authorization(origin),
        **{name.replace("_", "-"): value for name, value in others.items()},
    }
    return {name: value for name, value in told.items() if value is not None}
