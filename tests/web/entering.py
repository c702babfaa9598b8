"""Entering a merchant's credentials over the API."""

from __future__ import annotations

from typing import Any

from tests.conftest import Shop
from tests.fakes.google import FakeGoogle
from web.api.answers import WalletList, WalletShape

ISSUER_ID = "3388000000022222222"


def put(shop: Shop, wallet: str, body: Any) -> Any:
    answer = shop.call("PUT", f"/wallets/{wallet}", body)
    assert answer.status_code == 200, answer.text
    WalletShape.model_validate(answer.json)
    return answer.json


def listed(shop: Shop) -> dict[str, Any]:
    found = shop.get("/wallets")
    WalletList.model_validate(found)
    return {wallet["kind"]: wallet for wallet in found["items"]}


def at_google(google: FakeGoogle, issuer_id: str = ISSUER_ID) -> dict[str, Any]:
    """What a merchant enters whose account is at that Google."""
    return {"issuer_id": issuer_id, "service_account": google.service_account()}
