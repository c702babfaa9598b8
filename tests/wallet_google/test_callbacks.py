"""What must not be believed: hostile callbacks over HTTP, and what is read from genuine ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.robotparser import RobotFileParser

import pytest
from flask.testing import FlaskClient
from prometheus_client import REGISTRY
from sqlalchemy import select

from passes.models import Base
from passes.store import Store
from tests.conftest import Clock, Shop
from tests.fakes.google_callbacks import DAY, CallbackSigner, KeyServer
from tests.google_saves import HOUR, PATH, GoogleSaves, enter_account, milliseconds
from tests.wallet_google.hostile_callbacks import Hostile
from wallet_google.callbacks import MOST_BYTES

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ALMAS, BRUNOS = "3388000000022222222", "3388000000033333333"
TEST_ISSUER = "3388000000000000001"


@pytest.fixture
def signer() -> CallbackSigner:
    return CallbackSigner()


@pytest.fixture
def keys(now: Clock, signer: CallbackSigner) -> Iterator[KeyServer]:
    with KeyServer(signer.document(milliseconds() + 300 * DAY)) as server:
        yield server


@pytest.fixture
def further_settings(keys: KeyServer) -> dict[str, str]:
    return {"TREUEPASS_GOOGLE_CALLBACK_KEYS_URL": keys.url}


@pytest.fixture
def google(store: Store, client: FlaskClient, signer: CallbackSigner, alma: Shop) -> GoogleSaves:
    enter_account(store, alma, ALMAS)
    return GoogleSaves(client, signer, ALMAS)


@pytest.fixture
def card(alma: Shop) -> Any:
    return alma.card(alma.template("multipass")["id"])


def everything(store: Store) -> dict[str, list[Any]]:
    """Every row of the database."""
    with store.read_all() as session:
        return {
            table.name: [tuple(row) for row in session.execute(select(table))]
            for table in Base.metadata.sorted_tables
        }


def test_of_107_hostile_callbacks_and_more_none_is_accepted(
    store: Store, keys: KeyServer, google: GoogleSaves, card: Any
) -> None:
    cases = Hostile(google, card).refused()
    assert len(cases) >= 107
    assert len({name for name, _ in cases}) == len({body for _, body in cases}) == len(cases)
    before = everything(store)
    answers = {name: google.send(body) for name, body in cases}
    believed = {
        name: answer.status_code
        for name, answer in answers.items()
        if not 400 <= answer.status_code < 500
    }
    assert believed == {}
    # Nor does an answer tell what was wrong: only what is too long has a status of its own.
    assert {answer.data for answer in answers.values()} == {b""}
    assert {name for name, each in answers.items() if each.status_code != 400} == {
        name for name, body in cases if len(body) > MOST_BYTES
    }
    assert everything(store) == before
    assert keys.fetches == 2  # of all the bad signatures, one made us look for new keys
    assert google.save(card).status_code == 200
    assert everything(store) != before


def test_signed_messages_that_cannot_be_used_change_nothing(
    store: Store, alma: Shop, bruno: Shop, google: GoogleSaves, card: Any
) -> None:
    """Refused like a forged one: an answer tells nobody which cards there are."""
    enter_account(store, bruno, BRUNOS)
    foreign = bruno.card(bruno.template("multipass")["id"])
    serial, other = card["serial_number"], alma.template("stamp")
    bodies = {
        "another merchant's card": google.body(foreign, "save"),
        "another merchant's card as ours": google.body(
            card | {"serial_number": foreign["serial_number"]}, "del"
        ),
        "another design": google.body(card | {"template": other}, "save"),
        "no such card": google.body(card | {"serial_number": "999999999999"}, "save"),
        "a serial with dashes": google.body(card | {"serial_number": serial[:4] + "-1"}, "save"),
        "a name": google.body(card | {"serial_number": "anna"}, "save"),
        "the card's id": google.body(card | {"serial_number": card["id"]}, "save"),
        "under Bruno's issuer": GoogleSaves(google.client, google.signer, BRUNOS).body(card, "del"),
        "under the test issuer": GoogleSaves(google.client, google.signer, TEST_ISSUER).body(
            card, "save"
        ),
    }
    before = everything(store)
    assert {name: google.send(body).status_code for name, body in bodies.items()} == dict.fromkeys(
        bodies, 400
    )
    assert everything(store) == before


def test_replays_change_nothing(store: Store, google: GoogleSaves, card: Any) -> None:
    saved, removed = google.body(card, "save"), google.body(card, "del")
    assert [google.send(body).status_code for body in (saved, removed)] == [200, 200]
    before = everything(store)
    assert [google.send(body).status_code for body in (saved, removed) * 5] == [204] * 10
    assert everything(store) == before


def test_a_replay_after_its_end_is_refused(
    now: Clock, store: Store, parts: Any, google: GoogleSaves, card: Any
) -> None:
    saved = google.body(card, "save")
    google.send(saved)
    google.delete(card, expires_at=milliseconds() + HOUR + 1)
    for step in ({"hours": 1}, {"hours": 12}, {"days": 2}):
        now.move(**step)
        parts.worker.work_once()
        assert google.send(saved).status_code == 400


def test_a_body_may_be_as_long_as_the_limit(google: GoogleSaves, card: Any) -> None:
    body = google.body(card, "save")
    padded = body + b" " * (MOST_BYTES - len(body))
    assert google.send(padded + b" ").status_code == 413
    assert google.send(padded).status_code == 200


@pytest.mark.parametrize("content_type", [None, "application/json", "text/plain", "nonsense"])
def test_the_content_type_does_not_matter(
    google: GoogleSaves, card: Any, content_type: str | None
) -> None:
    body = google.body(card, "save")
    assert google.client.post(PATH, data=body, content_type=content_type).status_code == 200


def test_further_fields_do_not_matter(google: GoogleSaves, card: Any) -> None:
    given = json.loads(google.body(card, "save", new={"a": [1]}, count=None))
    given["intermediateSigningKey"]["new"] = 1
    assert google.send(json.dumps(given | {"new": "ü"}).encode()).status_code == 200


def test_a_callback_is_posted(client: FlaskClient) -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        assert client.open(PATH, method=method).status_code == 405


def test_outcomes_are_counted(google: GoogleSaves, card: Any) -> None:
    def counted(outcome: str) -> float:
        name = "treuepass_google_callbacks_total"
        return REGISTRY.get_sample_value(name, {"outcome": outcome}) or 0.0

    outcomes = ("recorded", "known", "no_such_card", "expired", "unreadable", "root")
    before = [counted(each) for each in outcomes]
    body = google.body(card, "save")
    google.send(body)
    google.send(body)
    google.save(card | {"serial_number": "999999999999"})
    google.save(card, expires_at=milliseconds())
    google.send(b"{")
    GoogleSaves(google.client, CallbackSigner(), ALMAS).save(card)
    assert [counted(each) - was for each, was in zip(outcomes, before, strict=True)] == [1] * 6


def test_the_log_holds_nothing_of_a_callback(
    google: GoogleSaves, card: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    google.save(card)
    google.save(card, nonce="refused-nonce", expires_at=milliseconds())
    google.save(card | {"serial_number": "999999999999"}, nonce="unknown-nonce")
    for hidden in (card["serial_number"], "999999999999", "refused-nonce", "unknown-nonce", ALMAS):
        assert hidden not in caplog.text
    assert "A callback in Google's name was refused: expired" in caplog.text


def test_googles_robot_reaches_callback_and_pictures(client: FlaskClient) -> None:
    """Google calls only where robots.txt lets Googlebot in (discovery: callbackOptions.url)."""
    rules = RobotFileParser()
    rules.parse(client.get("/robots.txt").text.splitlines())
    for agent in ("Googlebot", "Googlebot-Image", "Google-Valuables"):
        for path in (PATH, "/wallet/google/logo.png", "/pictures/a/b/google-logo.png"):
            assert rules.can_fetch(agent, path)
