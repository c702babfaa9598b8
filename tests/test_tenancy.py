"""Alma's things do not exist for Bruno: foreign ids answer exactly as unknown ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from passes.merchants import api_keys
from passes.store import Store
from tests.conftest import Clock, Shop
from web.api.operation import OPERATIONS

BODIES: dict[str, Any] = {
    "revise_template": {"status": "paused"},
    "add_channel_link": {"name": "Poster"},
    "change_customer": {"last_name": "Berger"},
    "change_card": {"expires_at": "2027-01-01"},
    "set_card_status": {"status": "deleted"},
}
"""What must be sent so that a call gets as far as looking for its subject."""

VERB = re.compile(r"/cards/<card>/[a-z]+-[a-z]+$")


@pytest.fixture
def subjects(alma: Shop) -> dict[str, str]:
    """One of everything of Alma's, by the name of the path parameter."""
    template = alma.template("multipass")
    card = alma.card(template["id"])
    entry = alma.post(f"/cards/{card['id']}/add-visits", {"value": 1})["entry"]
    return {
        "template_id": template["id"],
        "customer_id": card["customer"]["id"],
        "card": card["id"],
        "serial": card["serial_number"],
        "transaction_id": entry["id"],
    }


def test_foreign_is_unknown_on_every_route_with_an_id(
    alma: Shop, bruno: Shop, subjects: dict[str, str]
) -> None:
    tried = 0
    for made in OPERATIONS:
        names = re.findall(r"<(\w+)>", made.path)
        if not names or names == ["role"]:
            continue
        (name,) = names
        body = {"value": 1} if VERB.search(made.path) else BODIES.get(made.name, {})
        for foreign, unknown in (
            (subjects[name], str(uuid4())),
            *(((subjects["serial"], "999999999996"),) if name == "card" else ()),
        ):
            answers = [
                bruno.call(
                    made.method,
                    made.path.replace(f"<{name}>", subject),
                    None if made.method == "GET" else body,
                )
                for subject in (foreign, unknown)
            ]
            assert [answer.status_code for answer in answers] == [404, 404], made
            assert answers[0].data == answers[1].data
            tried += 1
    assert tried > 20
    assert alma.get(f"/cards/{subjects['card']}")["figures"]["available_visits"] == 1


def test_lists_show_nothing_of_the_other(alma: Shop, bruno: Shop, subjects: dict[str, str]) -> None:
    for made in OPERATIONS:
        if made.method != "GET" or "<" in made.path or made.path in {"/merchant", "/stats"}:
            continue
        assert bruno.get(made.path)["items"] == [], made
    assert bruno.get("/stats")["cards_issued"] == 0
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
    problem = bruno.refused(
        "POST", "/templates", {"kind": "stamp", "name": "x", "look": {"icon": str(uuid4())}}
    )
    assert [wrong["field"] for wrong in problem["fields"]] == ["look.icon"]


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
