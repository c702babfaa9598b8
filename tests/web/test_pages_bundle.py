"""Several cards of one customer in one file, from the page of any of them."""

from __future__ import annotations

import io
import zipfile
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask

from passes.wallet_port import ContentRefused
from tests.apple_device import Pass
from tests.conftest import Clock, Shop
from tests.web.visiting import IPHONE, LAPTOP, PIXEL, Person
from wallet_apple import bundle


def several(shop: Shop, number: int) -> list[Any]:
    """Cards of one customer, each of another template."""
    customer = shop.post("/customers", {"first_name": "Anna"})
    return [
        shop.card(shop.template("multipass")["id"], customer_id=customer["id"])
        for _ in range(number)
    ]


def page(card: Any) -> str:
    return urlsplit(card["links"]["install"]).path


def test_all_cards_of_a_customer_come_in_one_file(app: Flask, alma: Shop, bruno: Shop) -> None:
    cards = several(alma, 3)
    several(bruno, 2)
    alma.card(alma.template("stamp")["id"])  # somebody else's
    alma.post(f"/cards/{cards[2]['id']}/status", {"status": "deleted"})
    answer = Person(app, IPHONE).open(f"{page(cards[1])}/apple/all").response
    assert answer.status_code == 200
    assert answer.content_type == "application/vnd.apple.pkpasses"
    assert answer.headers["Content-Disposition"].endswith(".pkpasses")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as package:
        assert package.testzip() is None
        held = [Pass.read(package.read(name)) for name in package.namelist()]
    assert [each.serial for each in held] == [
        cards[1]["serial_number"], cards[0]["serial_number"],
    ]  # fmt: skip
    for card, offered in zip(cards, (True, True, False), strict=True):
        types = [event["type"] for event in alma.get(f"/cards/{card['id']}/events")["items"]]
        assert ("pass_offered" in types) is offered
        assert "installed" not in types


def test_the_page_offers_it_where_a_phone_takes_it(app: Flask, alma: Shop) -> None:
    cards = several(alma, 2)
    for language, words in (
        ("de", "Alle 2 Karten auf einmal hinzufügen"),
        ("en", "Add all 2 cards at once"),
        ("nl", "Alle 2 kaarten tegelijk toevoegen"),
    ):
        shown = Person(app, IPHONE).open(f"{page(cards[0])}?lang={language}")
        assert words in shown.text
        assert f'href="{page(cards[0])}/apple/all"' in shown.html
    for agent in (PIXEL, LAPTOP):
        assert "/apple/all" not in Person(app, agent).open(page(cards[0])).html
    lonely = alma.card(alma.template("stamp")["id"])
    assert "/apple/all" not in Person(app, IPHONE).open(page(lonely)).html


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_there_is_no_file_of(now: Clock, app: Flask, alma: Shop) -> None:
    cards = several(alma, 2)
    person = Person(app, IPHONE)
    for path in (f"{page(cards[0])}/google/all", f"{page(cards[0])}/x/all", "/i/x/apple/all"):
        assert person.open(path).status == 404
    alma.post(f"/cards/{cards[0]['id']}/status", {"status": "deleted"})
    assert person.open(f"{page(cards[0])}/apple/all").status == 410
    assert person.open(f"{page(cards[0])}/apple/all", method="HEAD").status == 410


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_more_than_ten(app: Flask, alma: Shop) -> None:
    cards = several(alma, 11)
    person = Person(app, IPHONE)
    assert "/apple/all" not in person.open(page(cards[0])).html
    with zipfile.ZipFile(
        io.BytesIO(person.open(f"{page(cards[0])}/apple/all").response.data)
    ) as package:
        assert len(package.namelist()) == 10


def test_a_file_holds_ten_passes_or_150_megabytes() -> None:
    assert zipfile.is_zipfile(io.BytesIO(bundle.pack([b"x"] * 10)))
    for refused in ([], [b"x"] * 11, [bytes(76_000_000)] * 2):
        with pytest.raises(ContentRefused):
            bundle.pack(refused)
