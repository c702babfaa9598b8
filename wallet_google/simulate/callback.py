"""Callbacks as Google signs them, with the example root key in place of Google's.

Source: Google, "Verify callbacks"; the byte layout is that of Tink's ECv2SigningOnly. Written apart
from the verifier, so that each proves the other.
"""

from __future__ import annotations

import base64
import json
import uuid
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

KEY_FILE = "google-callback.key"

_SENDER = "GooglePayPasses"
_PROTOCOL = "ECv2SigningOnly"
_HOUR = 3_600_000  # milliseconds
_KEY_LIFE = 8 * 24 * _HOUR
"""Google's intermediate keys live some days longer than the messages that they sign."""


class NoKey(RuntimeError):
    """The example root key is not at hand; the sentence says what to do."""


def read_root(folder: Path) -> ec.EllipticCurvePrivateKey:
    """The root key in the folder of the example certificates. Raises NoKey."""
    try:
        key = load_pem_private_key((folder / KEY_FILE).read_bytes(), None)
    except (OSError, ValueError, TypeError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise NoKey(
            f"{KEY_FILE} is missing from {folder}. The simulated Google Wallet signs with it, so it"
            " runs on the server's machine with the same TREUEPASS_DATA_DIR; `treuepass certs"
            " example` makes the key."
        )
    return key


def signed(
    root: ec.EllipticCurvePrivateKey, class_id: str, object_id: str, event: str, at: int
) -> bytes:
    """The body of a callback. ``event`` is "save" or "del", ``at`` in milliseconds since 1970."""
    between = ec.generate_private_key(ec.SECP256R1())
    public = between.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key = _compact(
        {"keyValue": base64.b64encode(public).decode(), "keyExpiration": str(at + _KEY_LIFE)}
    )
    message = _compact(
        {
            "classId": class_id,
            "objectId": object_id,
            "eventType": event,
            "expTimeMillis": at + _HOUR,
            "count": 1,
            "nonce": str(uuid.uuid4()),
        }
    )
    issuer_id = class_id.partition(".")[0]
    body = {
        "signature": _signature(between, _SENDER, issuer_id, _PROTOCOL, message),
        "intermediateSigningKey": {
            "signedKey": key,
            "signatures": [_signature(root, _SENDER, _PROTOCOL, key)],
        },
        "protocolVersion": _PROTOCOL,
        "signedMessage": message,
    }
    return _compact(body).encode()


def _compact(value: object) -> str:
    # Google writes "=" as an escape, also inside of what is signed.
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace("=", "\\u003d")


def _signature(key: ec.EllipticCurvePrivateKey, *parts: str) -> str:
    """Over the parts, each behind its length in bytes as four bytes, the lowest first."""
    encoded = (part.encode() for part in parts)
    told = b"".join(len(part).to_bytes(4, "little") + part for part in encoded)
    return base64.b64encode(key.sign(told, ec.ECDSA(SHA256()))).decode()
