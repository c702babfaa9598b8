"""Programs that spoke to Boomerangme speak to us: same names, same cards (R-API-2, B.1.1)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Shop
from web.api.operation import OPERATIONS


def card_of(shop: Shop, kind: str, rules: Any = None, **parts: Any) -> Any:
    return shop.card(shop.template(kind, rules=rules or {})["id"], **parts)


def call(shop: Shop, card: Any, alias: str, body: Any) -> Any:
    return shop.post(f"/cards/{card['id']}/{alias}", body)


@pytest.mark.parametrize(
    ("kind", "rules", "opening", "alias", "body", "type_", "figures"),
    [
        ("multipass", None, {}, "add-visit", {"visits": 3}, "add_visits", {"available_visits": 3}),
        (
            "multipass",
            None,
            {"available_visits": 3},
            "subtract-visit",
            {"visits": 2},
            "subtract_visits",
            {"available_visits": 1, "sold_visits": 3},
        ),
        (
            "stamp",
            {"mechanic": "visit", "stamps_per_visit": 2},
            {},
            "add-visit",
            {"visits": 2},
            "add_stamps",
            {"stamps": 4},
        ),
        (
            "points",
            {"mechanic": "visit", "points_per_visit": 5},
            {},
            "add-visit",
            {},
            "accrue_points",
            {"points": 5},
        ),
        ("stamp", None, {}, "add-stamp", {"stamps": 4}, "add_stamps", {"stamps": 4}),
        (
            "stamp",
            None,
            {"stamps": 5},
            "subtract-stamp",
            {"stamps": 2},
            "subtract_stamps",
            {"stamps": 3},
        ),
        (
            "stamp",
            None,
            {},
            "add-reward",
            {"rewards": 2},
            "add_reward",
            {"rewards_unused": 2, "rewards_earned": 2},
        ),
        (
            "stamp",
            None,
            {"rewards_unused": 3},
            "subtract-reward",
            {"rewards": 2},
            "subtract_reward",
            {"rewards_unused": 1, "rewards_earned": 3},
        ),
        (
            "stamp",
            None,
            {"rewards_unused": 1},
            "receive-reward",
            {},
            "redeem_reward",
            {"rewards_unused": 0, "rewards_redeemed": 1},
        ),
        ("cashback", None, {}, "add-point", {"points": 30}, "accrue_points", {"points": 30}),
        (
            "cashback",
            {"double_entry": True},
            {"points": 30},
            "subtract-point",
            {"points": 10},
            "redeem_points",
            {"points": 20},
        ),
        ("gift", None, {}, "add-point", {"points": 12.5}, "add_money", {"balance": "12.50"}),
        (
            "gift",
            None,
            {"balance": "20.00"},
            "subtract-point",
            {"points": "7.60"},
            "redeem_money",
            {"balance": "12.40"},
        ),
        ("discount", None, {}, "add-point", {"points": 40}, "purchase", {"ltv": "40.00"}),
        ("multipass", None, {}, "add-scores", {"scores": 20}, "add_bonus", {"bonus_balance": 20}),
        (
            "multipass",
            None,
            {"bonus_balance": 20},
            "subtract-scores",
            {"scores": 5},
            "subtract_bonus",
            {"bonus_balance": 15},
        ),
        ("points", None, {}, "add-scores", {"scores": 7}, "accrue_points", {"points": 7}),
        (
            "points",
            None,
            {"points": 7},
            "subtract-scores",
            {"scores": 3},
            "subtract_points",
            {"points": 4, "points_lifetime": 7},
        ),
        (
            "cashback",
            {"levels": [{"from_amount": "0", "percent": "10"}]},
            {},
            "add-transaction-amount",
            {"amount": 50},
            "accrue_points",
            {"points": 5, "ltv": "50.00"},
        ),
        (
            "stamp",
            {"mechanic": "spend", "amount_per_stamp": "10.00"},
            {},
            "add-transaction-amount",
            {"amount": "35.00"},
            "add_stamps",
            {"stamps": 3, "ltv": "35.00"},
        ),
    ],
)
def test_R_API_2_an_alias_does_what_the_kind_of_card_means_by_it(
    alma: Shop,
    kind: str,
    rules: Any,
    opening: Any,
    alias: str,
    body: Any,
    type_: str,
    figures: dict[str, Any],
) -> None:
    card = card_of(alma, kind, rules, opening=opening)
    posted = call(alma, card, alias, {**body, "comment": "von der Kasse"})
    assert posted["entry"]["type"] == type_
    assert posted["entry"]["comment"] == "von der Kasse"
    assert {name: posted["figures"][name] for name in figures} == figures


def test_R_API_2_membership_visits(alma: Shop) -> None:
    plan = {"key": "ten", "name": "Zehn", "price": "0.00", "visits_per_period": 10}
    card = card_of(alma, "membership", {"plans": [plan]})
    alma.call("POST", f"/cards/{card['id']}/renew", {})
    before = alma.get(f"/cards/{card['id']}")["figures"]["visits_left"]
    assert call(alma, card, "add-visit", {})["entry"]["type"] == "check_in"
    after = call(alma, card, "subtract-visit", {"visits": 2})
    assert after["entry"]["type"] == "redeem_visits"
    assert after["figures"]["visits_left"] == before - 3
    problem = alma.refused("POST", f"/cards/{card['id']}/add-visit", {"visits": 2})
    assert [wrong["field"] for wrong in problem["fields"]] == ["visits"]


def test_R_API_2_subtracting_an_amount_undoes_the_newest_purchase_of_it(alma: Shop) -> None:
    card = card_of(alma, "cashback", {"levels": [{"from_amount": "0", "percent": "10"}]})
    older, newer = (
        call(alma, card, "add-transaction-amount", {"amount": 50})["entry"] for _ in range(2)
    )
    call(alma, card, "add-transaction-amount", {"amount": 80})
    for entry, left in ((newer, "130.00"), (older, "80.00")):
        undone = call(alma, card, "subtract-transaction-amount", {"amount": "50.00"})
        assert undone["entry"]["reverses_id"] == entry["id"]
        assert undone["figures"]["ltv"] == left
    problem = alma.refused(
        "POST", f"/cards/{card['id']}/subtract-transaction-amount", {"amount": 50}
    )
    assert (problem["status"], problem["code"]) == (409, "NO_SUCH_PURCHASE")


@pytest.mark.parametrize(
    ("kind", "rules", "alias", "body"),
    [
        ("multipass", None, "add-stamp", {"stamps": 1}),
        ("stamp", None, "add-visit", {"visits": 1}),
        ("stamp", {"mechanic": "visit", "stamps_per_visit": 2}, "add-stamp", {"stamps": 1}),
        ("points", {"mechanic": "visit"}, "add-scores", {"scores": 1}),
        ("stamp", None, "add-point", {"points": 1}),
        ("discount", None, "subtract-point", {"points": 1}),
        ("gift", None, "receive-reward", {}),
    ],
)
def test_R_API_2_what_an_alias_does_not_mean_is_refused(
    alma: Shop, kind: str, rules: Any, alias: str, body: Any
) -> None:
    card = card_of(alma, kind, rules)
    problem = alma.refused("POST", f"/cards/{card['id']}/{alias}", body)
    assert (problem["status"], problem["code"]) == (409, "WRONG_KIND")
    assert alma.get(f"/cards/{card['id']}")["version"] == card["version"]


@pytest.mark.parametrize(
    ("kind", "alias", "body", "field"),
    [
        ("multipass", "add-visit", {"visits": 0}, "visits"),
        ("multipass", "add-visit", {"visits": 1_001}, "visits"),
        ("multipass", "add-scores", {}, "scores"),
        ("cashback", "add-point", {"points": 1.5}, "points"),
        ("cashback", "add-point", {"points": True}, "points"),
        ("cashback", "add-point", {"points": 1e300}, "points"),
        ("gift", "add-point", {"points": "1,50"}, "points"),
        ("gift", "add-point", {"points": 0}, "points"),
        ("gift", "add-point", {"points": 1.234}, "points"),
        ("cashback", "add-transaction-amount", {"amount": -1}, "amount"),
        ("stamp", "add-reward", {"rewards": 0}, "rewards"),
    ],
)
def test_a_wrong_number_is_named_as_it_was_sent(
    alma: Shop, kind: str, alias: str, body: Any, field: str
) -> None:
    card = card_of(alma, kind)
    problem = alma.refused("POST", f"/cards/{card['id']}/{alias}", body)
    assert problem["status"] == 422
    assert [wrong["field"] for wrong in problem["fields"]] == [field]


def test_R_API_2_the_key_comes_in_their_header_too(alma: Shop, bruno: Shop) -> None:
    card = card_of(alma, "multipass")

    def add(**headers: str) -> Any:
        return alma.client.post(
            f"/api/v1/cards/{card['id']}/add-visit",
            json={"visits": 1},
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    assert add(X_API_Key=alma.key).status_code == 201
    assert add(X_API_Key=bruno.key).status_code == 404
    for headers in ({"X_API_Key": ""}, {"X_API_Key": alma.key[:-1]}, {"X_API_Key": "Bearer"}):
        answer = add(**headers)
        assert (answer.status_code, answer.json["code"]) == (401, "UNAUTHORIZED")
    # Who shows a wrong key in our own header is not let in by the other one.
    assert add(Authorization=f"Bearer {bruno.key}", X_API_Key=alma.key).status_code == 404
    assert alma.get(f"/cards/{card['id']}")["figures"]["available_visits"] == 1


def test_R_API_2_customers_and_cards_are_made_by_their_names(alma: Shop) -> None:
    customer = alma.post(
        "/customers",
        {
            "firstName": "Anna",
            "surname": "Berger",
            "phone": "+49 30 1234567",
            "email": "anna@example.com",
            "gender": 2,
            "dateOfBirth": "1990-05-01T00:00:00.000Z",
            "externalUserId": "kasse-7",
        },
    )
    assert {name: customer[name] for name in ("first_name", "last_name", "gender", "birthday")} == {
        "first_name": "Anna",
        "last_name": "Berger",
        "gender": "female",
        "birthday": "1990-05-01",
    }
    assert customer["external_id"] == "kasse-7"
    template = alma.template("multipass")
    card = alma.post("/cards", {"templateId": template["id"], "customerId": customer["id"]})
    assert card["customer"]["id"] == customer["id"]
    for body, field in (
        ({"gender": 3}, "gender"),
        ({"gender": True}, "gender"),
        ({"dateOfBirth": "neulich"}, "birthday"),
        ({"fristName": "Anna"}, "fristName"),
    ):
        problem = alma.refused("POST", "/customers", body)
        assert [wrong["field"] for wrong in problem["fields"]] == [field]


def test_R_API_2_aliases_stand_in_the_document_and_are_marked(alma: Shop) -> None:
    paths: Any = alma.client.get("/api/openapi.json").json["paths"]
    aliases = [made for made in OPERATIONS if made.alias]
    assert len(aliases) == 11
    for made in aliases:
        described = paths["/api/v1" + made.path.replace("<card>", "{card}")]["post"]
        assert "alias" in described["description"]
        assert "Boomerangme" in described["summary"]


def test_an_alias_is_safe_to_repeat_like_any_call(alma: Shop) -> None:
    card = card_of(alma, "multipass")
    answers = [
        alma.call("POST", f"/cards/{card['id']}/add-visit", {"visits": 1}, Idempotency_Key="once")
        for _ in range(2)
    ]
    assert answers[0].data == answers[1].data
    assert alma.get(f"/cards/{card['id']}")["figures"]["available_visits"] == 1
