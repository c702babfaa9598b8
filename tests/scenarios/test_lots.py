"""Life of units through the HTTP API: lots, the entry that ends them, and undo (D.8.3)."""

from __future__ import annotations

from typing import Any

import pytest

from commands.parts import Parts
from tests.conftest import Clock, Shop

DAYS = {"kind": "days_after_earned", "days": 10}


def card_of(shop: Shop, kind: str = "points", **more: Any) -> str:
    return f"/cards/{shop.card(shop.template(kind, **more)['id'])['id']}"


def points(shop: Shop, card: str) -> int:
    found = shop.get(card)["figures"]["points"]
    assert isinstance(found, int)
    return found


def types(shop: Shop, card: str) -> list[str]:
    """Of the card's entries, newest first."""
    return [entry["type"] for entry in shop.get(f"{card}/transactions")["items"]]


def happened(shop: Shop, card: str, type_: str) -> list[Any]:
    """The data of the card's events of one type, newest first."""
    items = shop.get(f"{card}/events?limit=100")["items"]
    return [event["data"] for event in items if event["type"] == type_]


def test_D_8_3_what_ends_soonest_is_used_first(now: Clock, alma: Shop) -> None:
    card = card_of(alma, rules={"life": DAYS})
    alma.post(f"{card}/accrue", {"value": 10})
    now.move(days=2)
    alma.post(f"{card}/accrue", {"value": 10})
    assert alma.get(card)["units_expire_at"] == "2026-12-01T22:59:59Z"
    alma.post(f"{card}/redeem-points", {"value": 8})
    assert alma.get(card)["units_expire_at"] == "2026-12-01T22:59:59Z"
    alma.post(f"{card}/redeem-points", {"value": 2})
    assert alma.get(card)["units_expire_at"] == "2026-12-03T22:59:59Z"
    now.set("2026-12-03T00:00:00+01:00")
    assert points(alma, card) == 10
    alma.post(f"{card}/redeem-points", {"value": 10})
    assert alma.get(card)["units_expire_at"] is None


def test_D_8_3_a_late_job_allows_no_use(now: Clock, alma: Shop) -> None:
    card = card_of(alma, rules={"life": DAYS})
    alma.post(f"{card}/accrue", {"value": 10})
    now.set("2026-12-01T23:59:59+01:00")
    alma.post(f"{card}/redeem-points", {"value": 1})
    now.set("2026-12-02T00:00:00+01:00")
    refused = alma.refused("POST", f"{card}/redeem-points", {"value": 1})
    assert (refused["code"], refused["facts"]["available"]) == ("INSUFFICIENT_BALANCE", 0)
    posted = alma.post(f"{card}/accrue", {"value": 5})
    assert posted["figures"]["points"] == 5
    assert types(alma, card) == ["accrue_points", "expire", "redeem_points", "accrue_points"]


def test_D_8_3_one_entry_per_card_and_run_at_midnight(
    now: Clock, alma: Shop, bruno: Shop, parts: Parts
) -> None:
    card = card_of(alma, rules={"life": {"kind": "end_of_month"}})
    theirs = card_of(bruno)
    for shop, path in ((alma, card), (bruno, theirs)):
        for _ in range(3):
            shop.post(f"{path}/accrue", {"value": 10})
            now.move(minutes=10)
    version = alma.get(card)["version"]
    now.set("2026-11-30T23:59:59+01:00")
    parts.worker.work_once()
    assert points(alma, card) == 30
    now.set("2026-12-01T00:00:00+01:00")
    parts.worker.work_once()
    entry = alma.get(f"{card}/transactions")["items"][0]
    assert (entry["type"], entry["deltas"]) == ("expire", {"points": -30})
    assert (entry["actor"]["kind"], entry["channel"]) == ("system", "job")
    shown = alma.get(card)
    assert (shown["figures"]["points"], shown["units_expire_at"]) == (0, None)
    assert shown["version"] > version
    parts.worker.work_once()
    assert types(alma, card).count("expire") == 1
    assert (points(bruno, theirs), types(bruno, theirs).count("expire")) == (30, 0)


def test_D_8_3_units_without_an_end_are_used_last(now: Clock, alma: Shop) -> None:
    template = alma.template("points")
    card = f"/cards/{alma.card(template['id'])['id']}"
    alma.post(f"{card}/accrue", {"value": 10})
    alma.call("PATCH", f"/templates/{template['id']}", {"rules": {"life": DAYS}})
    alma.post(f"{card}/accrue", {"value": 10})
    alma.post(f"{card}/redeem-points", {"value": 4})
    now.move(days=11)
    assert alma.post(f"{card}/accrue", {"value": 1})["figures"]["points"] == 11


