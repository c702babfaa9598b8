"""Queries that devices make all the time: compiled once, their rows read only where asked.

SQLAlchemy's way from a statement to its rows takes several times as long as SQLite takes to find
them. Nowhere else does that matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Dialect, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

Decoder = Callable[[Any], Any]

_CURSOR = "cursor of what is compiled"
"""Where each connection of the driver keeps its one cursor: psycopg takes long to make another."""


class Line:
    """A row, or a part of one: its columns as attributes, in Python's types."""

    def __init__(
        self, columns: Mapping[str, tuple[int, Decoder | None]], values: Sequence[Any]
    ) -> None:
        self._columns = columns
        self._values = values

    def __getattr__(self, name: str) -> Any:
        """Asked for what is not there yet; from then on it is."""
        try:
            place, decode = self._columns[name]
        except KeyError:
            raise AttributeError(name) from None
        value = self._values[place]
        if decode is not None:
            value = decode(value)
        self.__dict__[name] = value
        return value


class _Compiled(NamedTuple):
    """A query in one database's words."""

    text: str
    fixed: dict[str, Any]
    positions: Sequence[str] | None
    parts: dict[str, dict[str, tuple[int, Decoder | None]]]


class Prepared:
    """A query whose columns fall into named parts."""

    def __init__(
        self, statement: Select[Any], parts: Mapping[str, Sequence[ColumnElement[Any]]]
    ) -> None:
        """``statement`` selects the columns of all ``parts``, in their order. Its parameters take
        texts only."""
        self._statement = statement
        self._parts = parts
        self._compiled: dict[str, _Compiled] = {}

    def ask(self, connection: Connection, **asked: str) -> list[dict[str, Line]]:
        """The rows, each by its parts. Raises what SQLAlchemy raises."""
        return self.ask_both(connection, **asked)[1]

    def ask_both(
        self, connection: Connection, **asked: str
    ) -> tuple[Sequence[Any], list[dict[str, Line]]]:
        """The rows as the driver gives them, and by their parts."""
        dialect = connection.dialect
        query = self._compiled.get(dialect.name)
        if query is None:
            query = self._compiled[dialect.name] = self._compile(dialect)
        given: Any = {**query.fixed, **asked}
        if query.positions is not None:
            given = [given[name] for name in query.positions]
        rows, _ = send(connection, query.text, given, gives_rows=True)
        return rows, [
            {name: Line(columns, row) for name, columns in query.parts.items()} for row in rows
        ]

    def _compile(self, dialect: Dialect) -> _Compiled:
        compiled = self._statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 - what a SELECT compiles to
        parts, place = {}, 0
        for name, columns in self._parts.items():
            parts[name] = {
                column.key: (place + number, _decoder(column, dialect))
                for number, column in enumerate(columns)
                if column.key is not None
            }
            place += len(columns)
        return _Compiled(str(compiled), dict(compiled.params), compiled.positiontup, parts)


def _decoder(column: ColumnElement[Any], dialect: Dialect) -> Decoder | None:
    return column.type.dialect_impl(dialect).result_processor(dialect, None)


def send(
    connection: Connection, text: str, given: Any, gives_rows: bool
) -> tuple[Sequence[Any], int]:
    """Runs what was compiled: the rows as the driver gives them, and how many were touched.

    Raises what SQLAlchemy raises, and is seen by whoever listens for statements.
    """
    dialect, raw = connection.dialect, connection.connection
    cursor = raw.info.get(_CURSOR)
    if cursor is None:
        cursor = raw.info[_CURSOR] = raw.cursor()
    if connection._has_events or connection.engine._has_events:  # as SQLAlchemy itself asks
        connection.dispatch.before_cursor_execute(connection, cursor, text, given, None, False)
    try:
        cursor.execute(text, given)
        return cursor.fetchall() if gives_rows else [], cursor.rowcount
    except dialect.loaded_dbapi.Error as error:
        raise as_sqlalchemys(connection, text, error) from error


def as_sqlalchemys(connection: Connection, text: str, error: Any) -> BaseException:
    """What SQLAlchemy raises for an error of the driver; the connection is given up where the
    error says that it is lost."""
    dialect = connection.dialect
    if dialect.is_disconnect(error, connection.connection, None):
        connection.invalidate()
    # The parameters stay out of its text.
    raised: BaseException = DBAPIError.instance(
        text, None, error, dialect.loaded_dbapi.Error, hide_parameters=True
    )
    return raised
