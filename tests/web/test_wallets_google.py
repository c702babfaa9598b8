"""Google credentials over the API: Google is asked before they are stored, and nobody waits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from flask import Flask

from tests.conftest import Shop
from tests.fakes.google import FakeGoogle, Request
from tests.web.entering import ISSUER_ID, at_google, listed, put

PIXEL = {"User-Agent": "Mozilla/5.0 (Linux; Android 16; Pixel 9) Chrome/140.0 Mobile"}


@pytest.fixture
def further_settings(google: FakeGoogle) -> dict[str, str]:
    return {"TREUEPASS_GOOGLE_API_BASE": google.api_base}


def test_a_new_issuer_hears_of_demo_mode_when_it_is_entered(alma: Shop, google: FakeGoogle) -> None:
    (hint,) = put(alma, "google", at_google(google))["findings"]
    assert hint["stops"] is False
    assert "Demo mode" in hint["sentence"]
    assert listed(alma)["google"]["findings"] == []


def test_what_google_refuses_is_not_stored(alma: Shop, google: FakeGoogle) -> None:
    for status, reason, field, word in (
        (403, "permissionDenied", "service_account", "Invite"),
        (403, "accessNotConfigured", "service_account", "Enable"),
        (404, "", "issuer_id", "knows no issuer"),
    ):
        google.refuse(status, reason)
        problem = alma.refused("PUT", "/wallets/google", at_google(google))
        assert (problem["status"], problem["code"]) == (422, "INVALID")
        [wrong] = problem["fields"]
        assert wrong["field"] == field
        assert word in wrong["message"]
    assert listed(alma)["google"]["accounts"] == []


def test_a_renewal_that_google_refuses_leaves_what_was_there(
    alma: Shop, google: FakeGoogle
) -> None:
    before = put(alma, "google", at_google(google))["accounts"]
    google.refuse(403, "permissionDenied")
    alma.refused("PUT", "/wallets/google", at_google(google))
    assert listed(alma)["google"]["accounts"] == before
    assert put(alma, "google", at_google(google))["accounts"] == before


def test_without_an_answer_of_google_the_account_is_stored_and_it_says_so(
    alma: Shop, google: FakeGoogle
) -> None:
    google.refuse(503)
    wallet = put(alma, "google", at_google(google))
    assert [account["name"] for account in wallet["accounts"]] == [ISSUER_ID]
    (finding,) = wallet["findings"]
    assert finding["stops"] is False
    assert "could not be asked" in finding["sentence"]


def test_one_service_account_serves_many_merchants(
    alma: Shop, bruno: Shop, google: FakeGoogle
) -> None:
    for shop in (alma, bruno):
        put(shop, "google", at_google(google))
    objects = {}
    for shop in (alma, bruno):
        card = shop.card(shop.template("stamp")["id"])
        save(shop, card)
        objects[shop.slug] = card["google"]["object_id"]
    assert {f"loyaltyObject/{each}" for each in objects.values()} < set(google.resources)
    assert len(set(objects.values())) == 2
    names = {google.resources[name]["issuerName"] for name in google.resources if "Class" in name}
    assert names == {"Alma", "Bruno"}

    (account,) = listed(alma)["google"]["accounts"]
    alma.call("DELETE", f"/wallets/google/accounts/{account['id']}?force=true")
    assert [wallet["google"]["mode"] for wallet in (listed(alma), listed(bruno))] == [
        "test",
        "live",
    ]
    save(bruno, bruno.card(bruno.template("points")["id"]))


def test_merchants_with_accounts_of_their_own_stay_apart(
    alma: Shop, bruno: Shop, google: FakeGoogle
) -> None:
    emails = {}
    for shop, issuer_id in ((alma, "3388000000011111111"), (bruno, "3388000000044444444")):
        given = at_google(google, issuer_id)
        given["service_account"]["client_email"] = f"{shop.slug}@x.iam.gserviceaccount.com"
        emails[issuer_id] = put(shop, "google", given)["accounts"][0]["service_account"]
        save(shop, shop.card(shop.template("stamp")["id"]))
    assert emails == {
        "3388000000011111111": "alma@x.iam.gserviceaccount.com",
        "3388000000044444444": "bruno@x.iam.gserviceaccount.com",
    }
    for shop, issuer_id in ((alma, "3388000000011111111"), (bruno, "3388000000044444444")):
        names = [name for name in google.resources if f"/{issuer_id}." in name]
        assert sorted(name.partition("/")[0] for name in names) == ["loyaltyClass", "loyaltyObject"]
        assert [account["name"] for account in listed(shop)["google"]["accounts"]] == [issuer_id]


def save(shop: Shop, card: Any) -> None:
    """Follows the card's link to Google, as an Android phone does."""
    path = card["links"]["google"].removeprefix("http://127.0.0.1:8000")
    answer = shop.client.get(path, headers=PIXEL)
    assert answer.status_code == 303, answer.text
    assert answer.location.startswith("https://pay.google.com/gp/v/save/")


def test_others_write_while_google_takes_its_time(
    alma: Shop, bruno: Shop, app: Flask, google: FakeGoogle
) -> None:
    """On SQLite a second writer would wait for a transaction that is open."""
    arrived, go_on = Event(), Event()

    def slow(request: Request) -> None:
        arrived.set()
        assert go_on.wait(30)

    google.before_answering = slow
    entering = Shop(alma.merchant_id, alma.slug, alma.key, app.test_client())
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(entering.call, "PUT", "/wallets/google", at_google(google))
        try:
            assert arrived.wait(30)
            assert bruno.card(bruno.template("stamp")["id"])
            assert alma.template("stamp")
            assert listed(alma)["google"]["accounts"] == []
        finally:
            google.before_answering = None
            go_on.set()
        assert answer.result().status_code == 200
    assert [account["name"] for account in listed(alma)["google"]["accounts"]] == [ISSUER_ID]


def test_accounts_that_changed_while_google_was_asked_are_a_conflict(
    alma: Shop, app: Flask, google: FakeGoogle
) -> None:
    other = Shop(alma.merchant_id, alma.slug, alma.key, app.test_client())

    def meanwhile(request: Request) -> None:
        google.before_answering = None
        given = at_google(google, "3388000000044444444")
        given["service_account"]["client_email"] = "other@x.iam.gserviceaccount.com"
        assert other.call("PUT", "/wallets/google", given).status_code == 200

    google.before_answering = meanwhile
    problem = alma.refused("PUT", "/wallets/google", at_google(google))
    assert (problem["status"], problem["code"]) == (409, "ACCOUNTS_CHANGED")
    accounts_now = listed(alma)["google"]["accounts"]
    assert [account["name"] for account in accounts_now] == ["3388000000044444444"]
