"""A wallet of the tests, and what it takes to see what becomes of its pushes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from passes.cards import cards, installations
from passes.cards.models import Card, CardEvent, Delivery
from passes.delivery.deliver import deliver_due
from passes.delivery.offers import handed_out
from passes.store import Store
from passes.wallet_port import (
    Account,
    CredentialsRefused,
    Finding,
    Fit,
    Installation,
    NewAccount,
    Outcome,
    PassContent,
    PictureSize,
    Reason,
    Receipt,
    Redirect,
    Visitor,
    WalletError,
    push_each,
)
from tests.passes.conftest import NOON, Shop

BASE_URL = "https://treuepass.example"


@dataclass(frozen=True)
class Push:
    serial: str
    version: int
    devices: tuple[str, ...]
    reason: Reason


Answer = Callable[[PassContent, Sequence[Installation]], Sequence[Receipt]]


def delivered(content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
    return [Receipt(Outcome.DELIVERED) for _ in places]


@dataclass
class NotedWallet:
    """Keeps every push in a list and answers as it is told to."""

    kind: str = "noted"
    title: str = "Noted Wallet"
    pictures: tuple[PictureSize, ...] = ()
    pace: float | None = None
    together: int = 1
    loud_a_day: int | None = None
    answer: Answer = delivered
    pushes: list[Push] = field(default_factory=list)

    def suits(self, visitor: Visitor) -> Fit:
        return Fit.POSSIBLE

    def identity(self, template: str, serial: str, account: Account | None) -> Mapping[str, str]:
        return {}

    def offer(self, content: PassContent, visitor: Visitor) -> Redirect:
        return Redirect(content.page_url)

    def push(
        self, content: PassContent, installations: Sequence[Installation], reason: Reason
    ) -> Sequence[Receipt]:
        devices = tuple(sorted(place.device for place in installations))
        self.pushes.append(Push(content.serial, content.version, devices, reason))
        return self.answer(content, installations)

    def push_many(
        self,
        batch: Sequence[tuple[PassContent, Sequence[Installation], Reason]],
        *,
        urgent: bool = True,
    ) -> Sequence[Sequence[Receipt] | WalletError]:
        return push_each(self, batch)

    def check(self, now: datetime, accounts: Sequence[Account] = ()) -> Sequence[Finding]:
        return []

    def accept(
        self,
        given: Mapping[str, object],
        known: Sequence[Account],
        pending: Sequence[Account],
        now: datetime,
    ) -> NewAccount:
        raise CredentialsRefused("wallet", "needs none")

    def request(self, given: Mapping[str, object], now: datetime) -> tuple[str, NewAccount]:
        raise CredentialsRefused("wallet", "needs none")

    def try_out(self, account: Account) -> Sequence[Finding]:
        return []

    def facts(self, account: Account) -> Mapping[str, object]:
        return {}

    def versions(self) -> list[int]:
        return [push.version for push in self.pushes]


@dataclass
class Post:
    """The worker's round over one wallet, and the rows that it works off."""

    store: Store
    wallet: NotedWallet

    def work(self, now: datetime) -> int:
        return deliver_due(self.store, {self.wallet.kind: self.wallet}, BASE_URL, lambda: now)

    def hand_out(self, shop: Shop, card_id: UUID, *devices: str, now: datetime = NOON) -> None:
        """The pass is downloaded, and put on these devices."""
        with shop.write() as session:
            card = cards.get(session, card_id, locked=True)
            handed_out(session, card, self.wallet.kind, card.version, now)
            for device in devices:
                address = {"address": f"of {device}"}
                installations.install(session, card, self.wallet.kind, device, address, now)

    def row(self, shop: Shop, card_id: UUID) -> Delivery:
        with shop.read() as session:
            key = (shop.merchant_id, card_id, self.wallet.kind)
            return session.get_one(Delivery, key)

    def card(self, shop: Shop, card_id: UUID) -> Card:
        with shop.read() as session:
            return session.get_one(Card, (shop.merchant_id, card_id))

    def events(self, shop: Shop, card_id: UUID, type_: str) -> list[dict[str, Any]]:
        with shop.read() as session:
            found = session.scalars(
                select(CardEvent)
                .where(
                    CardEvent.merchant_id == shop.merchant_id,
                    CardEvent.card_id == card_id,
                    CardEvent.type == type_,
                )
                .order_by(CardEvent.at, CardEvent.id)
            )
            return [{"at": event.at - NOON, **event.data} for event in found]


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@pytest.fixture
def noted() -> NotedWallet:
    return NotedWallet()


@pytest.fixture
def office(store: Store, noted: NotedWallet) -> Post:
    """Deliveries on both databases."""
    return Post(store, noted)


@pytest.fixture
def post_office(sqlite_store: Store, noted: NotedWallet) -> Post:
    """Deliveries where the database does not matter."""
    return Post(sqlite_store, noted)
