"""Alma's things do not exist for Bruno: foreign ids answer exactly as unknown ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from passes.cards import cards
from passes.demo.pictures import wreath_icon
from passes.feedback import feedback
from passes.merchants import api_keys
from passes.store import Store
from tests.conftest import Clock, Shop
from web.api.operation import OPERATIONS, Operation

BODIES: dict[str, Any] = {
    "revise_template": {"status": "paused"},
    "add_channel_link": {"name": "Poster"},
    "change_customer": {"last_name": "Berger"},
    "change_card": {"expires_at": "2027-01-01"},
    "set_card_status": {"status": "deleted"},
    "request_certificate": {"common_name": "Bruno"},
    "give_awards": {"batch": "b", "activity": "workshop", "cards": ["1"]},
    "preview_expiry": {"expiry": {"kind": "unlimited"}},
    "preview_posting": {"operation": "add-visits", "value": 1},
    "transfer_card": {"customer_id": str(uuid4())},
}
"""What must be sent so that a call gets as far as looking for its subject."""

CANARY = "canary4711"
"""Stands in everything of Alma's, and may be seen by nobody else."""

NO_LISTS = {"/merchant", "/stats", "/stats/referrals"}

SAMPLES: dict[str, Any] = {"activity": "workshop", "plan": "monthly", "purchase_amount": "1.00"}


def body_of(made: Operation) -> dict[str, Any]:
    """The least that a call takes: what stands above, or else a value for each needed field."""
    if made.body is None or made.name in BODIES:
        return BODIES.get(made.name, {})
    return {
        name: SAMPLES.get(name, "1.00" if "str" in str(field.annotation) else 1)
        for name, field in made.body.model_fields.items()
        if field.is_required()
    }


@pytest.fixture
def subjects(alma: Shop, store: Store, now: Clock) -> dict[str, str]:
    """One of everything of Alma's, by the name of the path parameter."""
    template = alma.template("multipass", name=CANARY)
    customer = {"first_name": CANARY, "email": f"{CANARY}@example.com", "external_id": CANARY}
    card = alma.card(template["id"], customer=customer, utm={"source": CANARY})
    alma.post("/locations", {"name": CANARY})
    alma.post(f"/templates/{template['id']}/links", {"name": CANARY})
    entry = alma.post(f"/cards/{card['id']}/add-visits", {"value": 1})["entry"]
    waiting = alma.post("/wallets/apple/requests", {"common_name": CANARY})
    points = alma.card(alma.template("points", name=CANARY)["id"])
    catalogue = f"/templates/{points['template']['id']}/rewards"
    reward = alma.post(catalogue, {"name": CANARY, "cost": 0, "confirmation": "staff"})
    path = f"/cards/{points['id']}/redeem-reward"
    claim = alma.post(path, {"reward_id": reward["id"]})["claim"]
    programme = alma.template("stamp", name=CANARY, referral={"enabled": True})
    code = card["links"]["referral"].rpartition("/")[2]
    alma.card(programme["id"], customer={"first_name": CANARY}, referral_code=code)
    with store.write(alma.merchant_id) as session:
        held = cards.get(session, card["id"], locked=True)
        feedback.give(session, held, 5, CANARY, "page", now())
    return {
        "template_id": template["id"],
        "customer_id": card["customer"]["id"],
        "card": card["id"],
        "serial": card["serial_number"],
        "transaction_id": entry["id"],
        "wallet": "apple",
        "request_id": waiting["id"],
        "account_id": waiting["id"],
        "reward_id": reward["id"],
        "claim_id": claim["id"],
        "referral_id": alma.get("/referrals")["items"][0]["id"],
    }


def test_foreign_is_unknown_on_every_route_with_an_id(
    alma: Shop, bruno: Shop, subjects: dict[str, str]
) -> None:
    tried = 0
    for made in OPERATIONS:
        # A role of a picture and a kind of wallet are the same words for everybody.
        path = made.path.replace("<wallet>", "apple")
        names = re.findall(r"<(\w+)>", path)
        if not names or names == ["role"]:
            continue
        (name,) = names
        body = body_of(made)
        for foreign, unknown in (
            (subjects[name], str(uuid4())),
            *(((subjects["serial"], "999999999996"),) if name == "card" else ()),
        ):
            answers = [
                bruno.call(
                    made.method,
                    path.replace(f"<{name}>", subject),
                    None if made.method == "GET" else body,
                )
                for subject in (foreign, unknown)
            ]
            assert [answer.status_code for answer in answers] == [404, 404], made
            assert answers[0].data == answers[1].data
            assert answers[0].content_type == answers[1].content_type
            tried += 1
    assert tried > 20
    assert alma.get(f"/cards/{subjects['card']}")["figures"]["available_visits"] == 1


