"""Acceptance scenarios of the gift card, through the HTTP API (D.4.4, D.23)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Clock, Shop


def card_of(shop: Shop, balance: str | None = None, **rules: Any) -> str:
    opening = {"opening": {"balance": balance}} if balance else {}
    return f"/cards/{shop.card(shop.template('gift', rules=rules)['id'], **opening)['id']}"


def shown(posted: Any) -> tuple[str, str]:
    return posted["figures"]["balance"], posted["figures"]["ltv"]


def test_T_GC_1_loaded_spent_and_never_overdrawn(alma: Shop) -> None:
    card = card_of(alma)
    loaded = alma.post(f"{card}/add-money", {"value": "50.00", "purchase_amount": "50.00"})
    assert shown(loaded) == ("50.00", "50.00")
    assert loaded["entry"]["deltas"] == {"money": "50.00", "ltv": "50.00"}
    assert shown(alma.post(f"{card}/redeem-money", {"value": "37.60"})) == ("12.40", "50.00")
    refused = alma.refused("POST", f"{card}/redeem-money", {"value": "20.00"})
    assert refused["code"] == "INSUFFICIENT_BALANCE"
    assert refused["detail"] == "Balance 12.40 – take 12.40?"
    assert refused["facts"] == {"available": "12.40", "wanted": "20.00"}
    assert shown(alma.post(f"{card}/redeem-money", {"value": "12.40"})) == ("0.00", "50.00")


def test_D_4_4_loading_for_nothing_is_no_revenue(alma: Shop) -> None:
    card = card_of(alma)
    assert shown(alma.post(f"{card}/add-money", {"value": "10"})) == ("10.00", "0.00")


def test_D_4_4_a_redemption_has_no_purchase_amount(alma: Shop) -> None:
    card = card_of(alma, "10.00")
    problem = alma.refused(
        "POST", f"{card}/redeem-money", {"value": "5.00", "purchase_amount": "5.00"}
    )
    assert problem["status"] == 422
    assert [wrong["field"] for wrong in problem["fields"]] == ["purchase_amount"]
    assert shown(alma.get(card)) == ("10.00", "0.00")


@pytest.mark.parametrize("verb", ["add-money", "redeem-money", "subtract-money"])
@pytest.mark.parametrize("value", ["0.00", "-1.00", "1.001", "1000000.01", 5, None])
def test_wrong_amounts_name_the_field_and_change_nothing(alma: Shop, verb: str, value: Any) -> None:
    card = card_of(alma, "10.00")
    problem = alma.refused("POST", f"{card}/{verb}", {"value": value})
    assert problem["status"] == 422
    assert [wrong["field"] for wrong in problem["fields"]] == ["value"]
    assert shown(alma.get(card)) == ("10.00", "0.00")


def test_D_4_4_a_wrong_loading_is_corrected(alma: Shop) -> None:
    card = card_of(alma, "10.00")
    posted = alma.post(f"{card}/subtract-money", {"value": "4.00"})
    assert (posted["entry"]["type"], *shown(posted)) == ("subtract_money", "6.00", "0.00")
    assert posted["figures"]["last_redemption_at"] is None
    problem = alma.refused("POST", f"{card}/subtract-money", {"value": "6.01"})
    assert problem["code"] == "INSUFFICIENT_BALANCE"


def test_D_4_4_the_rest_of_a_card_for_one_use_is_given_up_knowingly(alma: Shop) -> None:
    card = card_of(alma, "50.00", use="single_use")
    problem = alma.refused("POST", f"{card}/redeem-money", {"value": "37.60"})
    assert problem["code"] == "REST_WOULD_BE_LOST"
    assert problem["facts"] == {"rest": "12.40"}
    assert shown(alma.get(card)) == ("50.00", "0.00")
    posted = alma.post(f"{card}/redeem-money", {"value": "37.60", "give_up_rest": True})
    assert shown(posted) == ("0.00", "0.00")
    assert posted["entry"]["deltas"]["money"] == "-50.00"
    assert posted["entry"]["details"] == {"given_up": "12.40"}
    for verb in ("add-money", "redeem-money"):
        refused = alma.refused("POST", f"{card}/{verb}", {"value": "1.00"})
        assert refused["code"] == "ALREADY_USED"
    after = alma.post(f"/transactions/{posted['entry']['id']}/undo")
    assert shown(after) == ("50.00", "0.00")
    assert shown(alma.post(f"{card}/redeem-money", {"value": "50.00"})) == ("0.00", "0.00")


def test_D_4_4_several_uses_keep_the_rest_whatever_is_said(alma: Shop) -> None:
    card = card_of(alma, "50.00")
    posted = alma.post(f"{card}/redeem-money", {"value": "10.00", "give_up_rest": True})
    assert shown(posted) == ("40.00", "0.00")
    assert posted["entry"]["details"] is None


def test_R_ISS_9_a_gift_card_brings_its_money_along(alma: Shop) -> None:
    template = alma.template("gift")
    card = alma.card(template["id"], opening={"balance": "1000000.00", "ltv": "25.00"})
    assert shown(card) == ("1000000.00", "25.00")
    for wrong in (5, "abc", "-1"):
        problem = alma.refused(
            "POST",
            "/cards",
            {
                "template_id": template["id"],
                "customer": {"first_name": "Anna"},
                "opening": {"balance": wrong},
            },
        )
        assert problem["status"] == 422
        assert all(each["field"].startswith("opening.balance") for each in problem["fields"])


def test_D_4_4_money_is_good_until_the_end_of_the_third_year(now: Clock, alma: Shop) -> None:
    card = card_of(alma)
    alma.post(f"{card}/add-money", {"value": "20.00"})
    now.set("2029-12-31T22:59:59+00:00")
    assert shown(alma.post(f"{card}/redeem-money", {"value": "5.00"}))[0] == "15.00"
    now.set("2029-12-31T23:00:01+00:00")
    assert alma.refused("POST", f"{card}/redeem-money", {"value": "1.00"})["facts"] == {
        "available": "0.00",
        "wanted": "1.00",
    }


def test_D_9_1_no_reward_in_money_for_a_recommendation(alma: Shop) -> None:
    problem = alma.refused(
        "POST", "/templates", {"kind": "gift", "name": "Gift", "referral": {"enabled": True}}
    )
    assert [wrong["field"] for wrong in problem["fields"]] == ["referral.enabled"]


def test_welcome_money_is_minor_units_and_no_revenue(alma: Shop) -> None:
    template = alma.template("gift", welcome_bonus=500)
    assert shown(alma.card(template["id"])) == ("5.00", "0.00")


# --- handed on by staff --------------------------------------------------------------------------


def test_D_4_4_staff_hand_a_gift_to_a_customer_whom_they_know(now: Clock, alma: Shop) -> None:
    card = alma.card(alma.template("gift")["id"])
    path = f"/cards/{card['id']}"
    alma.post(f"{path}/add-money", {"value": "30.00", "purchase_amount": "30.00"})
    ben = alma.post("/customers", {"first_name": "Ben"})
    new = alma.post(f"{path}/transfer", {"customer_id": ben["id"]})
    assert shown(new) == ("30.00", "0.00")
    assert new["customer"]["first_name"] == "Ben"
    assert new["serial_number"] != card["serial_number"]
    assert new["issue_channel"] == "conversion"
    old = alma.get(path)
    assert shown(old) == ("0.00", "30.00")
    assert (old["status"], old["status_cause"]) == ("deleted", "transferred")
    assert alma.refused("POST", f"{path}/add-money", {"value": "1.00"})["code"] == "CARD_DELETED"
    problem = alma.refused("POST", f"{path}/transfer", {"customer_id": ben["id"]})
    assert problem["code"] == "GIFT_TAKEN"
    [arrived] = alma.get(f"/cards/{new['id']}/transactions")["items"]
    assert (arrived["type"], arrived["purchase_amount"]) == ("transfer_in", None)


def test_D_4_4_the_money_keeps_the_days_until_when_it_is_good(now: Clock, alma: Shop) -> None:
    card = alma.card(alma.template("gift")["id"])
    path = f"/cards/{card['id']}"
    alma.post(f"{path}/add-money", {"value": "30.00"})
    now.set("2027-06-01T10:00:00+00:00")
    alma.post(f"{path}/add-money", {"value": "5.00"})
    ben = alma.post("/customers", {"first_name": "Ben"})
    new = alma.post(f"{path}/transfer", {"customer_id": ben["id"]})
    now.set("2030-01-01T10:00:00+00:00")
    taken = alma.post(f"/cards/{new['id']}/redeem-money", {"value": "1.00"})
    assert taken["figures"]["balance"] == "4.00"
    now.set("2031-01-01T10:00:00+00:00")
    refused = alma.refused("POST", f"/cards/{new['id']}/redeem-money", {"value": "1.00"})
    assert refused["facts"]["available"] == "0.00"


def test_D_4_4_money_without_an_end_keeps_none(now: Clock, alma: Shop) -> None:
    template = alma.template("gift", rules={"life": {"kind": "unlimited"}})
    card = alma.card(template["id"], opening={"balance": "30.00"})
    alma.call("PATCH", f"/templates/{template['id']}", {"rules": {}})
    ben = alma.post("/customers", {"first_name": "Ben"})
    new = alma.post(f"/cards/{card['id']}/transfer", {"customer_id": ben["id"]})
    now.set("2040-01-01T10:00:00+00:00")
    taken = alma.post(f"/cards/{new['id']}/redeem-money", {"value": "30.00"})
    assert taken["figures"]["balance"] == "0.00"


def test_D_4_4_a_transfer_is_not_undone_by_halves(alma: Shop) -> None:
    card = alma.card(alma.template("gift")["id"])
    path = f"/cards/{card['id']}"
    alma.post(f"{path}/add-money", {"value": "30.00"})
    alma.post(f"{path}/redeem-money", {"value": "10.00"})
    ben = alma.post("/customers", {"first_name": "Ben"})
    new = alma.post(f"{path}/transfer", {"customer_id": ben["id"]})
    entries = [
        *alma.get(f"{path}/transactions")["items"],
        *alma.get(f"/cards/{new['id']}/transactions")["items"],
    ]
    assert {entry["type"] for entry in entries} == {
        "add_money", "redeem_money", "transfer_out", "transfer_in",
    }  # fmt: skip
    for entry in entries:
        refused = alma.refused("POST", f"/transactions/{entry['id']}/undo")
        assert refused["code"] == "TRANSFERRED"
    alma.refused("POST", f"{path}/status", {"status": "restored"})
    alma.post(f"{path}/status", {"status": "deleted"})
    assert alma.refused("POST", f"{path}/status", {"status": "restored"})["code"] == "NOT_DELETED"


@pytest.mark.parametrize("what", ["expired", "empty", "deleted", "kind"])
def test_D_4_4_what_cannot_be_given_says_why(now: Clock, alma: Shop, what: str) -> None:
    kind = "points" if what == "kind" else "gift"
    opening = {} if what in {"empty", "kind"} else {"opening": {"balance": "5.00"}}
    card = alma.card(alma.template(kind)["id"], **opening)
    path = f"/cards/{card['id']}"
    if what == "expired":
        alma.call("PATCH", path, {"expires_at": "2026-11-21"})
        now.move(days=2)
    if what == "deleted":
        alma.post(f"{path}/status", {"status": "deleted"})
    code = {
        "expired": "CARD_EXPIRED",
        "empty": "NOTHING_TO_GIVE",
        "deleted": "CARD_DELETED",
        "kind": "WRONG_KIND",
    }[what]
    assert alma.refused("POST", f"{path}/gift-link", {})["code"] == code
    ben = alma.post("/customers", {"first_name": "Ben"})
    assert alma.refused("POST", f"{path}/transfer", {"customer_id": ben["id"]})["code"] == code


def test_another_merchant_can_neither_see_nor_give(alma: Shop, bruno: Shop) -> None:
    path = card_of(alma, "5.00")
    stranger = bruno.post("/customers", {"first_name": "Ben"})
    assert bruno.refused("POST", f"{path}/gift-link", {})["status"] == 404
    problem = bruno.refused("POST", f"{path}/transfer", {"customer_id": stranger["id"]})
    assert problem["status"] == 404
    problem = alma.refused("POST", f"{path}/transfer", {"customer_id": stranger["id"]})
    assert [wrong["field"] for wrong in problem["fields"]] == ["customer_id"]
    assert shown(alma.get(path)) == ("5.00", "0.00")
