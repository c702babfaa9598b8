"""A till code that changes with time, through the HTTP API."""

from __future__ import annotations

from uuid import UUID

from passes import ids
from passes.cards import links
from passes.merchants.merchants import business
from passes.store import Store
from tests.conftest import Clock, Shop


def test_a_rotating_code_finds_its_card_until_it_is_old(
    now: Clock, alma: Shop, bruno: Shop, store: Store
) -> None:
    template = alma.template("multipass", rotating_code=True)
    card = alma.card(template["id"])
    with store.read(alma.merchant_id) as session:
        rotating = links.rotating_code(business(session).token_key, UUID(card["id"]))
    step = int(now().timestamp()) // 30
    code = f"{card['code']}.{ids.one_time_password(rotating.key, step, 8)}"

    assert alma.post("/scan", {"code": code})["card"]["id"] == card["id"]
    assert bruno.refused("POST", "/scan", {"code": code})["code"] == "NOT_FOUND"
    now.move(seconds=90)
    old = alma.refused("POST", "/scan", {"code": code})
    assert (old["status"], old["code"]) == (409, "CODE_EXPIRED")
    assert card["code"] not in str(old)
    assert alma.post("/scan", {"code": card["code"]})["card"]["id"] == card["id"]


def test_only_codes_that_google_can_rotate_may(alma: Shop) -> None:
    document = {"kind": "stamp", "name": "Karte", "rotating_code": True, "code_format": "aztec"}
    refused = alma.refused("POST", "/templates", document)
    assert [wrong["field"] for wrong in refused["fields"]] == ["rotating_code"]
