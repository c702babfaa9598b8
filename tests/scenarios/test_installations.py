"""Cards on phones and watches, from the download to the last removal, over HTTP (D.7)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from tests.apple_device import Device
from tests.conftest import Clock, Shop
from tests.scenarios.test_utm import enrol

MONDAY, TUESDAY = "2026-11-23T10:00:00+01:00", "2026-11-24T09:00:00+01:00"


def seen(shop: Shop, card: Any) -> Any:
    return shop.get(f"/cards/{card['id']}")


def status(shop: Shop, card: Any) -> tuple[str, str | None]:
    now = seen(shop, card)
    return now["status"], now["status_cause"]


def active(shop: Shop, card: Any) -> int:
    return [place["status"] for place in seen(shop, card)["installations"]].count("active")


def events(shop: Shop, card: Any, *types: str) -> list[tuple[str, Any]]:
    """Oldest first."""
    items = shop.get(f"/cards/{card['id']}/events")["items"]
    return [(each["type"], each["data"]) for each in reversed(items) if each["type"] in types]


def test_T_IN_1_from_the_link_to_the_last_removal_and_back(
    now: Clock, alma: Shop, client: FlaskClient
) -> None:
    now.set(MONDAY)
    template = alma.template("stamp")
    enrolled = enrol(alma, client, f"/join/{template['slug']}", "anna@example.com")
    card = seen(alma, enrolled)
    assert status(alma, card) == ("not_installed", None)
    assert card["issued_at"] == "2026-11-23T09:00:00Z"
    alma.post(f"/cards/{card['id']}/add-stamps", {"value": 2})

    phone, watch = Device(client, "phone"), Device(client, "watch")
    held = phone.download(card)
    assert status(alma, card) == ("not_installed", None)

    now.set(TUESDAY)
    assert phone.register(held).status_code == 201
    card = seen(alma, card)
    assert (card["status"], card["issued_at"]) == ("installed", "2026-11-24T08:00:00Z")
    assert card["installations"][0]["first_installed_at"] == "2026-11-24T08:00:00Z"
    assert card["enrolled_at"] == "2026-11-23T09:00:00Z"

    now.move(minutes=1)
    assert watch.register(held).status_code == 201
    assert active(alma, card) == 2
    now.move(minutes=1)
    assert phone.unregister(held).status_code == 200
    assert status(alma, card) == ("installed", None)
    assert active(alma, card) == 1
    now.move(minutes=1)
    assert watch.unregister(held).status_code == 200
    assert status(alma, card) == ("deleted", "customer")
    assert seen(alma, card)["figures"]["stamps"] == 2

    now.move(minutes=1)
    again = phone.add(card)
    assert again.serial == held.serial
    card = seen(alma, card)
    assert (card["status"], card["issued_at"]) == ("installed", "2026-11-24T08:00:00Z")
    assert card["figures"]["stamps"] == 2
    assert [data for _, data in events(alma, card, "installed")] == [
        {"additional": False, "reinstall": False},
        {"additional": True, "reinstall": False},
        {"additional": False, "reinstall": True},
    ]
    assert events(alma, card, "uninstalled", "removed") == [
        ("uninstalled", {"remaining": 1}),
        ("removed", {"remaining": 0}),
    ]


def test_T_IN_3_a_card_that_the_merchant_deletes_is_void_on_the_phone(
    now: Clock, alma: Shop, client: FlaskClient
) -> None:
    card = alma.card(alma.template("multipass")["id"], opening={"available_visits": 3})
    phone = Device(client)
    held = phone.add(card)
    phone.list(held)
    phone.fetch(held)
    now.move(minutes=1)
    alma.post(f"/cards/{card['id']}/status", {"status": "deleted"})
    assert phone.list(held) == [held.serial]
    void = phone.fetch(held)
    assert void is not None
    assert void.face["voided"] is True
    assert "barcodes" not in void.face
    assert client.get(urlsplit(card["links"]["install"]).path).status_code == 410
    assert client.get(urlsplit(card["links"]["apple"]).path).status_code == 410
    scanned = alma.post("/scan", {"code": card["code"]})["card"]
    assert (scanned["status"], scanned["status_cause"]) == ("deleted", "merchant")
    assert active(alma, card) == 1

    now.move(minutes=1)
    restored = alma.post(f"/cards/{card['id']}/status", {"status": "restored"})
    assert restored["status"] == "installed"
    assert phone.list(held) == [held.serial]
    valid = phone.fetch(held)
    assert valid is not None
    assert "voided" not in valid.face
    assert valid.figures["available_visits"] == 3
    alma.post(f"/cards/{card['id']}/add-visits", {"value": 1})


def test_R_INST_2_looking_and_downloading_install_nothing(alma: Shop, client: FlaskClient) -> None:
    card = alma.card(alma.template("multipass")["id"])
    phone = Device(client)
    client.get(urlsplit(card["links"]["install"]).path)
    held = phone.download(card)
    assert phone.fetch(held) is not None
    assert phone.list(held) == []
    assert phone.unregister(held).status_code == 200
    assert status(alma, card) == ("not_installed", None)
    assert seen(alma, card)["installations"] == []


def test_R_INST_1_a_device_that_says_it_again_is_one_device(
    now: Clock, alma: Shop, client: FlaskClient
) -> None:
    card = alma.card(alma.template("multipass")["id"])
    phone = Device(client)
    held = phone.add(card)
    now.move(hours=1)
    assert phone.register(held, "another token").status_code == 200
    [place] = seen(alma, card)["installations"]
    assert place["last_seen_at"] == "2026-11-21T10:00:00Z"
    assert len(events(alma, card, "installed")) == 1
    assert phone.unregister(held).status_code == 200
    assert phone.unregister(held).status_code == 200
    assert len(events(alma, card, "removed")) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_R_INST_5_more_than_five_devices_work_and_are_pointed_out(
    alma: Shop, client: FlaskClient
) -> None:
    card = alma.card(alma.template("multipass")["id"])
    held = Device(client, "device 0").add(card)
    for number in range(1, 5):
        Device(client, f"device {number}").add(card)
    assert seen(alma, card)["many_devices"] is False
    for number in (5, 6):
        Device(client, f"device {number}").add(card)
    assert active(alma, card) == 7
    assert seen(alma, card)["many_devices"] is True
    assert events(alma, card, "many_devices") == [("many_devices", {"devices": 6})]
    for number in (5, 6):
        Device(client, f"device {number}").unregister(held)
    assert seen(alma, card)["many_devices"] is False


def test_R_INST_6_what_the_customer_removed_can_still_be_worked_with(
    now: Clock, alma: Shop, client: FlaskClient
) -> None:
    card = alma.card(alma.template("multipass")["id"], opening={"available_visits": 3})
    phone = Device(client)
    held = phone.add(card)
    now.move(minutes=1)
    phone.unregister(held)
    assert status(alma, card) == ("deleted", "customer")
    assert alma.post("/scan", {"code": card["code"]})["card"]["status_cause"] == "customer"
    after = alma.post(f"/cards/{card['id']}/redeem-visits", {"value": 1})
    assert after["figures"]["available_visits"] == 2
    assert client.get(urlsplit(card["links"]["install"]).path).status_code == 200
    assert phone.add(card).figures["available_visits"] == 2


def test_R_INST_7_an_expired_card_stays_where_it_is(
    now: Clock, alma: Shop, client: FlaskClient
) -> None:
    template = alma.template("multipass", expiry={"kind": "days_after_issue", "days": 3})
    card = alma.card(template["id"])
    phone = Device(client)
    held = phone.add(card)
    now.move(days=10)
    after = seen(alma, card)
    assert (after["status"], after["validity"]) == ("installed", "expired")
    assert phone.fetch(held) is not None


def test_R_INST_8_the_three_words_find_the_cards(
    now: Clock, alma: Shop, bruno: Shop, client: FlaskClient
) -> None:
    template = alma.template("multipass")
    made = {word: alma.card(template["id"]) for word in ("not_installed", "installed", "deleted")}
    phone = Device(client)
    phone.add(made["installed"])
    held = phone.add(made["deleted"])
    now.move(minutes=1)
    phone.unregister(held)
    for word, card in made.items():
        assert [each["id"] for each in alma.get(f"/cards?status={word}")["items"]] == [card["id"]]
        assert bruno.get(f"/cards?status={word}")["items"] == []


def test_R_UPD_2_the_card_shows_what_was_fetched_and_when(
    now: Clock, alma: Shop, client: FlaskClient
) -> None:
    card = alma.card(alma.template("multipass")["id"])
    phone = Device(client)
    held = phone.add(card)
    [place] = seen(alma, card)["installations"]
    assert (place["fetched_version"], place["fetched_at"]) == (1, None)
    now.set("2026-11-21T12:01:00Z")
    alma.post(f"/cards/{card['id']}/add-visits", {"value": 1})
    phone.list(held)
    phone.fetch(held)
    [place] = seen(alma, card)["installations"]
    assert (place["fetched_version"], place["fetched_at"]) == (2, "2026-11-21T12:01:00Z")
    assert place["stale"] is False
    assert "fetched" not in {kind for kind, _ in events(alma, card, "fetched", "installed")}
