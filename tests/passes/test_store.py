"""Transactions, column types and what the database itself is trusted with (design §5)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.orm import Session

from passes import ids
from passes.cards.models import Card
from passes.customers.models import Consent, Customer
from passes.guard import UnscopedQuery
from passes.merchants import merchants
from passes.merchants.models import Location
from passes.store import (
    SHARDS,
    Store,
    is_ready,
    lasting_faults,
    lock_name,
    merchant_of,
    next_change_tag,
    shard_of,
)
from passes.vault import Vault
from tests.passes.conftest import NOON, Shop, only_postgresql

THREADS = 8


def rename(session: Session, shop: Shop, name: str) -> None:
    session.execute(
        update(Customer).where(Customer.merchant_id == shop.merchant_id).values(first_name=name)
    )


def names(shop: Shop) -> list[str | None]:
    with shop.read() as session:
        return list(
            session.scalars(
                select(Customer.first_name).where(Customer.merchant_id == shop.merchant_id)
            )
        )


# --- transactions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("database_url", "locked"),
    [("sqlite", False), ("sqlite", True), ("postgresql", True)],
    indirect=["database_url"],
)
def test_200_updates_that_read_before_they_write_and_none_is_lost(alma: Shop, locked: bool) -> None:
    """SQLite takes one writer at a time; on PostgreSQL who reads to write must lock the row."""
    card = alma.card()
    query = select(Card.bonus).where(Card.merchant_id == alma.merchant_id, Card.id == card)
    query = query.with_for_update() if locked else query

    def add_one(_: int) -> None:
        with alma.write() as session:
            there = session.scalars(query).one()
            session.execute(
                update(Card)
                .where(Card.merchant_id == alma.merchant_id, Card.id == card)
                .values(bonus=there + 1)
            )

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(add_one, range(200)))
    with alma.read() as session:
        assert session.get_one(Card, (alma.merchant_id, card)).bonus == 200


def test_a_block_that_fails_leaves_nothing(alma: Shop) -> None:
    alma.customer(first_name="Anna")

    def fail() -> None:
        with alma.write() as session:
            rename(session, alma, "Berta")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert names(alma) == ["Anna"]


@pytest.mark.parametrize("of_system", [False, True])
def test_what_is_read_cannot_write(alma: Shop, of_system: bool) -> None:
    alma.customer(first_name="Anna")
    opened = alma.store.read_all() if of_system else alma.read()
    with pytest.raises(DBAPIError, match=r"readonly|read-only"), opened as session:
        rename(session, alma, "Berta")
    assert names(alma) == ["Anna"]
    with alma.write() as session:  # the same connection of the pool writes again
        rename(session, alma, "Clara")
    assert names(alma) == ["Clara"]


def test_readers_do_not_wait_for_a_writer(alma: Shop) -> None:
    alma.customer(first_name="Anna")
    with alma.write() as session:
        rename(session, alma, "Berta")
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(names, alma).result(timeout=5) == ["Anna"]
    assert names(alma) == ["Berta"]


def test_the_worker_is_woken_at_commit_and_not_before(alma: Shop) -> None:
    with alma.write() as session:
        session.info["wakes_worker"] = True
        assert not alma.store.due.is_set()
    assert alma.store.due.is_set()
    alma.store.due.clear()

    def fail() -> None:
        with alma.write() as session:
            session.info["wakes_worker"] = True
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert not alma.store.due.is_set()


@only_postgresql
def test_one_name_is_locked_by_one_transaction(alma: Shop, bruno: Shop) -> None:
    """On SQLite a write transaction is alone anyway."""
    order = []

    def second() -> None:
        with alma.write() as session:
            lock_name(session, "contact", "email", "a@example.com")
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        with alma.write() as session:
            lock_name(session, "contact", "email", "a@example.com")
            waiting = pool.submit(second)
            for shop, address in ((bruno, "a@example.com"), (alma, "b@example.com")):
                with shop.write() as other:
                    lock_name(other, "contact", "email", address)
            assert not waiting.done()
            order.append("first")
        waiting.result(timeout=5)
    assert order == ["first", "second"]


def test_a_session_of_the_system_has_no_merchant(store: Store) -> None:
    with store.read_all() as session, pytest.raises(UnscopedQuery):
        merchant_of(session)


# --- columns -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "moment",
    [
        NOON,
        NOON.astimezone(timezone(timedelta(hours=5, minutes=45))),
        datetime(2026, 11, 21, 12, 0, 0, 123_000, UTC),
        datetime(1900, 1, 1, tzinfo=UTC),
    ],
)
def test_moments_come_back_aware_and_in_utc(alma: Shop, moment: datetime) -> None:
    made = alma.customer()
    with alma.write() as session:
        session.execute(
            update(Customer)
            .where(Customer.merchant_id == alma.merchant_id)
            .values(created_at=moment)
        )
    with alma.read() as session:
        customer = session.get_one(Customer, (alma.merchant_id, made))
        assert customer.created_at == moment
        assert customer.created_at.tzinfo is UTC
        found = select(Customer.id).where(
            Customer.merchant_id == alma.merchant_id,
            Customer.created_at >= moment,
            Customer.created_at < moment + timedelta(milliseconds=1),
        )
        assert session.scalar(found) == made


def test_a_naive_moment_is_refused(alma: Shop) -> None:
    with pytest.raises(StatementError, match="needs a time zone"), alma.write() as session:
        merchants.add_location(session, name="x", now=datetime(2026, 11, 21))  # noqa: DTZ001 - that is the point


def test_documents_keep_null_numbers_and_letters(alma: Shop) -> None:
    document = {"a": None, "b": [1, 2.5, True], "ä": "ß€🎂", "big": 2**53}
    with alma.write() as session:
        place = merchants.add_location(session, name="x", now=NOON)
        place.nearby_text = document
        bare = merchants.add_location(session, name="y", now=NOON).id
    with alma.read() as session:
        assert session.get_one(Location, (alma.merchant_id, place.id)).nearby_text == document
        without = select(Location.id).where(
            Location.merchant_id == alma.merchant_id, Location.nearby_text.is_(None)
        )
        assert session.scalars(without).all() == [bare]


def test_change_tags_rise_over_all_merchants(alma: Shop, bruno: Shop) -> None:
    cards = [(shop, shop.card()) for _ in range(4) for shop in (alma, bruno)]

    def touch(pair: tuple[Shop, UUID]) -> int:
        shop, card = pair
        tags = []
        for _ in range(5):
            with shop.write() as session:
                own = (Card.merchant_id == shop.merchant_id) & (Card.id == card)
                session.execute(update(Card).where(own).values(change_tag=next_change_tag()))
                tags.append(session.scalars(select(Card.change_tag).where(own)).one())
        assert tags == sorted(set(tags))
        return tags[-1]

    with ThreadPoolExecutor(THREADS) as pool:
        newest = list(pool.map(touch, cards))
    assert len(set(newest)) == len(cards)


# --- what the database is trusted with -----------------------------------------------------------


def test_sqlite_keeps_what_was_committed(sqlite_store: Store) -> None:
    assert lasting_faults(sqlite_store) == []
    with sqlite_store.engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers")
        }
    assert found == {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1,
    }  # fmt: skip


def test_sqlite_faults_are_named(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with sqlite_store.engine.connect():
        pass  # it is connected now, and set up as it always is
    monkeypatch.setattr("passes.store._SQLITE_PRAGMAS", {"synchronous": 3, "foreign_keys": 1})
    assert lasting_faults(sqlite_store) == ["SQLite's synchronous is 2 and must be 3"]


@only_postgresql
def test_postgresql_faults_are_named(store: Store) -> None:
    settings = ("fsync", "full_page_writes", "synchronous_commit")
    with store.engine.connect() as connection:
        off = [name for name in settings if connection.scalar(text(f"SHOW {name}")) == "off"]
    found = lasting_faults(store)
    assert [fault.split()[1] for fault in found] == off


def test_foreign_keys_hold(alma: Shop) -> None:
    nobody = Consent(
        merchant_id=alma.merchant_id,
        id=ids.new_id(),
        customer_id=ids.new_id(),
        channel="push",
        granted=True,
        wording="News?",
        language="en",
        source="form",
        at=NOON,
    )
    with pytest.raises(IntegrityError), alma.write() as session:
        session.add(nobody)


def test_ready_only_when_every_table_is_there(store: Store, tmp_path: Path) -> None:
    assert is_ready(store)
    empty = Store(f"sqlite:///{tmp_path}/empty.db", Vault([b"k" * 32]))
    assert not is_ready(empty)
    empty.close()
    nowhere = Store(f"sqlite:///{tmp_path}/no/such/folder.db", Vault([b"k" * 32]))
    assert not is_ready(nowhere)
    nowhere.close()


def test_shards_are_even() -> None:
    counted = [0] * SHARDS
    for _ in range(6_400):
        counted[shard_of(ids.new_id())] += 1
    assert min(counted) > 50
