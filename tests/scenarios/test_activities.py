"""Points without a sale: activities, batch awards, shared links (S5.13, S5.15, S5.18-22)."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.conftest import Clock, Shop

WORKSHOP = {"key": "workshop", "name": "Workshop", "points": 20}
SHARING = {"key": "share", "name": "Tell a friend", "points": 5, "proof": "share_link"}
LIKE = {"key": "like", "name": "A like", "points": 2, "proof": "honour"}

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1"
FRIEND = "Mozilla/5.0 (Linux; Android 15) Chrome/130.0 Mobile Safari/537.36"


def template(shop: Shop, *activities: Any, **rules: Any) -> Any:
    return shop.template("points", rules={"activities": [*activities], **rules})


def card_of(shop: Shop, *activities: Any, **rules: Any) -> Any:
    return shop.card(template(shop, *activities, **rules)["id"])


def do(shop: Shop, card: Any, key: str, **more: Any) -> Any:
    return shop.post(f"/cards/{card['id']}/activity", {"activity": key, **more})


def refused(shop: Shop, card: Any, key: str, **more: Any) -> Any:
    return shop.refused("POST", f"/cards/{card['id']}/activity", {"activity": key, **more})


def points_of(shop: Shop, card: Any) -> int:
    points: int = shop.get(f"/cards/{card['id']}")["figures"]["points"]
    return points


def test_S5_18_points_without_a_purchase(alma: Shop) -> None:
    card = card_of(alma, WORKSHOP, purchase_amount_required=True)
    posted = do(alma, card, "workshop", comment="12 November")
    entry = posted["entry"]
    assert (entry["type"], entry["activity"]) == ("activity", "workshop")
    assert entry["deltas"] == {"points": 20, "points_earned": 20}
    assert entry["purchase_amount"] is None
    assert entry["details"]["proof"] == "staff"
    figures = posted["figures"]
    assert (figures["points"], figures["points_lifetime"]) == (20, 20)
    assert (figures["total_visits"], figures["ltv"]) == (0, "0.00")
    problem = refused(alma, card, "workshop", purchase_amount="5.00")
    assert problem["fields"][0]["field"] == "purchase_amount"


def test_S5_22_the_owner_decides_how_many_points(alma: Shop) -> None:
    made = template(alma, WORKSHOP)
    card = alma.card(made["id"])
    assert do(alma, card, "workshop", value=35)["figures"]["points"] == 35
    dearer = {"activities": [{**WORKSHOP, "points": 50}]}
    alma.call("PATCH", f"/templates/{made['id']}", {"rules": dearer})
    assert do(alma, card, "workshop")["figures"]["points"] == 85


def test_an_unknown_activity_is_a_wrong_field(alma: Shop) -> None:
    card = card_of(alma, WORKSHOP)
    problem = refused(alma, card, "lecture")
    assert problem["fields"][0]["field"] == "activity"
    other = alma.card(alma.template("stamp")["id"])
    assert refused(alma, other, "workshop")["code"] == "WRONG_KIND"
    twice = {"rules": {"activities": [WORKSHOP, WORKSHOP]}}
    problem = alma.refused("POST", "/templates", {"kind": "points", "name": "Zwei", **twice})
    assert problem["fields"][0]["field"] == "rules.activities"


def test_D_4_8_limits_follow_the_merchants_calendar(now: Clock, alma: Shop) -> None:
    now.set("2026-11-22T23:30:00+01:00")  # a Sunday
    card = card_of(alma, {**WORKSHOP, "max_per_day": 1, "max_per_week": 2, "max_total": 4})
    do(alma, card, "workshop")
    problem = refused(alma, card, "workshop")
    assert problem["code"] == "LIMIT_PER_DAY"
    assert problem["facts"]["limit"] == problem["facts"]["used"] == 1
    assert problem["facts"]["again_at"] == "2026-11-22T23:00:00Z"
    now.set("2026-11-23T00:10:00+01:00")  # a new day, and a new week
    do(alma, card, "workshop")
    now.set("2026-11-24T12:00:00+01:00")
    do(alma, card, "workshop")
    now.set("2026-11-25T12:00:00+01:00")
    assert refused(alma, card, "workshop")["code"] == "LIMIT_PER_WEEK"
    now.set("2026-11-30T12:00:00+01:00")
    last = do(alma, card, "workshop")
    now.set("2026-12-08T12:00:00+01:00")
    problem = refused(alma, card, "workshop")
    assert (problem["code"], problem["facts"]["again_at"]) == ("LIMIT_IN_ALL", None)

    alma.post(f"/transactions/{last['entry']['id']}/undo")  # what was undone does not count
    assert do(alma, card, "workshop")["figures"]["points"] == 80


def test_limits_are_the_persons_not_the_cards(alma: Shop, bruno: Shop) -> None:
    made = alma.template(
        "points",
        rules={"activities": [{**WORKSHOP, "max_total": 1}]},
        limits={"max_per_customer": None},
    )
    card = alma.card(made["id"])
    second = alma.card(made["id"], customer_id=card["customer"]["id"])
    do(alma, card, "workshop")
    assert refused(alma, second, "workshop")["code"] == "LIMIT_IN_ALL"
    do(alma, alma.card(made["id"]), "workshop")
    do(bruno, card_of(bruno, {**WORKSHOP, "max_total": 1}), "workshop")


def test_a_limit_can_be_overridden_with_a_reason(alma: Shop) -> None:
    card = card_of(alma, {**WORKSHOP, "max_total": 1})
    do(alma, card, "workshop")
    posted = do(alma, card, "workshop", override=True, comment="held two of them")
    assert posted["entry"]["details"]["override"] == ["LIMIT_IN_ALL"]


def test_AMB_32_honour_once_in_so_many_days(now: Clock, alma: Shop) -> None:
    card = card_of(alma, {**LIKE, "days_between": 7}, WORKSHOP)
    posted = do(alma, card, "like", proof="honour")
    assert posted["entry"]["details"]["proof"] == "honour"
    now.set("2026-11-27T23:59:00+01:00")
    problem = refused(alma, card, "like", proof="honour")
    assert problem["code"] == "TOO_SOON"
    assert problem["facts"]["again_at"] == "2026-11-27T23:00:00Z"
    now.set("2026-11-28T00:01:00+01:00")
    assert do(alma, card, "like", proof="honour")["figures"]["points"] == 4

    assert refused(alma, card, "workshop", proof="honour")["code"] == "PROOF_NEEDED"
    now.move(days=7)
    problem = refused(alma, card, "like", proof="honour", value=500)
    assert problem["fields"][0]["field"] == "value"
    assert points_of(alma, card) == 4


# --- a batch of awards ---------------------------------------------------------------------------


def award(shop: Shop, made: Any, cards: list[str], **more: Any) -> Any:
    body = {"batch": "workshop 12 Nov", "activity": "workshop", "cards": cards, **more}
    return shop.post(f"/templates/{made['id']}/awards", body)


def test_S5_19_a_batch_gives_each_card_its_points_once(alma: Shop, bruno: Shop) -> None:
    made = template(alma, {**WORKSHOP, "max_total": 1})
    cards = [alma.card(made["id"]) for _ in range(4)]
    foreign = bruno.card(template(bruno, WORKSHOP)["id"])
    other = alma.card(template(alma, WORKSHOP)["id"])
    do(alma, cards[1], "workshop")
    alma.post(f"/cards/{cards[2]['id']}/status", {"status": "deleted"})
    names = [
        cards[3]["serial_number"],
        cards[0]["id"],
        cards[1]["id"],
        cards[2]["id"],
        foreign["id"],
        other["id"],
        "no card",
        cards[0]["serial_number"],
    ]
    answer = award(alma, made, names)
    assert [(item["card"], item["result"], item["code"]) for item in answer["items"]] == [
        (names[0], "awarded", None),
        (names[1], "awarded", None),
        (names[2], "refused", "LIMIT_IN_ALL"),
        (names[3], "refused", "CARD_DELETED"),
        (names[4], "refused", "NOT_FOUND"),
        (names[5], "refused", "NOT_FOUND"),
        (names[6], "refused", "NOT_FOUND"),
        (names[7], "already", None),
    ]
    assert (answer["awarded"], answer["already"], answer["refused"]) == (2, 1, 5)
    assert answer["items"][1]["entry_id"] == answer["items"][7]["entry_id"]
    assert [points_of(alma, card) for card in cards] == [20, 20, 0, 20]

    again = award(alma, made, names[:2])
    assert (again["awarded"], again["already"]) == (0, 2)
    assert [points_of(alma, card) for card in cards] == [20, 20, 0, 20]
    assert points_of(bruno, foreign) == 0


def test_a_batch_of_many_goes_on_where_it_was_cut_off(alma: Shop) -> None:
    made = template(alma, WORKSHOP)
    cards = [alma.card(made["id"])["id"] for _ in range(105)]
    first = award(alma, made, cards[:40], value=3)
    assert first["awarded"] == 40
    answer = award(alma, made, cards, value=3)
    assert (answer["awarded"], answer["already"], answer["refused"]) == (65, 40, 0)
    assert [item["card"] for item in answer["items"]] == cards
    assert {item["activity"] for item in alma.get("/transactions?limit=200")["items"]} == {
        "workshop"
    }
    assert len(alma.get("/transactions?limit=200")["items"]) == 105


def test_wrong_fields_of_a_batch(alma: Shop) -> None:
    made = template(alma, WORKSHOP)
    path = f"/templates/{made['id']}/awards"
    body = {"batch": "b", "activity": "lecture", "cards": ["1"]}
    assert alma.refused("POST", path, body)["fields"][0]["field"] == "activity"
    body = {"batch": " ", "activity": "workshop", "cards": []}
    problem = alma.refused("POST", path, body)
    assert {field["field"] for field in problem["fields"]} == {"batch", "cards"}
    stamps = alma.template("stamp")
    body = {"batch": "b", "activity": "workshop", "cards": ["1"]}
    problem = alma.refused("POST", f"/templates/{stamps['id']}/awards", body)
    assert problem["fields"][0]["field"] == "template_id"


# --- shared links --------------------------------------------------------------------------------


def share(shop: Shop, card: Any, **more: Any) -> str:
    body = {"activity": "share", "browser": PHONE, "address": "127.0.0.1", **more}
    url: str = shop.post(f"/cards/{card['id']}/share-links", body)["url"]
    return url.removeprefix("http://127.0.0.1:8000")


def go_on(app: Flask, path: str, browser: str, method: str = "POST", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return app.test_client().open(path, method=method, headers={"User-Agent": browser, **named})


def test_AMB_32_a_shared_link_brings_points_once_somebody_else_goes_on(
    app: Flask, alma: Shop
) -> None:
    made = template(alma, SHARING)
    card = alma.card(made["id"])
    path = share(alma, card)
    page = go_on(app, path, FRIEND, "GET")
    assert page.status_code == 200
    assert "Tell a friend" in page.text
    assert "Alma" in page.text
    assert "Anna" not in page.text
    assert points_of(alma, card) == 0  # a GET changes nothing

    leads_to = f"/join/{made['slug']}?src=share"
    assert go_on(app, path, FRIEND).headers["Location"] == leads_to
    assert points_of(alma, card) == 5
    (entry,) = alma.get(f"/cards/{card['id']}/transactions")["items"]
    assert (entry["type"], entry["activity"]) == ("activity", "share")
    assert entry["details"]["proof"] == "share_link"
    assert (entry["actor"]["kind"], entry["channel"]) == ("customer", "portal")

    assert go_on(app, path, "Another browser").headers["Location"] == leads_to
    assert points_of(alma, card) == 5


@pytest.mark.parametrize(
    ("method", "browser", "headers", "status"),
    [
        ("POST", PHONE, {}, 303),  # the device that made the link
        ("POST", "WhatsApp/2.24.20", {}, 303),
        ("POST", "facebookexternalhit/1.1", {}, 303),
        ("HEAD", FRIEND, {}, 200),
        ("POST", FRIEND, {"Sec_Fetch_Site": "cross-site"}, 403),
    ],
)
def test_AMB_32_who_proves_nothing_earns_nothing(
    app: Flask, alma: Shop, method: str, browser: str, headers: dict[str, str], status: int
) -> None:
    card = card_of(alma, SHARING)
    path = share(alma, card)
    assert go_on(app, path, browser, method, **headers).status_code == status
    assert points_of(alma, card) == 0
    go_on(app, path, FRIEND)  # and the link is as good as before
    assert points_of(alma, card) == 5


def test_limits_hold_for_shared_links_and_the_visitor_does_not_notice(
    now: Clock, app: Flask, alma: Shop
) -> None:
    card = card_of(alma, {**SHARING, "max_per_day": 1})
    first, second = share(alma, card), share(alma, card)
    go_on(app, first, FRIEND)
    assert go_on(app, second, FRIEND).status_code == 303
    assert points_of(alma, card) == 5
    now.move(days=1)
    go_on(app, second, FRIEND)
    assert points_of(alma, card) == 10


def test_a_link_needs_an_activity_that_is_proven_by_one(alma: Shop) -> None:
    card = card_of(alma, WORKSHOP, SHARING)
    path = f"/cards/{card['id']}/share-links"
    problem = alma.refused("POST", path, {"activity": "workshop"})
    assert problem["fields"][0]["field"] == "activity"
    other = alma.card(alma.template("stamp")["id"])
    path = f"/cards/{other['id']}/share-links"
    assert alma.refused("POST", path, {"activity": "share"})["code"] == "WRONG_KIND"
    for _ in range(20):
        share(alma, card)
    problem = alma.refused("POST", f"/cards/{card['id']}/share-links", {"activity": "share"})
    assert problem["code"] == "TOO_MANY_LINKS"


def test_an_unknown_link_is_nobodys(app: Flask) -> None:
    assert go_on(app, "/s/nothing", FRIEND, "GET").status_code == 404
    assert go_on(app, "/s/nothing", FRIEND).status_code == 404


# --- other words, and all points of a customer ---------------------------------------------------


def test_S5_20_a_school_has_its_own_words(parts: Any, alma: Shop) -> None:
    made = alma.template(
        "points",
        name={"en": "Star card of class 4b", "de": "Sternekarte der 4b"},
        fields=[{"figure": "points", "place": "primary", "label": {"en": "Stars", "de": "Sterne"}}],
        rules={"activities": [{"key": "homework", "name": {"de": "Hausaufgabe"}, "points": 3}]},
    )
    alma.post(f"/templates/{made['id']}/rewards", {"name": "Hausaufgabenfrei", "cost": 30})
    pupil = alma.card(made["id"], customer={"first_name": "Mia"})
    do(alma, pupil, "homework")
    page = parts.app.test_client().get(pupil["links"]["pwa"].removeprefix("http://127.0.0.1:8000"))
    assert "Sterne" in page.text
    assert "Sternekarte der 4b" in page.text
    assert "<b>Hausaufgabenfrei</b>" in page.text
    assert ">30 Sterne</span>" in page.text
    assert "Punkte" not in page.text


def test_S5_13_the_points_of_a_customer_over_all_cards(alma: Shop, bruno: Shop) -> None:
    made = template(alma, WORKSHOP)
    card = alma.card(made["id"], opening={"points": 7})
    who = card["customer"]["id"]
    cashback = alma.card(alma.template("cashback")["id"], customer_id=who)
    alma.post(f"/cards/{cashback['id']}/accrue", {"value": 11})
    do(alma, card, "workshop")
    alma.post(f"/cards/{card['id']}/subtract-points", {"value": 2})
    alma.post(f"/cards/{card['id']}/purchase", {"purchase_amount": "12.50"})
    other = alma.card(made["id"], customer={"first_name": "Ben"})
    bruno.card(template(bruno, WORKSHOP)["id"], opening={"points": 99})

    totals = alma.get(f"/customers/{who}")["totals"]
    assert totals == {"points": 36, "points_lifetime": 38, "ltv": "12.50"}
    listed = {row["id"]: row["totals"] for row in alma.get("/customers")["items"]}
    nothing = {"points": 0, "points_lifetime": 0, "ltv": "0.00"}
    assert listed == {who: totals, other["customer"]["id"]: nothing}
