"""A posting tried out: what it would do, and that nothing of it stays (R-API-2)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from passes.idempotency import KeptAnswer
from passes.ledger.models import LedgerEntry
from passes.store import Store
from tests.conftest import Clock, Shop
from web.api.answers import PreviewShape
from web.api.transactions import VERBS


def preview(shop: Shop, card: Any, operation: str, **fields: Any) -> Any:
    answer = shop.post(f"/cards/{card['id']}/preview", {"operation": operation, **fields})
    PreviewShape.model_validate(answer)
    return answer


def test_R_API_2_a_preview_says_what_the_posting_then_does(alma: Shop) -> None:
    card = alma.card(alma.template("stamp", rules={"required": 10})["id"], opening={"stamps": 8})
    fields = {"value": 5, "purchase_amount": "12.50", "comment": "Stempel"}
    tried = preview(alma, card, "add-stamps", **fields)
    assert (tried["allowed"], tried["code"], tried["detail"]) == (True, None, None)
    assert tried["figures_before"] == alma.get(f"/cards/{card['id']}")["figures"]
    done = alma.post(f"/cards/{card['id']}/add-stamps", fields)
    assert tried["figures_after"] == done["figures"]
    assert tried["entry"] == {name: done["entry"][name] for name in tried["entry"]}
    assert tried["entry"]["deltas"]["rewards"] == 1


def test_R_API_2_a_preview_leaves_nothing_behind(now: Clock, alma: Shop, store: Store) -> None:
    card = alma.card(alma.template("multipass")["id"], opening={"available_visits": 3})
    store.due.clear()
    before = alma.get(f"/cards/{card['id']}")
    body = {"operation": "redeem-visits", "value": 2}
    answers = [
        alma.call("POST", f"/cards/{card['id']}/preview", body, Idempotency_Key="tried")
        for _ in range(2)
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert "Idempotent-Replay" not in answer.headers
        assert answer.json["figures_after"]["available_visits"] == 1
    assert alma.get(f"/cards/{card['id']}") == before
    assert not store.due.is_set()
    with store.read(alma.merchant_id) as session:
        of_alma = LedgerEntry.merchant_id == alma.merchant_id
        assert session.scalar(select(func.count()).select_from(LedgerEntry).where(of_alma)) == 1
        kept = select(func.count()).select_from(KeptAnswer)
        assert session.scalar(kept.where(KeptAnswer.merchant_id == alma.merchant_id)) == 0
    done = alma.post(f"/cards/{card['id']}/redeem-visits", {"value": 2}, Idempotency_Key="tried")
    assert done["entry"]["seq"] == 2
    assert store.due.is_set()


def test_a_refused_preview_gives_the_reason_of_the_posting(alma: Shop) -> None:
    card = alma.card(alma.template("multipass")["id"], opening={"available_visits": 3})
    tried = preview(alma, card, "redeem-visits", value=4)
    refused = alma.refused("POST", f"/cards/{card['id']}/redeem-visits", {"value": 4})
    assert tried["allowed"] is False
    assert tried["entry"] is None
    assert tried["figures_after"] == tried["figures_before"]
    assert {name: tried[name] for name in ("code", "detail", "facts")} == {
        name: refused[name] for name in ("code", "detail", "facts")
    }


def test_a_preview_names_the_fields_that_the_posting_would_name(alma: Shop) -> None:
    card = alma.card(alma.template("multipass")["id"])
    tried = preview(alma, card, "add-visits", value=1_001)
    assert (tried["allowed"], tried["code"]) == (False, "INVALID")
    assert [wrong["field"] for wrong in tried["fields"]] == ["value"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "operation"),
        ({"operation": "fly"}, "operation"),
        ({"operation": "add-visits"}, "value"),
        ({"operation": "add-visits", "value": 1, "plan": "monthly"}, "plan"),
        ({"operation": "undo"}, "transaction_id"),
        ({"operation": "undo", "transaction_id": "x"}, "transaction_id"),
    ],
)
def test_a_body_that_no_posting_takes_is_no_preview(alma: Shop, body: Any, field: str) -> None:
    card = alma.card(alma.template("multipass")["id"])
    problem = alma.refused("POST", f"/cards/{card['id']}/preview", body)
    assert problem["status"] == 422
    assert [wrong["field"] for wrong in problem["fields"]] == [field]


def test_an_undo_can_be_tried_out_on_its_own_card(alma: Shop) -> None:
    template = alma.template("multipass", limits={"max_per_customer": None})
    card, other = alma.card(template["id"]), alma.card(template["id"])
    entry = alma.post(f"/cards/{card['id']}/add-visits", {"value": 3})["entry"]
    tried = preview(alma, card, "undo", transaction_id=entry["id"])
    assert tried["figures_before"]["available_visits"] == 3
    assert tried["figures_after"]["available_visits"] == 0
    assert tried["entry"]["type"] == "reverse"
    assert preview(alma, other, "undo", transaction_id=entry["id"])["code"] == "NOT_FOUND"
    undone = alma.post(f"/transactions/{entry['id']}/undo")
    assert undone["figures"] == tried["figures_after"]


def test_a_preview_of_a_verb_of_another_kind_is_refused(alma: Shop) -> None:
    card = alma.card(alma.template("stamp")["id"])
    assert preview(alma, card, "redeem-coupon")["code"] == "WRONG_KIND"
    assert "redeem-coupon" in VERBS


def test_nobody_previews_anothers_card(alma: Shop, bruno: Shop) -> None:
    card = alma.card(alma.template("multipass")["id"])
    body = {"operation": "add-visits", "value": 1}
    assert bruno.refused("POST", f"/cards/{card['id']}/preview", body)["status"] == 404
