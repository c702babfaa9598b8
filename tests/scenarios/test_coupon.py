"""Acceptance scenarios of the coupon, through the HTTP API (D.4.5, T-CO-1)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import Clock, Shop
from tests.scenarios.test_apple_pass import download, fields_of


def redeem(shop: Shop, card: Any) -> Any:
    return shop.post(f"/cards/{card['id']}/redeem-coupon")


def refusal(shop: Shop, card: Any) -> Any:
    problem = shop.refused("POST", f"/cards/{card['id']}/redeem-coupon", {})
    assert problem["status"] == 409
    return problem


def transactions(shop: Shop, card_id: str) -> list[Any]:
    items: list[Any] = shop.get(f"/cards/{card_id}/transactions")["items"]
    return items


def converting(shop: Shop, **rules: Any) -> tuple[Any, Any]:
    """A stamp card's template, and that of a coupon that turns into it with one stamp."""
    stamps = shop.template("stamp")
    rules = {"convert_to": stamps["id"], "convert_bonus": 1} | rules
    return stamps, shop.template("coupon", rules=rules)


def test_T_CO_1_the_second_redemption_is_refused_with_the_date_of_the_first(
    now: Clock, alma: Shop
) -> None:
    card = alma.card(alma.template("coupon")["id"])
    assert card["figures"]["coupon_state"] == "unredeemed"
    first = redeem(alma, card)
    assert (first["entry"]["type"], first["entry"]["deltas"]) == (
        "redeem_coupon", {"redemptions": 1, "total_visits": 1},
    )  # fmt: skip
    assert first["figures"]["coupon_state"] == "redeemed"
    assert first["figures"]["redeemed_at"] == "2026-11-21T09:00:00Z"
    assert first["card"]["successor"] is None
    now.move(days=3)
    second = refusal(alma, card)
    assert second["code"] == "ALREADY_REDEEMED"
    assert second["facts"] == {"redeemed_at": "2026-11-21T09:00:00Z"}
    assert "21 Nov 2026" in second["detail"]
    assert len(transactions(alma, card["id"])) == 1


def test_T_CO_1_the_coupon_turns_into_a_stamp_card_with_one_stamp(
    now: Clock, alma: Shop, bruno: Shop
) -> None:
    stamps, template = converting(alma)
    card = alma.card(template["id"], customer={"first_name": "Anna", "last_name": "Mayer"})
    now.move(minutes=5)
    after = redeem(alma, card)["card"]
    made = alma.get(f"/cards/{after['successor']['id']}")
    assert made["template"]["id"] == stamps["id"]
    assert made["customer"] == card["customer"]
    assert made["issue_channel"] == "conversion"
    assert made["utm"]["source"] == "conversion"
    assert made["serial_number"] == after["successor"]["serial_number"] != card["serial_number"]
    assert made["links"]["install"] == after["successor"]["install"]
    assert (made["figures"]["stamps"], made["figures"]["ltv"]) == (1, "0.00")
    assert made["figures"]["total_visits"] == 0
    [bonus] = transactions(alma, made["id"])
    assert (bonus["type"], bonus["actor"]["kind"]) == ("welcome_bonus", "system")
    for shown in (card, made):
        events = alma.get(f"/cards/{shown['id']}/events")["items"]
        [converted] = [event for event in events if event["type"] == "converted"]
        assert converted["data"] == {
            "coupon": card["serial_number"], "successor": made["serial_number"], "is_new": True,
        }  # fmt: skip
    assert bruno.call("GET", f"/cards/{made['id']}").status_code == 404


def test_a_customer_who_has_the_card_already_gets_the_bonus_on_it(alma: Shop) -> None:
    stamps, template = converting(alma, convert_bonus=2)
    held = alma.card(stamps["id"], opening={"stamps": 3})
    card = alma.card(template["id"], customer_id=held["customer"]["id"])
    posted = redeem(alma, card)
    assert posted["card"]["successor"]["id"] == held["id"]
    assert alma.get(f"/cards/{held['id']}")["figures"]["stamps"] == 5
    alma.post(f"/transactions/{posted['entry']['id']}/undo")
    after = alma.get(f"/cards/{held['id']}")
    assert (after["figures"]["stamps"], after["status"]) == (3, "not_installed")


def test_a_bonus_that_was_used_holds_the_redemption(alma: Shop) -> None:
    stamps, template = converting(alma, convert_bonus=2)
    held = alma.card(stamps["id"])
    card = alma.card(template["id"], customer_id=held["customer"]["id"])
    posted = redeem(alma, card)
    alma.post(f"/cards/{held['id']}/subtract-stamps", {"value": 1})
    problem = alma.refused("POST", f"/transactions/{posted['entry']['id']}/undo")
    assert (problem["code"], problem["facts"]) == ("COUNTED_ON", {"card_id": held["id"]})
    assert alma.get(f"/cards/{card['id']}")["figures"]["coupon_state"] == "redeemed"
    assert alma.get(f"/cards/{held['id']}")["figures"]["stamps"] == 1


