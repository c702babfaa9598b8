"""Scenarios of the discount card, through the HTTP API (D.4.6)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Shop

LEVELS = [
    {"from_amount": "0.00", "percent": "3"},
    {"from_amount": "500.00", "percent": "5.5"},
    {"from_amount": "1000.00", "percent": "10.00"},
]


def card_of(shop: Shop, **parts: Any) -> str:
    card = shop.card(shop.template("discount", rules={"levels": LEVELS})["id"], **parts)
    return f"/cards/{card['id']}"


def test_D_4_6_the_till_learns_percent_and_what_is_to_pay(alma: Shop) -> None:
    card = card_of(alma)
    posted = alma.post(f"{card}/purchase", {"purchase_amount": "100.00"})
    assert posted["entry"]["type"] == "purchase"
    assert posted["entry"]["details"] == {"percent": "3", "discount": "3.00", "to_pay": "97.00"}
    figures = posted["figures"]
    assert (figures["percent"], figures["ltv"], figures["total_visits"]) == ("3", "100.00", 1)


def test_D_4_6_level_up_counts_from_the_next_purchase(alma: Shop) -> None:
    card = card_of(alma)
    first = alma.post(f"{card}/purchase", {"purchase_amount": "500.00"})
    assert first["entry"]["details"]["discount"] == "15.00"
    assert first["figures"]["percent"] == "5.5"
    assert (first["figures"]["next_percent"], first["figures"]["next_level_from"]) == (
        "10", "1000.00",
    )  # fmt: skip
    second = alma.post(f"{card}/purchase", {"purchase_amount": "10.10"})
    assert second["entry"]["details"] == {"percent": "5.5", "discount": "0.56", "to_pay": "9.54"}


def test_D_4_6_an_undo_may_lower_the_level(alma: Shop) -> None:
    card = card_of(alma)
    first = alma.post(f"{card}/purchase", {"purchase_amount": "499.99"})
    second = alma.post(f"{card}/purchase", {"purchase_amount": "500.01"})
    assert (first["figures"]["percent"], second["figures"]["percent"]) == ("3", "10")
    after = alma.post(f"/transactions/{first['entry']['id']}/undo")
    assert (after["figures"]["percent"], after["figures"]["ltv"]) == ("5.5", "500.01")


def test_R_ISS_9_the_spend_so_far_sets_the_level(alma: Shop) -> None:
    card = card_of(alma, opening={"ltv": "1000.00"})
    assert alma.get(card)["figures"]["percent"] == "10"


def test_R_ISS_9_a_discount_card_opens_with_nothing_else(alma: Shop) -> None:
    template = alma.template("discount")
    problem = alma.refused(
        "POST",
        "/cards",
        {
            "template_id": template["id"],
            "customer": {"first_name": "Anna"},
            "opening": {"points": 5},
        },
    )
    assert problem["fields"] == [
        {"field": "opening.points", "message": "must be one of ltv", "code": "INVALID"}
    ]


@pytest.mark.parametrize("verb", ["accrue", "redeem-points", "add-money", "add-visits"])
def test_D_4_6_there_is_no_balance(alma: Shop, verb: str) -> None:
    card = card_of(alma)
    body = {"value": "1.00" if verb == "add-money" else 1}
    assert alma.refused("POST", f"{card}/{verb}", body)["code"] == "WRONG_KIND"


def test_a_discount_needs_an_amount(alma: Shop) -> None:
    problem = alma.refused("POST", f"{card_of(alma)}/purchase", {})
    assert [wrong["field"] for wrong in problem["fields"]] == ["purchase_amount"]


def test_another_merchant_cannot_book(alma: Shop, bruno: Shop) -> None:
    card = card_of(alma)
    problem = bruno.refused("POST", f"{card}/purchase", {"purchase_amount": "1.00"})
    assert problem["status"] == 404
    assert alma.get(card)["figures"]["ltv"] == "0.00"
