"""Acceptance scenarios of expiry, through the HTTP API (D.8, D.23)."""

from __future__ import annotations

from tests.conftest import Clock, Shop


def test_T_EX_1_days_after_issue_across_summer_time(now: Clock, alma: Shop) -> None:
    now.set("2026-11-21T10:00:00+01:00")
    template = alma.template("multipass", expiry={"kind": "days_after_issue", "days": 30})
    assert alma.card(template["id"])["expires_at"] == "2026-12-21T22:59:59Z"
    now.set("2027-03-01T10:00:00+01:00")
    assert alma.card(template["id"])["expires_at"] == "2027-03-31T21:59:59Z"


def test_T_EX_2_the_date_slides_with_the_visit_and_back_with_its_undo(
    now: Clock, alma: Shop
) -> None:
    now.set("2026-11-21T10:00:00+01:00")
    template = alma.template("multipass", expiry={"kind": "days_after_last_visit", "days": 60})
    card = alma.card(template["id"], opening={"available_visits": 5})
    assert card["expires_at"] == "2027-01-20T22:59:59Z"
    now.set("2026-12-10T10:00:00+01:00")
    visit = alma.post(f"/cards/{card['id']}/redeem-visits", {"value": 1})
    assert visit["card"]["expires_at"] == "2027-02-08T22:59:59Z"
    undone = alma.post(f"/transactions/{visit['entry']['id']}/undo")
    assert undone["card"]["expires_at"] == "2027-01-20T22:59:59Z"


def test_T_EX_3_a_date_set_by_hand_stays_until_the_rule_is_asked_back(
    now: Clock, alma: Shop
) -> None:
    now.set("2026-11-21T10:00:00+01:00")
    template = alma.template("multipass", expiry={"kind": "days_after_last_visit", "days": 60})
    card = alma.card(template["id"], opening={"available_visits": 5})
    changed = alma.call("PATCH", f"/cards/{card['id']}", {"expires_at": "2027-06-30"}).json
    assert (changed["expires_at"], changed["expiry_mode"]) == ("2027-06-30T21:59:59Z", "manual")
    now.set("2026-12-10T10:00:00+01:00")
    visit = alma.post(f"/cards/{card['id']}/redeem-visits", {"value": 1})
    assert visit["card"]["expires_at"] == "2027-06-30T21:59:59Z"
    back = alma.call("PATCH", f"/cards/{card['id']}", {"expiry_mode": "rule"}).json
    assert (back["expires_at"], back["expiry_mode"]) == ("2027-02-08T22:59:59Z", "rule")
    unlimited = alma.call("PATCH", f"/cards/{card['id']}", {"expires_at": None}).json
    assert unlimited["expires_at"] is None


def test_R_EXP_4_valid_through_the_last_second_then_refused(now: Clock, alma: Shop) -> None:
    card = alma.card(
        alma.template("multipass")["id"],
        expires_at="2026-11-30",
        opening={"available_visits": 5},
    )
    now.set("2026-11-30T23:59:59+01:00")
    assert alma.get(f"/cards/{card['id']}")["validity"] == "valid"
    alma.post(f"/cards/{card['id']}/redeem-visits", {"value": 1})
    now.set("2026-12-01T00:00:00+01:00")
    assert alma.get(f"/cards/{card['id']}")["validity"] == "expired"
    refused = alma.refused("POST", f"/cards/{card['id']}/redeem-visits", {"value": 1})
    assert refused["code"] == "CARD_EXPIRED"
    alma.call("PATCH", f"/cards/{card['id']}", {"expires_at": "2026-12-31"})
    after = alma.post(f"/cards/{card['id']}/redeem-visits", {"value": 1})
    assert after["figures"]["available_visits"] == 3


def test_a_fixed_date_and_a_leap_day(now: Clock, alma: Shop) -> None:
    fixed = alma.template("multipass", expiry={"kind": "fixed_date", "date": "2028-02-29"})
    assert alma.card(fixed["id"])["expires_at"] == "2028-02-29T22:59:59Z"
    now.set("2028-01-30T12:00:00+01:00")
    after = alma.template("multipass", expiry={"kind": "days_after_issue", "days": 30})
    assert alma.card(after["id"])["expires_at"] == "2028-02-29T22:59:59Z"
