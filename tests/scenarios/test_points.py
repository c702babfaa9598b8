"""Scenarios of the points card without its rewards, through the HTTP API (D.4.8)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Shop


def card_of(shop: Shop, opening: dict[str, Any] | None = None, **rules: Any) -> str:
    card = shop.card(
        shop.template("points", rules=rules)["id"], **({"opening": opening} if opening else {})
    )
    return f"/cards/{card['id']}"


def test_D_4_8_points_given_freely(alma: Shop) -> None:
    card = card_of(alma)
    posted = alma.post(f"{card}/accrue", {"value": 25, "purchase_amount": "12.00"})
    figures = posted["figures"]
    assert (figures["points"], figures["points_lifetime"], figures["ltv"]) == (25, 25, "12.00")
    assert posted["entry"]["type"] == "accrue_points"
    problem = alma.refused("POST", f"{card}/accrue", {"purchase_amount": "12.00"})
    assert [wrong["field"] for wrong in problem["fields"]] == ["value"]


@pytest.mark.parametrize(("body", "points"), [({}, 15), ({"value": 3}, 45)])
def test_D_4_8_points_for_visits(alma: Shop, body: dict[str, int], points: int) -> None:
    card = card_of(alma, mechanic="visit", points_per_visit=15)
    figures = alma.post(f"{card}/accrue", body)["figures"]
    assert (figures["points"], figures["total_visits"]) == (points, 1)


@pytest.mark.parametrize("verb", ["accrue", "purchase"])
def test_D_4_8_points_for_each_whole_step_spent(alma: Shop, verb: str) -> None:
    card = card_of(alma, mechanic="spend", points_per_currency=3, currency_step="2.50")
    posted = alma.post(f"{card}/{verb}", {"purchase_amount": "9.99"})
    assert posted["figures"]["points"] == 9
    assert posted["entry"]["type"] == "accrue_points"
    problem = alma.refused("POST", f"{card}/{verb}", {})
    assert [wrong["field"] for wrong in problem["fields"]] == ["purchase_amount"]


def test_D_4_8_points_given_by_hand_stand_for_the_amount(alma: Shop) -> None:
    card = card_of(alma, mechanic="spend")
    figures = alma.post(f"{card}/accrue", {"value": 2, "purchase_amount": "50.00"})["figures"]
    assert (figures["points"], figures["ltv"]) == (2, "50.00")


def test_AMB_04_lifetime_points_fall_by_an_undo_alone(alma: Shop) -> None:
    card = card_of(alma, {"points": 10})

    def points(posted: Any) -> tuple[int, int]:
        return posted["figures"]["points"], posted["figures"]["points_lifetime"]

    earned = alma.post(f"{card}/accrue", {"value": 20})
    assert points(earned) == (30, 30)
    assert points(alma.post(f"{card}/redeem-points", {"value": 4})) == (26, 30)
    assert points(alma.post(f"{card}/subtract-points", {"value": 6})) == (20, 30)
    assert points(alma.post(f"/transactions/{earned['entry']['id']}/undo")) == (0, 10)


def test_R_LED_6_points_that_were_used_cannot_be_taken_back(alma: Shop) -> None:
    card = card_of(alma)
    earned = alma.post(f"{card}/accrue", {"value": 20})
    alma.post(f"{card}/redeem-points", {"value": 15})
    problem = alma.refused("POST", f"/transactions/{earned['entry']['id']}/undo")
    assert problem["code"] == "INSUFFICIENT_BALANCE"
    assert problem["facts"] == {"figure": "points", "would_be": -15}


@pytest.mark.parametrize("verb", ["redeem-points", "subtract-points"])
def test_R_LED_7_no_more_points_than_there_are(alma: Shop, verb: str) -> None:
    card = card_of(alma, {"points": 5})
    problem = alma.refused("POST", f"{card}/{verb}", {"value": 6})
    assert problem["code"] == "INSUFFICIENT_BALANCE"
    assert problem["facts"] == {"available": 5, "wanted": 6}


@pytest.mark.parametrize("step", ["0", "0.00"])
def test_a_step_of_nothing_is_no_step(alma: Shop, step: str) -> None:
    problem = alma.refused(
        "POST",
        "/templates",
        {"kind": "points", "name": "x", "rules": {"mechanic": "spend", "currency_step": step}},
    )
    assert [wrong["field"] for wrong in problem["fields"]] == ["rules.currency_step"]


def test_S1_tenancy_another_merchant_cannot_book(alma: Shop, bruno: Shop) -> None:
    card = card_of(alma, {"points": 5})
    for verb in ("accrue", "redeem-points", "subtract-points"):
        assert bruno.refused("POST", f"{card}/{verb}", {"value": 1})["status"] == 404
    assert alma.get(card)["figures"]["points"] == 5
