"""Cards in Google Wallet, from the first save to the last removal, as Google tells of it (D.7)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from passes.cards.models import Installation
from passes.delivery.models import VendorEvent
from passes.merchants.accounts import drop_account, wallet_accounts
from passes.store import Store
from tests.conftest import Clock, Shop
from tests.fakes.google_callbacks import DAY, CallbackSigner, KeyServer
from tests.google_saves import HOUR, GoogleSaves, enter_account, milliseconds
from tests.scenarios.test_installations import active, events, seen, status
from tests.scenarios.test_utm import enrol
from wallet_google.addresses import TEST_WALLET_PATH

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
    """Google, telling of the passes of Alma's own issuer."""
    enter_account(store, alma, ALMAS)
    return GoogleSaves(client, signer, ALMAS)


@pytest.fixture
def card(alma: Shop) -> Any:
    return alma.card(alma.template("multipass")["id"])


def kept(store: Store) -> int:
    with store.read_all() as session:
        return session.scalar(select(func.count()).select_from(VendorEvent)) or 0


def test_a_save_installs_and_a_removal_takes_off(
    now: Clock, store: Store, alma: Shop, google: GoogleSaves, card: Any
) -> None:
    assert status(alma, card) == ("not_installed", None)
    saved = google.save(card)
    assert (saved.status_code, saved.data) == (200, b"")
    assert status(alma, card) == ("installed", None)
    [place] = seen(alma, card)["installations"]
    assert (place["wallet"], place["status"]) == ("google", "active")
    now.move(minutes=1)
    assert google.delete(card).status_code == 200
    assert status(alma, card) == ("deleted", "customer")
    now.move(minutes=1)
    assert google.save(card).status_code == 200
    assert status(alma, card) == ("installed", None)
    with store.read_all() as session:
        [row] = session.scalars(select(Installation))
    assert (row.device, row.address) == ("google", {})
    assert events(alma, card, "installed", "removed") == [
        ("installed", {"additional": False, "reinstall": False}),
        ("removed", {"remaining": 0}),
        ("installed", {"additional": False, "reinstall": True}),
    ]


def test_T_IN_2_the_same_nonce_is_one_event(
    store: Store, alma: Shop, google: GoogleSaves, card: Any
) -> None:
    body = google.body(card, "save", nonce="1a9e3df0-0000-4000-8000-000000000000")
    assert [google.send(body).status_code for _ in range(3)] == [200, 204, 204]
    # Not even under another body: the nonce is the event.
    late = milliseconds() + 2 * HOUR
    again = google.delete(card, nonce="1a9e3df0-0000-4000-8000-000000000000", expires_at=late)
    assert again.status_code == 204
    assert status(alma, card) == ("installed", None)
    assert len(events(alma, card, "installed", "removed")) == 1
    assert kept(store) == 1


def test_T_IN_2_a_removal_older_than_a_later_save_is_ignored(
    now: Clock, store: Store, alma: Shop, google: GoogleSaves, card: Any
) -> None:
    removed_first = google.body(card, "del", expires_at=milliseconds() + HOUR)
    now.move(minutes=5)
    assert google.save(card).status_code == 200
    assert google.send(removed_first).status_code == 204
    assert status(alma, card) == ("installed", None)
    assert active(alma, card) == 1
    assert kept(store) == 2
    now.move(minutes=5)
    assert google.delete(card).status_code == 200
    assert status(alma, card) == ("deleted", "customer")


def test_T_IN_2_a_save_older_than_a_later_removal_is_ignored(
    now: Clock, alma: Shop, google: GoogleSaves, card: Any
) -> None:
    google.save(card)
    saved_between = google.body(card, "save", expires_at=milliseconds() + HOUR + 1)
    now.move(minutes=5)
    google.delete(card)
    assert google.send(saved_between).status_code == 204
    assert status(alma, card) == ("deleted", "customer")


def test_a_removal_that_comes_before_its_save_is_the_last_word(
    now: Clock, alma: Shop, google: GoogleSaves, card: Any
) -> None:
    saved_first = google.body(card, "save", expires_at=milliseconds() + HOUR)
    now.move(minutes=5)
    assert google.delete(card).status_code == 204
    assert google.send(saved_first).status_code == 204
    assert status(alma, card) == ("not_installed", None)


def test_a_clock_that_was_put_back_loses_nothing(
    now: Clock, alma: Shop, google: GoogleSaves, card: Any
) -> None:
    google.save(card)
    later = milliseconds() + 2 * HOUR
    now.move(minutes=-10)
    assert google.delete(card, expires_at=later).status_code == 200
    assert status(alma, card) == ("deleted", "customer")
    now.move(minutes=-10)
    assert google.save(card, expires_at=later + 1).status_code == 200
    assert status(alma, card) == ("installed", None)


def test_AMB_09_a_card_from_a_link_counts_as_issued_when_it_is_saved(
    now: Clock, alma: Shop, client: FlaskClient, google: GoogleSaves
) -> None:
    template = alma.template("stamp")
    enrolled = seen(alma, enrol(alma, client, f"/join/{template['slug']}", "anna@example.com"))
    now.move(days=1)
    assert google.save(enrolled).status_code == 200
    card = seen(alma, enrolled)
    assert card["issued_at"] == "2026-11-22T09:00:00Z"
    assert card["installations"][0]["first_installed_at"] == "2026-11-22T09:00:00Z"


