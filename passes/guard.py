"""The guard that keeps merchants apart: every statement must say whose rows it touches.

Reads a statement before it runs and raises when a merchant's table in it is not tied to the
session's merchant, whichever part of SQLAlchemy the statement comes from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import (
    BindParameter,
    ClauseElement,
    CompoundSelect,
    Executable,
    FromClause,
    Insert,
    Select,
    Table,
    TableClause,
    TextClause,
    Update,
    inspect,
)
from sqlalchemy.orm import ORMExecuteState, Session
from sqlalchemy.sql import operators
from sqlalchemy.sql.dml import Delete
from sqlalchemy.sql.elements import BinaryExpression, BooleanClauseList, Grouping
from sqlalchemy.sql.selectable import AliasedReturnsRows, FromGrouping, Join


class UnscopedQuery(RuntimeError):
    """A merchant's rows were touched without saying whose, or as another merchant's."""


_OWN = object()
"""Stands for the session's merchant where a statement itself names none."""


class _Tie(NamedTuple):
    """A place where the statement names a merchant: a value in it, or the key of a parameter."""

    key: str
    value: object


_verdicts: WeakKeyDictionary[Executable, tuple[_Tie, ...]] = WeakKeyDictionary()


def check_statement(state: ORMExecuteState) -> None:
    merchant_id = state.session.info.get("merchant_id")
    if merchant_id is None:
        return  # a session of the system; row-level security knows its role
    statement = state.statement
    ties = _verdicts.get(statement)
    if ties is None:
        ties = _verdicts[statement] = _ties_of(statement)
    for parameters in _each_set(state.parameters):
        for tie in ties:
            named = parameters.get(tie.key, tie.value)
            if named is not _OWN and named != merchant_id:
                raise UnscopedQuery(f"another merchant is named in: {_shown(statement)}")


def check_tied(statement: Executable, parameter: str) -> None:
    """For a statement that goes past the session, with its merchant as ``parameter``.

    Raises UnscopedQuery where it names none for a table, or names one in another way.
    """
    for tie in _ties_of(statement):
        if tie.value is not _OWN and tie.key != parameter:
            raise UnscopedQuery(f"the merchant is not {parameter} in: {_shown(statement)}")


def _shown(statement: Executable) -> str:
    try:
        return str(statement)
    except Exception:  # noqa: BLE001 - some statements compile only within the ORM
        return type(statement).__name__


def _each_set(parameters: Any) -> Iterable[Mapping[str, Any]]:
    if not parameters:
        return ({},)
    return parameters if isinstance(parameters, list | tuple) else (parameters,)


def _ties_of(statement: Executable) -> tuple[_Tie, ...]:
    """Where the statement names its merchant. Raises UnscopedQuery where it should and does not."""
    reading = _Reading(statement)
    reading.walk([statement], _NOTHING, _NOTHING)
    return tuple(reading.ties)


class _Source(NamedTuple):
    """What a scope selects from, as its conditions name it: a table, an alias, a subquery."""

    name: str
    table: str


_Sources = frozenset[_Source]
_NOTHING: _Sources = frozenset()


class _Scope:
    """What one SELECT, UPDATE or DELETE reads from, and the conditions that its rows must meet.

    A condition comes with the sources that it binds: that of an outer join binds the right side
    only, since rows of the left side come in any case. None: it binds all.
    """

    def __init__(self, statement: Select[Any] | Update | Delete) -> None:
        self.statement = statement
        self.suffixes = statement._suffixes if isinstance(statement, Select) else ()
        self.sources: dict[_Source, FromClause] = {}
        self.conditions: list[tuple[Any, _Sources | None]] = [
            (condition, None) for condition in statement._where_criteria
        ]
        if isinstance(statement, Select):
            for part in (statement, *statement._memoized_select_entities):
                self._add_all(part._raw_columns)
                for target, onclause, left, flags in part._setup_joins:
                    self._add_all([left] if left is not None else [])
                    right = self._add_all([target])
                    self._add_condition(onclause, right, flags["isouter"], flags["full"])
            self._add_all(statement._from_obj)
        else:
            self._add_all([statement.table])
        self._add_all(statement._where_criteria)

    def _add_all(self, parts: Iterable[Any]) -> _Sources:
        return frozenset().union(
            *(self._add(source) for part in parts for source in part._from_objects)
        )

    def _add(self, source: Any) -> _Sources:
        if isinstance(source, FromGrouping):
            return self._add(source.element)
        if isinstance(source, Join):
            right = self._add(source.right)
            self._add_condition(source.onclause, right, source.isouter, source.full)
            return self._add(source.left) | right
        self.sources[_source(source)] = source
        return frozenset([_source(source)])

    def _add_condition(self, onclause: Any, right: _Sources, outer: bool, full: bool) -> None:
        if onclause is not None and not full:
            self.conditions.append((onclause, right if outer else None))

    def own(self, nearest: _Sources, around: _Sources) -> _Sources:
        """Its sources without those that are an enclosing statement's, by SQLAlchemy's rules."""
        own = frozenset(self.sources)
        statement = self.statement
        if not own & around or not isinstance(statement, Select):
            return own
        froms = statement.get_final_froms()
        top = {_source(source) for source in froms if not isinstance(source, Join)}
        if statement._correlate:
            top &= {_source(source) for source in statement._correlate} & around
        elif statement._correlate_except is not None:
            top = top & around - {_source(source) for source in statement._correlate_except}
        elif statement._auto_correlate and len(froms) > 1:
            top &= nearest
        else:
            return own
        return own - top


