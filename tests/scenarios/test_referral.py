"""Customers bring friends, through links, phones and the API (loyalty specification, D.9)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient

from commands.parts import Parts
from tests.conftest import Clock, Shop
from tests.scenarios.recommending import Circle, circle


@pytest.fixture
def ring(alma: Shop, client: FlaskClient) -> Circle:
    return circle(alma, client)


def test_T_RF_1_one_visit_each_after_the_first_package(ring: Circle) -> None:
    b = ring.comes("ben")
    assert ring.visits(ring.a) == (4, 4, 0, "0.00")
    assert ring.visits(b) == (0, 0, 0, "0.00")
    assert ring.state(b) == ("enrolled", None)
    ring.installs(b)
    assert ring.state(b) == ("installed", None)
    assert ring.visits(ring.a) == (4, 4, 0, "0.00")
    assert ring.visits(b) == (0, 0, 0, "0.00")
    package = {"value": 10, "purchase_amount": "100.00"}
    answer = ring.shop.post(f"/cards/{b['id']}/add-visits", package)
    assert answer["figures"]["available_visits"] == 11
    assert ring.visits(ring.a) == (5, 5, 1, "0.00")
    assert ring.visits(b) == (11, 11, 1, "100.00")
    assert ring.state(b) == ("rewarded", None)
    ring.shop.post(f"/cards/{b['id']}/add-visits", package)
    assert ring.visits(ring.a) == (5, 5, 1, "0.00")
    assert ring.visits(b) == (21, 21, 1, "200.00")


def test_R_REF_5_entries_events_and_passes_of_both(ring: Circle, parts: Parts) -> None:
    ring.installs(ring.a)
    b = ring.comes_and_installs("ben")
    parts.worker.work_once()
    ring.shop.post(f"/cards/{b['id']}/add-visits", {"value": 1})
    for card, role in ((ring.a, "referrer"), (b, "friend")):
        [entry] = ring.entries(card, "referral_reward")
        assert entry["details"] == {"role": role, "units": 1}
        assert entry["referral_id"] == ring.of(b)["id"]
        assert entry["purchase_amount"] is None
        assert (entry["actor"], entry["channel"]) == ({"kind": "system", "id": None}, "automation")
        assert entry["deltas"] == {"available_visits": 1, "sold_visits": 1, "referral_visits": 1}
        events = ring.shop.get(f"/cards/{card['id']}/events")["items"]
        [event] = [each for each in events if each["type"] == "referral.rewarded"]
        assert event["data"] == {"role": role, "units": 1}
        shown = ring.shop.get(f"/cards/{card['id']}")
        [apple] = [each for each in shown["deliveries"] if each["wallet"] == "apple"]
        assert apple["wanted_version"] == shown["version"] > apple["delivered_version"]


def test_T_RF_2_who_is_no_friend(ring: Circle) -> None:
    own = ring.tries(first_name="Anna", email="AB@gmail.com")
    assert (own["state"], own["reason"]) == ("rejected", "SELF_CUSTOMER")
    assert own["friend_card_id"] is None

    alias = ring.comes("a", email="a.b+x@googlemail.com")
    assert ring.state(alias) == ("rejected", "SELF_CONTACT")

    c = ring.shop.card(ring.template["id"], customer={"first_name": "C", "email": "c@example.com"})
    existing = ring.tries(first_name="C", email="c@example.com")
    assert (existing["state"], existing["reason"]) == ("rejected", "NOT_NEW")
    assert existing["friend_customer_id"] == c["customer"]["id"]

    b = ring.comes_and_installs("ben")
    d = ring.shop.card(ring.template["id"], customer={"first_name": "D", "email": "d@example.com"})
    later = ring.tries(d, first_name="Ben", email="ben@example.com")
    assert (later["reason"], later["referrer_card_id"]) == ("ALREADY_REFERRED", d["id"])
    rejected = ring.shop.get("/referrals?state=rejected")["items"]
    assert sorted(each["reason"] for each in rejected) == [
        "ALREADY_REFERRED",
        "NOT_NEW",
        "SELF_CONTACT",
        "SELF_CUSTOMER",
    ]
    for card in (alias, c):
        ring.installs(card)
        ring.shop.post(f"/cards/{card['id']}/add-visits", {"value": 1})
    assert ring.visits(ring.a)[:1] == (4,)
    assert ring.visits(b)[0] == 0


def test_T_RF_3_who_removes_the_pass_during_the_hold_gets_nothing(
    now: Clock, alma: Shop, client: FlaskClient, parts: Parts
) -> None:
    ring = circle(alma, client, trigger="on_install", hold_hours=24)
    stays, leaves = ring.comes("bea"), ring.comes("ben")
    held = {card["id"]: ring.installs(card) for card in (stays, leaves)}
    assert ring.state(leaves) == ("qualified", None)
    now.move(hours=2)
    phone = held[leaves["id"]]
    assert phone.unregister(phone.download(leaves)).status_code == 200
    now.move(hours=21)
    parts.worker.work_once()
    assert ring.visits(ring.a)[0] == 4
    now.move(hours=1)
    parts.worker.work_once()
    assert ring.state(leaves) == ("rejected", "NOT_INSTALLED")
    assert ring.state(stays) == ("rewarded", None)
    assert (ring.visits(ring.a)[0], ring.visits(stays)[0], ring.visits(leaves)[0]) == (5, 1, 0)
    phone.add(leaves)
    parts.worker.work_once()
    assert ring.state(leaves) == ("rejected", "NOT_INSTALLED")


def test_T_RF_4_the_undo_of_the_trigger_takes_both_back(now: Clock, ring: Circle) -> None:
    b = ring.comes_and_installs("ben")
    entry = ring.shop.post(f"/cards/{b['id']}/add-visits", {"value": 10})["entry"]
    now.move(days=1)
    answer = ring.shop.post(f"/transactions/{entry['id']}/undo")
    assert answer["figures"]["available_visits"] == 0
    assert ring.state(b) == ("revoked", None)
    assert ring.visits(ring.a) == (4, 4, 0, "0.00")
    assert ring.visits(b) == (0, 0, 0, "0.00")
    for card in (ring.a, b):
        [entry] = ring.entries(card, "referral_clawback")
        assert entry["details"]["units"] == 1
    ring.shop.post(f"/cards/{b['id']}/add-visits", {"value": 10})
    assert ring.visits(ring.a)[0] == 4, "one referral per new customer, ever"


def test_R_REF_6_a_later_use_keeps_the_reward(ring: Circle) -> None:
    b = ring.comes_and_installs("ben")
    first = ring.shop.post(f"/cards/{b['id']}/add-visits", {"value": 10})["entry"]
    second = ring.shop.post(f"/cards/{b['id']}/add-visits", {"value": 5})["entry"]
    ring.shop.post(f"/transactions/{first['id']}/undo")
    assert ring.of(b)["state"] == "rewarded"
    assert ring.of(b)["trigger_entry_id"] == second["id"]
    ring.shop.post(f"/transactions/{second['id']}/undo")
    assert ring.of(b)["state"] == "revoked"


def test_R_REF_6_after_thirty_days_an_undo_takes_nothing_back(now: Clock, ring: Circle) -> None:
    b = ring.comes_and_installs("ben")
    entry = ring.shop.post(f"/cards/{b['id']}/add-visits", {"value": 10})["entry"]
    now.move(days=30, seconds=1)
    ring.shop.post(f"/transactions/{entry['id']}/undo")
    assert ring.of(b)["state"] == "rewarded"
    assert ring.visits(ring.a)[0] == 5


def test_R_LED_7_what_was_used_is_not_taken_but_noted(ring: Circle) -> None:
    b = ring.comes_and_installs("ben")
    entry = ring.shop.post(f"/cards/{b['id']}/add-visits", {"value": 2})["entry"]
    ring.shop.post(f"/cards/{ring.a['id']}/redeem-visits", {"value": 5})
    ring.shop.post(f"/transactions/{entry['id']}/undo")
    [taken] = ring.entries(ring.a, "referral_clawback")
    assert taken["details"] == {"role": "referrer", "units": 0, "missing": 1}
    assert taken["deltas"] == {}
    assert ring.visits(ring.a) == (0, 5, 1, "0.00")
    assert ring.visits(b) == (0, 0, 0, "0.00")


@pytest.mark.parametrize("is_used", [False, True])
def test_R_LED_7_a_stamp_that_made_a_reward(alma: Shop, client: FlaskClient, is_used: bool) -> None:
    ring = circle(alma, client, "stamp")
    alma.post(f"/cards/{ring.a['id']}/add-stamps", {"value": 9})
    b = ring.comes_and_installs("ben")
    entry = alma.post(f"/cards/{b['id']}/add-stamps", {"value": 1})["entry"]
    full = ring.figures(ring.a)
    assert (full["stamps"], full["rewards_unused"]) == (0, 1)
    if is_used:
        alma.post(f"/cards/{ring.a['id']}/redeem-reward", {})
    alma.post(f"/transactions/{entry['id']}/undo")
    after = ring.figures(ring.a)
    [taken] = ring.entries(ring.a, "referral_clawback")
    assert (after["stamps"], after["rewards_unused"]) == ((0, 0) if is_used else (9, 0))
    assert taken["details"].get("missing") == (1 if is_used else None)


def test_R_REF_3_nothing_before_the_card_is_installed(ring: Circle, parts: Parts) -> None:
    b = ring.comes("ben")
    ring.shop.post(f"/cards/{b['id']}/add-visits", {"value": 1})
    parts.worker.work_once()
    assert (ring.state(b), ring.visits(ring.a)[0]) == (("enrolled", None), 4)
    ring.installs(b)
    parts.worker.work_once()
    assert (ring.state(b), ring.visits(ring.a)[0]) == (("rewarded", None), 5)


def test_R_REF_6_on_install_pays_without_a_visit(
    alma: Shop, client: FlaskClient, parts: Parts
) -> None:
    ring = circle(alma, client, trigger="on_install", referrer_units=2, referee_units=3)
    b = ring.comes_and_installs("ben")
    parts.worker.work_once()
    assert ring.state(b) == ("rewarded", None)
    assert (ring.visits(ring.a)[0], ring.visits(b)[0]) == (6, 3)
    entry = ring.shop.post(f"/cards/{b['id']}/add-visits", {"value": 1})["entry"]
    ring.shop.post(f"/transactions/{entry['id']}/undo")
    assert ring.state(b) == ("rewarded", None)


def test_R_REF_6_on_first_purchase_needs_its_amount(alma: Shop, client: FlaskClient) -> None:
    ring = circle(alma, client, trigger="on_first_purchase", min_amount="20.00")
    b = ring.comes_and_installs("ben")
    for amount in (None, "19.99"):
        ring.shop.post(f"/cards/{b['id']}/add-visits", {"value": 1, "purchase_amount": amount})
        assert ring.visits(ring.a)[0] == 4
    ring.shop.post(f"/cards/{b['id']}/add-visits", {"value": 1, "purchase_amount": "20.00"})
    assert (ring.visits(ring.a)[0], ring.visits(b)[0]) == (5, 4)


def test_R_REF_6_what_is_no_use(alma: Shop, client: FlaskClient) -> None:
    ring = circle(alma, client)
    b = alma.card(
        ring.template["id"],
        customer={"first_name": "Ben"},
        referral_code=ring.link().rpartition("/")[2],
        opening={"available_visits": 3, "ltv": "50.00"},
    )
    ring.installs(b)
    ring.shop.post(f"/cards/{b['id']}/subtract-visits", {"value": 1})
    assert ring.state(b) == ("installed", None)
    ring.shop.post(f"/cards/{b['id']}/redeem-visits", {"value": 1})
    assert ring.state(b) == ("rewarded", None)


@pytest.mark.parametrize(
    ("kind", "verb", "figure"),
    [("stamp", "add-stamps", "stamps"), ("points", "accrue", "points")],
)
def test_D_9_1_units_are_the_cards_own(
    alma: Shop, client: FlaskClient, kind: str, verb: str, figure: str
) -> None:
    ring = circle(alma, client, kind, referrer_units=2, referee_units=0)
    b = ring.comes_and_installs("ben")
    entry = ring.shop.post(f"/cards/{b['id']}/{verb}", {"value": 1})["entry"]
    assert (ring.figures(ring.a)[figure], ring.figures(b)[figure]) == (2, 1)
    ring.shop.post(f"/transactions/{entry['id']}/undo")
    assert (ring.figures(ring.a)[figure], ring.figures(b)[figure]) == (0, 0)
    assert ring.of(b)["state"] == "revoked"


def test_D_9_1_money_is_not_given(alma: Shop, ring: Circle) -> None:
    gift = alma.card(alma.template("gift")["id"])
    b = alma.card(
        ring.template["id"],
        customer={"first_name": "Ben"},
        referral_code=gift["links"]["referral"].rpartition("/")[2],
    )
    ring.installs(b)
    alma.post(f"/cards/{b['id']}/add-visits", {"value": 1})
    assert ring.state(b) == ("rewarded", "NO_UNITS")
    assert (ring.figures(gift)["balance"], ring.visits(b)[0]) == ("0.00", 2)


def test_R_REF_4_new_to_the_merchant_by_any_contact(alma: Shop, client: FlaskClient) -> None:
    ring = circle(alma, client)
    known = {"first_name": "Cleo", "phone": "030 901820", "email": "cleo@gmail.com"}
    alma.post("/customers", known)
    code = ring.link().rpartition("/")[2]
    for contact in ({"phone": "+49 30 901820"}, {"email": "c.l.e.o+news@googlemail.com"}):
        card = alma.card(
            ring.template["id"], customer={"first_name": "New", **contact}, referral_code=code
        )
        assert ring.state(card) == ("rejected", "NOT_NEW")
    near = {"first_name": "Near", "email": "cleo@gmx.de", "phone": "030 901821"}
    card = alma.card(ring.template["id"], customer=near, referral_code=code)
    assert ring.state(card) == ("enrolled", None)
    person = alma.post("/customers", {"first_name": "Was here"})
    card = alma.card(ring.template["id"], customer_id=person["id"], referral_code=code)
    assert ring.state(card) == ("rejected", "NOT_NEW")


def test_R_REF_9_a_circle_cannot_close(alma: Shop, ring: Circle) -> None:
    b = ring.comes_and_installs("ben")
    back = ring.tries(b, first_name="Anna", email="ab@gmail.com")
    assert (back["state"], back["reason"]) == ("rejected", "NOT_NEW")
    c = ring.comes_and_installs("cleo", b)
    alma.post(f"/cards/{c['id']}/add-visits", {"value": 1})
    assert (ring.visits(b)[0], ring.visits(ring.a)[0]) == (1, 4), "chains pay one step"


def test_R_REF_2_of_two_who_come_at_once_one_is_new(alma: Shop, ring: Circle) -> None:
    code = ring.link().rpartition("/")[2]

    def comes(mail: str) -> Any:
        body = {
            "template_id": ring.template["id"],
            "customer": {"first_name": "Ben", "email": mail},
            "referral_code": code,
        }
        return alma.post("/cards", body)

    with ThreadPoolExecutor(2) as pool:
        cards = list(pool.map(comes, ("b.en@gmail.com", "ben+1@googlemail.com")))
    assert sorted(ring.state(card)[0] for card in cards) == ["enrolled", "rejected"]


def test_a_code_that_is_none_names_the_field(alma: Shop, bruno: Shop, ring: Circle) -> None:
    foreign = bruno.card(bruno.template("multipass")["id"])
    withdrawn = alma.card(ring.template["id"])
    alma.post(f"/cards/{withdrawn['id']}/status", {"status": "deleted"})
    body = {"template_id": ring.template["id"], "customer": {"first_name": "B"}}
    before = alma.get("/cards")["items"]
    for code in ("ABCDEFGH", "", "\x00", ring.link(foreign)[3:], ring.link(withdrawn)[3:]):
        problem = alma.refused("POST", "/cards", {**body, "referral_code": code})
        assert [each["field"] for each in problem["fields"]] == ["referral_code"]
    assert alma.get("/cards")["items"] == before
    assert alma.get("/referrals")["items"] == []


def test_without_a_programme_the_link_is_a_sign_up_link(alma: Shop, client: FlaskClient) -> None:
    ring = circle(alma, client, enabled=False)
    b = ring.comes_and_installs("ben")
    assert (b["issue_channel"], b["utm"]["source"]) == ("referral", "referral")
    alma.post(f"/cards/{b['id']}/add-visits", {"value": 1})
    assert alma.get("/referrals")["items"] == []
    assert ring.visits(ring.a)[0] == 4


def test_tenancy_of_referrals(alma: Shop, bruno: Shop, ring: Circle) -> None:
    b = ring.comes_and_installs("ben")
    alma.post(f"/cards/{b['id']}/add-visits", {"value": 1})
    assert len(alma.get("/referrals")["items"]) == 1
    assert bruno.get("/referrals")["items"] == []
    assert bruno.get(f"/referrals?card={b['id']}")["items"] == []
    assert bruno.get("/stats/referrals")["rewarded"] == 0
    assert bruno.refused("GET", f"/referrals/{ring.of(b)['id']}")["status"] == 404
    assert bruno.refused("GET", f"/cards/{ring.a['id']}/referrals")["status"] == 404
