"""A browser's end of Web Push: the keys of one subscription, and what they open.

Sources: RFC 8291, Message Encryption for Web Push; RFC 8188, Encrypted Content-Encoding. Written
apart from what encrypts, so that each proves the other.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pwa import base64url

_SALT = 16
_POINT = 65
_HEADER = _SALT + 4 + 1 + _POINT
_LAST_RECORD = 2
"""The delimiter of a last record; Web Push has no other (RFC 8291, 4)."""


class Unreadable(ValueError):
    """No browser could read this message; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What a browser makes for a subscription: a P-256 pair, and 16 bytes that senders know."""

    private: ec.EllipticCurvePrivateKey = field(repr=False)
    auth: bytes = field(repr=False)

    @property
    def public(self) -> bytes:
        """The public key as an uncompressed point, 65 bytes."""
        return point(self.private)

    def subscription(self, endpoint: str) -> dict[str, object]:
        """What ``PushSubscription.toJSON()`` gives a page."""
        keys = {"p256dh": base64url.encoded(self.public), "auth": base64url.encoded(self.auth)}
        return {"endpoint": endpoint, "expirationTime": None, "keys": keys}

    def open(self, body: bytes) -> bytes:
        """The plaintext of a push message in ``aes128gcm``. Raises Unreadable."""
        if len(body) <= _HEADER or body[_SALT + 4] != _POINT:
            raise Unreadable("The message has no header of aes128gcm with a P-256 key.")
        salt, sender = body[:_SALT], body[_SALT + 5 : _HEADER]
        record_size = int.from_bytes(body[_SALT : _SALT + 4], "big")
        record = body[_HEADER:]
        if len(record) > record_size:
            raise Unreadable("The message has more than one record.")
        key, nonce = self._derived(sender, salt)
        try:
            padded = AESGCM(key).decrypt(nonce, record, None)
        except InvalidTag:
            raise Unreadable("The message was encrypted for somebody else.") from None
        text = padded.rstrip(b"\0")
        if not text or text[-1] != _LAST_RECORD:
            raise Unreadable("The record does not say that it is the last one.")
        return text[:-1]

    def _derived(self, sender: bytes, salt: bytes) -> tuple[bytes, bytes]:
        """The key and the nonce of the only record (RFC 8291, 3.4)."""
        try:
            theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        except ValueError:
            raise Unreadable("The sender's key is no point of P-256.") from None
        shared = self.private.exchange(ec.ECDH(), theirs)
        info = b"WebPush: info\0" + self.public + sender
        material = _expanded(_hashed(self.auth, shared), info, 32)
        random = _hashed(salt, material)
        key = _expanded(random, b"Content-Encoding: aes128gcm\0", 16)
        return key, _expanded(random, b"Content-Encoding: nonce\0", 12)


def new_keys() -> Keys:
    return Keys(ec.generate_private_key(ec.SECP256R1()), secrets.token_bytes(16))


def point(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A public key as push services and pages exchange it: an uncompressed point, 65 bytes."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _hashed(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _expanded(key: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand (RFC 5869) as far as one block of SHA-256 reaches."""
    return _hashed(key, info + b"\x01")[:length]