class _Reading:
    """Reads a statement scope by scope: each must tie all that it reads from to a merchant."""

    def __init__(self, whole: Executable) -> None:
        self.ties: list[_Tie] = []
        self._whole = whole
        self._done: dict[tuple[int, _Sources, _Sources], object] = {}
        self._derived: dict[_Source, bool] = {}

    def walk(self, parts: Iterable[Any], nearest: _Sources, around: _Sources) -> None:
        """Reads the scopes in ``parts``, which stand in a scope that reads from ``nearest``.

        ``around`` are the sources of all enclosing scopes. Raises UnscopedQuery.
        """
        stack = list(parts)
        while stack:
            part = stack.pop()
            key = (id(part), nearest, around)
            if key in self._done:
                continue
            self._done[key] = part  # which also keeps its id from being given to another
            if isinstance(part, Select | Update | Delete):
                self._read(_Scope(part), nearest, around)
            elif isinstance(part, Insert):
                self._read_insert(part)
            elif isinstance(part, AliasedReturnsRows):
                self._read_derived(part)
            elif isinstance(part, TextClause) or _is_literal_text(part):
                raise self._refusal("text cannot be checked; use expressions")
            elif isinstance(part, TableClause) and not isinstance(part, Table):
                raise self._refusal(f"{part.name} is no table of a model")
            else:
                stack.extend(part.get_children())

    def _read(self, scope: _Scope, nearest: _Sources, around: _Sources) -> None:
        for source in scope.sources.values():
            self.walk([source], _NOTHING, _NOTHING)
        own = scope.own(nearest, around)
        enclosing = frozenset(scope.sources) - own
        tied = self._tied(scope, frozenset(source for source in enclosing if source.table))
        untied = [
            source.table
            for source in own - tied
            if source.table and _merchant_column(scope.sources[source])
        ]
        if untied:
            raise self._refusal(f"no merchant is named for {', '.join(sorted(untied))}")
        if isinstance(scope.statement, Update):
            self._tie_values(scope.statement.table, scope.statement._values or {}, _OWN)
        words = [part for part, _ in (*scope.statement._prefixes, *scope.suffixes)]
        self.walk([*words, *scope.statement.get_children()], own, around | own)

    def _tied(self, scope: _Scope, already: _Sources) -> _Sources:
        """The sources whose every row belongs to a merchant that is named."""
        tied = already | {source for source in scope.sources if self._derived.get(source)}
        follows: list[tuple[_Source, _Source]] = []
        for condition, bound in scope.conditions:
            for one, other in _equalities(condition):
                source = self._source_of(one)
                if source is None or (bound is not None and source not in bound):
                    continue
                if isinstance(other, BindParameter):
                    tied |= {source}
                    self.ties.append(_Tie(str(other.key), other.effective_value))
                elif (leader := self._source_of(other)) is not None:
                    follows.append((leader, source))
        while more := {source for leader, source in follows if leader in tied} - tied:
            tied |= more
        return tied

    def _source_of(self, column: Any) -> _Source | None:
        """What ``column`` belongs to, if it is the column that names the merchant."""
        table = getattr(column, "table", None)
        if table is None or column.key != _merchant_column(table):
            return None
        return _source(table)

    def _read_derived(self, derived: AliasedReturnsRows) -> None:
        """Reads what an alias or subquery stands for, and whether its merchant can be believed."""
        if isinstance(_under(derived), Table):
            return
        inner = derived.element
        self.walk([inner], _NOTHING, _NOTHING)
        selects = inner.selects if isinstance(inner, CompoundSelect) else [inner]
        self._derived[_source(derived)] = all(
            self._names_its_merchant(select) for select in selects
        )

    def _names_its_merchant(self, inner: Any) -> bool:
        if isinstance(inner, AliasedReturnsRows):
            return self._derived.get(_source(inner), False)
        if not isinstance(inner, Select):
            return False
        column = inner.selected_columns.get("merchant_id")
        source = self._source_of(getattr(column, "element", column))
        if source is None:
            return False
        return bool(source.table) or self._derived.get(source, False)

    def _read_insert(self, statement: Any) -> None:
        """Ties every row to be written to a merchant."""
        if statement.select is not None:
            raise self._refusal("INSERT ... SELECT cannot be checked")
        if hasattr(statement._post_values_clause, "update_values_to_set"):
            raise self._refusal("INSERT ... ON CONFLICT DO UPDATE cannot be checked")
        rows: list[Mapping[Any, Any]] = [statement._values] if statement._values else []
        for many in statement._multi_values:
            rows.extend(many)
        for row in rows or [{}]:
            self._tie_values(statement.table, row, None)
        values = [value for row in rows for value in row.values()]
        parts = [value for value in values if isinstance(value, ClauseElement)]
        self.walk([*parts, *statement.get_children()], _NOTHING, _NOTHING)

    def _tie_values(self, table: Any, values: Mapping[Any, Any], otherwise: object) -> None:
        """Ties what is written into the merchant's column; ``otherwise``: when it is not there."""
        column = _merchant_column(table)
        if column is None:
            return
        named = {getattr(key, "name", key): value for key, value in values.items()}
        value = named.get(column, otherwise)
        if isinstance(value, BindParameter):
            self.ties.append(_Tie(str(value.key), value.effective_value))
        self.ties.append(_Tie(column, _OWN if isinstance(value, BindParameter) else value))

    def _refusal(self, reason: str) -> UnscopedQuery:
        return UnscopedQuery(f"{reason} in: {_shown(self._whole)}")


