"""What holds when the guard is passed by: row-level security, keys, the shapes of the tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, ForeignKeyConstraint, Table, UniqueConstraint, text
from sqlalchemy import inspect as look_at
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import Session

from passes import ids
from passes.models import Base
from passes.store import APP_ROLE, SYSTEM_ROLE, Store, connection_of
from tests.passes.conftest import Shop, only_postgresql

TABLES = Base.metadata.sorted_tables
OF_A_MERCHANT = [
    table
    for table in TABLES
    if "merchant_id" in table.c and not table.info.get("crosses_merchants")
]
REFERENCE = {"merchant", "staff_account", "directory", "device_report", "vendor_turn"}
"""The tables that a distributed PostgreSQL keeps on every machine (design §4, Scale)."""

INSERTS = {
    "location": "(merchant_id, id, name, created_at) VALUES (:merchant, :id, 'x', now())",
    "directory": "(kind, key, merchant_id, subject_id) VALUES ('serial', 'x', :merchant, :id)",
}


@contextmanager
def unguarded(shop: Shop, *, reads: bool = False) -> Iterator[Connection]:
    """A connection in the role and with the merchant of the app, and without the guard."""
    with shop.read() if reads else shop.write() as session:
        yield session.connection()


def count(connection: Connection, table: Table) -> int:
    return int(connection.scalar(text(f"SELECT count(*) FROM {table.name}")) or 0)


def names_of(tables: list[Table]) -> list[str]:
    return [table.name for table in tables]


# --- row-level security --------------------------------------------------------------------------


@only_postgresql
def test_other_merchants_rows_cannot_be_seen(alma: Shop, bruno: Shop) -> None:
    card = alma.card()
    alma.post(card, "add-visits", 3)
    for shop, seen in ((alma, 1), (bruno, 0)):
        with unguarded(shop, reads=True) as connection:
            for name in (
                "card",
                "customer",
                "card_template",
                "card_template_version",
                "ledger_entry",
            ):
                assert count(connection, Base.metadata.tables[name]) == seen, name
            assert count(connection, Base.metadata.tables["merchant"]) == 1
            slug = connection.scalar(text("SELECT slug FROM merchant"))
            assert slug == ("alma" if seen else "bruno")


@only_postgresql
def test_other_merchants_rows_cannot_be_written(alma: Shop, bruno: Shop) -> None:
    alma.customer(first_name="Anna")
    with unguarded(bruno) as connection:
        for statement in (
            "UPDATE customer SET first_name = 'Bruno'",
            "DELETE FROM customer",
            "UPDATE merchant SET name = 'x' WHERE slug = 'alma'",
        ):
            assert connection.execute(text(statement)).rowcount == 0, statement
    with alma.read() as session:
        assert session.connection().scalar(text("SELECT first_name FROM customer")) == "Anna"


@only_postgresql
def test_rows_cannot_be_made_for_or_given_to_another(alma: Shop, bruno: Shop) -> None:
    bruno.customer()
    for statement in (
        f"INSERT INTO location {INSERTS['location']}",
        "UPDATE customer SET merchant_id = :merchant",
        "UPDATE merchant SET id = :merchant",
    ):
        with pytest.raises(DBAPIError, match="row-level security"), unguarded(bruno) as connection:
            connection.execute(text(statement), {"merchant": alma.merchant_id, "id": ids.new_id()})


def test_a_foreign_key_reaches_no_other_merchant(alma: Shop, bruno: Shop) -> None:
    """PostgreSQL checks foreign keys without row-level security, so the key itself must hold."""
    customer = bruno.customer()
    theirs = {"template_id": alma.template().id, "customer_id": alma.customer()}
    card = bruno.card(customer_id=customer)
    for column, foreign in theirs.items():
        with pytest.raises(IntegrityError), bruno.store.write_all() as session:
            session.connection().execute(
                Base.metadata.tables["card"]
                .update()
                .where(Base.metadata.tables["card"].c.id == card)
                .values({column: foreign})
            )


@only_postgresql
def test_without_a_merchant_nothing_can_be_seen(alma: Shop) -> None:
    alma.card()
    with alma.store.engine.connect() as connection:
        connection.execute(text(f"SET LOCAL ROLE {APP_ROLE}"))
        assert [table.name for table in OF_A_MERCHANT if count(connection, table)] == []
        assert count(connection, Base.metadata.tables["merchant"]) == 0


@only_postgresql
def test_role_and_merchant_end_with_the_transaction(alma: Shop, bruno: Shop) -> None:
    alma.customer()
    with unguarded(alma, reads=True) as connection:
        assert count(connection, Base.metadata.tables["customer"]) == 1
    for _ in range(3):  # the pool gives the same connection again
        with unguarded(bruno, reads=True) as connection:
            assert connection.scalar(text("SELECT current_user")) == APP_ROLE
            assert count(connection, Base.metadata.tables["customer"]) == 0
        with alma.store.read_all() as session:
            connection = session.connection()
            assert connection.scalar(text("SELECT current_user")) == SYSTEM_ROLE
            assert connection.scalar(text("SELECT current_setting('app.merchant')")) == ""
            assert count(connection, Base.metadata.tables["customer"]) == 1


@only_postgresql
def test_each_transaction_of_a_session_has_role_and_merchant(alma: Shop) -> None:
    """Whoever begins it: the session, the ORM, or what asks without the ORM."""
    asked = text("SELECT current_user, current_setting('app.merchant')")
    with alma.write() as session:
        for connection_to in (connection_of, Session.connection):
            for end in (Session.commit, Session.rollback):
                found = connection_to(session).execute(asked).one()
                assert tuple(found) == (APP_ROLE, str(alma.merchant_id))
                end(session)
    with alma.store.note_all() as connection:
        assert connection.scalar(text("SELECT current_user")) == SYSTEM_ROLE
        assert connection.scalar(text("SHOW synchronous_commit")) == "off"
        assert connection.scalar(text("SHOW transaction_read_only")) == "off"
    with alma.read() as session:
        assert connection_of(session).scalar(text("SHOW transaction_read_only")) == "on"


@only_postgresql
def test_a_connection_that_is_lost_when_a_transaction_begins_is_given_up(alma: Shop) -> None:
    with alma.store.engine.connect() as other:
        with alma.write() as session:
            own = connection_of(session).scalar(text("SELECT pg_backend_pid()"))
        other.execute(text("SELECT pg_terminate_backend(:own, 5000)"), {"own": own})
        with pytest.raises(OperationalError, match="closed the connection"), alma.write():
            pass
    with alma.write() as session:
        assert connection_of(session).scalar(text("SELECT pg_backend_pid()")) != own


@only_postgresql
def test_the_roles_own_nothing_and_may_do_nothing_else(store: Store) -> None:
    with store.engine.connect() as connection:
        for role in (APP_ROLE, SYSTEM_ROLE):
            attributes = connection.execute(
                text(
                    "SELECT rolsuper, rolbypassrls, rolcanlogin, rolcreatedb, rolcreaterole,"
                    " rolinherit, rolreplication FROM pg_roles WHERE rolname = :role"
                ),
                {"role": role},
            ).one()
            assert not any(attributes), role
            owned = "SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = :role"
            assert connection.scalar(text(owned), {"role": role}) == 0
            granted = connection.execute(
                text(
                    "SELECT DISTINCT privilege_type FROM information_schema.role_table_grants"
                    " WHERE grantee = :role"
                ),
                {"role": role},
            )
            assert {row[0] for row in granted} == {"SELECT", "INSERT", "UPDATE", "DELETE"}


@only_postgresql
def test_every_table_of_merchants_is_protected(store: Store) -> None:
    for table in names_of(OF_A_MERCHANT):
        assert_protected(store, table, "merchant_id")
    assert_protected(store, "merchant", "id")


def assert_protected(store: Store, table: str, column: str) -> None:
    with store.engine.connect() as connection:
        enabled, forced = connection.execute(
            text("SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = :table"),
            {"table": table},
        ).one()
        policies = connection.execute(
            text(
                "SELECT policyname, roles::text[], cmd, qual, with_check FROM pg_policies"
                " WHERE tablename = :table ORDER BY policyname"
            ),
            {"table": table},
        ).all()
    assert enabled
    assert forced
    all_rows, own_rows = policies
    assert all_rows == ("all_rows", [SYSTEM_ROLE], "ALL", "true", "true")
    assert own_rows[:3] == ("own_rows", [APP_ROLE], "ALL")
    own = f"({column} = (NULLIF(current_setting('app.merchant'::text, true), ''::text))::uuid)"
    assert own_rows[3] == own_rows[4] == own


@only_postgresql
def test_no_table_was_forgotten(store: Store) -> None:
    with store.engine.connect() as connection:
        with_merchant = connection.execute(
            text(
                "SELECT table_name FROM information_schema.columns"
                " WHERE table_schema = 'public' AND column_name = 'merchant_id'"
            )
        )
        assert {row[0] for row in with_merchant} == {*names_of(OF_A_MERCHANT), "directory"}


# --- shapes: the schema distributes by merchant --------------------------------------------------


def keys_of(table: Table) -> dict[str, list[str]]:
    """Columns of the primary key and of all that is unique, by name, as the models say."""
    found = {str(table.primary_key.name): [column.name for column in table.primary_key.columns]}
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            found[str(constraint.name)] = [column.name for column in constraint.columns]
    for index in table.indexes:
        if index.unique:
            found[str(index.name)] = [column.name for column in index.columns]
    return found


def keys_in(store: Store, table: str) -> dict[str, list[str]]:
    """The same as the database has them."""
    found: dict[str, list[str]] = {}
    inspector = look_at(store.engine)
    primary = inspector.get_pk_constraint(table)
    found[str(primary["name"])] = primary["constrained_columns"]
    for unique in inspector.get_unique_constraints(table):
        found[str(unique["name"])] = unique["column_names"]
    for index in inspector.get_indexes(table):
        if index["unique"]:
            found[str(index["name"])] = [str(name) for name in index["column_names"]]
    return found


@pytest.mark.parametrize("table", OF_A_MERCHANT, ids=names_of(OF_A_MERCHANT))
def test_every_key_begins_with_the_merchant(table: Table) -> None:
    for name, columns in keys_of(table).items():
        assert columns[0] == "merchant_id", name


@pytest.mark.parametrize("table", OF_A_MERCHANT, ids=names_of(OF_A_MERCHANT))
def test_foreign_keys_stay_with_the_merchant(table: Table) -> None:
    for constraint in table.constraints:
        if not isinstance(constraint, ForeignKeyConstraint):
            continue
        target = constraint.referred_table.name
        here = [column.name for column in constraint.columns]
        there = [element.column.name for element in constraint.elements]
        if target in REFERENCE:
            assert there == ["id"]
        else:
            assert (here[0], there[0]) == ("merchant_id", "merchant_id"), constraint.name
            assert len(here) > 1


def test_only_the_directory_and_reports_cross_merchants() -> None:
    crossing = {table.name for table in TABLES if table.info.get("crosses_merchants")}
    assert crossing == {"directory", "device_report", "vendor_turn"}
    others = {table.name for table in TABLES} - set(names_of(OF_A_MERCHANT))
    assert others == REFERENCE


def test_every_due_index_begins_with_the_shard() -> None:
    due = [
        [column.name for column in index.columns]
        for table in TABLES
        for index in table.indexes
        if "due_at" in index.columns
    ]
    assert due
    assert all(columns[0] == "shard" for columns in due)


def test_the_database_has_these_keys(store: Store) -> None:
    for table in TABLES:
        assert keys_in(store, table.name) == keys_of(table), table.name
    inspector = look_at(store.engine)
    [due] = [
        index for index in inspector.get_indexes("delivery") if "due_at" in index["column_names"]
    ]
    assert due["column_names"][0] == "shard"
    assert "due_at IS NOT NULL" in str(_condition(due)).replace('"', "").strip("()")


def _condition(index: Any) -> Any:
    options = index["dialect_options"]
    return options.get("postgresql_where") or options.get("sqlite_where")


@only_postgresql
def test_the_read_role_of_a_transaction_cannot_be_left(alma: Shop) -> None:
    with pytest.raises(DBAPIError, match="read-only"), unguarded(alma, reads=True) as connection:
        connection.execute(
            text(f"INSERT INTO directory {INSERTS['directory']}"),
            {"merchant": alma.merchant_id, "id": UUID(int=1)},
        )
