"""Acceptance scenarios of expiry, through the HTTP API (D.8, D.23)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from commands.parts import Parts
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


# --- the job -------------------------------------------------------------------------------------


ANNA = {"first_name": "Anna", "language": "en"}


def happened(shop: Shop, card: Any, type_: str) -> list[Any]:
    """The data of the card's events of one type, newest first."""
    items = shop.get(f"/cards/{card['id']}/events?limit=100")["items"]
    return [event["data"] for event in items if event["type"] == type_]


def reminder_on(shop: Shop, card: Any) -> str | None:
    """What the card's page says of an end, in English; None: the field is not there."""
    address = shop.get(f"/cards/{card['id']}")["links"]["pwa"]
    page = shop.client.get(urlsplit(address).path, headers={"Accept-Language": "en"}).text
    found = re.search(r"This card ends on [^<]*|[A-Z][a-z ]* that end on [^<]*", page)
    return found[0].strip() if found else None


def test_R_EXP_4_a_card_expires_at_local_midnight_with_one_event(
    now: Clock, alma: Shop, bruno: Shop, parts: Parts
) -> None:
    now.set("2026-11-21T10:00:00+01:00")
    rule = {"kind": "days_after_issue", "days": 30}
    card = alma.card(alma.template("multipass", expiry=rule)["id"])
    theirs = bruno.card(bruno.template("multipass")["id"])
    now.set("2026-12-21T23:59:59+01:00")
    parts.worker.work_once()
    assert happened(alma, card, "expired") == []
    version = alma.get(f"/cards/{card['id']}")["version"]
    now.set("2026-12-22T00:00:00+01:00")
    for _ in range(3):
        parts.worker.work_once()
        now.move(hours=1)
    assert happened(alma, card, "expired") == [{"expires_at": "2026-12-21T22:59:59+00:00"}]
    shown = alma.get(f"/cards/{card['id']}")
    assert (shown["validity"], shown["version"]) == ("expired", version + 1)
    assert happened(bruno, theirs, "expired") == []


def test_R_EXP_5_extending_revives_and_may_expire_again(
    now: Clock, alma: Shop, parts: Parts
) -> None:
    card = alma.card(
        alma.template("multipass")["id"],
        expires_at="2026-11-30",
        opening={"available_visits": 5},
    )
    now.set("2026-12-05T10:00:00+01:00")
    parts.worker.work_once()
    alma.refused("POST", f"/cards/{card['id']}/redeem-visits", {"value": 1})
    revived = alma.call("PATCH", f"/cards/{card['id']}", {"expires_at": "2026-12-10"}).json
    assert (revived["validity"], revived["figures"]["available_visits"]) == ("valid", 5)
    alma.post(f"/cards/{card['id']}/redeem-visits", {"value": 1})
    now.set("2026-12-11T00:00:00+01:00")
    parts.worker.work_once()
    assert [data["expires_at"][:10] for data in happened(alma, card, "expired")] == [
        "2026-12-10",
        "2026-11-30",
    ]


def test_AMB_11_a_past_date_expires_at_once(now: Clock, alma: Shop) -> None:
    now.set("2026-11-21T10:00:00+01:00")
    card = alma.card(alma.template("multipass")["id"])
    now.set("2026-11-28T10:00:00+01:00")
    changed = alma.call("PATCH", f"/cards/{card['id']}", {"expires_at": "2026-11-25"}).json
    assert changed["validity"] == "expired"
    assert len(happened(alma, card, "expired")) == 1


def test_R_EXP_6_reminders_stand_on_the_pass(now: Clock, alma: Shop, parts: Parts) -> None:
    now.set("2026-11-21T10:00:00+01:00")
    rule = {"kind": "days_after_issue", "days": 30}
    card = alma.card(alma.template("multipass", expiry=rule)["id"], customer=ANNA)
    assert reminder_on(alma, card) is None
    now.set("2026-12-14T09:59:59+01:00")
    parts.worker.work_once()
    assert happened(alma, card, "expiring") == []
    now.set("2026-12-14T10:00:00+01:00")
    parts.worker.work_once()
    assert happened(alma, card, "expiring") == [{"expires_at": "2026-12-21T22:59:59+00:00"}]
    assert reminder_on(alma, card) == "This card ends on 21 Dec 2026"
    now.set("2026-12-20T10:00:00+01:00")
    parts.worker.work_once()
    parts.worker.work_once()
    assert len(happened(alma, card, "expiring")) == 2
    alma.call("PATCH", f"/cards/{card['id']}", {"expires_at": "2027-12-31"})
    assert reminder_on(alma, card) is None


