"""Pass contents made by hand, a Google on loopback, and wallets that are connected to it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import pytest
from flask import Blueprint

from passes.wallet_port import (
    Account,
    Amount,
    CodeFormat,
    Field,
    Issuer,
    Location,
    Look,
    PassContent,
    Picture,
    Place,
    Platform,
    State,
    Style,
    Visitor,
    Wallet,
    WalletSettings,
)
from tests.fakes.google import FakeGoogle
from wallet_google import mount
from wallet_google.addresses import Site
from wallet_google.wallet import GoogleWallet

PUBLIC = "https://karten.example.de"
SITE = Site(PUBLIC, near=False)
ISSUER_ID = "3388000000022222222"
ANDROID = Visitor(Platform.ANDROID, "de")

PICTURES = {
    name: Picture(name, "0" * 64, b"", f"{PUBLIC}/media/{name}.png")
    for name in ("google-logo", "google-hero", "apple-icon")
}
VISITS = Field("visits", {"de": "Besuche", "en": "Visits", "nl": "Bezoeken"}, 7, Place.PRIMARY)
CREDIT = Field(
    "credit",
    {"de": "Guthaben", "en": "Credit", "nl": "Tegoed"},
    Amount(1234, "EUR"),
    Place.SECONDARY,
)
LEVEL = Field(
    "level",
    {"de": "Stufe", "en": "Level", "nl": "Niveau"},
    {"de": "Gold", "en": "Gold", "nl": "Goud"},
    Place.AUXILIARY,
)
TERMS = Field(
    "terms",
    {"de": "Bedingungen", "en": "Terms", "nl": "Voorwaarden"},
    {"de": "Gilt im Café.", "en": "Valid at the café.", "nl": "Geldig in het café."},
    Place.BACK,
)
PHONE = Field(
    "phone",
    {"de": "Telefon", "en": "Phone", "nl": "Telefoon"},
    {"de": "030 123", "en": "030 123", "nl": "030 123"},
    Place.BACK,
    link="tel:+4930123",
)

CONTENT = PassContent(
    serial="123456789012",
    secret="s" * 32,
    page_url=f"{PUBLIC}/c/abc/",
    code="0123456789ABCDEF",
    code_format=CodeFormat.QR,
    version=3,
    changed_at=datetime(2026, 11, 20, 12, tzinfo=UTC),
    style=Style.BALANCE,
    state=State.VALID,
    expires_at=None,
    time_zone="Europe/Berlin",
    merchant="Café Kranz",
    merchant_id="m-1",
    title={"de": "Treuekarte", "en": "Loyalty card", "nl": "Klantenkaart"},
    description={"de": "Treuekarte", "en": "Loyalty card", "nl": "Klantenkaart"},
    holder="Anna Beispiel",
    language="de",
    languages=("de", "en", "nl"),
    fields=(VISITS, CREDIT, LEVEL, TERMS, PHONE),
    locations=(Location(52.5, 13.4, {"de": "Café"}),),
    look=Look("#aa5500", "#ffffff", "#eeeeee", PICTURES),
    template="0197c3d2-7f4e-7d3a-9d55-3b1f6d3c2a10",
    template_version=1,
)


def content(**changes) -> PassContent:
    """The example card with changes."""
    return replace(CONTENT, **changes)


@pytest.fixture(scope="session")
def _served():
    with FakeGoogle() as google:
        yield google


@pytest.fixture
def google(_served):
    """A Google that has nothing and remembers nothing."""
    _served.forget()
    return _served


@pytest.fixture
def account(google):
    """A merchant's own account at that Google."""
    return Account("account-1", 1, google.account())


@pytest.fixture
def example_folder(tmp_path, google):
    """A data folder with an example service account, whose tokens come from that Google."""
    folder = tmp_path / "certs_example"
    folder.mkdir()
    (folder / "google.json").write_text(json.dumps(google.service_account()))
    return tmp_path


def clock() -> datetime:
    return datetime.now(UTC)


class AtOnce:
    """An Issuer that makes no request wait."""

    def turn(self, wallet: str, subject: str, pace: float, *, urgent: bool) -> float:
        return 0.0


def mount_it(settings: WalletSettings, issuer: object = None) -> tuple[Wallet, Blueprint]:
    """``mount`` as app.py calls it."""
    answer = mount(settings, cast(Issuer, issuer or AtOnce()))
    assert answer is not None
    return answer


def mounted(
    data_dir, base_url: str = PUBLIC, issuer: object = None, **environment: str
) -> GoogleWallet:
    """The wallet as app.py gets it, with settings from ``TREUEPASS_<name>``."""
    settings = WalletSettings(
        base_url,
        data_dir,
        {f"TREUEPASS_{name}": value for name, value in environment.items()},
        clock,
    )
    wallet, _ = mount_it(settings, issuer)
    assert isinstance(wallet, GoogleWallet)
    return wallet


@pytest.fixture
def wallet(example_folder, google):
    """The wallet of a server whose Google is the one on loopback."""
    return mounted(example_folder, GOOGLE_API_BASE=google.api_base)
