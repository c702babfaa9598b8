"""What may stop a posting, seen from a program that posts through the API (D.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Clock, Shop


def refused(shop: Shop, card: Any, verb: str, body: Any, **headers: str) -> Any:
    return shop.refused("POST", f"/cards/{card['id']}/{verb}", body, **headers)


def stamps(shop: Shop, card: Any) -> int:
    count: int = shop.get(f"/cards/{card['id']}")["figures"]["stamps"]
    return count


def add(shop: Shop, card: Any, value: int | None = 1, **more: Any) -> Any:
    body = ({} if value is None else {"value": value}) | more
    return shop.post(f"/cards/{card['id']}/add-stamps", body)


def test_R_EARN_2_not_more_than_the_limit_at_a_time(alma: Shop) -> None:
    card = alma.card(alma.template("stamp", earning={"max_per_scan": 3})["id"])
    problem = refused(alma, card, "add-stamps", {"value": 4})
    assert (problem["status"], problem["code"]) == (409, "LIMIT_PER_SCAN")
    assert problem["facts"] == {"limit": 3, "wanted": 4}
    assert stamps(alma, card) == 0
    assert add(alma, card, 3)["figures"]["stamps"] == 3


def test_R_EARN_2_the_limit_of_a_day_ends_at_the_merchants_midnight(now: Clock, alma: Shop) -> None:
    now.set("2026-11-21T22:00:00+00:00")  # 23:00 in Berlin
    card = alma.card(alma.template("stamp", earning={"max_per_day": 3})["id"])
    add(alma, card, 2)
    problem = refused(alma, card, "add-stamps", {"value": 2})
    assert problem["code"] == "LIMIT_PER_DAY"
    assert problem["facts"] == {"limit": 3, "used": 2, "again_at": "2026-11-21T23:00:00Z"}
    last = add(alma, card, 1)
    assert refused(alma, card, "add-stamps", {"value": 1})["facts"]["used"] == 3
    now.set("2026-11-21T22:59:59+00:00")
    assert refused(alma, card, "add-stamps", {"value": 1})["code"] == "LIMIT_PER_DAY"
    alma.post(f"/transactions/{last['entry']['id']}/undo")
    assert add(alma, card, 1)["figures"]["stamps"] == 3  # what was undone does not count
    now.set("2026-11-21T23:00:00+00:00")
    assert add(alma, card, 3)["figures"]["stamps"] == 6


@pytest.mark.parametrize(
    ("zone", "noon", "midnight"),
    [
        # Clocks go back on this day: it has 25 hours.
        ("Europe/Berlin", "2026-10-25T12:00:00+01:00", "2026-10-26T00:00:00+01:00"),
        ("America/New_York", "2027-03-14T12:00:00-04:00", "2027-03-15T00:00:00-04:00"),
        ("Asia/Kathmandu", "2028-02-29T12:00:00+05:45", "2028-03-01T00:00:00+05:45"),
    ],
)
def test_R_EARN_2_a_day_is_the_merchants_day_wherever_the_merchant_is(
    now: Clock, open_shop: Callable[..., Shop], zone: str, noon: str, midnight: str
) -> None:
    now.set(noon)
    shop = open_shop("Cleo", time_zone=zone)
    card = shop.card(shop.template("stamp", earning={"max_per_day": 1})["id"])
    add(shop, card)
    now.set(midnight)
    now.move(seconds=-1)
    assert refused(shop, card, "add-stamps", {"value": 1})["code"] == "LIMIT_PER_DAY"
    now.move(seconds=1)
    assert add(shop, card)["figures"]["stamps"] == 2


def test_R_EARN_2_minutes_between_two_bookings(now: Clock, alma: Shop) -> None:
    card = alma.card(alma.template("stamp", earning={"min_minutes_between": 30})["id"])
    first = add(alma, card)
    now.move(minutes=29, seconds=59)
    problem = refused(alma, card, "add-stamps", {"value": 1})
    assert problem["code"] == "TOO_SOON"
    assert problem["facts"] == {"limit": 30, "again_at": "2026-11-21T09:30:00Z"}
    alma.post(f"/transactions/{first['entry']['id']}/undo")
    add(alma, card)
    now.move(minutes=30)
    assert add(alma, card)["figures"]["stamps"] == 2


def test_R_EARN_2_the_purchase_must_be_worth_it(alma: Shop) -> None:
    card = alma.card(alma.template("stamp", earning={"min_purchase_amount": "5.00"})["id"])
    for body in ({"value": 1}, {"value": 1, "purchase_amount": "4.99"}):
        problem = refused(alma, card, "add-stamps", body)
        assert (problem["code"], problem["facts"]) == ("PURCHASE_TOO_SMALL", {"limit": "5.00"})
    assert add(alma, card, purchase_amount="5.00")["figures"]["stamps"] == 1


def test_R_EARN_2_limits_are_about_earning_alone(alma: Shop) -> None:
    earning = {"max_per_day": 5, "max_per_scan": 5, "min_purchase_amount": "1.00"}
    card = alma.card(alma.template("multipass", earning=earning)["id"])
    alma.post(f"/cards/{card['id']}/add-visits", {"value": 5, "purchase_amount": "40.00"})
    assert refused(alma, card, "add-visits", {"value": 1, "purchase_amount": "9.00"})["code"] == (
        "LIMIT_PER_DAY"
    )
    assert refused(alma, card, "add-visits", {"value": 6, "purchase_amount": "9.00"})["code"] == (
        "LIMIT_PER_SCAN"
    )
    # Points are counted by themselves, and using what is there is not limited.
    alma.post(f"/cards/{card['id']}/add-bonus", {"value": 5, "purchase_amount": "40.00"})
    for _ in range(5):
        alma.post(f"/cards/{card['id']}/redeem-visits", {"value": 1})


def test_R_EARN_2_a_manager_overrides_with_a_comment_and_the_entry_says_so(alma: Shop) -> None:
    earning = {"max_per_scan": 1, "max_per_day": 1, "min_purchase_amount": "5.00"}
    card = alma.card(alma.template("stamp", earning=earning)["id"])
    for comment in ({}, {"comment": "  "}):
        problem = refused(alma, card, "add-stamps", {"value": 3, "override": True, **comment})
        assert [wrong["field"] for wrong in problem["fields"]] == ["comment"]
    done = add(alma, card, 3, override=True, comment="Entschuldigung für gestern")
    assert done["entry"]["details"] == {
        "override": ["PURCHASE_TOO_SMALL", "LIMIT_PER_SCAN", "LIMIT_PER_DAY"]
    }
    assert done["entry"]["comment"] == "Entschuldigung für gestern"
    within = alma.card(alma.template("stamp")["id"])
    assert add(alma, within, 1, override=True, comment="?")["entry"]["details"] is None


def test_R_EARN_2_an_override_does_not_open_a_closed_card(alma: Shop) -> None:
    template = alma.template("stamp")
    card = alma.card(template["id"])
    alma.post(f"/cards/{card['id']}/status", {"status": "deleted"})
    body = {"value": 1, "override": True, "comment": "doch"}
    assert refused(alma, card, "add-stamps", body)["code"] == "CARD_DELETED"


def test_R_EXP_7_visits_of_an_expired_multipass_are_redeemed_by_override(
    now: Clock, alma: Shop
) -> None:
    card = alma.card(
        alma.template("multipass")["id"],
        opening={"available_visits": 2},
        expires_at="2026-11-22",
    )
    now.move(days=3)
    problem = refused(alma, card, "redeem-visits", {"value": 1})
    assert problem["code"] == "CARD_EXPIRED"
    body = {"value": 1, "override": True, "comment": "war im Krankenhaus"}
    done = alma.post(f"/cards/{card['id']}/redeem-visits", body)
    assert done["figures"]["available_visits"] == 1
    assert done["entry"]["details"] == {"override": ["CARD_EXPIRED"]}
    for verb in ("add-visits", "subtract-visits", "add-bonus"):
        assert refused(alma, card, verb, body)["code"] == "CARD_EXPIRED"


def test_R_EARN_1_the_first_reason_is_the_one_that_is_given(now: Clock, alma: Shop) -> None:
    """Card before limits, limits before balance."""
    template = alma.template("stamp", earning={"max_per_scan": 1})
    card = alma.card(template["id"], expires_at="2026-11-22")
    assert refused(alma, card, "add-stamps", {"value": 2})["code"] == "LIMIT_PER_SCAN"
    now.move(days=2)
    assert refused(alma, card, "add-stamps", {"value": 2})["code"] == "CARD_EXPIRED"
    assert refused(alma, card, "subtract-stamps", {"value": 2})["code"] == "CARD_EXPIRED"
    alma.post(f"/cards/{card['id']}/status", {"status": "deleted"})
    assert refused(alma, card, "add-stamps", {"value": 2})["code"] == "CARD_DELETED"


def test_R_EARN_1_a_card_is_used_where_its_template_is_in_use(alma: Shop) -> None:
    mitte, nord = (
        alma.post("/locations", {"name": name, "latitude": 52.5, "longitude": 13.4})["id"]
        for name in ("Mitte", "Nord")
    )
    card = alma.card(alma.template("stamp", location_ids=[mitte])["id"])
    problem = refused(alma, card, "add-stamps", {"value": 1, "location_id": nord})
    assert (problem["status"], problem["code"]) == (403, "NOT_YOUR_LOCATION")
    assert add(alma, card, location_id=mitte)["figures"]["stamps"] == 1
    assert add(alma, card)["figures"]["stamps"] == 2


@pytest.mark.parametrize("rules", [{"mechanic": "visit", "stamps_per_visit": 1}, None])
def test_R_EARN_3_a_happy_hour_multiplies_visits_and_not_what_staff_enter(
    now: Clock, alma: Shop, rules: Any
) -> None:
    hours = {"days": ["sat"], "since": "10:00", "until": "11:00", "factor": "1.5"}
    template = alma.template(
        "stamp", rules=rules or {}, earning={"happy_hours": [hours], "max_per_day": 10}
    )
    card = alma.card(template["id"])
    now.set("2026-11-21T08:59:59+00:00")  # Saturday, 9:59:59 in Berlin
    assert add(alma, card, 3)["entry"]["deltas"]["stamps_earned"] == 3
    now.set("2026-11-21T09:00:00+00:00")
    happy = add(alma, card, 3)["entry"]
    assert happy["deltas"]["stamps_earned"] == (4 if rules else 3)  # 4.5, rounded down
    assert happy["details"] == ({"base": 3, "factor": "1.5"} if rules else None)
    # What the hour adds does not use the day's limit up: 3 and 3 of 10 are gone.
    assert refused(alma, card, "add-stamps", {"value": 5})["facts"]["used"] == 6
    now.set("2026-11-21T10:00:00+00:00")
    assert add(alma, card, 4)["entry"]["deltas"]["stamps_earned"] == 4


def test_R_EARN_3_a_happy_hour_multiplies_what_is_spent_by_the_clock_of_the_merchant(
    now: Clock, alma: Shop
) -> None:
    double = {"days": ["sun"], "since": "02:00", "until": "03:00", "factor": "2"}
    triple = {"days": ["sun"], "since": "02:30", "until": "03:00", "factor": "3"}
    template = alma.template(
        "stamp",
        rules={"mechanic": "spend", "amount_per_stamp": "5.00", "required": 30},
        earning={"happy_hours": [double, triple]},
    )
    now.set("2026-10-24T12:00:00+02:00")
    card = alma.card(template["id"])

    def earned() -> int:
        entry = add(alma, card, None, purchase_amount="9.99")["entry"]
        count: int = entry["deltas"].get("stamps_earned", 0)
        return count

    # Clocks go back at 3: the hour from 2 to 3 comes twice, and both are happy.
    for moment, stamps_ in (
        ("2026-10-25T01:59:00+02:00", 1),
        ("2026-10-25T02:00:00+02:00", 2),
        ("2026-10-25T02:29:59+02:00", 2),
        ("2026-10-25T02:30:00+02:00", 3),  # the highest, not the product (R-EARN-4)
        ("2026-10-25T02:00:00+01:00", 2),
        ("2026-10-25T03:00:00+01:00", 1),
    ):
        now.set(moment)
        assert earned() == stamps_, moment


def test_R_EARN_3_the_hour_is_that_of_the_visit_not_of_the_typing(now: Clock, alma: Shop) -> None:
    hours = {"days": ["fri"], "since": "10:00", "until": "11:00", "factor": "2"}
    template = alma.template("stamp", rules={"mechanic": "visit"}, earning={"happy_hours": [hours]})
    now.set("2026-11-19T09:00:00+00:00")
    card = alma.card(template["id"])
    now.set("2026-11-21T09:30:00+00:00")
    entry = add(alma, card, 1, occurred_at="2026-11-20T10:30:00+01:00")["entry"]
    assert entry["deltas"]["stamps_earned"] == 2


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        (None, "Not more than 3 a day; 3 were given already."),
        ("de-AT,de;q=0.9", "Nicht mehr als 3 am Tag; 3 gab es schon."),
        ("nl", "Niet meer dan 3 per dag; er zijn er al 3 gegeven."),
        ("fr", "Not more than 3 a day; 3 were given already."),
    ],
)
def test_R_EARN_1_the_reason_is_in_the_language_of_the_staff(
    alma: Shop, language: str | None, sentence: str
) -> None:
    card = alma.card(alma.template("stamp", earning={"max_per_day": 3})["id"])
    add(alma, card, 3)
    headers = {"Accept-Language": language} if language else {}
    problem = refused(alma, card, "add-stamps", {"value": 1}, **headers)
    assert problem["detail"] == sentence
    assert problem["code"] == "LIMIT_PER_DAY"


def test_AMB_25_the_lines_of_a_receipt_are_kept_with_their_categories_and_labels(
    alma: Shop,
) -> None:
    card = alma.card(alma.template("stamp")["id"])
    items = [
        {
            "sku": "K-1",
            "name": "Kaffee",
            "category": "Getränke",
            "labels": ["heiß", "fair"],
            "quantity": 2,
            "price": "3.20",
        },
        {"name": "Kuchen"},
    ]
    entry = add(alma, card, purchase_amount="6.40", items=items)["entry"]
    assert entry["items"][0] == items[0]
    assert entry["items"][1]["quantity"] == 1
    for wrong, field in (
        ({"items": [{"name": "x"}] * 201}, "items"),
        ({"items": [{"name": "x", "quantity": 0}]}, "items.0.quantity"),
        ({"items": [{"labels": ["x"] * 21}]}, "items.0.labels"),
        ({"items": [{"price": "1,50"}]}, "items.0.price"),
        ({"items": [{"nmae": "x"}]}, "items.0.nmae"),
    ):
        problem = refused(alma, card, "add-stamps", {"value": 1, **wrong})
        assert [each["field"] for each in problem["fields"]] == [field]
