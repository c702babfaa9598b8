"""Acceptance scenarios of the membership, through the HTTP API (D.4.7)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from passes.ledger.wake import wake_due
from passes.store import Store
from tests.conftest import Clock, Shop
from tests.scenarios.test_apple_pass import download, fields_of

GYM: dict[str, Any] = {
    "plans": [
        {
            "key": "monthly",
            "name": {"de": "Monatlich", "en": "Monthly", "nl": "Maandelijks"},
            "price": "29.00",
            "visits_per_period": 8,
            "grace_days": 3,
        },
        {"key": "yearly", "name": "Jahr", "price": "290.00", "period": "year"},
    ]
}


def gym(shop: Shop, **first_plan: Any) -> Any:
    plans = [{**GYM["plans"][0], **first_plan}, GYM["plans"][1]]
    return shop.template("membership", rules={"plans": plans})


def shown(card: Any) -> tuple[Any, ...]:
    figures = card["figures"]
    return figures["membership_state"], figures["period_ends_at"], figures["visits_left"]


def state(shop: Shop, card: Any) -> Any:
    scanned = shop.post("/scan", {"code": card["code"]})["card"]
    assert scanned["validity"] == "valid"
    return scanned["figures"]


def book(shop: Shop, card: Any, verb: str, **body: Any) -> Any:
    return shop.post(f"/cards/{card['id']}/{verb}", body)


def refusal(shop: Shop, card: Any, verb: str, **body: Any) -> Any:
    problem = shop.refused("POST", f"/cards/{card['id']}/{verb}", body)
    assert problem["status"] == 409
    return problem


def test_D_4_7_a_member_pays_comes_and_lapses(now: Clock, alma: Shop, bruno: Shop) -> None:
    card = alma.card(gym(alma)["id"])
    assert shown(card) == ("lapsed", None, 0)
    assert refusal(alma, card, "check-in")["code"] == "MEMBERSHIP_LAPSED"
    paid = book(alma, card, "renew", purchase_amount="29.00")
    assert paid["entry"]["type"] == "renew"
    assert shown(paid) == ("active", "2026-12-21T22:59:59Z", 8)
    assert (paid["figures"]["plan"], paid["figures"]["ltv"]) == ("monthly", "29.00")
    came = book(alma, card, "check-in")
    assert (came["entry"]["type"], came["entry"]["deltas"]) == (
        "check_in", {"available_visits": -1, "redeemed_visits": 1, "total_visits": 1},
    )  # fmt: skip
    assert book(alma, card, "redeem-visits", value=6)["figures"]["visits_left"] == 1
    now.set("2026-12-22T09:00:00+01:00")
    assert (state(alma, card)["membership_state"], state(alma, card)["admits"]) == (
        "past_due", True,
    )  # fmt: skip
    assert book(alma, card, "check-in")["figures"]["visits_left"] == 0
    problem = refusal(alma, card, "check-in")
    assert (problem["code"], problem["facts"]) == ("NO_VISITS_LEFT", {"available": 0, "wanted": 1})
    now.set("2026-12-25T09:00:00+01:00")
    assert (state(alma, card)["membership_state"], state(alma, card)["admits"]) == (
        "lapsed", False,
    )  # fmt: skip
    problem = refusal(alma, card, "check-in")
    assert problem["code"] == "MEMBERSHIP_LAPSED"
    assert problem["facts"] == {"ended_at": "2026-12-21T22:59:59Z"}
    assert "21 Dec 2026" in problem["detail"]
    again = book(alma, card, "renew", purchase_amount="29.00")
    assert shown(again) == ("active", "2027-01-25T22:59:59Z", 8)
    assert (again["figures"]["ltv"], again["figures"]["redeemed_visits"]) == ("58.00", 8)
    assert bruno.call("POST", f"/cards/{card['id']}/renew", {}).status_code == 404


def test_D_4_7_a_trial_begins_with_the_card_and_never_again(now: Clock, alma: Shop) -> None:
    card = alma.card(gym(alma, trial_days=14)["id"])
    assert shown(card) == ("trial", "2026-12-05T22:59:59Z", 8)
    [begun] = alma.get(f"/cards/{card['id']}/transactions")["items"]
    assert (begun["type"], begun["actor"]["kind"]) == ("start_membership", "system")
    book(alma, card, "check-in")
    now.set("2026-12-06T09:00:00+01:00")
    assert state(alma, card)["membership_state"] == "lapsed"
    assert shown(book(alma, card, "renew")) == ("active", "2027-01-06T22:59:59Z", 8)


def test_D_4_7_a_free_plan_begins_with_the_card(alma: Shop) -> None:
    club = alma.template(
        "membership", rules={"plans": [{"key": "club", "name": "Club", "period": "lifetime"}]}
    )
    card = alma.card(club["id"])
    assert shown(card) == ("active", None, None)
    assert (card["figures"]["plan"], card["figures"]["admits"]) == ("club", True)
    assert refusal(alma, card, "renew")["code"] == "NEVER_ENDS"


def test_D_4_7_who_was_a_member_elsewhere_has_no_trial(alma: Shop) -> None:
    card = alma.card(gym(alma, trial_days=14)["id"], opening={"total_visits": 120})
    assert shown(card) == ("lapsed", None, 0)
    assert card["figures"]["total_visits"] == 120


def test_D_4_7_plans_change_at_once_and_end_with_their_period(now: Clock, alma: Shop) -> None:
    card = alma.card(gym(alma)["id"])
    book(alma, card, "renew")
    changed = book(alma, card, "change-plan", plan="yearly", purchase_amount="290.00")
    assert shown(changed) == ("active", "2027-11-21T22:59:59Z", None)
    assert changed["figures"]["plan"] == "yearly"
    cancelled = book(alma, card, "cancel-membership", comment="moves away")
    assert shown(cancelled) == ("cancelled", "2027-11-21T22:59:59Z", None)
    assert cancelled["figures"]["admits"] is True
    now.set("2027-11-22T09:00:00+01:00")
    assert state(alma, card)["membership_state"] == "lapsed"


@pytest.mark.parametrize(
    ("verb", "body"),
    [("change-plan", {}), ("change-plan", {"plan": "x"}), ("renew", {"plan": "x"})],
)
def test_a_wrong_plan_names_its_field(alma: Shop, verb: str, body: Any) -> None:
    card = alma.card(gym(alma)["id"])
    problem = alma.refused("POST", f"/cards/{card['id']}/{verb}", body)
    assert (problem["status"], [wrong["field"] for wrong in problem["fields"]]) == (422, ["plan"])
    assert alma.get(f"/cards/{card['id']}")["version"] == card["version"]


def test_R_LED_6_an_undo_brings_back_the_terms_of_before(now: Clock, alma: Shop) -> None:
    card = alma.card(gym(alma)["id"])
    steps = []
    for verb, body in (
        ("renew", {"purchase_amount": "29.00"}),
        ("check-in", {}),
        ("renew", {"plan": "yearly", "purchase_amount": "290.00"}),
        ("change-plan", {"plan": "monthly"}),
        ("cancel-membership", {}),
    ):
        now.move(hours=1)
        before = alma.get(f"/cards/{card['id']}")["figures"]
        steps.append((before, book(alma, card, verb, **body)["entry"]["id"]))
    for before, entry in reversed(steps):
        now.move(minutes=10)
        assert alma.post(f"/transactions/{entry}/undo")["figures"] == before


def test_R_LED_6_a_change_is_undone_before_what_it_was_reckoned_from(alma: Shop) -> None:
    card = alma.card(gym(alma)["id"])
    first, second = (book(alma, card, "renew")["entry"]["id"] for _ in range(2))
    problem = alma.refused("POST", f"/transactions/{first}/undo")
    assert (problem["code"], problem["facts"]) == ("COUNTED_ON", {"transaction_id": second})
    assert shown(alma.get(f"/cards/{card['id']}"))[1] == "2027-01-21T22:59:59Z"
    alma.post(f"/transactions/{second}/undo")
    assert shown(alma.post(f"/transactions/{first}/undo")) == ("lapsed", None, 0)


def test_R_LED_6_a_period_whose_visits_were_used_is_not_undone(alma: Shop) -> None:
    card = alma.card(gym(alma)["id"])
    paid = book(alma, card, "renew")
    book(alma, card, "check-in")
    undo = f"/transactions/{paid['entry']['id']}/undo"
    assert alma.refused("POST", undo)["code"] == "INSUFFICIENT_BALANCE"


def test_two_tills_let_one_member_in_for_the_last_visit(alma: Shop) -> None:
    card = alma.card(gym(alma, visits_per_period=1)["id"])
    book(alma, card, "renew")

    def till(_: int) -> int:
        own = Shop(alma.merchant_id, alma.slug, alma.key, alma.client.application.test_client())
        status: int = own.call("POST", f"/cards/{card['id']}/check-in", {}).status_code
        return status

    with ThreadPoolExecutor(4) as tills:
        assert sorted(tills.map(till, range(4))) == [201, 409, 409, 409]


def test_D_4_7_the_pass_changes_with_the_period_though_nobody_books(
    now: Clock, alma: Shop, store: Store
) -> None:
    card = alma.card(gym(alma)["id"])
    version = book(alma, card, "renew")["card"]["version"]
    versions = []
    for moment in ("2026-12-21T23:59:59", "2026-12-22T00:00:00", "2026-12-25T00:00:00"):
        now.set(f"{moment}+01:00")
        wake_due(store, now())
        versions.append(alma.get(f"/cards/{card['id']}")["version"] - version)
    assert versions[1:] == [versions[0] + 1, versions[0] + 2]


def test_R_EXP_6_a_member_is_reminded_of_the_end_of_the_period(
    now: Clock, alma: Shop, store: Store
) -> None:
    card = alma.card(gym(alma)["id"])
    book(alma, card, "renew")

    def reminder() -> Any:
        return fields_of(json.loads(download(alma, card).read("pass.json")), "generic")["reminder"]

    quiet = reminder()
    now.set("2026-12-14T09:59:59+01:00")
    wake_due(store, now())
    assert reminder()["value"] == quiet["value"]
    now.set("2026-12-14T10:00:00+01:00")
    wake_due(store, now())
    assert "21" in reminder()["value"]
    assert reminder()["value"] != quiet["value"]
    wake_due(store, now())
    happened = [event["type"] for event in alma.get(f"/cards/{card['id']}/events")["items"]]
    assert happened.count("period_ending") == 1
    book(alma, card, "renew")
    assert reminder()["value"] == quiet["value"]


def test_plans_need_keys_of_their_own(alma: Shop) -> None:
    twice = {"plans": [GYM["plans"][0], GYM["plans"][0]]}
    problem = alma.refused(
        "POST", "/templates", {"kind": "membership", "name": "x", "rules": twice}
    )
    assert [wrong["field"] for wrong in problem["fields"]] == ["rules.plans"]


def test_the_pass_of_a_member_in_three_languages(now: Clock, alma: Shop) -> None:
    card = alma.card(gym(alma)["id"])
    before = fields_of(json.loads(download(alma, card).read("pass.json")), "generic")
    assert "plan" not in before
    now.move(minutes=1)
    paid = book(alma, card, "renew")["card"]
    file = download(alma, paid)
    fields = fields_of(json.loads(file.read("pass.json")), "generic")
    assert fields["customer_name"]["value"] == "Anna"
    assert fields["visits_left"]["value"] == 8
    assert fields["period_ends_at"]["value"].startswith("2026-12-21")
    assert fields["membership_state"]["value"] != before["membership_state"]["value"]
    for key in ("membership_state", "plan", "period_ends_at", "visits_left"):
        assert "%@" in fields[key]["changeMessage"]
    for language, words in (("de", "Monatlich"), ("en", "Monthly"), ("nl", "Maandelijks")):
        strings = file.read(f"{language}.lproj/pass.strings").decode("utf-16")
        assert f'"{fields["plan"]["value"]}" = "{words}";' in strings