def test_R_EXP_6_the_reminder_says_what_is_still_there(
    now: Clock, alma: Shop, parts: Parts
) -> None:
    now.set("2026-11-21T10:00:00+01:00")
    template = alma.template("points", rules={"life": {"kind": "end_of_year"}}, reminders=[7])
    card = alma.card(template["id"], customer=ANNA)
    alma.post(f"/cards/{card['id']}/accrue", {"value": 20})
    now.set("2026-12-24T10:00:00+01:00")
    parts.worker.work_once()
    assert reminder_on(alma, card) == "Points that end on 31 Dec 2026: 20"
    alma.post(f"/cards/{card['id']}/redeem-points", {"value": 5})
    assert reminder_on(alma, card) == "Points that end on 31 Dec 2026: 15"
    alma.post(f"/cards/{card['id']}/redeem-points", {"value": 15})
    assert reminder_on(alma, card) is None


# --- another rule --------------------------------------------------------------------------------


def test_R_EXP_3_a_new_rule_is_for_new_cards_only(now: Clock, alma: Shop, parts: Parts) -> None:
    now.set("2026-11-21T10:00:00+01:00")
    rule = {"kind": "days_after_last_visit", "days": 60}
    template = alma.template("multipass", expiry=rule)
    card = alma.card(template["id"], opening={"available_visits": 5})
    alma.call("PATCH", f"/templates/{template['id']}", {"expiry": {**rule, "days": 10}})
    parts.worker.work_once()
    assert alma.get(f"/cards/{card['id']}")["expires_at"] == "2027-01-20T22:59:59Z"
    # The visits of a card go by the rule that it was issued with.
    after = alma.post(f"/cards/{card['id']}/redeem-visits", {"value": 1})
    assert after["card"]["expires_at"] == "2027-01-20T22:59:59Z"
    assert alma.card(template["id"])["expires_at"] == "2026-12-01T22:59:59Z"


def test_R_EXP_3_a_new_rule_for_all_leaves_dates_set_by_hand(
    now: Clock, alma: Shop, parts: Parts
) -> None:
    now.set("2026-11-21T10:00:00+01:00")
    rule = {"kind": "days_after_issue", "days": 60}
    template = alma.template("multipass", expiry=rule)
    old, by_hand = (alma.card(template["id"]) for _ in range(2))
    now.set("2026-12-01T10:00:00+01:00")
    new = alma.card(template["id"])
    alma.call("PATCH", f"/cards/{by_hand['id']}", {"expires_at": "2027-06-30"})
    shorter = {"kind": "days_after_issue", "days": 5}
    path = f"/templates/{template['id']}"
    asked = alma.post(f"{path}/expiry-preview", {"expiry": shorter})
    assert asked == {"cards": 2, "expire_now": 1}
    assert alma.get(f"/cards/{old['id']}")["expires_at"] == "2027-01-20T22:59:59Z"
    alma.call("PATCH", path, {"expiry": shorter, "apply_expiry_to": "all"})
    parts.worker.work_once()
    shown = [alma.get(f"/cards/{card['id']}") for card in (old, new, by_hand)]
    assert [(card["expires_at"], card["validity"]) for card in shown] == [
        ("2026-11-26T22:59:59Z", "expired"),
        ("2026-12-06T22:59:59Z", "valid"),
        ("2027-06-30T21:59:59Z", "valid"),
    ]
    assert [len(happened(alma, card, "expired")) for card in (old, new, by_hand)] == [1, 0, 0]
    # Back to the rule is back to the one that is for all now.
    back = alma.call("PATCH", f"/cards/{by_hand['id']}", {"expiry_mode": "rule"}).json
    assert back["expires_at"] == "2026-11-26T22:59:59Z"
    # And a longer one revives whom the shorter one ended.
    alma.call("PATCH", path, {"expiry": rule, "apply_expiry_to": "all"})
    parts.worker.work_once()
    assert alma.get(f"/cards/{old['id']}")["validity"] == "valid"


