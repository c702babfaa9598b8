"""Card contents made by hand, and a bare application with nothing but the card page in it."""

from __future__ import annotations

import struct
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import cast

import pytest
from flask import Flask

import pwa
from passes.wallet_port import (
    Amount,
    CardPage,
    CodeFormat,
    Field,
    Issuer,
    Look,
    NoSuchCard,
    PassContent,
    Picture,
    Place,
    State,
    Style,
    WalletSettings,
)
from pwa.wallet import PwaWallet
from web import language

BASE_URL = "https://karten.example.de"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TOKEN = "Xb2-4fGhIjKlMnOpQr_tUv"


def text(de: str, en: str, nl: str) -> dict[str, str]:
    return {"de": de, "en": en, "nl": nl}


def same(words: str) -> dict[str, str]:
    return text(words, words, words)


VISITS = Field(
    "available_visits",
    text("Verfügbare Besuche", "Available visits", "Beschikbare bezoeken"),
    1234,
    Place.PRIMARY,
)
CREDIT = Field("balance", text("Guthaben", "Balance", "Saldo"), Amount(1250, "EUR"), Place.HEADER)
UNTIL = Field(
    "expires_at",
    text("Gültig bis", "Valid until", "Geldig tot"),
    date(2027, 11, 21),
    Place.SECONDARY,
)
LEVEL = Field(
    "level", text("Stufe", "Level", "Niveau"), text("Gold", "Gold", "Goud"), Place.AUXILIARY
)
TERMS = Field(
    "terms",
    text("Bedingungen", "Terms", "Voorwaarden"),
    text("Gilt im Café.\nNicht bar.", "Valid at the café.\nNo cash.", "Geldig in het café."),
    Place.BACK,
)
PHONE = Field(
    "phone", text("Telefon", "Phone", "Telefoon"), same("030 123"), Place.BACK, link="tel:030123"
)

CONTENT = PassContent(
    serial="123456789012",
    secret="s" * 22,
    page_url=f"{BASE_URL}/c/{TOKEN}/",
    code="0Q3XK8ZD7PMT2VWA",
    code_format=CodeFormat.QR,
    version=3,
    changed_at=datetime(2026, 11, 20, 16, 48, tzinfo=UTC),
    style=Style.BALANCE,
    state=State.VALID,
    expires_at=datetime(2027, 11, 21, 22, 59, 59, tzinfo=UTC),
    time_zone="Europe/Berlin",
    merchant="Café Kranz",
    merchant_id="m-1",
    title=text("Treuekarte", "Loyalty card", "Klantenkaart"),
    description=text("Jeder Besuch zählt.", "Every visit counts.", "Elk bezoek telt."),
    holder="Anna B.",
    language="de",
    languages=("de", "en", "nl"),
    fields=(VISITS, CREDIT, UNTIL, LEVEL, TERMS, PHONE),
    locations=(),
    look=Look("#0f3d3e", "#ffffff", "#a9d6d2", {}),
    template="t-1",
    template_version=1,
)


def stamps(earned: int, missing: int) -> tuple[Field, ...]:
    return (
        Field("stamps", text("Stempel", "Stamps", "Stempels"), earned, Place.PRIMARY),
        Field("stamps_missing", same("…"), missing, Place.SECONDARY),
    )


PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", 320, 100)
"""The beginning of a picture of 320 x 100 pixels, as far as anybody here reads it."""


def pictures(*names: str) -> dict[str, Picture]:
    return {
        name: Picture(name, "0" * 64, PNG, f"{BASE_URL}/pictures/m/p/{name}.png?v=0")
        for name in names
    }


class OneCard:
    """An issuer that knows a single card page. Whatever else is asked of it is an error."""

    def __init__(self) -> None:
        self.card = CONTENT

    def page(self, wallet: str, token: str) -> PassContent:
        assert wallet == "pwa"
        if token != TOKEN:
            raise NoSuchCard
        return self.card

    def card_page(self, wallet: str, token: str) -> CardPage:
        return CardPage(self.page(wallet, token), (), (), None, None)


class Browser:
    """Opens the card's addresses, after changing what the card shows."""

    def __init__(self, app: Flask, issuer: OneCard) -> None:
        self._client = app.test_client()
        self._issuer = issuer

    def get(self, path: str = "", *, headers=None, **changes):
        self._issuer.card = replace(CONTENT, **changes)
        return self._client.get(f"/c/{TOKEN}/{path}", headers=headers)

    def page(self, path: str = "", **changes) -> str:
        response = self.get(path, **changes)
        assert response.status_code == 200
        return response.text

    def open(self, path: str, method: str = "GET"):
        return self._client.open(path, method=method)


@pytest.fixture(scope="session")
def _mounted():
    issuer = OneCard()
    settings = WalletSettings(BASE_URL, Path("unused"), {}, lambda: NOW)
    mounted = pwa.mount(settings, cast(Issuer, issuer))
    assert mounted is not None
    return issuer, *mounted


@pytest.fixture
def wallet(_mounted) -> PwaWallet:
    return _mounted[1]


@pytest.fixture
def browser(_mounted) -> Browser:
    """The card page in an application that gives it words and nothing else."""
    issuer, _, routes = _mounted
    app = Flask("bare", static_folder=None)
    language.init_app(app)
    app.register_blueprint(routes)
    return Browser(app, issuer)
