"""The database: engine, transactions and column types.

A session belongs to one merchant. Four things hold it there: every statement must name the
merchant for every table it touches (see ``guard``), a flush refuses
another merchant's rows, keys are composite, and PostgreSQL enforces row-level security under a
role that owns nothing.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any, NoReturn
from uuid import UUID

import orjson
from sqlalchemy import (
    JSON,
    Connection,
    CursorResult,
    DateTime,
    Dialect,
    Engine,
    Integer,
    MetaData,
    Result,
    Table,
    TypeDecorator,
    Uuid,
    create_engine,
    event,
    literal,
    select,
    types,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection
from sqlalchemy.sql.functions import FunctionElement

from passes import clock
from passes.guard import UnscopedQuery, check_rows, check_statement
from passes.happenings import Followers
from passes.prepared import as_sqlalchemys, send
from passes.vault import Vault

APP_ROLE = "treuepass_app"
SYSTEM_ROLE = "treuepass_system"
"""PostgreSQL roles that own nothing: one sees a single merchant, one sees all of them."""

SHARDS = 64

DUE = "treuepass_due"
"""The channel on which PostgreSQL tells other processes that there is work."""

_SURELY_ALIVE = 1.0
"""Seconds after its last use in which a connection to PostgreSQL is not tried out."""

_FULL = 2
_NORMAL = 1
"""Appends to the WAL as FULL does, and leaves it to the next FULL to reach the disk."""
_SQLITE_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": _FULL,  # a committed posting survives power loss
    "foreign_keys": 1,
    "recursive_triggers": 1,  # INSERT OR REPLACE deletes, and must ask the ledger's trigger
    "busy_timeout": 15_000,
    "cache_size": -16_000,
    "temp_store": 2,
}


# --- columns -------------------------------------------------------------------------------------


class Moment(TypeDecorator[datetime]):
    """A point in time: refuses naive values, gives UTC back on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a point in time needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    # SQLite keeps text; SQLAlchemy's own way there and back takes three times as long.

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        return _as_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        return _of_text if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _as_text(value: datetime | None) -> str | None:
    """As SQLAlchemy writes it: text of one length, which sorts by time."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("a point in time needs a time zone")
    return value.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def _of_text(value: str | None) -> datetime | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(value)
    # 0.3.0 wrote some with their offset.
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Document = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""JSON that is read as a whole."""


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: Moment(),
        UUID: Uuid(),
        dict[str, Any]: Document,
        list[Any]: Document,
        int: Integer(),
    }


class OfMerchant:
    """Mixin for rows of one merchant; its id is the first column of every key."""

    merchant_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-2)


class next_change_tag(FunctionElement[int]):  # noqa: N801 - reads as the SQL function it is
    """The next integer of the one sequence that orders all changes of all cards (design §5.6)."""

    type = types.BigInteger()
    inherit_cache = True


@compiles(next_change_tag, "postgresql")
def _next_tag_postgresql(element: object, compiler: object, **options: object) -> str:
    return "nextval('change_tag')"


@compiles(next_change_tag, "sqlite")
def _next_tag_sqlite(element: object, compiler: object, **options: object) -> str:
    # One writer at a time, and cards are never deleted: the largest tag never falls.
    return "(SELECT coalesce(max(card.change_tag), 0) + 1 FROM card)"


# --- engine and transactions ---------------------------------------------------------------------