def test_no_route_of_the_api_is_missing_here(app: Flask) -> None:
    """The tests of this file go through OPERATIONS; whatever is served must stand in it."""
    served = {
        (method, str(rule))
        for rule in app.url_map.iter_rules()
        if str(rule).startswith("/api/v1")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert served == {(made.method, f"/api/v1{made.path}") for made in OPERATIONS}


def test_nothing_of_the_other_is_found_by_searching(
    alma: Shop, bruno: Shop, subjects: dict[str, str]
) -> None:
    for path in (
        f"/customers?email={CANARY}@example.com",
        f"/customers?external_id={CANARY}",
        f"/cards?utm_source={CANARY}",
        f"/cards?template_id={subjects['template_id']}",
        f"/cards?customer_id={subjects['customer_id']}",
    ):
        assert len(alma.get(path)["items"]) == 1, path
        assert bruno.get(path)["items"] == [], path
    foreign, unknown = (
        bruno.call("GET", f"/stats?template_id={template_id}")
        for template_id in (subjects["template_id"], uuid4())
    )
    assert foreign.status_code == unknown.status_code == 422
    assert foreign.data == unknown.data


def test_no_answer_to_bruno_holds_a_word_of_almas(
    alma: Shop, bruno: Shop, subjects: dict[str, str]
) -> None:
    heard = 0
    for made in OPERATIONS:
        path = re.sub(r"<(\w+)>", lambda found: subjects.get(found[1], "icon"), made.path)
        body = body_of(made)
        with_ids = {"template_id": subjects["template_id"], "customer_id": subjects["customer_id"]}
        for sent in (body, with_ids, {"code": subjects["serial"]}):
            answer = bruno.call(made.method, path, None if made.method == "GET" else sent)
            assert answer.status_code < 500, made
            assert CANARY not in answer.text, made
            heard += 1
    assert heard > 100
    card = alma.call("GET", f"/cards/{subjects['card']}")
    assert CANARY in card.text
    assert (card.json["version"], card.json["status"]) == (2, "not_installed")


def test_without_a_key_nothing_is_answered(alma: Shop, subjects: dict[str, str]) -> None:
    for made in OPERATIONS:
        path = re.sub(r"<(\w+)>", lambda found: subjects.get(found[1], "icon"), made.path)
        for key in ("", f"Basic {alma.key}", alma.key, f"Bearer {alma.key[:-1]}"):
            headers = {"Authorization": key} if key else {}
            answer = alma.client.open(f"/api/v1{path}", method=made.method, headers=headers)
            assert answer.status_code == 401, made
            assert answer.json["code"] == "UNAUTHORIZED"
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert CANARY not in answer.text


def test_lists_show_nothing_of_the_other(alma: Shop, bruno: Shop, subjects: dict[str, str]) -> None:
    for made in OPERATIONS:
        if made.method != "GET" or "<" in made.path or made.path in NO_LISTS:
            continue
        if made.path == "/wallets":
            assert not any(each["pending"] for each in bruno.get(made.path)["items"])
            continue
        assert bruno.get(made.path)["items"] == [], made
    assert bruno.get("/stats")["cards_issued"] == 0
    assert not any(each not in {0, "0.00"} for each in bruno.get("/stats/referrals").values())
    assert bruno.get("/merchant")["id"] != alma.get("/merchant")["id"]


def test_a_foreign_id_in_a_body_is_a_wrong_field(
    alma: Shop, bruno: Shop, subjects: dict[str, str]
) -> None:
    own = bruno.template("multipass")
    for body, field in (
        ({"template_id": subjects["template_id"], "customer": {"first_name": "B"}}, "template_id"),
        ({"template_id": own["id"], "customer_id": subjects["customer_id"]}, "customer_id"),
    ):
        problem = bruno.refused("POST", "/cards", body)
        assert [wrong["field"] for wrong in problem["fields"]] == [field]
    (location,) = alma.get("/locations")["items"]
    picture = alma.client.put(
        "/api/v1/pictures/icon",
        data=wreath_icon("#000000", "#ffffff"),
        content_type="image/png",
        headers={"Authorization": f"Bearer {alma.key}"},
    ).json
    for made, field in (
        ({"look": {"icon": picture["id"]}}, "look.icon"),
        ({"location_ids": [location["id"]]}, "location_ids.0"),
    ):
        assert alma.template("stamp", **made)
        problem = bruno.refused("POST", "/templates", {"kind": "stamp", "name": "x", **made})
        assert [wrong["field"] for wrong in problem["fields"]] == [field]
    card = bruno.card(own["id"])
    problem = bruno.refused(
        "POST", f"/cards/{card['id']}/add-visits", {"value": 1, "location_id": location["id"]}
    )
    assert [wrong["field"] for wrong in problem["fields"]] == ["location_id"]


def test_every_call_wants_its_scope(
    alma: Shop, store: Store, now: Clock, subjects: dict[str, str]
) -> None:
    for made in OPERATIONS:
        others = [scope for scope in api_keys.SCOPES if scope != made.scope]
        with store.write(alma.merchant_id) as session:
            key = api_keys.create(session, name="narrow", scopes=others, now=now())
        narrow = Shop(alma.merchant_id, alma.slug, key, alma.client)
        path = re.sub(r"<(\w+)>", lambda found: subjects.get(found[1], "icon"), made.path)
        answer = narrow.call(made.method, path, None if made.method == "GET" else {})
        assert answer.status_code == 403, made
        assert answer.json["code"] == "SCOPE_MISSING"


def test_keys_that_are_wrong_expired_or_revoked(
    alma: Shop, store: Store, now: Clock, open_shop: Callable[..., Shop]
) -> None:
    from datetime import timedelta

    with store.write(alma.merchant_id) as session:
        short = api_keys.create(
            session, name="s", scopes=["read"], now=now(), expires_at=now() + timedelta(hours=1)
        )
    for key in ("", "x", alma.key[:-1], alma.key + "x", "tp_000000000000_x", short.upper()):
        stranger = Shop(alma.merchant_id, "", key, alma.client)
        assert stranger.call("GET", "/merchant").status_code == 401
    until = Shop(alma.merchant_id, "", short, alma.client)
    assert until.call("GET", "/merchant").status_code == 200
    now.move(hours=1)
    assert until.call("GET", "/merchant").status_code == 401
    with store.write(alma.merchant_id) as session:
        found = api_keys.identify(store, alma.key, now())
        assert found is not None
        api_keys.revoke(session, found.key_id, now())
    assert alma.call("GET", "/merchant").status_code == 401
