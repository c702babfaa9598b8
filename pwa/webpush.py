"""Encrypts a message so that only one browser can read it: RFC 8291 over RFC 8188, aes128gcm."""

from __future__ import annotations

import hmac
import os

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

RECORD_SIZE = 4_096
"""Bytes that every push service takes (RFC 8030, 7.2); the message is one record of at most so
many, header included."""
MOST_PLAINTEXT = RECORD_SIZE - 86 - 16 - 1
"""3,993 bytes: what is left beside the header, the tag and the delimiter (RFC 8291, 4)."""

_CURVE = ec.SECP256R1()
_ECDH = ec.ECDH()
_LAST_RECORD = b"\x02"
_HEADER_TAIL = RECORD_SIZE.to_bytes(4, "big") + b"\x41"
_KEY_INFO = b"Content-Encoding: aes128gcm\0\x01"
_NONCE_INFO = b"Content-Encoding: nonce\0\x01"


class BadKeys(ValueError):
    """Nobody can be written to with these keys; ``field`` is "p256dh" or "auth"."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class TooLong(ValueError):
    """The message does not fit into what push services carry."""


def encrypt(
    plaintext: bytes,
    p256dh: bytes,
    auth: bytes,
    *,
    padded_to: int = 0,
    private: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """The body of a push message.

    ``p256dh`` (65 bytes, an uncompressed point) and ``auth`` (16 bytes) are the browser's.
    ``padded_to``: so many bytes of plaintext at least, so that the length tells less (RFC 8188, 2).
    ``private`` and ``salt`` are made anew for each message, as RFC 8291, 3.1 and RFC 8188, 2.1
    demand; only tests give them. Raises BadKeys and TooLong.
    """
    if max(len(plaintext), padded_to) > MOST_PLAINTEXT:
        raise TooLong(f"A push message has at most {MOST_PLAINTEXT} bytes.")
    browser = checked_keys(p256dh, auth)
    if private is None:
        private = ec.generate_private_key(_CURVE)
    if salt is None:
        salt = os.urandom(16)
    own = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    # HKDF (RFC 5869) with outputs of one block: an extract and an expand are one HMAC each.
    secret = hmac.digest(auth, private.exchange(_ECDH, browser), "sha256")
    material = hmac.digest(secret, b"WebPush: info\0" + p256dh + own + b"\x01", "sha256")
    pseudorandom = hmac.digest(salt, material, "sha256")
    key = hmac.digest(pseudorandom, _KEY_INFO, "sha256")[:16]
    nonce = hmac.digest(pseudorandom, _NONCE_INFO, "sha256")[:12]
    record = (plaintext + _LAST_RECORD).ljust(padded_to + 1, b"\0")
    return salt + _HEADER_TAIL + own + AESGCM(key).encrypt(nonce, record, None)


def checked_keys(p256dh: bytes, auth: bytes) -> ec.EllipticCurvePublicKey:
    """The browser's public key. Raises BadKeys."""
    if len(p256dh) != 65 or p256dh[0] != 4:
        raise BadKeys("p256dh", "p256dh must be an uncompressed point of P-256, 65 bytes.")
    if len(auth) != 16:
        raise BadKeys("auth", "auth must have 16 bytes.")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, p256dh)
    except ValueError:
        raise BadKeys("p256dh", "p256dh must be a point on the curve P-256.") from None