class Store:
    """One database. Every session is a transaction: it commits when its block ends well.

    ``read`` and ``write`` belong to one merchant, ``read_all`` and ``write_all`` to the system
    (finding the merchant, setting one up, claiming due work). What is read cannot write: SQLite
    and PostgreSQL both refuse it.
    """

    def __init__(self, url: str, vault: Vault, followers: Followers | None = None) -> None:
        self.vault = vault
        self._followers = followers or {}
        self.engine = _connect(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        # SQLite's connections for reading and for noting are others, which never change over to
        # writing and back: the PRAGMA for that makes SQLite compile every statement anew.
        if self.is_sqlite:
            self._reading = _connect(url, "BEGIN", query_only=1)
            self._noting = _connect(url, synchronous=_NORMAL)
        else:
            self._reading = self.engine.execution_options(postgresql_readonly=True)
            self._noting = self.engine.execution_options(treuepass_lasting=False)
        self.due = Event()
        """Set when a transaction made work due for the worker: one of this process, or, while
        ``listen`` runs, of any process."""
        self.unwritten: list[Callable[[], None]] = []
        """What ``close`` calls first: each returns when all that it held back is written."""

    def read(self, merchant_id: UUID) -> AbstractContextManager[Session]:
        """A transaction that sees one merchant and changes nothing."""
        return self._transaction(self._reading, merchant_id)

    def write(self, merchant_id: UUID) -> AbstractContextManager[Session]:
        """A transaction of one merchant. On SQLite it holds the write lock from the start."""
        return self._transaction(self.engine, merchant_id)

    def read_all(self) -> AbstractContextManager[Session]:
        """A transaction of the system that changes nothing."""
        return self._transaction(self._reading, None)

    def write_all(self) -> AbstractContextManager[Session]:
        """A transaction of the system."""
        return self._transaction(self.engine, None)

    @contextmanager
    def look_all(self) -> Iterator[Connection]:
        """``read_all`` for a few statements that are asked all the time: without the ORM, whose
        session costs as much as the statement."""
        # Ends with COMMIT: at a ROLLBACK psycopg drops its prepared statements, and PostgreSQL
        # would plan every statement anew, which takes several times as long as running it.
        with self._begun(self._reading, None) as connection:
            yield connection
            connection.commit()

    @contextmanager
    def note_all(self) -> Iterator[Connection]:
        """``write_all`` for what is written often and costs nothing when it is forgotten: without
        the ORM, and without waiting for the disk.

        It is whole or not there, like any other, but a power cut may take the last second of such.
        """
        with self._begun(self._noting, None) as connection:
            yield connection
            connection.commit()

    def close(self) -> None:
        for write in self.unwritten:
            write()
        for engine in (self.engine, self._reading, self._noting):
            engine.dispose()

    def listen(self, stopping: Event) -> None:
        """Sets ``due`` whenever any process made work due, until ``stopping``. PostgreSQL only.

        Returns within a second of ``stopping``, and raises when the connection is lost.
        """
        connection = self.engine.raw_connection()
        driver: Any = connection.driver_connection
        connection.detach()  # it waits for hours: the pool shall not count it
        try:
            driver.rollback()  # the pool has tried it out in a transaction
            driver.autocommit = True
            driver.execute(f"LISTEN {DUE}")
            self.due.set()  # for what was said before anybody listened
            while not stopping.is_set():
                for _ in driver.notifies(timeout=1.0, stop_after=1):
                    self.due.set()
        finally:
            connection.close()

    def ahead(self) -> timedelta:
        """By how much the database's clock is ahead of this machine's; SQLite has the same."""
        if self.is_sqlite:
            return timedelta(0)
        with self.engine.connect() as connection:
            return clock.machine_is_behind(
                connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
            )

    @contextmanager
    def _begun(self, engine: Engine, merchant_id: UUID | None) -> Iterator[Connection]:
        """A connection in a transaction, which is rolled back unless the block commits it."""
        with engine.connect() as connection:
            connection.begin()
            _take_role(connection, merchant_id)
            yield connection

    @contextmanager
    def _transaction(self, engine: Engine, merchant_id: UUID | None) -> Iterator[Session]:
        with (
            self._begun(engine, merchant_id) as connection,
            _Session(
                connection,
                join_transaction_mode="control_fully",
                expire_on_commit=False,
                autoflush=False,
                info={
                    "merchant_id": merchant_id,
                    "vault": self.vault,
                    "followers": self._followers,
                    "connection": connection,
                },
            ) as session,
        ):
            yield session
            wakes_worker = session.info.get("wakes_worker")
            if wakes_worker and not self.is_sqlite:
                # It is heard at commit.
                send(connection_of(session), f"NOTIFY {DUE}", (), gives_rows=False)
            session.commit()
            if wakes_worker:
                self.due.set()


class _Session(Session):
    """A session with the guard; the events hang on this class, so no session is without them.

    It joins the transaction of its connection when the ORM is first used: where it never is, as
    in most calls of a till, that costs nothing.
    """

    def commit(self) -> None:
        if self.in_transaction():
            super().commit()
        self.info["connection"].commit()

    def rollback(self) -> None:
        if self.in_transaction():
            super().rollback()
        self.info["connection"].rollback()

    def _bulk_save_mappings(self, *arguments: Any, **options: Any) -> NoReturn:
        raise UnscopedQuery("the old bulk methods pass by the guard; use insert() and update()")


event.listen(_Session, "do_orm_execute", check_statement)
event.listen(_Session, "before_flush", check_rows)


@event.listens_for(_Session, "after_begin")
def _enter_role(session: Session, transaction: object, connection: Connection) -> None:
    _take_role(connection, session.info["merchant_id"])


def _take_role(connection: Connection, merchant_id: UUID | None) -> None:
    """Begins on PostgreSQL, in one message with the role; nothing where that was done before."""
    if connection.dialect.name != "postgresql":
        return
    psycopg: Any = connection.dialect.loaded_dbapi
    driver: Any = connection.connection.driver_connection
    if driver.pgconn.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        return
    role = SYSTEM_ROLE if merchant_id is None else APP_ROLE
    words = [
        "BEGIN READ ONLY" if driver.read_only else "BEGIN",
        f"SET LOCAL role = {role}",
        f"SET LOCAL app.merchant = '{merchant_id or ''}'",
    ]
    if not connection.get_execution_options().get("treuepass_lasting", True):
        words.append("SET LOCAL synchronous_commit = off")
    # Several statements without parameters: psycopg's cursors have no way to begin with them.
    result = driver.pgconn.exec_("; ".join(words).encode())
    if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
        error = psycopg.errors.error_from_result(result)
        if driver.closed:  # which has no code of PostgreSQL
            error = psycopg.OperationalError(str(error))
        raise as_sqlalchemys(connection, words[0], error)


def connection_of(session: Session) -> Connection:
    """The connection of the session's transaction."""
    if session.in_nested_transaction():
        return session.connection()  # makes the savepoint when it is first asked for
    connection: Connection = session.info["connection"]
    if not connection.in_transaction():  # it was committed, or rolled back
        connection.begin()
        _take_role(connection, session.info["merchant_id"])
    return connection


def merchant_of(session: Session) -> UUID:
    """The merchant to whom the session belongs. Raises UnscopedQuery for one of the system."""
    merchant_id = session.info["merchant_id"]
    if merchant_id is None:
        raise UnscopedQuery("this session belongs to no merchant")
    assert isinstance(merchant_id, UUID)  # noqa: S101 - set by Store only
    return merchant_id


def table_of(model: type[Base]) -> Table:
    """The table of a model, for statements that are written without the ORM."""
    assert isinstance(model.__table__, Table)  # noqa: S101 - no model of ours maps anything else
    return model.__table__


def rows_changed(result: Result[Any]) -> int:
    """How many rows an UPDATE or DELETE touched. INSERT does not tell: let it return a column."""
    assert isinstance(result, CursorResult)  # noqa: S101 - such statements give no other
    assert result.rowcount >= 0  # noqa: S101 - PostgreSQL's INSERT says -1, which is no number
    return result.rowcount


def is_ready(store: Store) -> bool:
    """Whether the database answers and has every table."""
    try:
        with store.read_all() as session:
            session.execute(
                select(literal(1)).select_from(Base.metadata.tables["merchant"]).limit(1)
            )
            session.execute(
                select(literal(1)).select_from(Base.metadata.tables["delivery"]).limit(1)
            )
    except DBAPIError:
        return False
    return True


def lock_name(session: Session, *parts: str) -> None:
    """Lets one transaction at a time go on among those that name the same parts.

    For rules over rows that do not exist yet (two sign-ups with one phone number). On SQLite the
    write transaction is alone anyway.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    name = "\x1f".join((str(merchant_of(session)), *parts))
    session.connection().exec_driver_sql(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (name,)
    )


def shard_of(merchant_id: UUID) -> int:
    """The merchant's shard, 0..63; part of every due index (design §4, Scale)."""
    return merchant_id.int % SHARDS


def lasting_faults(store: Store) -> list[str]:
    """What in the database's configuration could lose a committed posting; one sentence each."""
    with store.engine.connect() as connection:
        if store.is_sqlite:
            return [
                f"SQLite's {name} is {found!r} and must be {wanted!r}"
                for name, wanted in _SQLITE_PRAGMAS.items()
                if (found := connection.exec_driver_sql(f"PRAGMA {name}").scalar()) != wanted
            ]
        return [
            f"PostgreSQL's {name} is off; a crash can lose what customers were told"
            for name in ("fsync", "full_page_writes", "synchronous_commit")
            if connection.exec_driver_sql(f"SHOW {name}").scalar() == "off"
        ]


def _watched(engine: Engine) -> Engine:
    """Tries a connection out before it is used, unless it was in use a moment ago: the pool's own
    ``pre_ping`` asks each time, which a till would wait for."""

    @event.listens_for(engine, "checkin")
    def note(driver: object, record: ConnectionPoolEntry) -> None:
        record.info["used_at"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def try_out(driver: Any, record: ConnectionPoolEntry, proxy: object) -> None:
        if time.monotonic() - record.info.get("used_at", time.monotonic()) < _SURELY_ALIVE:
            return
        try:
            engine.dialect.do_ping(driver)
        except engine.dialect.loaded_dbapi.Error:
            raise DisconnectionError from None  # the pool makes a new one

    return engine


def _connect(url: str, begin: str = "BEGIN IMMEDIATE", **pragmas: int) -> Engine:
    """``begin`` and ``pragmas``, beside those of all connections, are SQLite's."""
    options: dict[str, Any] = {
        "json_serializer": lambda value: orjson.dumps(value).decode(),
        "json_deserializer": orjson.loads,
        "hide_parameters": True,  # an error's text ends up in the log
    }
    if not url.startswith("sqlite"):
        return _watched(create_engine(url, pool_size=8, max_overflow=24, **options))

    # sqlite3 must not begin transactions by itself: it would begin them too late, and lose
    # updates without a word (175 of 200 in a trial).
    engine = create_engine(url, connect_args={"isolation_level": None}, **options)

    @event.listens_for(engine, "connect")
    def prepare(driver: sqlite3.Connection, record: object) -> None:
        for name, value in (_SQLITE_PRAGMAS | pragmas).items():
            driver.execute(f"PRAGMA {name} = {value}")

    def begin_it(dbapi_connection: PoolProxiedConnection) -> None:
        driver = dbapi_connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - this engine is SQLite's
        driver.execute(begin)

    # Not a listener: with one, SQLAlchemy takes the slow way on every connection.
    engine.dialect.do_begin = begin_it  # type: ignore[method-assign]
    return engine
