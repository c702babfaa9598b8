"""People who save cards to Google Wallet and take them off, as far as our callback hears of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient

from passes import clock
from passes.merchants.accounts import keep_wallet_account
from passes.store import Store
from tests.conftest import Shop
from tests.fakes.google_callbacks import CallbackSigner

PATH = "/wallet/google/callback"
HOUR = 60 * 60 * 1000
"""Milliseconds: how long a callback counts here."""


def milliseconds() -> int:
    return int(clock.now().timestamp() * 1000)


def enter_account(store: Store, shop: Shop, issuer_id: str) -> None:
    """The merchant's own issuer id; nothing here needs its key."""
    with store.write(shop.merchant_id) as session:
        keep_wallet_account(session, "google", issuer_id, "{}", clock.now())


@dataclass
class GoogleSaves:
    """Google telling of one issuer's passes. Each call answers the response of our callback."""

    client: FlaskClient
    signer: CallbackSigner
    issuer_id: str

    def send(self, body: bytes) -> Any:
        return self.client.post(PATH, data=body, headers={"User-Agent": "Googlebot"})

    def body(self, card: Any, event_type: str, **changes: Any) -> bytes:
        """A genuine callback about the card; ``changes`` replace fields of its message."""
        given = {
            "class_id": f"{self.issuer_id}.{UUID(card['template']['id']).hex}",
            "object_id": f"{self.issuer_id}.{card['serial_number']}",
            "expires_at": milliseconds() + HOUR,
            **changes,
        }
        return self.signer.callback(self.issuer_id, event_type, **given)

    def save(self, card: Any, **changes: Any) -> Any:
        return self.send(self.body(card, "save", **changes))

    def delete(self, card: Any, **changes: Any) -> Any:
        return self.send(self.body(card, "del", **changes))
