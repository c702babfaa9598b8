"""What is prepared finds what SQLAlchemy finds, in the same types, and fails as it fails."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import bindparam, select, text
from sqlalchemy.exc import DBAPIError

from passes.cards.models import Card
from passes.merchants.models import Merchant
from passes.prepared import Line, Prepared
from passes.store import Store, table_of
from tests.passes.conftest import NOON, Shop

_cards, _merchants = table_of(Card), table_of(Merchant)
_PARTS = {"card": [*_cards.c], "merchant": [*_merchants.c]}
_QUERY = (
    select(*_cards.c, *_merchants.c)
    .join_from(_cards, _merchants, _merchants.c.id == _cards.c.merchant_id)
    .where(
        _cards.c.issue_channel == bindparam("channel"),
        _cards.c.status == "not_installed",
        _merchants.c.name == bindparam("name"),
    )
    .order_by(_cards.c.id)
)


def values(row: dict[str, Line]) -> list[Any]:
    return [getattr(row[part], column.key) for part, cells in _PARTS.items() for column in cells]


def test_every_column_is_what_sqlalchemy_says(store: Store, alma: Shop, bruno: Shop) -> None:
    template = alma.template()
    for channel in ("api", "api", "link"):
        alma.post(alma.card(template, channel=channel), "add-visits", 1, NOON)
    bruno.card()
    query = Prepared(_QUERY, _PARTS)
    asked = {"channel": "api", "name": "Alma"}
    with store.look_all() as connection:
        expected = connection.execute(_QUERY, asked).all()
        assert len(expected) == 2
        found = query.ask(connection, **asked)
        assert [values(row) for row in found] == [list(row) for row in expected]
        assert [values(row) for row in query.ask(connection, **asked)] == [*map(values, found)]
        assert query.ask(connection, channel="api", name="Nobody") == []
        assert [*map(type, values(found[0]))] == [*map(type, expected[0])]
        with pytest.raises(AttributeError):
            _ = found[0]["card"].slug


def test_trouble_is_sqlalchemys_and_names_no_values(store: Store) -> None:
    broken = Prepared(
        select(text("nowhere.x")).where(text("nowhere.x = :secret").bindparams(secret="")),
        {},
    )
    with store.look_all() as connection, pytest.raises(DBAPIError) as caught:
        broken.ask(connection, secret="hush")
    assert "hush" not in str(caught.value)
    with store.read_all() as session:
        assert session.scalar(select(1)) == 1
