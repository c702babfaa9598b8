"""Issuing cards: limits, races, deletion and restoration, through the HTTP API (D.6, D.7.2)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import Clock, Shop


def issue(shop: Shop, template_id: str, **parts: Any) -> Any:
    holder = {} if "customer_id" in parts else {"customer": {"first_name": "Anna"}}
    return shop.call("POST", "/cards", {"template_id": template_id, **holder, **parts})


def test_a_card_says_how_it_came_about(now: Clock, alma: Shop) -> None:
    card = alma.card(alma.template("multipass")["id"])
    assert card["status"] == "not_installed"
    assert card["validity"] == "valid"
    assert card["issue_channel"] == "api"
    assert card["issued_at"] == "2026-11-21T09:00:00Z"
    assert card["utm"] == {
        "source": "api", "medium": None, "campaign": None, "term": None, "content": None,
    }  # fmt: skip
    assert card["google"]["object_id"].endswith(card["serial_number"])
    assert card["version"] == 1


def test_S1_14_cards_are_found_by_serial_and_by_till_code(alma: Shop, bruno: Shop) -> None:
    card = alma.card(alma.template("multipass")["id"])
    serial = card["serial_number"]
    assert alma.get(f"/cards/{serial}")["id"] == card["id"]
    for code in (card["code"], card["code"].lower(), f"{serial[:4]}-{serial[4:8]}-{serial[8:]}"):
        assert alma.post("/scan", {"code": code})["card"]["id"] == card["id"]
        assert bruno.call("POST", "/scan", {"code": code}).status_code == 404
    made_up = ("0" if card["code"][-1] != "0" else "1") + card["code"][1:]
    assert alma.call("POST", "/scan", {"code": made_up}).status_code == 404


@pytest.mark.parametrize("limit", ["max_issued", "max_active", "max_per_day"])
def test_R_ISS_5_limits_hold(alma: Shop, limit: str) -> None:
    template = alma.template("multipass", limits={limit: 2})
    cards = [issue(alma, template["id"]) for _ in range(3)]
    assert [card.status_code for card in cards] == [201, 201, 409]
    assert cards[2].json["code"] == "ISSUE_LIMIT"
    assert cards[2].json["facts"] == {"limit": limit}
    alma.post(f"/cards/{cards[0].json['id']}/status", {"status": "deleted"})
    freed = issue(alma, template["id"]).status_code
    assert freed == (201 if limit == "max_active" else 409)


def test_R_ISS_5_one_card_per_customer(alma: Shop) -> None:
    template = alma.template("multipass")
    customer = alma.post("/customers", {"first_name": "Anna"})
    first = issue(alma, template["id"], customer_id=customer["id"])
    assert issue(alma, template["id"], customer_id=customer["id"]).json["code"] == "ISSUE_LIMIT"
    alma.post(f"/cards/{first.json['id']}/status", {"status": "deleted"})
    assert issue(alma, template["id"], customer_id=customer["id"]).status_code == 201


def test_R_ISS_5_window_of_issuing(now: Clock, alma: Shop) -> None:
    template = alma.template(
        "multipass",
        limits={"issue_from": "2026-11-22T00:00:00Z", "issue_until": "2026-11-23T00:00:00Z"},
    )
    assert issue(alma, template["id"]).status_code == 409
    now.set("2026-11-22T00:00:00Z")
    assert issue(alma, template["id"]).status_code == 201
    now.set("2026-11-23T00:00:00Z")
    assert issue(alma, template["id"]).status_code == 409


def test_R_ISS_5_no_over_issue_in_a_race(alma: Shop) -> None:
    template = alma.template("multipass", limits={"max_issued": 5})
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: issue(alma, template["id"]).status_code, range(32)))
    assert sorted(set(answers)) == [201, 409]
    assert answers.count(201) == 5


def test_R_ISS_5_one_customer_gets_one_card_in_a_race(alma: Shop) -> None:
    template = alma.template("multipass")
    customer = alma.post("/customers", {"first_name": "Anna"})
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(
                lambda _: issue(alma, template["id"], customer_id=customer["id"]).status_code,
                range(16),
            )
        )
    assert answers.count(201) == 1


def test_templates_that_pause_or_are_archived(alma: Shop) -> None:
    template = alma.template("multipass")
    card = alma.card(template["id"])
    alma.call("PATCH", f"/templates/{template['id']}", {"status": "paused"})
    assert issue(alma, template["id"]).json["code"] == "TEMPLATE_PAUSED"
    alma.post(f"/cards/{card['id']}/add-visits", {"value": 1})
    alma.call("PATCH", f"/templates/{template['id']}", {"status": "archived"})
    assert issue(alma, template["id"]).json["code"] == "TEMPLATE_ARCHIVED"
    refused = alma.refused("POST", f"/cards/{card['id']}/add-visits", {"value": 1})
    assert refused["code"] == "TEMPLATE_ARCHIVED"


def test_T_IN_3_a_withdrawn_card_is_closed_until_it_is_restored(alma: Shop) -> None:
    card = alma.card(alma.template("multipass")["id"])
    deleted = alma.post(f"/cards/{card['id']}/status", {"status": "deleted"})
    assert (deleted["status"], deleted["status_cause"]) == ("deleted", "merchant")
    assert deleted["version"] > card["version"]
    refused = alma.refused("POST", f"/cards/{card['id']}/add-visits", {"value": 1})
    assert refused["code"] == "CARD_DELETED"
    install = card["links"]["install"].removeprefix("http://127.0.0.1:8000")
    assert alma.client.get(install).status_code == 410
    restored = alma.post(f"/cards/{card['id']}/status", {"status": "restored"})
    assert restored["status"] == "not_installed"
    assert alma.client.get(install).status_code == 200
    alma.post(f"/cards/{card['id']}/add-visits", {"value": 1})
    again = alma.refused("POST", f"/cards/{card['id']}/status", {"status": "restored"})
    assert again["code"] == "NOT_DELETED"


def test_R_ID_2_a_new_install_link_kills_the_old_one(alma: Shop) -> None:
    card = alma.card(alma.template("multipass")["id"])
    old = card["links"]["install"]
    new = alma.post(f"/cards/{card['id']}/links")["links"]["install"]
    assert new != old
    statuses = [
        alma.client.get(link.removeprefix("http://127.0.0.1:8000")).status_code
        for link in (old, new)
    ]
    assert statuses == [404, 200]


def test_opening_balances_and_their_errors(alma: Shop) -> None:
    template = alma.template("multipass")
    card = alma.card(
        template["id"], opening={"available_visits": 7, "bonus_balance": 30, "ltv": "84.50"}
    )
    figures = card["figures"]
    assert (figures["available_visits"], figures["sold_visits"]) == (7, 7)
    assert (figures["bonus_balance"], figures["ltv"]) == (30, "84.50")
    assert figures["total_visits"] == 0
    wrong = issue(alma, template["id"], opening={"stamps": 1})
    assert wrong.status_code == 422
    assert wrong.json["fields"][0]["field"] == "opening.stamps"
    assert alma.get(f"/cards?template_id={template['id']}")["next"] is None
    assert len(alma.get(f"/cards?template_id={template['id']}")["items"]) == 1


def test_events_of_a_card_newest_first(now: Clock, alma: Shop) -> None:
    card = alma.card(alma.template("multipass")["id"])
    now.move(minutes=1)
    alma.post(f"/cards/{card['id']}/add-visits", {"value": 1})
    now.move(minutes=1)
    alma.call("PATCH", f"/cards/{card['id']}", {"expires_at": "2027-01-01"})
    events = alma.get(f"/cards/{card['id']}/events")["items"]
    assert [event["type"] for event in events] == ["expiry_changed", "balance_changed", "issued"]


def test_paging_walks_through_all_cards_once(now: Clock, alma: Shop) -> None:
    template = alma.template("multipass")
    made = []
    for number in range(7):
        made.append(alma.card(template["id"])["id"])
        now.move(seconds=number % 2)
    seen: list[str] = []
    cursor = ""
    while True:
        page = alma.get(f"/cards?limit=3{cursor}")
        seen += [card["id"] for card in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert sorted(seen) == sorted(made)
    assert alma.call("GET", "/cards?cursor=nonsense").status_code == 422


@pytest.mark.parametrize(
    "kind",
    ["stamp", "multipass", "cashback", "gift", "coupon", "discount", "membership", "points"],
)
def test_all_eight_kinds_are_templates_and_their_cards_draw(alma: Shop, kind: str) -> None:
    card = alma.card(alma.template(kind)["id"])
    assert card["template"]["kind"] == kind
    assert card["figures"]["ltv"] == "0.00"
    install = card["links"]["apple"].removeprefix("http://127.0.0.1:8000")
    assert alma.client.get(install).status_code == 200
