"""Acceptance scenarios of the stamp card, through the HTTP API (D.23)."""

from __future__ import annotations

import pytest

from tests.conftest import Clock, Shop


def test_T_ST_1_stamps_make_rewards(alma: Shop) -> None:
    template = alma.template("stamp", rules={"required": 10})
    card = alma.card(template["id"], opening={"stamps": 8})
    after = alma.post(f"/cards/{card['id']}/add-stamps", {"value": 5})["figures"]
    assert (after["rewards_unused"], after["stamps"]) == (1, 3)
    assert (after["stamps_required"], after["stamps_missing"]) == (10, 7)

    refused = alma.refused("POST", f"/cards/{card['id']}/subtract-stamps", {"value": 4})
    assert refused["code"] == "INSUFFICIENT_BALANCE"
    assert refused["facts"]["available"] == 3

    after = alma.post(f"/cards/{card['id']}/redeem-reward")["figures"]
    assert (after["rewards_unused"], after["rewards_redeemed"], after["stamps"]) == (0, 1, 3)
    refused = alma.refused("POST", f"/cards/{card['id']}/redeem-reward")
    assert refused["code"] == "INSUFFICIENT_BALANCE"


def test_T_ST_2_several_thresholds(alma: Shop) -> None:
    card = alma.card(alma.template("stamp", rules={"thresholds": [3, 6, 9]})["id"])
    after = alma.post(f"/cards/{card['id']}/add-stamps", {"value": 9})["figures"]
    assert (after["rewards_unused"], after["stamps"]) == (3, 0)


def test_without_carry_over_the_rest_is_dropped(alma: Shop) -> None:
    card = alma.card(
        alma.template("stamp", rules={"required": 5, "carry_over": False})["id"],
        opening={"stamps": 3},
    )
    after = alma.post(f"/cards/{card['id']}/add-stamps", {"value": 4})["figures"]
    assert (after["rewards_unused"], after["stamps"]) == (1, 0)


def test_undo_takes_stamps_and_reward_back(alma: Shop) -> None:
    card = alma.card(alma.template("stamp")["id"], opening={"stamps": 8})
    posted = alma.post(f"/cards/{card['id']}/add-stamps", {"value": 5})
    after = alma.post(f"/transactions/{posted['entry']['id']}/undo")["figures"]
    assert (after["stamps"], after["rewards_unused"], after["total_visits"]) == (8, 0, 0)


def test_undo_is_refused_once_the_reward_is_used(alma: Shop) -> None:
    card = alma.card(alma.template("stamp")["id"], opening={"stamps": 9})
    posted = alma.post(f"/cards/{card['id']}/add-stamps", {"value": 1})
    alma.post(f"/cards/{card['id']}/redeem-reward")
    refused = alma.refused("POST", f"/transactions/{posted['entry']['id']}/undo")
    assert refused["facts"] == {"figure": "rewards_unused", "would_be": -1}


def test_the_spend_mechanic_gives_a_stamp_per_amount(alma: Shop) -> None:
    template = alma.template("stamp", rules={"mechanic": "spend", "amount_per_stamp": "5.00"})
    card = alma.card(template["id"])
    after = alma.post(f"/cards/{card['id']}/add-stamps", {"purchase_amount": "14.99"})["figures"]
    assert (after["stamps"], after["ltv"]) == (2, "14.99")
    problem = alma.refused("POST", f"/cards/{card['id']}/add-stamps", {})
    assert problem["fields"][0]["field"] == "purchase_amount"


@pytest.mark.parametrize(("minutes", "visits"), [(4, 1), (6, 2)])
def test_D_3_one_visit_per_staff_and_five_minutes(
    now: Clock, alma: Shop, minutes: int, visits: int
) -> None:
    card = alma.card(alma.template("stamp")["id"])
    alma.post(f"/cards/{card['id']}/add-stamps", {"value": 1})
    now.move(minutes=minutes)
    after = alma.post(f"/cards/{card['id']}/add-stamps", {"value": 1})["figures"]
    assert after["total_visits"] == visits


def test_undo_that_would_fill_the_card_up_again_is_refused(alma: Shop) -> None:
    card = alma.card(alma.template("stamp", rules={"required": 5})["id"], opening={"stamps": 3})
    made_a_reward = alma.post(f"/cards/{card['id']}/add-stamps", {"value": 2})["entry"]
    later = alma.post(f"/cards/{card['id']}/add-stamps", {"value": 2})["entry"]
    refused = alma.refused("POST", f"/transactions/{made_a_reward['id']}/undo")
    assert refused["code"] == "COUNTED_ON"
    alma.post(f"/transactions/{later['id']}/undo")
    after = alma.post(f"/transactions/{made_a_reward['id']}/undo")["figures"]
    assert (after["stamps"], after["rewards_unused"]) == (3, 0)