def test_when_the_new_card_may_not_be_issued_nothing_happens(alma: Shop) -> None:
    stamps = alma.template("stamp", limits={"max_issued": 1})
    template = alma.template("coupon", rules={"convert_to": stamps["id"], "convert_bonus": 1})
    alma.card(stamps["id"])
    card = alma.card(template["id"])
    problem = refusal(alma, card)
    assert (problem["code"], problem["facts"]["limit"]) == ("ISSUE_LIMIT", "max_issued")
    after = alma.get(f"/cards/{card['id']}")
    assert (after["figures"]["coupon_state"], after["version"]) == ("unredeemed", card["version"])
    assert (after["successor"], transactions(alma, card["id"])) == (None, [])
    assert len(alma.get(f"/cards?template_id={stamps['id']}")["items"]) == 1


def test_a_preview_makes_no_card(alma: Shop) -> None:
    stamps, template = converting(alma)
    card = alma.card(template["id"])
    tried = alma.post(f"/cards/{card['id']}/preview", {"operation": "redeem-coupon"})
    assert (tried["allowed"], tried["figures_after"]["coupon_state"]) == (True, "redeemed")
    assert alma.get(f"/cards/{card['id']}")["figures"]["coupon_state"] == "unredeemed"
    assert alma.get(f"/cards?template_id={stamps['id']}")["items"] == []


def test_R_LED_6_an_undo_brings_the_coupon_back_and_withdraws_the_new_card(
    now: Clock, alma: Shop
) -> None:
    _, template = converting(alma)
    card = alma.card(template["id"])
    first = redeem(alma, card)
    now.move(minutes=1)
    undone = alma.post(f"/transactions/{first['entry']['id']}/undo")
    assert undone["figures"]["coupon_state"] == "unredeemed"
    assert (undone["figures"]["redeemed_at"], undone["card"]["successor"]) == (None, None)
    gone = alma.get(f"/cards/{first['card']['successor']['id']}")
    assert (gone["status"], gone["status_cause"]) == ("deleted", "merchant")
    assert gone["figures"]["stamps"] == 0
    again = redeem(alma, card)["card"]["successor"]
    assert again["id"] != gone["id"]
    assert alma.get(f"/cards/{again['id']}")["figures"]["stamps"] == 1


def test_R_LED_6_an_undo_is_refused_once_the_new_card_was_used(alma: Shop) -> None:
    _, template = converting(alma)
    posted = redeem(alma, alma.card(template["id"]))
    made = posted["card"]["successor"]["id"]
    used = alma.post(f"/cards/{made}/add-stamps", {"value": 1})
    undo = f"/transactions/{posted['entry']['id']}/undo"
    assert alma.refused("POST", undo)["code"] == "COUNTED_ON"
    assert alma.get(f"/cards/{made}")["figures"]["stamps"] == 2
    alma.post(f"/transactions/{used['entry']['id']}/undo")
    alma.post(undo)
    assert alma.get(f"/cards/{made}")["status"] == "deleted"


# --- dates and limits ----------------------------------------------------------------------------


def test_a_coupon_is_good_on_the_merchants_days(now: Clock, alma: Shop) -> None:
    template = alma.template(
        "coupon", rules={"valid_from": "2026-11-23", "valid_until": "2026-11-24"}
    )
    early, first, last, late = (alma.card(template["id"]) for _ in range(4))
    now.set("2026-11-22T22:59:59+00:00")  # one second before Monday in Berlin
    problem = refusal(alma, early)
    assert (problem["code"], problem["facts"]) == ("COUPON_NOT_YET", {"valid_from": "2026-11-23"})
    assert "23 Nov 2026" in problem["detail"]
    now.move(seconds=1)
    redeem(alma, first)
    now.set("2026-11-24T22:59:59+00:00")
    redeem(alma, last)
    now.move(seconds=1)
    problem = refusal(alma, late)
    assert (problem["code"], problem["facts"]) == ("COUPON_OVER", {"valid_until": "2026-11-24"})
    # That it was used is what matters of one that was.
    assert refusal(alma, first)["code"] == "ALREADY_REDEEMED"