def test_a_saved_card_is_kept_up_to_date(
    now: Clock, alma: Shop, google: GoogleSaves, card: Any
) -> None:
    assert seen(alma, card)["deliveries"] == []
    google.save(card)
    [delivery] = seen(alma, card)["deliveries"]
    assert (delivery["wallet"], delivery["wanted_version"]) == ("google", 1)


def test_passes_of_an_earlier_issuer_still_count(
    now: Clock, store: Store, alma: Shop, google: GoogleSaves, card: Any
) -> None:
    now.move(minutes=1)
    enter_account(store, alma, "3388000000044444444")
    assert google.save(card).status_code == 200
    assert status(alma, card) == ("installed", None)


def test_events_of_another_merchants_card_change_nothing(
    store: Store, alma: Shop, bruno: Shop, google: GoogleSaves
) -> None:
    enter_account(store, bruno, BRUNOS)
    foreign = bruno.card(bruno.template("multipass")["id"])
    assert google.save(foreign).status_code == 400
    own = alma.card(alma.template("multipass")["id"])
    mixed = own | {"serial_number": foreign["serial_number"]}
    assert google.save(mixed).status_code == 400
    assert status(bruno, foreign) == ("not_installed", None)
    assert kept(store) == 0


def test_a_class_that_is_not_the_cards_changes_nothing(
    store: Store, alma: Shop, google: GoogleSaves, card: Any
) -> None:
    other = alma.template("stamp")
    assert google.save(card | {"template": other}).status_code == 400
    assert status(alma, card) == ("not_installed", None)
    assert kept(store) == 0


def test_a_card_that_nobody_knows_changes_nothing(store: Store, google: GoogleSaves) -> None:
    stranger = {"serial_number": "999999999999", "template": {"id": "0" * 32}}
    assert google.save(stranger).status_code == 400
    assert kept(store) == 0


def test_the_test_issuer_speaks_for_merchants_without_an_account(
    store: Store, alma: Shop, bruno: Shop, google: GoogleSaves, client: Any, signer: Any
) -> None:
    in_test_mode = bruno.card(bruno.template("multipass")["id"])
    test = GoogleSaves(client, signer, TEST_ISSUER)
    assert test.save(in_test_mode).status_code == 200
    assert status(bruno, in_test_mode) == ("installed", None)
    real = alma.card(alma.template("multipass")["id"])
    assert test.save(real).status_code == 400
    assert status(alma, real) == ("not_installed", None)


def test_an_account_that_is_taken_away_speaks_for_nobody(
    store: Store, alma: Shop, google: GoogleSaves, card: Any
) -> None:
    with store.write(alma.merchant_id) as session:
        [account] = wallet_accounts(session, "google")
        drop_account(session, "google", UUID(account.id))
    assert google.save(card).status_code == 400
    assert status(alma, card) == ("not_installed", None)


def test_root_keys_are_replaced_without_a_restart(
    now: Clock, alma: Shop, google: GoogleSaves, keys: KeyServer, card: Any
) -> None:
    google.save(card)
    google.signer = CallbackSigner()
    assert google.delete(card).status_code == 400
    keys.document = google.signer.document(milliseconds() + 300 * DAY)
    now.move(seconds=59)
    assert google.delete(card).status_code == 400
    now.move(seconds=1)
    assert google.delete(card).status_code == 200
    assert status(alma, card) == ("deleted", "customer")
    assert keys.fetches == 3


def test_without_keys_google_is_asked_to_come_again(
    now: Clock, alma: Shop, google: GoogleSaves, keys: KeyServer, card: Any
) -> None:
    keys.status = 500
    body = google.body(card, "save")
    answer = google.send(body)
    assert (answer.status_code, answer.headers["Retry-After"], answer.data) == (503, "5", b"")
    keys.status = 200
    now.move(seconds=5)
    assert google.send(body).status_code == 200
    assert status(alma, card) == ("installed", None)


def test_events_are_forgotten_when_they_cannot_come_again(
    now: Clock, store: Store, parts: Any, google: GoogleSaves, card: Any
) -> None:
    google.save(card)
    now.move(days=1)
    parts.worker.work_once()
    assert kept(store) == 1
    now.move(hours=2)
    parts.worker.work_once()
    assert kept(store) == 0


def test_R_INST_4_a_save_that_nobody_told_of_is_found_at_night(
    now: Clock, parts: Any, alma: Shop, client: FlaskClient, card: Any
) -> None:
    """And a removal: the stand-in for Google, asked who has the pass, is the only witness."""
    offered = client.get(card["links"]["google"].removeprefix("http://127.0.0.1:8000"))
    assert offered.status_code in {302, 303}
    token = offered.headers["Location"].rpartition("/")[2]
    for method, expected in (
        ("POST", ("installed", None)),
        ("DELETE", ("deleted", "customer")),
    ):
        phone = {"Authorization": f"Bearer {token}"}
        assert client.open(TEST_WALLET_PATH, method=method, headers=phone).status_code == 200
        before = status(alma, card)
        parts.worker.work_once()
        assert status(alma, card) == before
        now.move(days=1)
        parts.worker.work_once()
        assert status(alma, card) == expected