@pytest.mark.parametrize(
    ("rule", "expire_now"),
    [
        ({"kind": "unlimited"}, 0),
        ({"kind": "fixed_date", "date": "2026-12-31"}, 0),
        ({"kind": "fixed_date", "date": "2026-12-30"}, 2),
        ({"kind": "days_after_issue", "days": 40}, 0),
        ({"kind": "days_after_issue", "days": 39}, 2),
        ({"kind": "days_after_last_visit", "days": 39}, 1),
        ({"kind": "days_after_last_visit", "days": 20}, 2),
    ],
)
def test_R_EXP_3_the_preview_counts_who_would_expire(
    now: Clock, alma: Shop, bruno: Shop, rule: dict[str, Any], expire_now: int
) -> None:
    now.set("2026-11-21T23:30:00+01:00")
    template = alma.template("multipass")
    for visits in (False, True):
        card = alma.card(template["id"], opening={"available_visits": 5})
        if visits:
            now.set("2026-12-10T00:30:00+01:00")
            alma.post(f"/cards/{card['id']}/redeem-visits", {"value": 1})
    now.set("2026-12-31T12:00:00+01:00")
    path = f"/templates/{template['id']}/expiry-preview"
    assert alma.post(path, {"expiry": rule}) == {"cards": 2, "expire_now": expire_now}
    assert bruno.refused("POST", path, {"expiry": rule})["status"] == 404


def test_R_EXP_3_a_wrong_rule_names_its_field(alma: Shop) -> None:
    template = alma.template("multipass")
    wrong = {"expiry": {"kind": "fixed_date"}}
    for method, path, body in (
        ("POST", f"/templates/{template['id']}/expiry-preview", wrong),
        ("PATCH", f"/templates/{template['id']}", {"apply_expiry_to": "some"}),
    ):
        assert alma.refused(method, path, body)["status"] == 422


def test_R_EXP_7_sold_visits_of_an_expired_multipass_with_override_and_comment(
    now: Clock, alma: Shop
) -> None:
    card = alma.card(
        alma.template("multipass")["id"], expires_at="2026-11-30", opening={"available_visits": 5}
    )
    now.set("2026-12-05T10:00:00+01:00")
    path = f"/cards/{card['id']}"
    assert alma.refused("POST", f"{path}/redeem-visits", {"value": 1})["code"] == "CARD_EXPIRED"
    body = {"value": 1, "override": True}
    wrong = alma.refused("POST", f"{path}/redeem-visits", body)
    assert [field["field"] for field in wrong["fields"]] == ["comment"]
    body["comment"] = "war im Krankenhaus"
    after = alma.post(f"{path}/redeem-visits", body)
    assert after["figures"]["available_visits"] == 4
    assert after["card"]["validity"] == "expired"
    assert alma.refused("POST", f"{path}/add-visits", body)["code"] == "CARD_EXPIRED"


@pytest.mark.parametrize(
    ("zone", "issued", "expires_at"),
    [
        ("Europe/Berlin", "2027-03-27T23:30:00+01:00", "2027-03-28T21:59:59Z"),
        ("Europe/Berlin", "2027-10-30T12:00:00+02:00", "2027-10-31T22:59:59Z"),
        ("America/New_York", "2027-03-13T12:00:00-05:00", "2027-03-15T03:59:59Z"),
        ("America/New_York", "2027-11-06T23:59:00-04:00", "2027-11-08T04:59:59Z"),
        ("Asia/Kathmandu", "2028-02-28T00:10:00+05:45", "2028-02-29T18:14:59Z"),
    ],
)
def test_T_EX_1_one_day_at_the_merchants_whatever_the_clocks_do(
    now: Clock, open_shop: Any, parts: Parts, zone: str, issued: str, expires_at: str
) -> None:
    shop = open_shop("Anna", time_zone=zone)
    now.set(issued)
    rule = {"kind": "days_after_issue", "days": 1}
    card = shop.card(shop.template("multipass", expiry=rule)["id"])
    assert card["expires_at"] == expires_at
    now.set(expires_at)
    parts.worker.work_once()
    assert shop.get(f"/cards/{card['id']}")["validity"] == "valid"
    now.move(seconds=1)
    parts.worker.work_once()
    assert len(happened(shop, card, "expired")) == 1
