"""A balance change through the API against the least SQL that such a change could be.

The yardstick is one connection of the database's own driver, to the same database in the same
run: insert the entry, update the card, update its delivery, commit; as lasting as in earnest. The
API too gets one request after the other, on one connection. Both go round as many cards, so that
both find as little in the caches.
"""

from __future__ import annotations

import base64
import shutil
import sqlite3
import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy import insert, select, update
from sqlalchemy.engine import make_url

from benchmarks import rounds, served
from benchmarks.databases import KEY, databases, fill, open_store
from benchmarks.table import Note, Row
from passes import clock, ids
from passes.cards.models import Card
from passes.ledger.book import Actor, Posting
from passes.ledger.models import LedgerEntry
from passes.ledger.post import post
from passes.merchants import api_keys
from passes.store import Store, table_of

TITLE = "A balance change through the API, one after the other, per second"
TARGETS = {"SQLite": 0.15, "PostgreSQL": 0.25}
MANY, FEW = 100_000, 10
"""Entries of the two cards that must be equally quick."""
BATCH = 100


def run(folder: Path, seconds: float, *, with_peers: bool = True) -> list[Row | Note]:
    """Rows of the report; ``with_peers`` makes no difference here."""
    rows: list[Row | Note] = []
    with databases(folder) as addresses:
        for name, url in addresses.items():
            rows += _compare(name, url, folder / "postings", seconds)
    return rows


def _compare(name: str, url: str, data_dir: Path, seconds: float) -> list[Row | Note]:
    shutil.rmtree(data_dir, ignore_errors=True)
    data_dir.mkdir(parents=True)
    store = open_store(url)
    (merchant_id,) = fill(store, 1, 2 * BATCH + 2, "apple")
    with store.write(merchant_id) as session:
        key = api_keys.create(session, name="till", scopes=["all"], now=clock.now())
        cards = table_of(Card)
        card_ids = list(
            session.scalars(select(cards.c.id).where(cards.c.merchant_id == merchant_id))
        )
    few, many, *others = card_ids
    for card_id, entries in ((few, FEW), (many, MANY)):
        _have_entries(store, merchant_id, card_id, entries)
    raw, close = _bare_transaction(store, url, few, others[BATCH:])
    port = served.free_port()
    environment = {
        "TREUEPASS_DATA_DIR": str(data_dir.resolve()),
        "TREUEPASS_DATABASE_URL": url,
        "TREUEPASS_MASTER_KEY": base64.b64encode(KEY).decode(),
        "TREUEPASS_BASE_URL": f"http://127.0.0.1:{port}",
    }

    def change(card_id: UUID) -> bytes:
        return served.post(
            f"/api/v1/cards/{card_id}/add-visits",
            b'{"value":1}',
            f"Authorization: Bearer {key}\r\n",
        )

    with served.server("app:create_app", environment, port), served.connected(port, 1) as client:
        each = [change(card_id) for card_id in others[:BATCH]]
        client.ask(each)
        found = rounds.interleave(
            {
                "bare": _timed(raw),
                "api": served.batch(client, each, 201),
                "few": served.batch(client, [change(few)] * BATCH, 201),
                "many": served.batch(client, [change(many)] * BATCH, 201),
            },
            seconds,
        )
    close()
    store.close()
    bare_sql = f"{name}: bare"
    return [
        Row(f"{name}: three bare statements", found["bare"]),
        Row(f"{name}: add-visits", found["api"], bare_sql, found["bare"], TARGETS[name]),
        Row(f"{name}: card with {FEW} entries", found["few"], bare_sql, found["bare"]),
        Row(f"{name}: card with {MANY:,} entries", found["many"], "10 entries", found["few"], 0.9),
    ]


def _timed(work: Callable[[], None]) -> rounds.Batch:
    def run() -> float:
        start = time.perf_counter()
        for _ in range(BATCH):
            work()
        return BATCH / (time.perf_counter() - start)

    return run


def _have_entries(store: Store, merchant_id: UUID, card_id: UUID, wanted: int) -> None:
    """Posts one visit, and copies its entry until there are so many."""
    entries, cards = table_of(LedgerEntry), table_of(Card)
    now = clock.now()
    with store.write(merchant_id) as session:
        actor = Actor("api", None, "api")
        first = post(session, str(card_id), Posting("add-visits", value=1), actor, now).entry
    row = vars(first)
    with store.write(merchant_id) as session:
        for start in range(2, wanted + 1, 1_000):
            rows = [
                {**row, "id": ids.new_id(), "seq": seq}
                for seq in range(start, min(start + 1_000, wanted + 1))
            ]
            session.execute(insert(entries), rows)
        session.execute(
            update(cards)
            .where(cards.c.merchant_id == merchant_id, cards.c.id == card_id)
            .values(available_visits=wanted, sold_visits=wanted, ledger_seq=wanted)
        )


def _bare_transaction(
    store: Store, url: str, like: UUID, card_ids: Sequence[UUID]
) -> tuple[Callable[[], None], Callable[[], None]]:
    """The three statements by the driver alone, for one card after the other, and what closes its
    connection. The cards have no entries; theirs are made after one of the card ``like``."""
    connection, mark, begin, as_id = _driver(store, url)
    table = table_of(LedgerEntry)
    names = list(table.c.keys())
    entry = list(
        connection.execute(
            f"SELECT {', '.join(names)} FROM ledger_entry WHERE card_id = {mark}",
            (as_id(like),),
        ).fetchone()
    )
    entry = [Jsonb(value) if isinstance(value, dict | list) else value for value in entry]
    id_at, card_at, seq_at = (names.index(name) for name in ("id", "card_id", "seq"))
    insert_entry = (
        f"INSERT INTO ledger_entry ({', '.join(names)}) VALUES ({', '.join([mark] * len(names))})"
    )
    change_card = (
        "UPDATE card SET available_visits = available_visits + 1, sold_visits = sold_visits + 1,"
        f" version = version + 1, ledger_seq = {mark} WHERE id = {mark}"
    )
    want = f"UPDATE delivery SET wanted_version = wanted_version + 1 WHERE card_id = {mark}"
    own = [as_id(card_id) for card_id in card_ids]
    turns = count()

    def change() -> None:
        turn, card = divmod(next(turns), len(own))
        seq = turn + 1
        entry[id_at], entry[card_at], entry[seq_at] = as_id(ids.new_id()), own[card], seq
        connection.execute(begin)
        connection.execute(insert_entry, entry)
        connection.execute(change_card, (seq, own[card]))
        connection.execute(want, (own[card],))
        connection.execute("COMMIT")

    return change, connection.close


def _driver(store: Store, url: str) -> tuple[Any, str, str, Callable[[UUID], object]]:
    """A connection, its mark for a parameter, how it begins to write, and how it takes an id."""
    if store.is_sqlite:
        connection = sqlite3.connect(make_url(url).database or "", isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA busy_timeout = 15000")
        return connection, "?", "BEGIN IMMEDIATE", lambda given: given.hex
    address = make_url(url).set(drivername="postgresql").render_as_string(False)
    return psycopg.connect(address, autocommit=True), "%s", "BEGIN", lambda given: given
