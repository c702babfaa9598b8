"""A till sends ``purchase`` for any card: LTV, visit, and what the card earns by it (D.2, D.4)."""

from __future__ import annotations

from typing import Any

import pytest

from passes.card_templates.kinds import Kind
from tests.conftest import Clock, Shop

SPEND: dict[str, dict[str, Any]] = {
    "stamp": {"mechanic": "spend", "amount_per_stamp": "5.00"},
    "points": {"mechanic": "spend"},
}


@pytest.mark.parametrize("kind", [kind.value for kind in Kind])
def test_D_2_a_purchase_counts_on_every_kind(alma: Shop, kind: str) -> None:
    card = f"/cards/{alma.card(alma.template(kind)['id'])['id']}"
    before = alma.get(card)["version"]
    posted = alma.post(f"{card}/purchase", {"purchase_amount": "20.00", "comment": "two cakes"})
    assert posted["figures"]["ltv"] == "20.00"
    # The total visits of a multipass count units (D.3).
    assert posted["figures"].get("total_visits", 1) == (0 if kind == "multipass" else 1)
    assert posted["entry"]["type"] == ("accrue_points" if kind == "cashback" else "purchase")
    assert posted["entry"]["purchase_amount"] == "20.00"
    assert posted["card"]["version"] > before
    undone = alma.post(f"/transactions/{posted['entry']['id']}/undo")
    assert undone["figures"]["ltv"] == "0.00"


@pytest.mark.parametrize("kind", [kind.value for kind in Kind])
def test_a_purchase_has_an_amount_and_no_value(alma: Shop, kind: str) -> None:
    card = f"/cards/{alma.card(alma.template(kind)['id'])['id']}"
    problem = alma.refused("POST", f"{card}/purchase", {})
    assert [wrong["field"] for wrong in problem["fields"]] == ["purchase_amount"]
    problem = alma.refused("POST", f"{card}/purchase", {"purchase_amount": "1.00", "value": 1})
    assert [wrong["field"] for wrong in problem["fields"]] == ["value"]


def test_D_8_1_a_purchase_is_a_visit_that_moves_the_expiry(now: Clock, alma: Shop) -> None:
    template = alma.template("gift", expiry={"kind": "days_after_last_visit", "days": 10})
    card = alma.card(template["id"])
    assert card["expires_at"] == "2026-12-01T22:59:59Z"
    now.move(days=2)
    posted = alma.post(f"/cards/{card['id']}/purchase", {"purchase_amount": "1.00"})
    assert posted["card"]["expires_at"] == "2026-12-03T22:59:59Z"


@pytest.mark.parametrize(("kind", "type_"), [("stamp", "add_stamps"), ("points", "accrue_points")])
def test_D_4_a_purchase_earns_where_spending_earns(alma: Shop, kind: str, type_: str) -> None:
    card = f"/cards/{alma.card(alma.template(kind, rules=SPEND[kind])['id'])['id']}"
    posted = alma.post(f"{card}/purchase", {"purchase_amount": "11.00"})
    assert posted["entry"]["type"] == type_
    assert posted["figures"]["stamps" if kind == "stamp" else "points"] == (
        2 if kind == "stamp" else 11
    )


def test_D_4_1_the_rest_of_an_amount_is_saved_for_the_next_stamp(alma: Shop) -> None:
    template = alma.template("stamp", rules=SPEND["stamp"] | {"save_remainder": True})
    card = f"/cards/{alma.card(template['id'])['id']}"

    def buy(amount: str) -> Any:
        return alma.post(f"{card}/purchase", {"purchase_amount": amount})

    assert buy("4.99")["figures"]["stamps"] == 0
    second = buy("0.02")
    assert second["figures"]["stamps"] == 1
    assert second["entry"]["balance_after"]["spend_remainder"] == "0.01"
    assert buy("4.98")["figures"]["stamps"] == 1
    assert buy("0.01")["figures"]["stamps"] == 2


def test_D_4_1_a_rest_that_was_used_is_not_taken_back_alone(alma: Shop) -> None:
    template = alma.template("stamp", rules=SPEND["stamp"] | {"save_remainder": True})
    card = f"/cards/{alma.card(template['id'])['id']}"
    first = alma.post(f"{card}/purchase", {"purchase_amount": "4.00"})["entry"]
    second = alma.post(f"{card}/purchase", {"purchase_amount": "2.00"})["entry"]
    problem = alma.refused("POST", f"/transactions/{first['id']}/undo")
    assert problem["code"] == "INSUFFICIENT_BALANCE"
    alma.post(f"/transactions/{second['id']}/undo")
    after = alma.post(f"/transactions/{first['id']}/undo")
    assert (after["figures"]["stamps"], after["figures"]["ltv"]) == (0, "0.00")
    assert "spend_remainder" not in after["entry"]["balance_after"]


def test_D_4_1_without_saving_every_amount_stands_alone(alma: Shop) -> None:
    card = f"/cards/{alma.card(alma.template('stamp', rules=SPEND['stamp'])['id'])['id']}"
    for _ in range(3):
        figures = alma.post(f"{card}/purchase", {"purchase_amount": "4.99"})["figures"]
        assert figures["stamps"] == 0


@pytest.mark.parametrize(
    ("rules", "verb", "body", "earned"),
    [
        (SPEND["stamp"], "purchase", {"purchase_amount": "15.00"}, 4),
        ({"mechanic": "visit"}, "add-stamps", {"value": 3}, 4),
        ({"mechanic": "stamps"}, "add-stamps", {"value": 3}, 3),
        (SPEND["stamp"], "add-stamps", {"value": 3}, 3),
    ],
)
def test_R_EARN_3_happy_hours_are_for_visits_and_spending(
    now: Clock, alma: Shop, rules: dict[str, Any], verb: str, body: dict[str, Any], earned: int
) -> None:
    """2026-11-21 is a Saturday; 09:00 UTC is ten in the morning in Berlin."""
    hour = {"days": ["sat"], "since": "09:00", "until": "11:00", "factor": "1.5"}
    template = alma.template("stamp", rules=rules, earning={"happy_hours": [hour]})
    posted = alma.post(f"/cards/{alma.card(template['id'])['id']}/{verb}", body)
    assert posted["figures"]["stamps"] == earned
    happy = {"base": 3, "factor": "1.5"} if earned == 4 else None
    assert posted["entry"]["details"] == happy
