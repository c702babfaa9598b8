"""The personal install link: one card, a way into each wallet, and nothing told to strangers."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from commands.parts import Parts
from passes.cards.models import Card, Touch
from passes.store import Store
from passes.wallet_port import (
    Download,
    Fit,
    PassContent,
    Redirect,
    Visitor,
    WalletDown,
    WalletMisconfigured,
)
from tests.conftest import Shop
from tests.web.visiting import IPHONE, LAPTOP, PIXEL, Person

INSTAGRAM = IPHONE + " Instagram 300.0.0.0"


@pytest.fixture
def database_url(tmp_path: Path, _sqlite_master: Path) -> str:
    """One database will do: these pages only read."""
    return f"sqlite:///{shutil.copy(_sqlite_master, tmp_path / 'treuepass.db')}"


@pytest.fixture
def card(alma: Shop) -> Any:
    made = alma.template("multipass", name={"de": "Zehnerkarte", "en": "Ten visits", "nl": "Tien"})
    return alma.card(
        made["id"],
        customer={"first_name": "Anna", "last_name": "Berger"},
        opening={"available_visits": 7},
    )


@pytest.fixture
def link(card: Any) -> str:
    return path_of(card["links"]["install"])


@pytest.fixture
def anna(app: Flask) -> Person:
    return Person(app)


def path_of(address: str) -> str:
    assert address.startswith("http://127.0.0.1:8000/")
    return address.removeprefix("http://127.0.0.1:8000")


def test_shows_the_card_and_greets_by_first_name(anna: Person, link: str, card: Any) -> None:
    page = anna.open(link)
    assert page.heading == "Your card is ready, Anna"
    code = card["code"]
    assert f"{code[:4]} {code[4:8]} {code[8:12]} {code[12:]}" in page.text
    assert "Available visits 7" in page.text
    assert "Berger" not in page.text


@pytest.mark.parametrize(
    ("agent", "wallets"),
    [
        (IPHONE, ["apple", "pwa"]),
        (PIXEL, ["google", "pwa"]),
        (LAPTOP, ["apple", "google", "pwa"]),
    ],
)
def test_the_best_wallet_for_the_device_comes_first(
    app: Flask, link: str, agent: str, wallets: list[str]
) -> None:
    assert Person(app, agent).open(link).wallets == wallets


def test_a_computer_shows_the_way_to_the_phone(app: Flask, anna: Person, link: str) -> None:
    assert "Scan this" in Person(app, LAPTOP).open(link).text
    assert "Scan this" not in anna.open(link).text


@pytest.mark.parametrize(
    ("agent", "language", "words"),
    [
        (IPHONE, "de", ["Safari", "Teilen", "Zum Home-Bildschirm", "Hinzufügen"]),
        (IPHONE, "en", ["Safari", "Share", "Add to Home Screen", "Add"]),
        (IPHONE, "nl", ["Safari", "Deel", "Zet op beginscherm", "Voeg toe"]),
        (PIXEL, "de", ["Chrome", "App installieren", "Zum Startbildschirm hinzufügen"]),
        (PIXEL, "nl", ["Chrome", "App installeren", "Toevoegen aan startscherm"]),
    ],
)
def test_the_steps_use_the_phones_own_words(
    app: Flask, link: str, agent: str, language: str, words: list[str]
) -> None:
    page = Person(app, agent, language=language).open(link)
    for word in words:
        assert f"<b>{word}</b>" in page.html


def test_inside_another_app_it_says_how_to_get_out(app: Flask, anna: Person, link: str) -> None:
    assert "another app" in Person(app, INSTAGRAM).open(link).text
    assert "another app" not in anna.open(link).text


def test_the_apple_link_downloads_a_pass_with_the_figures(anna: Person, link: str) -> None:
    answer = anna.open(f"{link}/apple").response
    assert answer.mimetype == "application/vnd.apple.pkpass"
    assert answer.headers["Content-Disposition"] == "attachment; filename=alma.pkpass"
    assert answer.headers["Cache-Control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        face = json.loads(archive.read("pass.json"))
    figures = {field["key"]: field["value"] for field in face["storeCard"]["primaryFields"]}
    assert figures == {"available_visits": 7}


def test_the_google_link_leads_to_google(anna: Person, link: str) -> None:
    page = anna.open(f"{link}/google")
    assert page.status == 303
    assert page.location.startswith("https://pay.google.com/gp/v/save/")
    assert page.response.headers["Cache-Control"] == "no-store"


def test_the_page_link_leads_to_the_card_page(anna: Person, link: str, card: Any) -> None:
    page = anna.open(f"{link}/pwa")
    assert (page.status, page.location) == (303, card["links"]["pwa"])
    assert "Ten visits" in anna.open(f"{path_of(page.location)}?lang=en").text


def test_the_card_page_offers_the_other_wallets(app: Flask, card: Any, link: str) -> None:
    address = path_of(card["links"]["pwa"])
    phone = Person(app, IPHONE).open(address)
    assert phone.wallets == ["apple"]
    assert f'href="{link}/apple"' in phone.html
    laptop = Person(app, LAPTOP).open(f"{address}?lang=en")
    assert laptop.wallets == ["apple", "google"]
    assert f'href="{link}?lang=en"' in laptop.html


def test_downloading_is_not_installing(
    store: Store, alma: Shop, anna: Person, link: str, card: Any
) -> None:
    for wallet in ("apple", "google", "pwa"):
        anna.open(f"{link}/{wallet}")
    shown = alma.get(f"/cards/{card['id']}")
    assert shown["status"] == "not_installed"
    assert shown["installations"] == []
    assert {row["wallet"] for row in shown["deliveries"]} == {"apple", "google", "pwa"}
    [row] = rows(store, alma, Card)
    assert row.downloaded_at is not None


def test_the_link_works_again_and_again(anna: Person, link: str) -> None:
    assert [anna.open(f"{link}/apple").status for _ in range(3)] == [200] * 3


def test_an_opening_is_noted_once_on_the_card(
    store: Store, alma: Shop, anna: Person, link: str, card: Any
) -> None:
    anna.open(f"{link}?utm_source=mail")
    anna.open(link)
    events = [event["type"] for event in alma.get(f"/cards/{card['id']}/events")["items"]]
    assert events.count("link_opened") == 1
    assert [touch.utm["source"] for touch in rows(store, alma, Touch)] == ["mail", None]
    assert alma.get(f"/cards/{card['id']}")["utm"]["source"] == "api", "R-UTM-5"


def test_a_preview_changes_nothing(
    store: Store, alma: Shop, anna: Person, link: str, card: Any
) -> None:
    before = alma.get(f"/cards/{card['id']}")
    for path in (link, f"{link}/apple", f"{link}/pwa"):
        assert anna.open(path, User_Agent="WhatsApp/2.23.20.0").status < 400
        assert anna.open(path, method="HEAD").status < 400
    assert alma.get(f"/cards/{card['id']}") == before
    assert rows(store, alma, Touch) == []
    [row] = rows(store, alma, Card)
    assert (row.link_opened_at, row.downloaded_at) == (None, None)


def rows(store: Store, shop: Shop, table: Any) -> Sequence[Any]:
    query = select(table).where(table.merchant_id == shop.merchant_id)
    if table is Touch:
        query = query.order_by(Touch.at, Touch.id)
    with store.read(shop.merchant_id) as session:
        return session.scalars(query).all()


def test_a_preview_tells_nothing_of_the_card(anna: Person, link: str, card: Any) -> None:
    page = anna.open(link)
    told = " ".join(part.partition(">")[0] for part in page.html.split("<meta ")[1:])
    assert "Your card from Alma" in told
    for secret in ("Anna", card["code"], "7 "):
        assert secret not in told


def test_a_withdrawn_card_is_gone(alma: Shop, anna: Person, link: str, card: Any) -> None:
    alma.post(f"/cards/{card['id']}/status", {"status": "deleted"})
    for path in (link, f"{link}/apple", f"{link}/google", path_of(card["links"]["pwa"])):
        page = anna.open(path)
        assert page.status == 410
        assert card["code"] not in page.html
    alma.post(f"/cards/{card['id']}/status", {"status": "restored"})
    assert anna.open(link).status == 200


def test_unknown_links_and_wallets_are_not_found(anna: Person, link: str) -> None:
    assert anna.open("/i/AAAAAAAAAAAAAAAAAAAAAA").status == 404
    assert anna.open("/i/AAAAAAAAAAAAAAAAAAAAAA/apple").status == 404
    assert anna.open(f"{link}/samsung").status == 404
    assert anna.open(link, method="POST").status == 405


def test_the_keys_of_a_card_are_no_keys_to_each_other(anna: Person, link: str, card: Any) -> None:
    install, page = link.split("/")[2], path_of(card["links"]["pwa"]).split("/")[2]
    assert install != page
    assert anna.open(f"/c/{install}/").status == 404
    assert anna.open(f"/i/{page}").status == 404


# --- any wallet, also one in trouble -------------------------------------------------------------


class Toy:
    """A wallet that is not there."""

    kind = "toy"
    title = "Toy Wallet"
    pictures = ()

    def __init__(self, error: Exception) -> None:
        self.error = error

    def suits(self, visitor: Visitor) -> Fit:
        return Fit.NATIVE

    def offer(self, content: PassContent, visitor: Visitor) -> Download | Redirect:
        raise self.error


@pytest.mark.parametrize(
    ("error", "after"),
    [(WalletDown("secret detail", 120.0), "120"), (WalletMisconfigured("secret detail"), "60")],
)
def test_a_wallet_in_trouble_has_a_friendly_page(
    parts: Parts, anna: Person, link: str, error: Exception, after: str
) -> None:
    services = parts.app.extensions["treuepass"]
    assert isinstance(services.wallets, dict)
    services.wallets["toy"] = Toy(error)
    assert "Add to Toy Wallet" in anna.open(link).text
    page = anna.open(f"{link}/toy")
    assert page.status == 503
    assert page.response.headers["Retry-After"] == after
    assert "secret detail" not in page.html
