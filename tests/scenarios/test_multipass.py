"""Acceptance scenarios of the multipass, through the HTTP API (loyalty specification, D.23)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import Clock, Shop

FIGURES = ("available_visits", "redeemed_visits", "sold_visits", "total_visits", "bonus_balance")


def figures(card: Any) -> tuple[Any, ...]:
    shown = card["figures"]
    return (*(shown[name] for name in FIGURES), shown["ltv"])


@pytest.mark.parametrize("rule", ["source", "correction"])
def test_T_MP_1_all_twelve_steps(now: Clock, alma: Shop, rule: str) -> None:
    template = alma.template(
        "multipass", rules={"multipass_subtract_rule": rule, "points_per_visit": 0}
    )
    card = alma.card(template["id"])
    literal = rule == "source"

    def book(verb: str, value: int, amount: str | None = None) -> Any:
        now.move(minutes=1)
        body = {"value": value} | ({"purchase_amount": amount} if amount else {})
        return alma.post(f"/cards/{card['id']}/{verb}", body)

    step_1 = book("add-visits", 10, "100.00")
    assert figures(step_1) == (10, 0, 10, 0, 0, "100.00")
    assert step_1["figures"]["last_added_at"] == "2026-11-21T09:01:00Z"
    assert step_1["figures"]["last_redemption_at"] is None

    step_2 = book("redeem-visits", 3)
    assert figures(step_2) == (7, 3, 10, 3, 0, "100.00")
    assert step_2["figures"]["last_redemption_at"] == "2026-11-21T09:02:00Z"

    step_3 = book("subtract-visits", 2)
    assert figures(step_3) == (5, 1 if literal else 3, 10, 5, 0, "100.00")
    assert step_3["figures"]["last_redemption_at"] == "2026-11-21T09:02:00Z"

    step_4 = book("subtract-visits", 1, "15.00")
    assert figures(step_4) == (4, 0 if literal else 3, 10, 6, 0, "115.00")

    step_5 = book("add-visits", 5)
    assert figures(step_5) == (9, 0 if literal else 3, 15, 6, 0, "115.00")

    step_6 = book("add-bonus", 20, "30.00")
    assert (step_6["figures"]["bonus_balance"], step_6["figures"]["ltv"]) == (20, "145.00")

    step_7 = book("subtract-bonus", 5)
    assert (step_7["figures"]["bonus_balance"], step_7["figures"]["ltv"]) == (15, "145.00")

    refused = alma.refused("POST", f"/transactions/{step_6['entry']['id']}/undo")
    assert refused["code"] == "INSUFFICIENT_BALANCE"
    assert refused["facts"] == {"figure": "bonus_balance", "would_be": -5}
    assert alma.get(f"/cards/{card['id']}")["figures"]["bonus_balance"] == 15

    alma.post(f"/transactions/{step_7['entry']['id']}/undo")
    step_9 = alma.post(f"/transactions/{step_6['entry']['id']}/undo")
    assert (step_9["figures"]["bonus_balance"], step_9["figures"]["ltv"]) == (0, "115.00")
    entries = alma.get(f"/cards/{card['id']}/transactions")["items"]
    struck = [entry for entry in entries if entry["reverses_id"] or entry["reversed_by_id"]]
    assert len(struck) == 4

    for verb in ("redeem-visits", "subtract-visits"):
        refused = alma.refused("POST", f"/cards/{card['id']}/{verb}", {"value": 10})
        assert refused["code"] == "INSUFFICIENT_BALANCE"
        assert "9 available" in refused["detail"]
        assert refused["facts"] == {"available": 9, "wanted": 10}

    assert alma.get(f"/stats?template_id={template['id']}")["revenue"] == "115.00"

    before = len(alma.get(f"/cards/{card['id']}/transactions")["items"])
    twice = [
        alma.call(
            "POST", f"/cards/{card['id']}/add-visits", {"value": 1}, Idempotency_Key="step-12"
        )
        for _ in range(2)
    ]
    assert twice[0].data == twice[1].data
    assert "Idempotent-Replay" not in twice[0].headers
    assert twice[1].headers["Idempotent-Replay"] == "true"
    assert len(alma.get(f"/cards/{card['id']}/transactions")["items"]) == before + 1


@pytest.mark.parametrize("rule", ["source", "correction"])
def test_T_MP_2_correcting_a_fresh_mistake_is_the_same_under_both_rules(
    alma: Shop, rule: str
) -> None:
    template = alma.template("multipass", rules={"multipass_subtract_rule": rule})
    card = alma.card(template["id"])
    alma.post(f"/cards/{card['id']}/add-visits", {"value": 10})
    after = alma.post(f"/cards/{card['id']}/subtract-visits", {"value": 2})
    assert figures(after) == (8, 0, 10, 2, 0, "0.00")


def test_T_MP_3_each_visit_earns_points(alma: Shop) -> None:
    template = alma.template("multipass", rules={"points_per_visit": 20})
    card = alma.card(template["id"], opening={"available_visits": 12})
    after = alma.post(f"/cards/{card['id']}/redeem-visits", {"value": 1})
    assert figures(after)[0] == 11
    assert after["figures"]["bonus_balance"] == 20


def test_T_MP_4_two_staff_redeem_the_last_visit(alma: Shop) -> None:
    card = alma.card(alma.template("multipass")["id"], opening={"available_visits": 1})

    def redeem(_: int) -> int:
        return alma.call("POST", f"/cards/{card['id']}/redeem-visits", {"value": 1}).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(redeem, range(2))) == [201, 409]
    assert alma.get(f"/cards/{card['id']}")["figures"]["available_visits"] == 0


def test_R_LED_6_an_entry_is_undone_once_and_an_undo_never(alma: Shop) -> None:
    card = alma.card(alma.template("multipass")["id"])
    entry = alma.post(f"/cards/{card['id']}/add-visits", {"value": 3})["entry"]
    mirror = alma.post(f"/transactions/{entry['id']}/undo")["entry"]
    assert mirror["reverses_id"] == entry["id"]
    assert mirror["deltas"] == {"available_visits": -3, "sold_visits": -3}
    assert alma.refused("POST", f"/transactions/{entry['id']}/undo")["code"] == "ALREADY_UNDONE"
    assert alma.refused("POST", f"/transactions/{mirror['id']}/undo")["code"] == "IS_AN_UNDO"


def test_S1_7_undo_gives_the_dates_back(now: Clock, alma: Shop) -> None:
    card = alma.card(alma.template("multipass")["id"], opening={"available_visits": 5})
    now.move(hours=1)
    alma.post(f"/cards/{card['id']}/redeem-visits", {"value": 1})
    first = alma.get(f"/cards/{card['id']}")["figures"]["last_redemption_at"]
    now.move(hours=1)
    second = alma.post(f"/cards/{card['id']}/redeem-visits", {"value": 1})
    assert second["figures"]["last_redemption_at"] > first
    after = alma.post(f"/transactions/{second['entry']['id']}/undo")
    assert after["figures"]["last_redemption_at"] == first


def test_version_rises_with_every_change(alma: Shop) -> None:
    card = alma.card(alma.template("multipass")["id"])
    versions = [card["version"]]
    for verb in ("add-visits", "redeem-visits", "add-bonus"):
        versions.append(alma.post(f"/cards/{card['id']}/{verb}", {"value": 1})["card"]["version"])
    assert versions == sorted(set(versions))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"value": 0},
        {"value": -1},
        {"value": 1.5},
        {"value": "5"},
        {"value": True},
        {"value": None},
        {"value": 1001},
        {"value": 2**53},
    ],
)
def test_S1_24_wrong_values_name_the_field_and_change_nothing(alma: Shop, body: Any) -> None:
    card = alma.card(alma.template("multipass")["id"])
    problem = alma.refused("POST", f"/cards/{card['id']}/add-visits", body)
    assert problem["status"] == 422
    assert [wrong["field"] for wrong in problem["fields"]] == ["value"]
    assert alma.get(f"/cards/{card['id']}")["version"] == card["version"]


@pytest.mark.parametrize("amount", ["-1.00", "1.234", "abc", "49,90", 10.5, "1000000.01", "1e3"])
def test_wrong_amounts_name_the_field(alma: Shop, amount: Any) -> None:
    card = alma.card(alma.template("multipass")["id"])
    problem = alma.refused(
        "POST", f"/cards/{card['id']}/add-visits", {"value": 1, "purchase_amount": amount}
    )
    assert problem["status"] == 422
    assert [wrong["field"] for wrong in problem["fields"]] == ["purchase_amount"]


def test_a_verb_of_another_kind_is_refused(alma: Shop) -> None:
    card = alma.card(alma.template("multipass")["id"])
    problem = alma.refused("POST", f"/cards/{card['id']}/add-stamps", {"value": 1})
    assert problem["code"] == "WRONG_KIND"


def test_S1_26_a_comment_is_kept_as_written_and_may_be_left_out(alma: Shop) -> None:
    card = alma.card(alma.template("multipass")["id"])
    path = f"/cards/{card['id']}/add-visits"
    said = "10er-Karte, bar bezahlt <b>ü</b>"
    with_comment = alma.post(path, {"value": 10, "comment": said})
    without = alma.post(path, {"value": 1})
    assert (with_comment["entry"]["comment"], without["entry"]["comment"]) == (said, None)
    assert (without["entry"]["purchase_amount"], without["figures"]["ltv"]) == (None, "0.00")
    listed = alma.get(f"/cards/{card['id']}/transactions")["items"]
    assert [entry["comment"] for entry in listed] == [None, said]

    refused = alma.refused("POST", path, {"value": 1, "comment": "x" * 501})
    assert [wrong["field"] for wrong in refused["fields"]] == ["comment"]
    assert alma.get(f"/cards/{card['id']}")["figures"]["available_visits"] == 11