def test_not_more_are_redeemed_than_the_merchant_allows(alma: Shop) -> None:
    template = alma.template("coupon", rules={"max_redemptions": 2})
    cards = [alma.card(template["id"]) for _ in range(3)]
    other = alma.card(alma.template("coupon", name="another")["id"])
    first = redeem(alma, cards[0])
    redeem(alma, cards[1])
    problem = refusal(alma, cards[2])
    assert (problem["code"], problem["facts"]) == ("REDEMPTION_LIMIT", {"limit": 2})
    assert alma.get(f"/cards/{cards[2]['id']}")["figures"]["coupon_state"] == "unredeemed"
    redeem(alma, other)
    alma.post(f"/transactions/{first['entry']['id']}/undo")
    redeem(alma, cards[2])


def test_the_last_redemption_goes_to_one_of_many(alma: Shop) -> None:
    template = alma.template("coupon", rules={"max_redemptions": 3})
    cards = [alma.card(template["id"]) for _ in range(10)]

    def till(card: Any) -> int:
        own = Shop(alma.merchant_id, alma.slug, alma.key, alma.client.application.test_client())
        status: int = own.call("POST", f"/cards/{card['id']}/redeem-coupon", {}).status_code
        return status

    with ThreadPoolExecutor(5) as tills:
        answers = sorted(tills.map(till, cards))
    assert answers == [201] * 3 + [409] * 7


def test_two_tills_make_one_card_of_one_coupon(alma: Shop) -> None:
    stamps, template = converting(alma)
    card = alma.card(template["id"])

    def till(_: int) -> int:
        own = Shop(alma.merchant_id, alma.slug, alma.key, alma.client.application.test_client())
        status: int = own.call("POST", f"/cards/{card['id']}/redeem-coupon", {}).status_code
        return status

    with ThreadPoolExecutor(4) as tills:
        answers = sorted(tills.map(till, range(4)))
    assert answers == [201, 409, 409, 409]
    assert len(alma.get(f"/cards?template_id={stamps['id']}")["items"]) == 1


def test_one_coupon_per_customer(alma: Shop) -> None:
    template = alma.template("coupon")
    card = alma.card(template["id"])
    body = {"template_id": template["id"], "customer_id": card["customer"]["id"]}
    assert alma.refused("POST", "/cards", body)["code"] == "ISSUE_LIMIT"


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"convert_to": "11111111-1111-1111-1111-111111111111"}, "rules.convert_to"),
        ({"convert_bonus": 1}, "rules"),
        ({"valid_from": "2026-11-22", "valid_until": "2026-11-21"}, "rules"),
        ({"max_redemptions": 0}, "rules.max_redemptions"),
    ],
)
def test_rules_that_make_no_sense(alma: Shop, rules: Any, field: str) -> None:
    body = {"kind": "coupon", "name": "x", "rules": rules}
    problem = alma.refused("POST", "/templates", body)
    assert [wrong["field"] for wrong in problem["fields"]] == [field]


def test_a_coupon_turns_into_another_active_template_of_the_merchant(
    alma: Shop, bruno: Shop
) -> None:
    paused = alma.template("stamp", status="paused")
    coupon = alma.template("coupon")
    for wrong in (paused["id"], coupon["id"], bruno.template("stamp")["id"]):
        body = {"rules": {"convert_to": wrong}}
        problem = alma.refused("PATCH", f"/templates/{coupon['id']}", body)
        assert [found["field"] for found in problem["fields"]] == ["rules.convert_to"]


# --- what the pass shows -------------------------------------------------------------------------


def test_the_pass_shows_the_offer_and_then_the_way_to_the_new_card(now: Clock, alma: Shop) -> None:
    _, template = converting(
        alma,
        offer={"de": "Ein Kaffee aufs Haus", "en": "A coffee on us", "nl": "Een koffie van ons"},
        valid_until="2026-12-31",
    )
    card = alma.card(template["id"])
    file = download(alma, card)
    shown = json.loads(file.read("pass.json"))
    assert shown["expirationDate"] == "2026-12-31T22:59:59Z"
    fields = fields_of(shown, "coupon")
    assert fields["valid_until"]["value"].startswith("2026-12-31")
    assert "successor" not in fields
    for language, offer in (("de", "Ein Kaffee aufs Haus"), ("nl", "Een koffie van ons")):
        strings = file.read(f"{language}.lproj/pass.strings").decode("utf-16")
        assert f'"{fields["offer"]["value"]}" = "{offer}";' in strings
    now.move(minutes=1)
    posted = redeem(alma, card)
    after = fields_of(json.loads(download(alma, posted["card"]).read("pass.json")), "coupon")
    assert after["coupon_state"]["value"] != fields["coupon_state"]["value"]
    assert "%@" in after["coupon_state"]["changeMessage"]
    assert posted["card"]["successor"]["install"] in after["successor"]["attributedValue"]
    assert "%@" in after["successor"]["changeMessage"]