def test_D_8_3_undo_gives_back_to_the_same_lots(now: Clock, alma: Shop) -> None:
    card = card_of(alma, rules={"life": DAYS})
    alma.post(f"{card}/accrue", {"value": 10})
    now.move(days=2)
    alma.post(f"{card}/accrue", {"value": 10})
    used = alma.post(f"{card}/redeem-points", {"value": 15})["entry"]
    assert alma.get(card)["units_expire_at"] == "2026-12-03T22:59:59Z"
    alma.post(f"/transactions/{used['id']}/undo")
    assert alma.get(card)["units_expire_at"] == "2026-12-01T22:59:59Z"
    now.set("2026-12-02T00:00:00+01:00")
    assert alma.post(f"{card}/accrue", {"value": 1})["figures"]["points"] == 11


def test_D_8_3_what_comes_back_to_a_lot_that_is_over_ends_at_once(now: Clock, alma: Shop) -> None:
    card = card_of(alma, rules={"life": DAYS})
    alma.post(f"{card}/accrue", {"value": 10})
    used = alma.post(f"{card}/redeem-points", {"value": 4})["entry"]
    now.move(days=12)
    undone = alma.post(f"/transactions/{used['id']}/undo")
    assert undone["figures"]["points"] == 0
    assert types(alma, card) == ["expire", "reverse", "expire", "redeem_points", "accrue_points"]
    newest = alma.get(f"{card}/transactions")["items"][0]
    assert newest["deltas"] == {"points": -4}


def test_D_8_3_undo_of_an_earning_takes_what_was_used_from_other_lots(
    now: Clock, alma: Shop
) -> None:
    card = card_of(alma, rules={"life": DAYS})
    first = alma.post(f"{card}/accrue", {"value": 10})["entry"]
    alma.post(f"{card}/redeem-points", {"value": 6})
    refused = alma.refused("POST", f"/transactions/{first['id']}/undo")
    assert refused["code"] == "INSUFFICIENT_BALANCE"
    now.move(days=2)
    alma.post(f"{card}/accrue", {"value": 10})
    assert alma.post(f"/transactions/{first['id']}/undo")["figures"]["points"] == 4
    assert alma.get(card)["units_expire_at"] == "2026-12-03T22:59:59Z"
    now.set("2026-12-02T00:00:00+01:00")
    assert alma.post(f"{card}/accrue", {"value": 1})["figures"]["points"] == 5
    now.set("2026-12-04T00:00:00+01:00")
    assert alma.post(f"{card}/accrue", {"value": 1})["figures"]["points"] == 2


def test_D_8_3_what_ran_out_is_not_undone(now: Clock, alma: Shop, parts: Parts) -> None:
    card = card_of(alma, rules={"life": DAYS})
    earned = alma.post(f"{card}/accrue", {"value": 10})["entry"]
    now.move(days=12)
    parts.worker.work_once()
    gone = alma.get(f"{card}/transactions")["items"][0]
    assert alma.refused("POST", f"/transactions/{gone['id']}/undo")["code"] == "HAS_RUN_OUT"
    refused = alma.refused("POST", f"/transactions/{earned['id']}/undo")
    assert refused["code"] == "INSUFFICIENT_BALANCE"


def test_D_8_3_every_new_stamp_renews_all(now: Clock, alma: Shop, parts: Parts) -> None:
    life = {"kind": "days_after_last_stamp", "days": 30}
    card = card_of(alma, "stamp", rules={"life": life})
    alma.post(f"{card}/add-stamps", {"value": 3})
    assert alma.get(card)["units_expire_at"] == "2026-12-21T22:59:59Z"
    now.move(days=20)
    second = alma.post(f"{card}/add-stamps", {"value": 1})["entry"]
    assert alma.get(card)["units_expire_at"] == "2027-01-10T22:59:59Z"
    alma.post(f"/transactions/{second['id']}/undo")
    assert alma.get(card)["units_expire_at"] == "2026-12-21T22:59:59Z"
    alma.post(f"{card}/add-stamps", {"value": 1})
    now.set("2026-12-22T00:00:00+01:00")
    parts.worker.work_once()
    assert alma.get(card)["figures"]["stamps"] == 4
    now.set("2027-01-11T00:00:00+01:00")
    parts.worker.work_once()
    assert alma.get(card)["figures"]["stamps"] == 0
    assert types(alma, card)[0] == "expire"


