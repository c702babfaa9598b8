"""Fixtures of the domain's own tests: a store over an empty database, and merchants; no web."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from passes.card_templates import templates
from passes.card_templates.kinds import Kind
from passes.card_templates.templates import Template
from passes.cards import utm
from passes.cards.issue import Origin, issue
from passes.customers import customers
from passes.customers.details import Details
from passes.ledger.book import Actor, Posted, Posting
from passes.ledger.figures import summed_up
from passes.ledger.post import open_balance, post
from passes.ledger.undo import undo
from passes.merchants import merchants
from passes.store import Store
from passes.vault import Vault

only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
KEY = b"k" * 32
TILL = Actor(kind="api", id="till", channel="api")


@dataclass
class Shop:
    """A merchant at domain level: short ways to do what its till does, each in a transaction."""

    store: Store
    merchant_id: UUID

    def write(self) -> Any:
        return self.store.write(self.merchant_id)

    def read(self) -> Any:
        return self.store.read(self.merchant_id)

    def template(self, kind: Kind = Kind.MULTIPASS, now: datetime = NOON, **parts: Any) -> Template:
        with self.write() as session:
            return templates.create(session, kind, {"name": "Karte", **parts}, now)

    def customer(self, now: datetime = NOON, **details: Any) -> UUID:
        with self.write() as session:
            known = Details(**({"first_name": "Anna"} | details))
            return customers.create(session, known, now).id

    def card(
        self,
        template: Template | None = None,
        now: datetime = NOON,
        *,
        channel: str = "api",
        opening: dict[str, int] | None = None,
        customer_id: UUID | None = None,
    ) -> UUID:
        template = template or self.template()
        customer_id = customer_id or self.customer(now)
        with self.write() as session:
            origin = Origin(channel, utm.Utm(channel))
            card = issue(session, template, customers.get(session, customer_id), origin, now)
            if opening:
                open_balance(session, str(card.id), opening, None, TILL, now)
            return card.id

    def post(
        self, card_id: UUID, verb: str, value: int | None = None, now: datetime = NOON, **more: Any
    ) -> Posted:
        actor = more.pop("actor", TILL)
        with self.write() as session:
            return post(session, str(card_id), Posting(verb, value, **more), actor, now)

    def undo(self, entry_id: UUID, now: datetime = NOON, actor: Actor = TILL) -> Posted:
        with self.write() as session:
            return undo(session, entry_id, actor, now)

    def sums(self, card_id: UUID) -> dict[str, int]:
        """What the entries add up to, without the units that are nothing."""
        with self.read() as session:
            return {unit: total for unit, total in summed_up(session, card_id).items() if total}


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A store over an empty database, on SQLite and on PostgreSQL."""
    made = Store(database_url, Vault([KEY]))
    yield made
    made.close()


@pytest.fixture
def sqlite_store(_sqlite_master: Path, tmp_path: Path) -> Iterator[Store]:
    """For what does not depend on the database."""
    file = tmp_path / "treuepass.db"
    shutil.copy(_sqlite_master, file)
    made = Store(f"sqlite:///{file}", Vault([KEY]))
    yield made
    made.close()


@pytest.fixture
def alma(store: Store) -> Shop:
    """Merchant Alma."""
    return Shop(store, merchants.set_up(store, name="Alma", now=NOON))


@pytest.fixture
def bruno(store: Store) -> Shop:
    """Merchant Bruno, who must see nothing of Alma's."""
    return Shop(store, merchants.set_up(store, name="Bruno", now=NOON))


@pytest.fixture
def shop(sqlite_store: Store) -> Shop:
    """A merchant, for what does not depend on the database."""
    return Shop(sqlite_store, merchants.set_up(sqlite_store, name="Café Kranz", now=NOON))
