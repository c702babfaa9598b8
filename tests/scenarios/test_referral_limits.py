"""What keeps referrals honest: time, caps, devices, the owner's review (R-REF-1, 7, 8, 10, 11)."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from commands.parts import Parts
from tests.conftest import Clock, Shop
from tests.scenarios.recommending import Circle, circle
from tests.scenarios.test_utm import open_page


def use(ring: Circle, card: Any) -> Any:
    return ring.shop.post(f"/cards/{card['id']}/add-visits", {"value": 1})


@pytest.fixture
def ring(alma: Shop, client: FlaskClient) -> Circle:
    return circle(alma, client)


# --- time ----------------------------------------------------------------------------------------


def test_R_REF_1_the_window_runs_from_the_opening_of_the_link(
    now: Clock, alma: Shop, client: FlaskClient
) -> None:
    ring = circle(alma, client, window_days=1)
    now.set("2026-11-21T09:00:00+01:00")
    form = open_page(client, ring.link())
    remember = {"token": form.fields["token"], "remember": "yes"}
    assert client.post(f"/join/{ring.template['slug']}/remember", data=remember).status_code == 303
    now.set("2026-11-22T23:59:59+01:00")
    assert ring.state(ring.comes("early")) == ("enrolled", None)
    client.post(f"/join/{ring.template['slug']}/remember", data=remember)
    now.set("2026-11-23T00:00:00+01:00")
    late = ring.comes("late")
    assert ring.state(late) == ("rejected", "WINDOW_OVER")
    ring.installs(late)
    use(ring, late)
    assert ring.visits(ring.a)[0] == 4


@pytest.mark.parametrize("worker_is_late", [False, True])
def test_D_9_2_who_waits_too_long_expires(
    now: Clock, alma: Shop, client: FlaskClient, parts: Parts, worker_is_late: bool
) -> None:
    ring = circle(alma, client, pending_days=10)
    b, c = ring.comes_and_installs("ben"), ring.comes_and_installs("cleo")
    now.set("2026-12-01T23:59:59+01:00")
    parts.worker.work_once()
    use(ring, c)
    assert ring.state(c) == ("rewarded", None)
    now.set("2026-12-02T00:00:00+01:00")
    if not worker_is_late:
        parts.worker.work_once()
        assert ring.state(b) == ("expired", "PENDING_EXPIRED")
    use(ring, b)
    assert ring.state(b) == ("expired", "PENDING_EXPIRED")
    assert ring.of(b)["ended_at"] == "2026-12-01T23:00:00Z"
    assert (ring.visits(ring.a)[0], ring.visits(b)[0]) == (5, 1)


def test_D_9_2_a_hold_after_the_first_visit(
    now: Clock, alma: Shop, client: FlaskClient, parts: Parts
) -> None:
    ring = circle(alma, client, hold_hours=48)
    b = ring.comes_and_installs("ben")
    entry = use(ring, b)["entry"]
    assert ring.of(b)["due_at"] == "2026-11-23T09:00:00Z"
    now.move(hours=24)
    alma.post(f"/transactions/{entry['id']}/undo")
    assert ring.state(b) == ("installed", None)
    use(ring, b)
    now.move(hours=47)
    parts.worker.work_once()
    assert (ring.state(b), ring.visits(ring.a)[0]) == (("qualified", None), 4)
    now.move(hours=1)
    parts.worker.work_once()
    assert (ring.state(b), ring.visits(ring.a)[0]) == (("rewarded", None), 5)


# --- the referrer --------------------------------------------------------------------------------


def test_R_REF_7_an_invalid_referrer_gets_nothing_the_friend_does(
    now: Clock, alma: Shop, ring: Circle
) -> None:
    b, c = ring.comes_and_installs("ben"), ring.comes_and_installs("cleo")
    alma.post(f"/cards/{ring.a['id']}/status", {"status": "deleted"})
    use(ring, b)
    assert ring.state(b) == ("rewarded", "REFERRER_INVALID")
    assert (ring.visits(ring.a)[0], ring.visits(b)[0]) == (4, 2)
    assert ring.of(b)["referrer_entry_id"] is None
    alma.post(f"/cards/{ring.a['id']}/status", {"status": "restored"})
    use(ring, c)
    assert ring.visits(ring.a)[0] == 5


def test_R_EXP_4_the_link_of_an_expired_card_pays_the_friend_alone(
    now: Clock, alma: Shop, ring: Circle
) -> None:
    change = {"expires_at": "2026-11-21"}
    assert alma.call("PATCH", f"/cards/{ring.a['id']}", change).status_code == 200
    now.move(days=1)
    b = ring.comes_and_installs("ben")
    use(ring, b)
    assert ring.state(b) == ("rewarded", "REFERRER_INVALID")
    assert (ring.visits(ring.a)[0], ring.visits(b)[0]) == (4, 2)


def test_D_9_1_a_referrer_has_their_fill_each_month(
    now: Clock, alma: Shop, client: FlaskClient
) -> None:
    ring = circle(alma, client, max_rewarded_per_month=1, max_rewarded_total=2)
    friends = []
    for name in ("b", "c", "d", "e"):
        friends.append(ring.comes_and_installs(name))
        now.move(hours=1)
    now.set("2026-11-30T23:59:59+01:00")
    for friend in friends[:2]:
        use(ring, friend)
    now.set("2026-12-01T00:00:00+01:00")
    use(ring, friends[2])
    now.set("2027-01-01T00:00:00+01:00")
    use(ring, friends[3])
    assert [ring.state(friend) for friend in friends] == [
        ("rewarded", None),
        ("rewarded", "LIMIT_REACHED"),
        ("rewarded", None),
        ("rewarded", "LIMIT_REACHED"),
    ]
    assert ring.visits(ring.a)[0] == 6
    assert [ring.visits(friend)[0] for friend in friends] == [2, 2, 2, 2]


# --- devices, browsers, addresses ----------------------------------------------------------------


@pytest.mark.parametrize("who_comes_first", ["referrer", "friend"])
def test_R_REF_8_both_cards_on_one_device(ring: Circle, who_comes_first: str) -> None:
    b = ring.comes("ben")
    order = [ring.a, b] if who_comes_first == "referrer" else [b, ring.a]
    for card in order:
        ring.installs(card, "one-phone")
    use(ring, b)
    assert ring.state(b) == ("rejected", "SELF_DEVICE")
    assert (ring.visits(ring.a)[0], ring.visits(b)[0]) == (4, 1)


def test_R_REF_8_the_same_browser_within_a_day_waits_for_the_owner(
    now: Clock, alma: Shop, ring: Circle
) -> None:
    ring.browser = "one browser"
    b, c = ring.comes_and_installs("ben"), ring.comes_and_installs("cleo")
    now.move(hours=24)
    d = ring.comes_and_installs("dora")
    for friend in (b, c, d):
        use(ring, friend)
    assert ring.of(c)["review"] == ["SAME_BROWSER"]
    assert [ring.state(friend)[0] for friend in (b, c, d)] == ["rewarded", "qualified", "rewarded"]
    assert ring.state(c) == ("qualified", "REVIEW")
    assert ring.visits(ring.a)[0] == 6
    approved = alma.post(f"/referrals/{ring.of(c)['id']}/approve")
    assert (approved["state"], approved["reason"]) == ("rewarded", None)
    assert (ring.visits(ring.a)[0], ring.visits(c)[0]) == (7, 2)
    again = alma.refused("POST", f"/referrals/{approved['id']}/approve", {})
    assert again["code"] == "NOT_IN_REVIEW"


def test_R_REF_8_the_owner_rejects_or_takes_back(alma: Shop, ring: Circle) -> None:
    ring.browser = "one browser"
    b, c = ring.comes_and_installs("ben"), ring.comes_and_installs("cleo")
    waiting = alma.refused("POST", f"/referrals/{ring.of(b)['id']}/reject", {})
    assert waiting["code"] == "NOT_IN_REVIEW"
    use(ring, b), use(ring, c)
    rejected = alma.post(f"/referrals/{ring.of(c)['id']}/reject")
    assert (rejected["state"], rejected["reason"]) == ("rejected", "REVIEW")
    taken = alma.post(f"/referrals/{ring.of(b)['id']}/reject")
    assert (taken["state"], taken["reason"]) == ("revoked", "REVIEW")
    assert [ring.visits(card)[0] for card in (ring.a, b, c)] == [4, 1, 1]


def test_R_REF_8_many_from_one_address(now: Clock, ring: Circle) -> None:
    found = []
    for number in range(12):
        now.move(minutes=15 if number < 5 else 120)
        found.append(ring.of(ring.comes(f"friend{number}"))["review"])
    assert found == [[]] * 3 + [["MANY_AT_ONCE"]] * 2 + [[]] * 5 + [["MANY_FROM_ADDRESS"]] * 2


def test_R_REF_8_an_address_for_ten_minutes(ring: Circle) -> None:
    assert ring.of(ring.comes("x", email="x@mailinator.com"))["review"] == ["DISPOSABLE_EMAIL"]


def test_the_origin_is_kept_as_a_keyed_hash(alma: Shop, ring: Circle, parts: Parts) -> None:
    from sqlalchemy import select

    from passes.referrals.models import Referral

    ring.browser = "Firefox of Ben"
    ring.comes("ben")
    with parts.store.read(alma.merchant_id) as session:
        query = select(Referral.origin).where(Referral.merchant_id == alma.merchant_id)
        origin = session.scalars(query).one()
    assert origin is not None
    assert [len(half) for half in origin.split(".")] == [32, 32]


# --- what is shown -------------------------------------------------------------------------------


def test_R_REF_10_the_referrer_sees_first_name_and_initial(alma: Shop, ring: Circle) -> None:
    b = ring.comes_and_installs("Ben", last_name="Krause")
    ring.comes("Ida")
    ring.tries(first_name="Ben", email="ben@example.com")
    use(ring, b)
    answer = alma.call("GET", f"/cards/{ring.a['id']}/referrals")
    assert "Krause" not in answer.text
    shown = [(each["name"], each["state"], each["units"]) for each in answer.json["items"]]
    assert shown == [("Ida", "enrolled", 0), ("Ben K.", "rewarded", 1)]
    first = alma.get(f"/cards/{ring.a['id']}/referrals?limit=1")
    rest = alma.get(f"/cards/{ring.a['id']}/referrals?limit=1&cursor={first['next']}")
    assert [each["name"] for each in first["items"] + rest["items"]] == ["Ida", "Ben K."]
    assert rest["next"] is None
    assert alma.get(f"/cards/{b['id']}/referrals")["items"] == []


def test_R_REF_10_statistics_of_the_programme(alma: Shop, ring: Circle) -> None:
    b = ring.comes_and_installs("ben")
    ring.comes("cleo")
    ring.tries(first_name="Ben", email="ben@example.com")
    alma.post(f"/cards/{b['id']}/add-visits", {"value": 1, "purchase_amount": "25.00"})
    alma.post(f"/cards/{ring.a['id']}/add-visits", {"value": 1, "purchase_amount": "99.00"})
    expected = {"opened": 3, "enrolled": 2, "installed": 1, "rewarded": 1, "revenue": "25.00"}
    assert alma.get("/stats/referrals") == expected
    assert alma.get(f"/stats/referrals?template_id={ring.template['id']}") == expected
    other = alma.template("stamp")
    nothing = dict.fromkeys(expected, 0) | {"revenue": "0.00"}
    assert alma.get(f"/stats/referrals?template_id={other['id']}") == nothing
    unknown = alma.refused("GET", f"/stats/referrals?template_id={ring.a['id']}")
    assert [each["field"] for each in unknown["fields"]] == ["template_id"]


def test_referrals_are_listed_by_state_and_in_pages(alma: Shop, ring: Circle) -> None:
    cards = [ring.comes(name) for name in ("ben", "cleo", "dora")]
    ring.installs(cards[1])
    assert [ring.of(cards[1])] == alma.get("/referrals?state=installed")["items"]
    first = alma.get("/referrals?limit=2")
    rest = alma.get(f"/referrals?limit=2&cursor={first['next']}")
    seen = [each["friend_card_id"] for each in first["items"] + rest["items"]]
    assert (len(first["items"]), rest["next"]) == (2, None)
    assert seen == [card["id"] for card in reversed(cards)]
    wrong = alma.refused("GET", "/referrals?state=clicked")
    assert [each["field"] for each in wrong["fields"]] == ["state"]


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        ("on_install", "as soon as the card is on your phone"),
        ("on_first_visit", "with your first visit"),
        ("on_first_purchase", "with your first purchase"),
    ],
)
def test_the_page_says_what_the_friend_gets(
    alma: Shop, client: FlaskClient, trigger: str, words: str
) -> None:
    for units, says in ((1, True), (0, False)):
        ring = circle(alma, client, trigger=trigger, referee_units=units)
        page = client.get(ring.link(), headers={"Accept-Language": "en"}).text
        assert "recommends it to you" in page
        assert (words in page) is says
        assert "Anna" not in page


def test_S1_38_the_link_is_in_the_profile_and_on_the_pass(ring: Circle) -> None:
    shown = ring.shop.get(f"/cards/{ring.a['id']}")
    assert shown["links"]["referral"].startswith("http://127.0.0.1:8000/r/")
    face = ring.installs(ring.a).download(ring.a).face
    back = {each["key"]: each["value"] for each in face["storeCard"]["backFields"]}
    assert shown["links"]["referral"] in str(back)