def test_D_8_3_a_full_round_uses_the_oldest_stamps(now: Clock, alma: Shop) -> None:
    card = card_of(alma, "stamp", rules={"life": DAYS})
    alma.post(f"{card}/add-stamps", {"value": 8})
    now.move(days=5)
    full = alma.post(f"{card}/add-stamps", {"value": 5})
    assert (full["figures"]["stamps"], full["figures"]["rewards_unused"]) == (3, 1)
    assert alma.get(card)["units_expire_at"] == "2026-12-06T22:59:59Z"  # the three are new ones
    alma.post(f"/transactions/{full['entry']['id']}/undo")
    assert alma.get(card)["figures"]["stamps"] == 8
    assert alma.get(card)["units_expire_at"] == "2026-12-01T22:59:59Z"


def test_D_4_2_the_visits_of_a_package_end_together(now: Clock, alma: Shop, parts: Parts) -> None:
    packages = [
        {"visits": 10, "price": "100.00", "valid_days": 90},
        {"visits": 5, "price": "55.00"},
    ]
    card = card_of(alma, "multipass", rules={"packages": packages})
    alma.post(f"{card}/add-visits", {"value": 5})
    assert alma.get(card)["units_expire_at"] is None
    alma.post(f"{card}/add-visits", {"value": 10, "purchase_amount": "100.00"})
    assert alma.get(card)["units_expire_at"] == "2027-02-19T22:59:59Z"
    alma.post(f"{card}/redeem-visits", {"value": 3})
    now.set("2027-02-20T00:00:00+01:00")
    parts.worker.work_once()
    figures = alma.get(card)["figures"]
    assert (figures["available_visits"], figures["redeemed_visits"]) == (5, 3)
    assert figures["sold_visits"] == 15


def test_D_4_4_money_on_a_gift_card_is_good_until_the_end_of_the_third_year(alma: Shop) -> None:
    card = card_of(alma, "gift")
    alma.post(f"{card}/add-money", {"value": "50.00"})
    assert alma.get(card)["units_expire_at"] == "2029-12-31T22:59:59Z"


@pytest.mark.parametrize(
    ("zone", "earned", "midnight"),
    [
        # The clocks change within the ten days, or on the last of them.
        ("Europe/Berlin", "2027-03-20T12:00:00+01:00", "2027-03-31T00:00:00+02:00"),
        ("Europe/Berlin", "2027-10-21T12:00:00+02:00", "2027-11-01T00:00:00+01:00"),
        ("America/New_York", "2027-03-04T12:00:00-05:00", "2027-03-15T00:00:00-04:00"),
        ("America/New_York", "2027-10-28T12:00:00-04:00", "2027-11-08T00:00:00-05:00"),
        ("Asia/Kathmandu", "2028-02-19T23:50:00+05:45", "2028-03-01T00:00:00+05:45"),
    ],
)
def test_D_8_3_local_midnight_wherever_the_merchant_is(
    now: Clock, open_shop: Any, parts: Parts, zone: str, earned: str, midnight: str
) -> None:
    shop = open_shop("Anna", time_zone=zone)
    now.set(earned)
    card = card_of(shop, rules={"life": DAYS})
    shop.post(f"{card}/accrue", {"value": 7})
    now.set(midnight)
    now.move(seconds=-1)
    parts.worker.work_once()
    assert points(shop, card) == 7
    now.move(seconds=1)
    parts.worker.work_once()
    assert points(shop, card) == 0


def test_R_EXP_6_reminders_of_units_with_amount_and_date(
    now: Clock, alma: Shop, parts: Parts
) -> None:
    card = card_of(alma, rules={"life": {"kind": "days_after_earned", "days": 30}})
    alma.post(f"{card}/accrue", {"value": 20})
    ends = {"unit": "points", "ends_at": "2026-12-21T22:59:59+00:00"}
    for moment, reminders in (
        ("2026-12-14T09:59:59+01:00", []),
        ("2026-12-14T10:00:00+01:00", [20]),
        ("2026-12-14T18:00:00+01:00", [20]),
    ):
        now.set(moment)
        parts.worker.work_once()
        assert happened(alma, card, "units_expiring") == [
            ends | {"amount": amount} for amount in reminders
        ]
    alma.post(f"{card}/redeem-points", {"value": 5})
    now.set("2026-12-20T10:00:00+01:00")
    parts.worker.work_once()
    said = [event["amount"] for event in happened(alma, card, "units_expiring")]
    assert said == [15, 20]
