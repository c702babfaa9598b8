"""Acceptance scenarios of the cashback card, through the HTTP API (D.4.3, D.23)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Clock, Shop

LEVELS = [
    {"from_amount": "0", "percent": "1"},
    {"from_amount": "5000", "percent": "3"},
    {"from_amount": "10000", "percent": "5"},
]


def card_of(shop: Shop, opening: dict[str, Any] | None = None, **rules: Any) -> str:
    template = shop.template("cashback", rules={"levels": LEVELS, **rules})
    card = shop.card(template["id"], **({"opening": opening} if opening else {}))
    return f"/cards/{card['id']}"


def shown(posted: Any) -> tuple[Any, ...]:
    figures = posted["figures"]
    return figures["points"], figures["percent"], figures["ltv"]


@pytest.mark.parametrize("verb", ["accrue", "purchase"])
def test_T_CB_1_the_percent_reached_before_the_purchase_applies(alma: Shop, verb: str) -> None:
    card = card_of(alma)

    def buy(amount: str) -> Any:
        return alma.post(f"{card}/{verb}", {"purchase_amount": amount})

    assert shown(buy("4999.99")) == (49, "1", "4999.99")
    tiny = buy("0.01")
    assert shown(tiny) == (49, "3", "5000.00")
    assert tiny["entry"]["deltas"] == {"ltv": "0.01"}
    third = buy("100.00")
    assert shown(third) == (52, "3", "5100.00")
    assert third["entry"]["type"] == "accrue_points"
    assert third["entry"]["details"] == {"percent": "3"}


def test_D_4_3_the_card_says_where_the_next_level_begins(alma: Shop) -> None:
    card = card_of(alma, {"ltv": "9999.99"})
    figures = alma.get(card)["figures"]
    assert (figures["percent"], figures["next_percent"]) == ("3", "5")
    assert figures["next_level_from"] == "10000.00"
    top = alma.post(f"{card}/purchase", {"purchase_amount": "0.01"})["figures"]
    assert (top["percent"], top["next_percent"], top["next_level_from"]) == ("5", None, None)


def test_D_4_3_an_undo_lowers_the_level_again(alma: Shop) -> None:
    card = card_of(alma, {"ltv": "4900.00"})
    bought = alma.post(f"{card}/purchase", {"purchase_amount": "100.00"})
    assert shown(bought) == (1, "3", "5000.00")
    assert shown(alma.post(f"/transactions/{bought['entry']['id']}/undo")) == (0, "1", "4900.00")


def test_D_4_3_free_points_need_no_purchase(now: Clock, alma: Shop) -> None:
    card = card_of(alma)
    given = alma.post(f"{card}/accrue", {"value": 7})
    assert shown(given) == (7, "1", "0.00")
    assert given["figures"]["points_lifetime"] == 7
    assert given["figures"]["last_added_at"] == "2026-11-21T09:00:00Z"


def test_D_4_3_what_is_paid_with_points_earns_nothing(alma: Shop) -> None:
    """10 points are 10.00, so 90.00 of 100.00 earn 3 percent."""
    card = card_of(alma, {"points": 20, "ltv": "5000.00"})
    paid = alma.post(f"{card}/redeem-points", {"value": 10, "purchase_amount": "100.00"})
    assert shown(paid) == (12, "3", "5100.00")
    assert paid["entry"]["type"] == "redeem_points"
    assert paid["entry"]["details"] == {"percent": "3", "redeemed": 10, "earned": 2}
    assert paid["figures"]["points_lifetime"] == 22


def test_D_4_3_unless_the_template_says_so(alma: Shop) -> None:
    card = card_of(alma, {"points": 20, "ltv": "5000.00"}, earn_on_paid_with_points=True)
    paid = alma.post(f"{card}/redeem-points", {"value": 10, "purchase_amount": "100.00"})
    assert shown(paid) == (13, "3", "5100.00")


def test_D_4_3_a_point_is_worth_its_part_of_a_euro(alma: Shop) -> None:
    """100 points per euro: 50 points pay 0.50 of 10.00, and 9.50 earn 1 percent: 9.5 points."""
    card = card_of(alma, {"points": 60}, points_per_currency=100)
    paid = alma.post(f"{card}/redeem-points", {"value": 50, "purchase_amount": "10.00"})
    assert shown(paid)[0] == 60 - 50 + 9


def test_D_4_3_points_that_pay_for_more_than_was_bought_earn_nothing(alma: Shop) -> None:
    card = card_of(alma, {"points": 500})
    paid = alma.post(f"{card}/redeem-points", {"value": 500, "purchase_amount": "100.00"})
    assert shown(paid)[0] == 0


def test_D_4_3_the_number_is_typed_twice_where_the_template_asks_for_it(alma: Shop) -> None:
    card = card_of(alma, {"points": 50}, double_entry=True)
    for body in ({"value": 30}, {"value": 30, "repeated": 3}):
        problem = alma.refused("POST", f"{card}/redeem-points", body)
        assert problem["status"] == 422
        assert [wrong["field"] for wrong in problem["fields"]] == ["repeated"]
    assert shown(alma.post(f"{card}/redeem-points", {"value": 30, "repeated": 30}))[0] == 20


@pytest.mark.parametrize("verb", ["redeem-points", "subtract-points"])
def test_R_LED_7_no_more_points_than_there_are(alma: Shop, verb: str) -> None:
    card = card_of(alma, {"points": 5})
    problem = alma.refused("POST", f"{card}/{verb}", {"value": 6})
    assert problem["code"] == "INSUFFICIENT_BALANCE"
    assert problem["facts"] == {"available": 5, "wanted": 6}
    assert alma.get(card)["figures"]["points"] == 5


@pytest.mark.parametrize(
    ("verb", "body", "field"),
    [
        ("accrue", {}, "purchase_amount"),
        ("purchase", {}, "purchase_amount"),
        ("accrue", {"value": 1_000_001}, "value"),
        ("redeem-points", {}, "value"),
    ],
)
def test_what_is_missing_or_wrong_is_named(
    alma: Shop, verb: str, body: dict[str, Any], field: str
) -> None:
    card = card_of(alma)
    problem = alma.refused("POST", f"{card}/{verb}", body)
    assert problem["status"] == 422
    assert [wrong["field"] for wrong in problem["fields"]] == [field]


def test_R_LED_6_dates_of_the_last_redemption_come_back(now: Clock, alma: Shop) -> None:
    card = card_of(alma, {"points": 50})
    first = alma.post(f"{card}/redeem-points", {"value": 1})["figures"]["last_redemption_at"]
    now.move(hours=1)
    second = alma.post(f"{card}/redeem-points", {"value": 1})
    assert second["figures"]["last_redemption_at"] > first
    after = alma.post(f"/transactions/{second['entry']['id']}/undo")["figures"]
    assert after["last_redemption_at"] == first
    assert after["points"] == 49


def test_R_EARN_3_a_happy_hour_multiplies_what_a_purchase_earns(now: Clock, alma: Shop) -> None:
    """2026-11-21 is a Saturday; 09:00 UTC is ten in the morning in Berlin."""
    hour = {"days": ["sat"], "since": "09:00", "until": "11:00", "factor": "1.5"}
    template = alma.template("cashback", earning={"happy_hours": [hour]})
    card = f"/cards/{alma.card(template['id'])['id']}"
    posted = alma.post(f"{card}/purchase", {"purchase_amount": "300.00"})
    assert posted["figures"]["points"] == 4
    assert posted["entry"]["details"] == {"percent": "1", "base": 3, "factor": "1.5"}
    assert alma.post(f"{card}/accrue", {"value": 3})["figures"]["points"] == 7
    now.move(hours=2)
    assert alma.post(f"{card}/purchase", {"purchase_amount": "300.00"})["figures"]["points"] == 10
