"""A fourth wallet is its folder and one entry in ``app.WALLETS``; nothing else is edited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace

import pytest
from flask import Blueprint, request

import app as composition
from commands.parts import Parts
from passes.wallet_port import (
    Account,
    CredentialsRefused,
    Crop,
    Download,
    Finding,
    Fit,
    Installation,
    Issuer,
    NewAccount,
    Outcome,
    PassContent,
    PictureSize,
    Reason,
    Receipt,
    Visitor,
    Wallet,
    WalletError,
    WalletSettings,
    push_each,
)
from tests.conftest import Clock, Shop


class ToyWallet:
    """A wallet of paper: it remembers what it was told."""

    kind = "toy"
    title = "Toy Wallet"
    pictures: tuple[PictureSize, ...] = (PictureSize("toy-icon", "icon", 24, 24, Crop.CONTAIN),)
    pace: float | None = None
    together: int = 1
    loud_a_day: int | None = None

    def __init__(self) -> None:
        self.pushed: list[tuple[int, list[str], Reason]] = []

    def suits(self, visitor: Visitor) -> Fit:
        return Fit.POSSIBLE

    def identity(self, template: str, serial: str, account: Account | None) -> Mapping[str, str]:
        return {"number": serial}

    def offer(self, content: PassContent, visitor: Visitor) -> Download:
        return Download(content.serial.encode(), "application/x-toy", "card.toy")

    def push(
        self, content: PassContent, installations: Sequence[Installation], reason: Reason
    ) -> Sequence[Receipt]:
        devices = [installation.device for installation in installations]
        self.pushed.append((content.version, devices, reason))
        return [Receipt(Outcome.DELIVERED) for _ in installations]

    def push_many(
        self,
        batch: Sequence[tuple[PassContent, Sequence[Installation], Reason]],
        *,
        urgent: bool = True,
    ) -> Sequence[Sequence[Receipt] | WalletError]:
        return push_each(self, batch)

    def check(self, now: datetime, accounts: Sequence[Account] = ()) -> Sequence[Finding]:
        return [
            Finding("toy", stops=False, sentence=f"{each.name} is of paper") for each in accounts
        ]

    def accept(
        self,
        given: Mapping[str, object],
        known: Sequence[Account],
        pending: Sequence[Account],
        now: datetime,
    ) -> NewAccount:
        if "shelf" not in given:
            raise CredentialsRefused("shelf", "A toy needs a shelf.")
        fulfilled = pending[0].id if pending else None
        return NewAccount(str(given["shelf"]), "a secret of paper", fulfilled)

    def request(self, given: Mapping[str, object], now: datetime) -> tuple[str, NewAccount]:
        return "a request of paper", NewAccount("asked", "a key of paper")

    def try_out(self, account: Account) -> Sequence[Finding]:
        return []

    def facts(self, account: Account) -> Mapping[str, object]:
        return {"made_of": "paper"}


def toy_folder(toy: ToyWallet) -> SimpleNamespace:
    """What ``wallet_toy/__init__.py`` would be."""

    def mount(settings: WalletSettings, issuer: Issuer) -> tuple[Wallet, Blueprint]:
        routes = Blueprint("toy", __name__, url_prefix="/wallet/toy")

        @routes.post("/<serial>/added")
        def added(serial: str) -> str:
            secret = request.form["secret"]
            if not issuer.knows(serial, secret):
                return "no"
            return str(issuer.installed("toy", serial, "toy-1", {"shelf": "3"}))

        return toy, routes

    return SimpleNamespace(mount=mount)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> ToyWallet:
    """Added before anything is assembled: this is the one line."""
    made = ToyWallet()
    monkeypatch.setattr(composition, "WALLETS", (*composition.WALLETS, toy_folder(made)))
    return made


def test_a_fourth_wallet_is_one_entry(toy: ToyWallet, now: Clock, parts: Parts, alma: Shop) -> None:
    card = alma.card(alma.template("multipass")["id"])
    assert card["toy"] == {"number": card["serial_number"]}
    install = card["links"]["install"].removeprefix("http://127.0.0.1:8000")
    page = alma.client.get(install).text
    assert 'data-wallet="toy"' in page
    assert "Toy Wallet" in page

    offered = alma.client.get(card["links"]["toy"].removeprefix("http://127.0.0.1:8000"))
    assert (offered.data, offered.mimetype) == (
        card["serial_number"].encode(),
        "application/x-toy",
    )
    assert alma.get(f"/cards/{card['id']}")["status"] == "not_installed"

    def add(secret: str) -> str:
        path = f"/wallet/toy/{card['serial_number']}/added"
        return alma.client.post(path, data={"secret": secret}).text

    assert add("guessed") == "no"
    secret = _secret_of(parts, alma, card["id"])
    assert (add(secret), add(secret)) == ("True", "False")
    installed = alma.get(f"/cards/{card['id']}")
    assert installed["status"] == "installed"
    assert installed["installations"][0]["wallet"] == "toy"

    now.move(seconds=5)
    after = alma.post(f"/cards/{card['id']}/add-visits", {"value": 3})["card"]
    parts.worker.work_once()
    assert toy.pushed == [(after["version"], ["toy-1"], Reason.BALANCE)]
    (state,) = alma.get(f"/cards/{card['id']}")["deliveries"]
    assert (state["wallet"], state["delivered_version"]) == ("toy", after["version"])
    assert "delivered" in [e["type"] for e in alma.get(f"/cards/{card['id']}/events")["items"]]


def test_a_picture_uploaded_before_the_wallet_came_is_drawn_for_it(
    toy: ToyWallet, parts: Parts, alma: Shop
) -> None:
    from commands.serve import prepare
    from passes.card_templates import pictures
    from passes.demo.pictures import wreath_icon

    with parts.store.write(alma.merchant_id) as session:
        picture_id = pictures.upload(
            session, "icon", wreath_icon("#000000", "#ffffff"), (), Clock().moment
        )
    prepare(parts)
    with parts.store.read(alma.merchant_id) as session:
        assert pictures.rendition(session, picture_id, "toy-icon").startswith(b"\x89PNG")


def test_its_credentials_are_entered_like_any_others(toy: ToyWallet, alma: Shop) -> None:
    assert alma.refused("PUT", "/wallets/toy", {})["fields"][0]["field"] == "shelf"
    asked = alma.post("/wallets/toy/requests", {"common_name": "Alma"})
    assert asked["csr"] == "a request of paper"
    answer = alma.call("PUT", "/wallets/toy", {"shelf": "third"})
    assert "a secret of paper" not in answer.text
    (account,) = answer.json["accounts"]
    assert (account["name"], account["made_of"]) == ("third", "paper")
    assert answer.json["pending"] == []
    assert answer.json["findings"] == [{"stops": False, "sentence": "third is of paper"}]
    template = alma.template("stamp", wallet_accounts={"toy": "third"})
    assert alma.card(template["id"])["toy"]


def _secret_of(parts: Parts, shop: Shop, card_id: str) -> str:
    from passes.cards import cards
    from passes.content.draw import draw

    with parts.store.read(shop.merchant_id) as session:
        card = cards.get(session, card_id)
        return draw(session, card, "toy", "http://127.0.0.1:8000", Clock().moment).secret