def _equalities(condition: Any) -> Iterator[tuple[Any, Any]]:
    """Both readings of each ``a = b`` that must hold; what stands under OR and NOT need not."""
    if isinstance(condition, Grouping):
        yield from _equalities(condition.element)
    elif isinstance(condition, BooleanClauseList) and condition.operator is operators.and_:
        for clause in condition.clauses:
            yield from _equalities(clause)
    elif isinstance(condition, BinaryExpression) and condition.operator is operators.eq:
        yield condition.left, condition.right
        yield condition.right, condition.left


def _is_literal_text(part: Any) -> bool:
    return bool(getattr(part, "is_literal", False)) and part.name != "*"  # as in count(*)


def _source(source: Any) -> _Source:
    """The name under which conditions find ``source``; no table: it is a subquery."""
    table = _under(source)
    return _Source(
        str(getattr(source, "name", None) or id(source)),
        table.name if isinstance(table, Table) else "",
    )


def _merchant_column(source: Any) -> str | None:
    """The column that names the merchant of the rows of a table, alias or subquery."""
    table = _under(source)
    if isinstance(table, Table):
        if table.info.get("crosses_merchants"):
            return None
        named = table.info.get("merchant_column")
        if named:
            return str(named)
    return "merchant_id" if "merchant_id" in source.c else None


def _under(source: Any) -> Any:
    """What an alias stands for, or an alias of an alias; a table stands for itself."""
    while isinstance(source, AliasedReturnsRows):
        source = source.element
    return source


def check_rows(session: Session, context: object, instances: object) -> None:
    merchant_id = session.info.get("merchant_id")
    if merchant_id is None:
        return
    for row in (*session.new, *session.dirty, *session.deleted):
        column = _merchant_column(row.__table__)
        if column is None:
            continue
        # The merchant comes first in every key; a row that was loaded may have been given another.
        loaded_as = inspect(row).identity or (merchant_id,)
        if getattr(row, column) != merchant_id or loaded_as[0] != merchant_id:
            raise UnscopedQuery(f"a row of {row.__tablename__} belongs to another merchant")
