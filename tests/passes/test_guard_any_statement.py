"""The guard against statements that nobody thought of: none may show what another merchant has."""

from __future__ import annotations

import itertools
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Executable,
    Select,
    Uuid,
    and_,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.exc import DBAPIError, InvalidRequestError

from passes.guard import UnscopedQuery
from passes.merchants.models import DirectoryEntry, Location
from passes.store import Store, table_of
from passes.vault import Vault
from tests.passes.conftest import KEY
from tests.passes.test_guard import ALMA, BRUNO, settle


@pytest.fixture(scope="module")
def worlds(
    tmp_path_factory: pytest.TempPathFactory, _sqlite_master: Path
) -> Iterator[tuple[Store, Store]]:
    """Two databases that differ in Alma's locations: none, and three."""
    folder = tmp_path_factory.mktemp("worlds")
    made = []
    for places in (0, 3):
        shutil.copy(_sqlite_master, folder / f"{places}.db")
        store = Store(f"sqlite:///{folder}/{places}.db", Vault([KEY]))
        settle(store, BRUNO, "bruno", places=2)
        settle(store, ALMA, "alma", places=places)
        made.append(store)
    yield made[0], made[1]
    for store in made:
        store.close()


_names = itertools.count()


@st.composite
def sources(draw: st.DrawFn, depth: int) -> Any:
    """Something to select from: a table, an alias of it, the directory, a subquery."""
    kind = draw(st.sampled_from(["table", "alias", "alias", "directory", "derived", "derived"]))
    if kind == "directory":
        return table_of(DirectoryEntry).alias(f"d{next(_names)}")
    if kind == "derived" and depth > 0:
        inner = draw(selections(depth=depth - 1, for_derived=True))
        return inner.cte(f"c{next(_names)}") if draw(st.booleans()) else inner.subquery()
    location = table_of(Location)
    return location if kind == "table" else location.alias(f"l{next(_names)}")


@st.composite
def conditions(draw: st.DrawFn, depth: int, here: list[Any], around: list[Any]) -> Any:
    """A condition on sources of this statement, and now and then on those of an enclosing one."""
    one, other = (draw(st.sampled_from(here + around)) for _ in range(2))
    kind = draw(
        st.sampled_from(["own", "own", "own", "link", "link", "foreign", "any", "or", "not", "and"]
                        + ["exists", "in"] * bool(depth))
    )  # fmt: skip
    deeper = conditions(depth=0, here=here, around=around)
    if kind == "own":
        return one.c.merchant_id == BRUNO
    if kind == "link":
        return one.c.merchant_id == other.c.merchant_id
    if kind == "foreign":
        return one.c.merchant_id == ALMA if draw(st.integers(0, 5)) == 0 else true()
    if kind in {"or", "and"}:
        return (or_ if kind == "or" else and_)(draw(deeper), draw(deeper))
    if kind == "not":
        return not_(draw(deeper))
    if kind == "any":
        return one.c.merchant_id.is_not(None)
    inner = draw(selections(depth=depth - 1, around=here + around, one_column=True))
    return exists(inner) if kind == "exists" else one.c.merchant_id.in_(inner)


@st.composite
def selections(
    draw: st.DrawFn,
    depth: int = 2,
    around: tuple[Any, ...] | list[Any] = (),
    for_derived: bool = False,
    one_column: bool = False,
) -> Select[Any]:
    """A SELECT with joins, subqueries, CTEs, EXISTS and IN, scoped in part or not at all."""
    outside = list(around)
    here = [draw(sources(depth)) for _ in range(draw(st.sampled_from([1, 1, 2])))]
    shown = draw(st.sampled_from(here))
    named = shown.c.merchant_id if draw(st.integers(0, 4)) else literal(ALMA, Uuid())
    columns = [named.label("merchant_id")]
    if not one_column:
        columns.append(func.count().over().label("number") if for_derived else func.count())
    statement = select(*columns).select_from(here[0])
    for further in here[1:]:
        on = draw(conditions(depth=0, here=here, around=outside))
        how = draw(st.sampled_from(["product", "inner", "outer", "full"]))
        if how == "product":
            statement = statement.select_from(further)
        else:
            statement = statement.join(further, on, isouter=how == "outer", full=how == "full")
    for _ in range(draw(st.integers(0, 3))):
        statement = statement.where(draw(conditions(depth=depth, here=here, around=outside)))
    if not one_column and not for_derived:
        statement = statement.group_by(named)
    return statement


@st.composite
def statements(draw: st.DrawFn) -> Executable:
    one = draw(selections())
    if draw(st.integers(0, 3)):
        return one
    return union_all(one, draw(selections()))


def _answer(store: Store, statement: Executable) -> list[Any] | None:
    """What Bruno is answered, in any order; None: the database cannot run it."""
    with store.read(BRUNO) as session:
        try:
            return sorted(map(tuple, session.execute(statement)), key=repr)
        except (DBAPIError, InvalidRequestError):
            return None


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow,
    HealthCheck.data_too_large, HealthCheck.filter_too_much],
)  # fmt: skip
@given(statement=statements())
def test_no_statement_that_passes_can_tell_what_alma_has(
    worlds: tuple[Store, Store], statement: Executable
) -> None:
    """Bruno gets the same answer whether Alma's rows are there or not, or he is refused."""
    without, with_ = worlds
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            answer = _answer(without, statement)
        except UnscopedQuery:
            with pytest.raises(UnscopedQuery):
                _answer(with_, statement)
            return
        assert answer == _answer(with_, statement)
