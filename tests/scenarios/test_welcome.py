"""The welcome bonus of a new customer's card, through the HTTP API and the sign-up page (D.2)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Clock, Shop


def entries(shop: Shop, card: Any) -> list[str]:
    return [row["type"] for row in shop.get(f"/cards/{card['id']}/transactions")["items"]]


@pytest.mark.parametrize(
    ("kind", "bonus", "figures"),
    [
        ("points", 25, {"points": 25, "points_lifetime": 25}),
        ("cashback", 25, {"points": 25}),
        ("stamp", 12, {"stamps": 2, "rewards_unused": 1}),
        ("multipass", 2, {"available_visits": 2, "sold_visits": 2, "total_visits": 0}),
        ("gift", 500, {"balance": "5.00"}),
    ],
)
def test_D_2_a_new_card_starts_with_the_welcome_bonus(
    alma: Shop, kind: str, bonus: int, figures: dict[str, Any]
) -> None:
    card = alma.card(alma.template(kind, welcome_bonus=bonus)["id"])
    for figure, value in {**figures, "ltv": "0.00"}.items():
        assert card["figures"][figure] == value, figure
    (entry,) = alma.get(f"/cards/{card['id']}/transactions")["items"]
    assert (entry["type"], entry["purchase_amount"]) == ("welcome_bonus", None)
    assert entry["actor"] == {"kind": "system", "id": None}


@pytest.mark.parametrize("kind", ["coupon", "discount"])
def test_kinds_without_units_give_none(alma: Shop, kind: str) -> None:
    card = alma.card(alma.template(kind, welcome_bonus=5)["id"])
    assert entries(alma, card) == []


def test_a_card_that_brings_a_balance_is_not_welcomed(alma: Shop) -> None:
    made = alma.template("points", welcome_bonus=25)
    card = alma.card(made["id"], opening={"points": 7})
    assert card["figures"]["points"] == 7
    assert entries(alma, card) == ["import_opening"]


def test_once_per_customer_and_template(alma: Shop, bruno: Shop) -> None:
    made = alma.template("points", welcome_bonus=25, limits={"max_per_customer": None})
    other = alma.template("points", welcome_bonus=3)
    first = alma.card(made["id"])
    who = first["customer"]["id"]
    assert alma.card(made["id"], customer_id=who)["figures"]["points"] == 0
    alma.post(f"/cards/{first['id']}/status", {"status": "deleted"})
    assert alma.card(made["id"], customer_id=who)["figures"]["points"] == 0
    assert alma.card(other["id"], customer_id=who)["figures"]["points"] == 3
    assert alma.card(made["id"])["figures"]["points"] == 25
    assert bruno.card(bruno.template("points")["id"])["figures"]["points"] == 0


def test_the_sign_up_page_gives_it_and_the_pass_shows_it(alma: Shop) -> None:
    made = alma.template("points", welcome_bonus=25)
    form = {"first_name": "Ida", "email": "ida@example.com"}
    answer = alma.client.post(f"/join/{made['slug']}", data=form)
    assert answer.status_code == 303
    page = alma.client.get(answer.headers["Location"].rstrip("/") + "/")
    assert page.status_code == 200
    (card,) = alma.get(f"/cards?template_id={made['id']}")["items"]
    assert (card["issue_channel"], card["figures"]["points"]) == ("link", 25)


def test_the_welcome_bonus_can_be_undone_while_it_is_there(now: Clock, alma: Shop) -> None:
    card = alma.card(alma.template("points", welcome_bonus=25)["id"])
    (entry,) = alma.get(f"/cards/{card['id']}/transactions")["items"]
    alma.post(f"/cards/{card['id']}/redeem-points", {"value": 5})
    problem = alma.refused("POST", f"/transactions/{entry['id']}/undo")
    assert problem["code"] == "INSUFFICIENT_BALANCE"
    alma.post(f"/cards/{card['id']}/accrue", {"value": 5})
    after = alma.post(f"/transactions/{entry['id']}/undo")["figures"]
    assert (after["points"], after["points_lifetime"]) == (0, 5)


def test_a_negative_bonus_is_a_wrong_field(alma: Shop) -> None:
    body = {"kind": "points", "name": "Karte", "welcome_bonus": -1}
    assert alma.refused("POST", "/templates", body)["fields"][0]["field"] == "welcome_bonus"
