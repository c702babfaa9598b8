"""Every row of the web service's status table, and what a device does with it, on both databases
(apple.md §2)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from commands.parts import Parts
from passes.cards.models import Card, Installation
from passes.delivery import reports
from passes.merchants.accounts import keep_wallet_account
from passes.store import Store
from passes.wallet_port import Complaint, WalletMisconfigured
from tests.apple_device import Device
from tests.conftest import Clock, Shop, engines_of

WRONG = [
    "",
    "x" * 22,
    "ApplePass",
    "ApplePass short",
    "ApplePass " + "x" * 22,
    "Bearer " + "x" * 22,
]


@pytest.fixture
def card(alma: Shop) -> Any:
    return alma.card(alma.template("multipass")["id"])


@pytest.fixture
def phone(client: FlaskClient) -> Device:
    return Device(client)


def rows(store: Store) -> list[Installation]:
    with store.read_all() as session:
        return list(session.scalars(select(Installation).order_by(Installation.device)))


# --- POST …/registrations/… ----------------------------------------------------------------------


def test_a_registration_is_201_and_said_again_200(store: Store, phone: Device, card: Any) -> None:
    held = phone.download(card)
    first, again = phone.register(held, "one"), phone.register(held, "two")
    assert (first.status_code, first.data) == (201, b"")
    assert (again.status_code, again.data) == (200, b"")
    [row] = rows(store)
    assert row.address == {"token": "two", "topic": held.type, "scheme": "ApplePass"}


@pytest.mark.parametrize("shown", WRONG)
def test_a_registration_without_the_secret_is_401_whatever_else_is_wrong(
    store: Store, client: FlaskClient, phone: Device, card: Any, shown: str
) -> None:
    held = phone.download(card)
    stranger = {"Authorization": shown}
    for path, body in (
        (phone.registration(held), b'{"pushToken": "t"}'),
        (phone.registration(held), b"\x00 not JSON"),
        (phone.registration(held).replace(held.serial, "999999999999"), b"{}"),
        (phone.registration(held).replace(held.serial, "%00"), b"{}"),
        (phone.registration(held).replace("/phone/", "/%00/"), b"{}"),
        (phone.registration(held).replace(held.type, "pass.example.other"), b"{}"),
    ):
        assert client.post(path, data=body, headers=stranger).status_code == 401, path
    assert rows(store) == []


def test_a_registration_with_another_cards_secret_is_401(
    store: Store, client: FlaskClient, phone: Device, alma: Shop, bruno: Shop, card: Any
) -> None:
    held = phone.download(card)
    for shop in (alma, bruno):
        other = phone.download(shop.card(shop.template("stamp")["id"]))
        answer = client.post(
            phone.registration(held), json={"pushToken": "t"}, headers=phone.proof(other)
        )
        assert answer.status_code == 401
    assert rows(store) == []


@pytest.mark.parametrize("scheme", ["AndroidPass", "WalletUnionPass", "WalletUnionHMSPass"])
def test_devices_of_other_makers_are_devices_too(store: Store, card: Any, client: Any, scheme: str):
    other = Device(client, "pixel", scheme)
    held = other.download(card)
    assert other.register(held).status_code == 201
    assert rows(store)[0].address["scheme"] == scheme
    assert other.list(held) == [held.serial]
    assert other.fetch(held) is not None
    bare = client.post(other.registration(held), json={}, headers=other.proof(held))
    assert bare.status_code == 200
    assert other.unregister(held).status_code == 200


# --- DELETE …/registrations/… --------------------------------------------------------------------


def test_a_removal_is_200_also_of_what_was_never_there(
    store: Store, phone: Device, card: Any
) -> None:
    held = phone.download(card)
    assert phone.unregister(held).status_code == 200
    assert rows(store) == []
    phone.register(held)
    assert phone.unregister(held).status_code == 200
    assert [row.status for row in rows(store)] == ["removed"]
    assert phone.list(held) == []


@pytest.mark.parametrize("shown", WRONG)
def test_a_removal_without_the_secret_is_401(
    store: Store, client: FlaskClient, phone: Device, card: Any, shown: str
) -> None:
    held = phone.add(card)
    answer = client.delete(phone.registration(held), headers={"Authorization": shown})
    assert answer.status_code == 401
    assert [row.status for row in rows(store)] == ["active"]


# --- GET …/registrations/… -----------------------------------------------------------------------


def test_the_list_names_what_changed_and_nothing_else(
    now: Clock, alma: Shop, bruno: Shop, phone: Device
) -> None:
    cards = [shop.card(shop.template("multipass")["id"]) for shop in (alma, bruno, alma)]
    held = [phone.add(each) for each in cards]
    assert sorted(phone.list(held[0])) == sorted(each.serial for each in held)
    assert phone.tag is not None
    assert phone.tag.isdecimal()
    for each in held:
        phone.fetch(each)
    assert phone.list(held[0]) == []
    now.move(seconds=5)
    bruno.post(f"/cards/{cards[1]['id']}/add-visits", {"value": 1})
    assert phone.list(held[0]) == [held[1].serial]
    assert phone.fetch(held[1]) is not None
    assert phone.list(held[0]) == []


def test_the_list_of_an_unknown_device_is_204(phone: Device, card: Any, client: Any) -> None:
    held = phone.add(card)
    for device in ("nobody", "%00", "x" * 500, "%F0%9F%8E%82", "a%2Fb", "phone%20"):
        path = f"{held.base}/devices/{device}/registrations/{held.type}"
        assert client.get(path).status_code == 204, device
    other = f"{held.base}/devices/phone/registrations/pass.example.other"
    assert client.get(other).status_code == 204


@pytest.mark.parametrize(
    "tag", ["", "x", "-1", "1.5", "2026-11-21T12:00:00 00:00", "9" * 40, "٣", "%00", "0x10", "1 2"]
)
def test_a_tag_that_is_none_of_ours_counts_as_absent(phone: Device, card: Any, tag: str) -> None:
    held = phone.add(card)
    phone.tag = tag
    assert phone.list(held) == [held.serial]


# --- GET …/passes/… ------------------------------------------------------------------------------


def test_a_pass_is_200_with_its_date_then_304_then_200(
    now: Clock, client: FlaskClient, alma: Shop, phone: Device, card: Any
) -> None:
    held = phone.add(card)
    first = client.get(held.path, headers=phone.proof(held))
    assert first.status_code == 200
    assert first.content_type == "application/vnd.apple.pkpass"
    date = first.headers["Last-Modified"]
    since = {**phone.proof(held), "If-Modified-Since": date}
    unchanged = client.get(held.path, headers=since)
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    head = client.head(held.path, headers=phone.proof(held))
    assert (head.status_code, head.data) == (200, b"")
    # Two changes within one second are still two dates.
    dates = [date]
    for _ in range(2):
        alma.post(f"/cards/{card['id']}/add-visits", {"value": 1})
        changed = client.get(held.path, headers={**since, "If-Modified-Since": dates[-1]})
        assert changed.status_code == 200
        dates.append(changed.headers["Last-Modified"])
    moments = [parsedate_to_datetime(each) for each in dates]
    assert moments[1] - moments[0] >= timedelta(seconds=1)
    assert moments[2] - moments[1] >= timedelta(seconds=1)


@pytest.mark.parametrize("shown", WRONG)
def test_a_pass_without_the_secret_is_401(
    client: FlaskClient, phone: Device, card: Any, shown: str
) -> None:
    held = phone.download(card)
    answer = client.get(held.path, headers={"Authorization": shown})
    assert (answer.status_code, answer.data) == (401, b"")
    assert answer.headers["WWW-Authenticate"] == "ApplePass"


def test_a_pass_under_another_type_is_401(phone: Device, card: Any, client: FlaskClient) -> None:
    held = phone.download(card)
    other = "pass.example.other"
    for path in (
        held.path.replace(held.type, other),
        held.path.replace(held.type, other, 1),
        held.path.replace(f"passes/{held.type}", f"passes/{other}"),
    ):
        assert client.get(path, headers=phone.proof(held)).status_code == 401


def test_a_pass_keeps_its_type_when_real_certificates_come(
    now: Clock, parts: Parts, alma: Shop, bruno: Shop, phone: Device, card: Any, client: Any
) -> None:
    """Handed out in test mode, it stays reachable there; new ones are of the merchant's type."""
    early = phone.add(card)
    folder = parts.settings.data_dir / "certs_example"
    files = {"certificate": "pass.pem", "private_key": "pass.key", "wwdr": "wwdr.pem"}
    stored = {name: (folder / file).read_text() for name, file in files.items()}
    own = "pass.example.alma"
    with parts.store.write(alma.merchant_id) as session:
        keep_wallet_account(session, "apple", own, json.dumps(stored), now())
    assert phone.fetch(early) is not None
    under_own = replace(early, face={**early.face, "passTypeIdentifier": own})
    path = under_own.path.replace(early.type, own)
    assert client.get(path, headers=phone.proof(early)).status_code == 200
    other = phone.download(bruno.card(bruno.template("stamp")["id"]))
    path = other.path.replace(other.type, own)
    assert client.get(path, headers=phone.proof(other)).status_code == 401


