"""A card that was issued to nobody known asks its holder who they are, once (apple.md §1.10)."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from commands.parts import Parts
from passes.card_templates import templates
from passes.cards import utm
from passes.cards.issue import Origin, issue
from passes.customers import customers
from passes.customers.details import Details
from passes.delivery.issuer import DomainIssuer
from tests.apple_device import Device, Pass
from tests.conftest import Clock, Shop

ASKED = {
    "details": ["name", "email", "phone"],
    "description": {"de": "Sagen Sie uns, wer Sie sind", "en": "Tell us who you are"},
    "terms": "Nett sein.",
}
TOKEN = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
TOLD = {
    "givenName": "Ada",
    "familyName": "van der Berg",
    "emailAddress": "ada@example.com",
    "phoneNumber": "+49 30 1234567",
    "postalCode": "10115",
}


def anonymous_card(parts: Parts, shop: Shop, now: Clock, asked: Any = ASKED) -> Any:
    template = shop.template("stamp", **({"personalisation": asked} if asked else {}))
    with parts.store.write(shop.merchant_id) as session:
        known = templates.get(session, UUID(template["id"]))
        nobody = customers.create_anonymous(session, Details(), now())
        card = issue(session, known, nobody, Origin("link", utm.Utm("link")), now())
        card_id = str(card.id)
    return shop.get(f"/cards/{card_id}")


@pytest.fixture
def card(parts: Parts, alma: Shop, now: Clock) -> Any:
    return anonymous_card(parts, alma, now)


def files(client: FlaskClient, card: Any) -> dict[str, bytes]:
    answer = client.get(urlsplit(card["links"]["apple"]).path)
    with zipfile.ZipFile(io.BytesIO(answer.data)) as package:
        return {name: package.read(name) for name in package.namelist()}


def personalise(held: Pass, client: FlaskClient, told: Any = TOLD, token: Any = TOKEN) -> Any:
    body = {"personalizationToken": token, "requiredPersonalizationInfo": told}
    return client.post(f"{held.path}/personalize", json=body)


def holder(shop: Shop, card: Any) -> Any:
    return shop.get(f"/customers/{card['customer']['id']}")


def test_the_pass_asks_until_its_holder_is_known(
    now: Clock, alma: Shop, client: FlaskClient, card: Any, tmp_path: Path, certificates: Path
) -> None:
    phone = Device(client)
    held = phone.add(card)
    asked = json.loads(files(client, card)["personalization.json"])
    assert asked == {
        "description": "Sagen Sie uns, wer Sie sind",
        "requiredPersonalizationFields": [
            "PKPassPersonalizationFieldName",
            "PKPassPersonalizationFieldEmailAddress",
            "PKPassPersonalizationFieldPhoneNumber",
        ],
        "termsAndConditions": "Nett sein.",
    }
    phone.list(held)
    phone.fetch(held)
    now.move(seconds=5)
    answer = personalise(held, client)
    assert (answer.status_code, answer.content_type) == (200, "application/octet-stream")
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "signature").write_bytes(answer.data)
    subprocess.run(
        ["openssl", "cms", "-verify", "-purpose", "any", "-inform", "DER", "-binary",
         "-in", tmp_path / "signature", "-content", tmp_path / "token",
         "-CAfile", certificates / "root.pem", "-out", "/dev/null"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    known = holder(alma, card)
    assert (known["first_name"], known["last_name"]) == ("Ada", "van der Berg")
    assert (known["email"], known["phone"]) == ("ada@example.com", "+49 30 1234567")
    assert known["custom_fields"] == {}  # the postal code was not asked for
    assert phone.list(held) == [held.serial]
    assert phone.fetch(held) is not None
    after = files(client, card)
    assert "personalization.json" not in after
    assert "Ada" in after["pass.json"].decode()


def test_only_once_and_never_over_what_is_known(
    now: Clock, alma: Shop, client: FlaskClient, card: Any
) -> None:
    held = Device(client).download(card)
    assert personalise(held, client).status_code == 200
    version = alma.get(f"/cards/{card['id']}")["version"]
    # A device that did not hear the answer asks again; a stranger gets no further than this.
    assert personalise(held, client, {"emailAddress": "thief@example.com"}).status_code == 200
    assert holder(alma, card)["email"] == "ada@example.com"
    assert alma.get(f"/cards/{card['id']}")["version"] == version


def test_a_contact_that_somebody_has_is_not_given_to_another(
    alma: Shop, bruno: Shop, client: FlaskClient, card: Any
) -> None:
    alma.post("/customers", {"first_name": "Eva", "email": "ADA@example.com"})
    bruno.post("/customers", {"first_name": "Eva", "phone": "+49301234567"})
    held = Device(client).download(card)
    assert personalise(held, client).status_code == 200
    known = holder(alma, card)
    assert (known["first_name"], known["email"]) == ("Ada", None)
    assert known["phone"] == "+49 30 1234567"


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ({"fullName": "Ada van der Berg"}, ("Ada van der", "Berg", None)),
        ({"fullName": "Ada"}, ("Ada", None, None)),
        ({"givenName": "Ada", "fullName": "x y"}, ("Ada", None, None)),
        ({"givenName": "A" * 101, "familyName": "B"}, (None, "B", None)),
        ({"emailAddress": "nonsense", "givenName": "Ada"}, ("Ada", None, None)),
        ({"phoneNumber": "12", "givenName": "Ada"}, ("Ada", None, None)),
        ({"givenName": 1, "familyName": None, "emailAddress": []}, (None, None, None)),
        ({"postalCode": "10115"}, (None, None, None)),
        ({}, (None, None, None)),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_cannot_be_right_is_dropped(
    alma: Shop, client: FlaskClient, card: Any, told: Any, kept: tuple[str | None, ...]
) -> None:
    held = Device(client).download(card)
    assert personalise(held, client, told).status_code == 200
    known = holder(alma, card)
    assert (known["first_name"], known["last_name"], known["email"]) == kept
    asks = "personalization.json" in files(client, card)
    assert asks is not any(kept)


def test_cards_that_ask_for_nothing_and_serials_of_nobody_are_401(
    now: Clock, parts: Parts, alma: Shop, client: FlaskClient, card: Any
) -> None:
    plain = Device(client).download(anonymous_card(parts, alma, now, None))
    assert personalise(plain, client).status_code == 401
    held = Device(client).download(card)
    other = held.path.replace(held.type, "pass.example.other")
    body = {"personalizationToken": TOKEN, "requiredPersonalizationInfo": TOLD}
    for path in (held.path.replace(held.serial, "123456789015"), other):
        assert client.post(f"{path}/personalize", json=body).status_code == 401
    wrong = {"Authorization": "ApplePass " + "x" * 22}
    assert client.post(f"{held.path}/personalize", json=body, headers=wrong).status_code == 401
    assert holder(alma, card)["first_name"] is None


def test_one_address_may_ask_so_often_in_a_minute(now: Clock, client: FlaskClient, card: Any):
    held = Device(client).download(card)
    answers = [personalise(held, client, {}).status_code for _ in range(12)]
    assert answers == [200] * 10 + [429] * 2
    now.move(minutes=1)
    assert personalise(held, client, {}).status_code == 200


def test_a_template_says_what_it_asks_for(alma: Shop) -> None:
    for wrong in (
        {"details": [], "description": "x"},
        {"details": ["name", "name"], "description": "x"},
        {"details": ["shoe_size"], "description": "x"},
        {"details": ["name"]},
    ):
        body = {"kind": "stamp", "name": "x", "personalisation": wrong}
        refused = alma.refused("POST", "/templates", body)
        assert refused["fields"][0]["field"].startswith("personalisation")


def test_a_stranger_at_the_issuer_changes_nothing(
    now: Clock, parts: Parts, alma: Shop, bruno: Shop, card: Any
) -> None:
    issuer = DomainIssuer(parts.store, "http://127.0.0.1:8000", now)
    alma.post(f"/cards/{card['id']}/status", {"status": "deleted"})
    issuer.personalised("apple", card["serial_number"], {"first_name": "Mallory"})
    assert holder(alma, card)["first_name"] is None
