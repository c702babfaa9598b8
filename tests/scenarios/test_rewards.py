"""The reward catalogue of a points card, through the HTTP API (D.4.8, D.17, S5.21, S5.23)."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from passes.delivery.revisions import roll_out
from passes.demo.pictures import wreath_icon
from passes.store import Store
from tests.conftest import Clock, Shop


def points_card(shop: Shop, points: int, template_id: str | None = None, **parts: Any) -> Any:
    template_id = template_id or shop.template("points")["id"]
    return shop.card(template_id, opening={"points": points}, **parts)


def add_reward(shop: Shop, card: Any, **parts: Any) -> Any:
    body = {"name": "Coffee", "cost": 100, **parts}
    return shop.post(f"/templates/{card['template']['id']}/rewards", body)


def redeem(shop: Shop, card: Any, reward: Any) -> Any:
    return shop.post(f"/cards/{card['id']}/redeem-reward", {"reward_id": reward["id"]})


def refused(shop: Shop, card: Any, reward: Any) -> Any:
    body = {"reward_id": reward["id"]}
    return shop.refused("POST", f"/cards/{card['id']}/redeem-reward", body)


def points_of(shop: Shop, card: Any) -> int:
    points: int = shop.get(f"/cards/{card['id']}")["figures"]["points"]
    return points


def seen(shop: Shop, card: Any) -> list[str]:
    items = shop.get(f"/cards/{card['id']}/rewards")["items"]
    return [choice["reward"]["name"] for choice in items]


def test_S5_23_a_reward_costs_what_the_owner_decided_and_is_not_had_below(alma: Shop) -> None:
    card = points_card(alma, 99)
    reward = add_reward(alma, card)
    problem = refused(alma, card, reward)
    assert problem["code"] == "INSUFFICIENT_BALANCE"
    assert problem["facts"] == {"available": 99, "wanted": 100}
    (choice,) = alma.get(f"/cards/{card['id']}/rewards")["items"]
    assert (choice["reward"]["id"], choice["missing"]) == (reward["id"], 1)

    alma.call("PATCH", f"/rewards/{reward['id']}", {"cost": 60})
    posted = redeem(alma, card, reward)
    assert posted["entry"]["type"] == "redeem_reward"
    assert posted["entry"]["reward_id"] == reward["id"]
    assert posted["entry"]["deltas"] == {"points": -60, "rewards_redeemed": 1, "total_visits": 1}
    assert posted["figures"]["points"] == 39
    assert posted["figures"]["points_lifetime"] == 99
    assert posted["figures"]["rewards_redeemed"] == 1
    claim = posted["claim"]
    assert (claim["status"], claim["cost"], claim["code"]) == ("granted", 60, None)
    assert claim["entry_id"] == posted["entry"]["id"]
    assert len(claim["number"]) == 6
    assert claim["requested_at"] == "2026-11-21T09:00:00Z"


def test_S5_21_a_reward_is_free_text_and_a_picture(alma: Shop) -> None:
    card = points_card(alma, 0)
    picture = alma.client.put(
        "/api/v1/pictures/logo",
        data=wreath_icon("#0f3d3e", "#ffffff"),
        headers={"Authorization": f"Bearer {alma.key}", "Content-Type": "image/png"},
    ).json["id"]
    words = {"de": "Ein Tag mit dem Chef", "en": "A day with the boss"}
    reward = add_reward(alma, card, name=words, text="Bring your own lunch.", image=picture, cost=0)
    assert reward["name"] == "Ein Tag mit dem Chef"
    assert reward["definition"]["name"] == words
    assert reward["definition"]["text"]["nl"] == "Bring your own lunch."
    address = reward["image_url"].removeprefix("http://127.0.0.1:8000")
    assert alma.client.get(address).content_type == "image/png"
    assert redeem(alma, card, reward)["figures"]["points"] == 0


def test_wrong_fields_of_a_reward_are_named_and_nothing_is_made(alma: Shop) -> None:
    card = points_card(alma, 0)
    path = f"/templates/{card['template']['id']}/rewards"
    problem = alma.refused(
        "POST",
        path,
        {
            "name": "",
            "cost": -1,
            "image": card["id"],
            "max_total": 0,
            "merchant_cost": "1.2345",
            "hours": [{"days": ["mon"], "since": "10:00", "until": "09:00"}],
        },
    )
    assert {field["field"] for field in problem["fields"]} == {
        "name",
        "cost",
        "max_total",
        "merchant_cost",
        "hours.0",
    }
    problem = alma.refused("POST", path, {"name": "Tea", "cost": 1, "image": card["id"]})
    assert problem["fields"][0]["field"] == "image"
    days = {"valid_from": "2026-12-02", "valid_until": "2026-12-01"}
    assert alma.refused("POST", path, {"name": "Tea", "cost": 1, **days})["status"] == 422
    assert alma.get(path)["items"] == []


def test_the_catalogue_is_on_the_passes_and_a_change_reaches_cards_that_are_out(
    now: Clock, store: Store, alma: Shop
) -> None:
    card = points_card(alma, 0)
    add_reward(alma, card, name={"de": "Kaffee", "en": "Coffee"})
    assert roll_out(store, now()) == 1
    assert alma.get(f"/cards/{card['id']}")["version"] == card["version"] + 1

    address = card["links"]["apple"].removeprefix("http://127.0.0.1:8000")
    file = zipfile.ZipFile(io.BytesIO(alma.client.get(address).data))
    back = json.loads(file.read("pass.json"))["storeCard"]["backFields"]
    (line,) = [field["value"] for field in back if field["key"] == "reward_list"]
    german = file.read("de.lproj/pass.strings").decode("utf-16")
    assert "Kaffee" in f"{line}{german}"
    google = alma.client.get(card["links"]["google"].removeprefix("http://127.0.0.1:8000"))
    assert google.status_code == 303

    alma.call("PATCH", f"/templates/{card['template']['id']}", {"status": "archived"})
    problem = alma.refused(
        "POST", f"/templates/{card['template']['id']}/rewards", {"name": "Tea", "cost": 1}
    )
    assert problem["code"] == "TEMPLATE_ARCHIVED"


def test_only_points_cards_have_a_catalogue(alma: Shop) -> None:
    card = alma.card(alma.template("stamp")["id"], opening={"rewards_unused": 1})
    path = f"/templates/{card['template']['id']}/rewards"
    problem = alma.refused("POST", path, {"name": "Tea", "cost": 1})
    assert problem["fields"][0]["field"] == "template_id"
    reward = add_reward(alma, points_card(alma, 0))
    assert refused(alma, card, reward)["fields"][0]["field"] == "reward_id"
    assert alma.post(f"/cards/{card['id']}/redeem-reward")["claim"] is None


def test_a_points_card_must_be_told_which_reward(alma: Shop) -> None:
    card = points_card(alma, 50)
    problem = alma.refused("POST", f"/cards/{card['id']}/redeem-reward")
    assert problem["fields"][0] == {
        "field": "reward_id",
        "message": "is missing",
        "code": "MISSING",
    }


@pytest.mark.parametrize("status", ["paused", "archived"])
def test_D_17_a_reward_that_is_not_active_does_not_exist_for_a_card(
    alma: Shop, status: str
) -> None:
    card = points_card(alma, 100)
    reward = add_reward(alma, card)
    assert seen(alma, card) == ["Coffee"]
    alma.call("PATCH", f"/rewards/{reward['id']}", {"status": status})
    assert seen(alma, card) == []
    assert refused(alma, card, reward)["status"] == 404
    assert points_of(alma, card) == 100


def test_D_17_a_reward_of_another_template_or_merchant_does_not_exist(
    alma: Shop, bruno: Shop
) -> None:
    card = points_card(alma, 100)
    foreign = add_reward(bruno, points_card(bruno, 0))
    other = add_reward(alma, points_card(alma, 0))
    unknown = refused(alma, card, {"id": card["id"]})
    for reward in (foreign, other):
        problem = refused(alma, card, reward)
        assert (problem["status"], problem["detail"]) == (404, unknown["detail"])


def test_D_17_dates_are_the_merchants_days_both_inclusive(now: Clock, alma: Shop) -> None:
    card = points_card(alma, 1_000)
    reward = add_reward(alma, card, valid_from="2026-12-01", valid_until="2026-12-02")
    for moment, there in (
        ("2026-11-30T23:59:59+01:00", False),
        ("2026-12-01T00:00:00+01:00", True),
        ("2026-12-02T23:59:59+01:00", True),
        ("2026-12-03T00:00:00+01:00", False),
    ):
        now.set(moment)
        assert (seen(alma, card) == ["Coffee"]) is there, moment
        path = f"/cards/{card['id']}/redeem-reward"
        status = alma.call("POST", path, {"reward_id": reward["id"]}).status_code
        assert status == (201 if there else 404), moment


def test_D_17_hours_are_the_merchants_also_after_the_clocks_change(now: Clock, alma: Shop) -> None:
    card = points_card(alma, 1_000)
    hours = [{"days": ["sun"], "since": "10:00", "until": "11:00"}]
    reward = add_reward(alma, card, hours=hours)
    for moment, there in (
        ("2026-10-25T09:30:00Z", True),  # the day on which the clocks went back
        ("2026-10-25T08:30:00Z", False),
        ("2027-03-28T08:30:00Z", True),  # summer time began this night
        ("2027-03-28T09:00:00Z", False),
        ("2027-03-29T08:30:00Z", False),  # a Monday
    ):
        now.set(moment)
        assert (seen(alma, card) == ["Coffee"]) is there, moment
        if not there:
            assert refused(alma, card, reward)["status"] == 404


def test_limits_per_customer_and_in_all(alma: Shop) -> None:
    card = points_card(alma, 1_000)
    other = points_card(alma, 1_000, card["template"]["id"])
    third = points_card(alma, 1_000, card["template"]["id"])
    reward = add_reward(alma, card, max_per_customer=1, max_total=2)
    first = redeem(alma, card, reward)
    assert seen(alma, card) == []
    assert refused(alma, card, reward)["status"] == 404
    redeem(alma, other, reward)
    assert refused(alma, third, reward)["status"] == 404
    assert points_of(alma, third) == 1_000

    alma.post(f"/transactions/{first['entry']['id']}/undo")
    assert seen(alma, third) == ["Coffee"]
    redeem(alma, third, reward)


def test_undo_gives_the_points_back_and_the_claim_is_refused(now: Clock, alma: Shop) -> None:
    card = points_card(alma, 100)
    posted = redeem(alma, card, add_reward(alma, card))
    now.move(minutes=1)
    after = alma.post(f"/transactions/{posted['entry']['id']}/undo")["figures"]
    assert (after["points"], after["rewards_redeemed"], after["total_visits"]) == (100, 0, 0)
    claim = alma.get(f"/claims/{posted['claim']['id']}")
    assert (claim["status"], claim["settled_at"]) == ("refused", "2026-11-21T09:01:00Z")


def test_staff_confirm_or_refuse_and_the_points_come_back(alma: Shop) -> None:
    card = points_card(alma, 250)
    reward = add_reward(alma, card, confirmation="staff")
    first, second = redeem(alma, card, reward), redeem(alma, card, reward)
    assert second["figures"]["points"] == 50
    assert first["claim"]["status"] == second["claim"]["status"] == "requested"
    newest_first = [second["claim"]["id"], first["claim"]["id"]]
    for path in ("/claims?status=requested", f"/claims?card_id={card['id']}"):
        assert [claim["id"] for claim in alma.get(path)["items"]] == newest_first
    page = alma.get("/claims?limit=1")
    rest = alma.get(f"/claims?limit=1&cursor={page['next']}")
    assert [claim["id"] for claim in page["items"] + rest["items"]] == newest_first

    granted = alma.post(f"/claims/{first['claim']['id']}/grant")
    assert granted["status"] == "granted"
    turned_down = alma.post(f"/claims/{second['claim']['id']}/refuse")
    assert turned_down["status"] == "refused"
    assert points_of(alma, card) == 150
    for verb in ("grant", "refuse"):
        for claim in (first["claim"], second["claim"]):
            problem = alma.refused("POST", f"/claims/{claim['id']}/{verb}")
            assert problem["code"] == "CLAIM_SETTLED"
    assert points_of(alma, card) == 150


def test_the_code_is_shown_to_the_customer_and_tries_are_limited(alma: Shop) -> None:
    card = points_card(alma, 250)
    reward = add_reward(alma, card, confirmation="code")
    claim = redeem(alma, card, reward)["claim"]
    (shown,) = alma.get(f"/cards/{card['id']}/rewards")["claims"]
    assert shown["code"] == claim["code"]
    staff_see = alma.get(f"/claims/{claim['id']}")
    assert (staff_see["code"], staff_see["needs_code"]) == (None, True)

    path = f"/claims/{claim['id']}/grant"
    assert alma.refused("POST", path)["fields"][0]["field"] == "code"
    assert alma.refused("POST", path, {"code": "12345"})["fields"][0]["field"] == "code"
    wrong = "0000" if claim["code"] != "0000" else "1111"
    assert alma.refused("POST", path, {"code": wrong})["facts"] == {"tries_left": 4}
    assert alma.post(path, {"code": claim["code"]})["status"] == "granted"

    claim = redeem(alma, card, reward)["claim"]
    path = f"/claims/{claim['id']}/grant"
    wrong = "0000" if claim["code"] != "0000" else "1111"
    left = [alma.refused("POST", path, {"code": wrong})["facts"]["tries_left"] for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    assert alma.refused("POST", path, {"code": claim["code"]})["code"] == "TOO_MANY_TRIES"
    assert alma.post(f"/claims/{claim['id']}/refuse")["status"] == "refused"
    assert points_of(alma, card) == 150


def test_a_card_that_may_do_nothing_redeems_nothing(alma: Shop) -> None:
    card = points_card(alma, 100)
    reward = add_reward(alma, card)
    alma.post(f"/cards/{card['id']}/status", {"status": "deleted"})
    assert refused(alma, card, reward)["code"] == "CARD_DELETED"


def test_an_idempotency_key_redeems_once(alma: Shop) -> None:
    card = points_card(alma, 250)
    body = {"reward_id": add_reward(alma, card)["id"]}
    path = f"/cards/{card['id']}/redeem-reward"
    one = alma.post(path, body, Idempotency_Key="once")
    assert alma.post(path, body, Idempotency_Key="once") == one
    assert points_of(alma, card) == 150


def test_a_preview_says_what_a_reward_would_leave_and_keeps_no_claim(alma: Shop) -> None:
    card = points_card(alma, 150)
    reward = add_reward(alma, card)
    body = {"operation": "redeem-reward", "reward_id": reward["id"]}
    tried = alma.post(f"/cards/{card['id']}/preview", body)
    assert (tried["allowed"], tried["figures_after"]["points"]) == (True, 50)
    assert alma.get("/claims")["items"] == []
    assert points_of(alma, card) == 150