# --- POST …/log ----------------------------------------------------------------------------------

SAID = {
    Complaint.UNCHANGED: "Server requested update to serial number '1', but the pass was"
    " unchanged.",
    Complaint.UNDATED: "Server returned the pass data for serial number '1' but did not provide a"
    " 'last-modified' header.",
    Complaint.SENT_AGAIN: "Server ignored the 'if-modified-since' header (Sat, 21 Nov 2026) and"
    " returned the full unchanged pass data for serial number '1'.",
    Complaint.NOTHING_NEW: "Device received spurious push. Request for passesUpdatedSince '7'"
    " returned no serial numbers. (Device = 0f1e2d3c4b5a69788796a5b4c3d2e1f0)",
    Complaint.NOT_ITS_OWN: "Update requested for unregistered serial number 1",
    Complaint.NO_TAG: "Response to 'What changed?' request included 2 serial numbers but omitted a"
    " lastUpdated tag.",
    Complaint.SAME_TAG: "Response to 'What changed?' request included 2 serial numbers but the"
    " lastUpdated tag (7) remained the same.",
}


def test_the_seven_known_messages_are_counted(
    now: Clock, store: Store, client: FlaskClient, phone: Device, card: Any
) -> None:
    held = phone.download(card)
    lines = [f"[2026-11-21 10:00:00 +0100] {text}" for text in SAID.values()]
    for said in (lines, [*lines[:1], "Get pass task encountered error: Authentication failure"]):
        assert client.post(f"{held.base}/log", json={"logs": said}).status_code == 200
    with store.read_all() as session:
        found = reports.reports(session)
    assert {report.complaint: report.times for report in found} == {
        complaint: 1 + (complaint is Complaint.UNCHANGED) for complaint in Complaint
    }
    assert {report.subject for report in found} == {held.type}
    assert all(report.sentence["de"] for report in found)


