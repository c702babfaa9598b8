"""Statements of one merchant that a till waits for: held to the guard and compiled once.

SQLAlchemy's way from a statement to its rows takes ten times as long as SQLite takes to find them.
Nowhere but where cards are posted on does that matter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from types import SimpleNamespace
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, Insert, Select, Update
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler

from passes.guard import check_tied
from passes.prepared import send
from passes.store import connection_of, merchant_of

OF_MERCHANT = "of_merchant"
"""The parameter by which such a statement names the merchant; it is never a caller's to give."""

Coder = Callable[[Any], Any]


class _Compiled(NamedTuple):
    """A statement in one database's words. ``order`` picks the parameters by their place; None:
    the driver takes them by their names."""

    text: str
    fixed: dict[str, Any]
    encoders: Sequence[tuple[str, Coder]]
    order: Callable[[Any], tuple[Any, ...]] | None
    names: Sequence[str]
    decoders: Sequence[tuple[int, Coder]]


class Tied:
    """A statement about rows of the session's merchant, named as the parameter ``of_merchant``."""

    def __init__(self, statement: Select[Any] | Insert | Update) -> None:
        """Raises UnscopedQuery for a statement that names its merchant anywhere in another way."""
        check_tied(statement, OF_MERCHANT)
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def ask(self, session: Session, **given: Any) -> list[SimpleNamespace]:
        """The rows that it selects or returns; the columns are attributes, in Python's types."""
        made, rows, _ = self._run(session, given)
        found = []
        for row in rows:
            values = list(row)
            for place, decode in made.decoders:
                if values[place] is not None:
                    values[place] = decode(values[place])
            found.append(SimpleNamespace(**dict(zip(made.names, values, strict=True))))
        return found

    def raw(self, session: Session, **given: Any) -> Sequence[Any]:
        """The rows as the driver gives them."""
        return self._run(session, given)[1]

    def change(self, session: Session, **given: Any) -> int:
        """How many rows it changed. Raises what SQLAlchemy raises."""
        return self._run(session, given)[2]

    def _run(self, session: Session, given: dict[str, Any]) -> tuple[_Compiled, Sequence[Any], int]:
        given[OF_MERCHANT] = merchant_of(session)
        connection = connection_of(session)
        made = self._in_words_of(connection)
        values = made.fixed | given
        for name, encode in made.encoders:
            value = values[name]
            if value is not None:
                values[name] = encode(value)
        sent: Any = made.order(values) if made.order is not None else values
        rows, changed = send(connection, made.text, sent, bool(made.names))
        return made, rows, changed

    def _in_words_of(self, connection: Connection) -> _Compiled:
        dialect = connection.dialect
        made = self._compiled.get(dialect.name)
        if made is None:
            made = self._compiled[dialect.name] = _compile(self._statement, dialect)
        return made


def _compile(statement: Select[Any] | Insert | Update, dialect: Dialect) -> _Compiled:
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)  # noqa: S101 - what a statement compiles to
    columns = statement.exported_columns
    encoders = {
        name: encode
        for parameter, name in compiled.bind_names.items()
        if (encode := parameter.type.dialect_impl(dialect).bind_processor(dialect)) is not None
    }
    places = compiled.positiontup
    order: Any = None
    if places is not None:
        # Of a single name itemgetter makes no tuple.
        order = itemgetter(*places) if len(places) > 1 else lambda values: (values[places[0]],)
    decoders = [
        (place, decode)
        for place, column in enumerate(columns)
        if (decode := column.type.dialect_impl(dialect).result_processor(dialect, None)) is not None
    ]
    return _Compiled(
        str(compiled),
        dict(compiled.params),
        list(encoders.items()),
        order,
        [str(name) for name in columns.keys()],  # noqa: SIM118 - a collection
        decoders,
    )
