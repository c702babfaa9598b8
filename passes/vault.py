"""Secrets at rest: AES-256-GCM under a key per merchant, which the master key wraps.

Every sealed text is bound to (merchant, kind, id): moved to another row it does not open. Changing
the master key re-wraps the merchants' keys and leaves everything sealed under them as it is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from passes import ids

_NONCE = 12


class CannotOpen(Exception):
    """The text was sealed under another key, for another row, or was changed."""


class Vault:
    """Holds the master keys; the first one seals, all of them open."""

    def __init__(self, master_keys: Sequence[bytes]) -> None:
        self._masters = {_name(key): AESGCM(key) for key in master_keys}
        self._current = _name(master_keys[0])
        self._purpose_key = hmac.digest(master_keys[0], b"keys for purposes", "sha256")
        self._merchants: dict[tuple[UUID, str], AESGCM] = {}
        self._opened: dict[tuple[UUID, str, str, str], bytes] = {}

    def key_for(self, purpose: str) -> bytes:
        """32 bytes derived from the current master key, different for every purpose."""
        return hmac.digest(self._purpose_key, purpose.encode(), "sha256")

    def new_merchant_key(self, merchant_id: UUID) -> str:
        """A fresh key for one merchant, wrapped; to be stored with the merchant."""
        return self._wrap(merchant_id, ids.new_key())

    def rewrap(self, merchant_id: UUID, wrapped: str) -> str:
        """The same key under the current master key."""
        return self._wrap(merchant_id, self._unwrap(merchant_id, wrapped))

    def is_current(self, wrapped: str) -> bool:
        """Whether the current master key wraps it."""
        return wrapped.partition(":")[0] == self._current

    def seal(self, merchant_id: UUID, wrapped: str, kind: str, name: str, secret: bytes) -> str:
        """``secret`` as text that only this merchant's key opens, for this kind and name."""
        return _encrypt(
            self._merchant(merchant_id, wrapped), secret, _bond(merchant_id, kind, name)
        )

    def unseal(self, merchant_id: UUID, wrapped: str, kind: str, name: str, sealed: str) -> bytes:
        """What was sealed. Raises CannotOpen."""
        return _decrypt(
            self._merchant(merchant_id, wrapped), sealed, _bond(merchant_id, kind, name)
        )

    def unseal_kept(
        self, merchant_id: UUID, wrapped: str, kind: str, name: str, sealed: str
    ) -> bytes:
        """``unseal`` for keys needed at every request: opened once per process."""
        place = (merchant_id, kind, name, sealed)
        known = self._opened.get(place)
        if known is None:
            known = self._opened[place] = self.unseal(merchant_id, wrapped, kind, name, sealed)
        return known

    def _merchant(self, merchant_id: UUID, wrapped: str) -> AESGCM:
        cipher = self._merchants.get((merchant_id, wrapped))
        if cipher is None:
            cipher = AESGCM(self._unwrap(merchant_id, wrapped))
            self._merchants[merchant_id, wrapped] = cipher
        return cipher

    def _wrap(self, merchant_id: UUID, key: bytes) -> str:
        sealed = _encrypt(self._masters[self._current], key, _bond(merchant_id, "key", ""))
        return f"{self._current}:{sealed}"

    def _unwrap(self, merchant_id: UUID, wrapped: str) -> bytes:
        name, _, sealed = wrapped.partition(":")
        master = self._masters.get(name)
        if master is None:
            raise CannotOpen("the master key that wrapped this merchant's key is not configured")
        return _decrypt(master, sealed, _bond(merchant_id, "key", ""))


def _name(master_key: bytes) -> str:
    return hashlib.sha256(b"name of a master key" + master_key).hexdigest()[:8]


def _bond(merchant_id: UUID, kind: str, name: str) -> bytes:
    return b"\x00".join((merchant_id.bytes.hex().encode(), kind.encode(), name.encode()))


def _encrypt(cipher: AESGCM, secret: bytes, bond: bytes) -> str:
    nonce = secrets.token_bytes(_NONCE)
    return base64.b64encode(nonce + cipher.encrypt(nonce, secret, bond)).decode()


def _decrypt(cipher: AESGCM, sealed: str, bond: bytes) -> bytes:
    try:
        raw = base64.b64decode(sealed)
        return cipher.decrypt(raw[:_NONCE], raw[_NONCE:], bond)
    except (InvalidTag, ValueError):  # ValueError: not even base64, or too short
        raise CannotOpen("this secret was sealed for another place or has been changed") from None