def test_complaints_about_a_type_that_nobody_has_are_not_counted(
    store: Store, client: FlaskClient
) -> None:
    for of_type in ("pass.example.nobody", "%00", "x" * 2_000):
        path = f"/wallet/apple/{of_type}/v1/log"
        assert client.post(path, json={"logs": list(SAID.values())}).status_code == 200
    with store.read_all() as session:
        assert reports.reports(session) == []


def test_one_address_may_log_so_much_in_a_minute(now: Clock, phone: Device, card: Any, client: Any):
    path = f"{phone.download(card).base}/log"

    def post(address: str) -> int:
        asked = client.post(path, json={"logs": []}, environ_base={"REMOTE_ADDR": address})
        return asked.status_code

    answers = [post("198.51.100.1") for _ in range(35)]
    assert answers == [200] * 30 + [429] * 5
    assert post("198.51.100.2") == 200
    now.move(minutes=1)
    assert post("198.51.100.1") == 200


# --- everything else -----------------------------------------------------------------------------


def test_other_methods_are_405(phone: Device, card: Any, client: FlaskClient) -> None:
    held = phone.add(card)
    paths = {
        phone.registration(held): ("GET", "PUT", "PATCH"),
        f"{held.base}/devices/phone/registrations/{held.type}": ("POST", "DELETE", "PUT"),
        held.path: ("POST", "PUT", "DELETE", "PATCH"),
        f"{held.path}/personalize": ("PUT", "DELETE"),
        f"{held.base}/log": ("GET", "PUT", "DELETE"),
    }
    for path, methods in paths.items():
        for method in methods:
            answer = client.open(path, method=method, headers=phone.proof(held))
            assert answer.status_code == 405, (method, path)
            assert answer.headers["Allow"]
    # What ends in /personalize and is fetched is a serial number that nobody has.
    assert client.get(f"{held.path}/personalize").status_code == 401


@pytest.mark.parametrize("serial", ["a/b", "a//b", "ü?&#", "50%41", "x" * 400, "/", "//a/", " "])
def test_any_serial_number_finds_its_way(
    store: Store, alma: Shop, phone: Device, card: Any, client: FlaskClient, serial: str
) -> None:
    held = phone.download(card)
    odd = replace(held, face={**held.face, "serialNumber": serial})
    assert client.get(odd.path, headers=phone.proof(held)).status_code == 401
    _rename(store, alma, card, serial)
    # It is drawn with a till code, which takes 12 digits; that it has not changed takes none.
    phone.dates[serial] = "Fri, 21 Nov 2036 09:00:00 GMT"
    assert phone.fetch(odd) is None
    assert phone.register(odd).status_code == 201
    assert phone.list(odd) == [serial]
    assert phone.unregister(odd).status_code == 200


def _rename(store: Store, shop: Shop, card: Any, serial: str) -> None:
    """Gives the card a number that we never give out."""
    from passes.merchants import directory

    with store.write(shop.merchant_id) as session:
        [row] = session.scalars(select(Card).where(Card.merchant_id == shop.merchant_id))
        directory.enter(session, directory.Known.SERIAL, serial, row.id)
        session.execute(
            update(Card)
            .where(Card.merchant_id == shop.merchant_id, Card.id == row.id)
            .values(serial_number=serial)
        )


def test_what_goes_wrong_here_is_503(
    parts: Parts, phone: Device, card: Any, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = phone.add(card)
    asked = [
        lambda: phone.register(held),
        lambda: phone.unregister(held),
        lambda: client.get(held.path, headers=phone.proof(held)),
        lambda: client.get(f"{held.base}/devices/phone/registrations/{held.type}"),
    ]

    def away(*arguments: object, **options: object) -> None:
        raise WalletMisconfigured("There is no certificate.")

    with monkeypatch.context() as broken:
        broken.setattr(parts.wallets["apple"], "signed_pass", away)
        answer = asked[2]()
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "600")
    with monkeypatch.context() as broken:
        for engine in engines_of(parts.store):
            engine.dispose()
            broken.setattr(engine.dialect, "connect", _gone)
        for ask in asked:
            answer = ask()
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert [ask().status_code for ask in asked] == [200, 200, 200, 204]


def _gone(*arguments: object, **options: object) -> None:
    import sqlite3

    raise sqlite3.OperationalError("the database is away")
