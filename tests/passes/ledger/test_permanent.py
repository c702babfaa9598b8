"""The database itself keeps the ledger as it was written (R-LED-1)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Table, delete, update
from sqlalchemy.exc import DBAPIError

from passes import ids
from passes.cards.models import NEVER_NEGATIVE, Card
from passes.ledger.models import LedgerEntry
from passes.store import table_of
from tests.passes.conftest import NOON, Shop, only_sqlite

ENTRIES: Table = table_of(LedgerEntry)
MAY_CHANGE = {"reversed_by_id", "comment"}

OTHER_VALUES: dict[str, Any] = {
    "merchant_id": ids.new_id(),
    "id": ids.new_id(),
    "card_id": ids.new_id(),
    "reverses_id": ids.new_id(),
    "location_id": ids.new_id(),
    "type": "welcome_bonus",
    "is_visit": True,
    "purchase_amount": 1,
    "items": [{"name": "cake"}],
    "details": {"factor": "2"},
    "terms": {"plan": "yearly"},
    "activity": "workshop",
    "reward_id": ids.new_id(),
    "referral_id": ids.new_id(),
    "actor_kind": "staff",
    "actor_id": "somebody",
    "channel": "portal",
    "occurred_at": NOON - timedelta(days=1),
    "recorded_at": NOON + timedelta(days=1),
    "idempotency_key": "k",
    "balance_after": {"available_visits": 1_000},
}


def value_for(column: str) -> Any:
    """Another value than the entry has."""
    return OTHER_VALUES.get(column, 7)


def change(shop: Shop, **values: Any) -> None:
    """As the system's role would, past the guard."""
    with shop.store.write_all() as session:
        session.execute(update(ENTRIES).values(values))


@pytest.fixture
def entry(alma: Shop) -> Any:
    card = alma.card(opening={"available_visits": 10})
    return alma.post(card, "redeem-visits", 3, comment="Anna was here").entry


def test_no_column_of_an_entry_changes(alma: Shop, entry: Any) -> None:
    columns = {column.name for column in ENTRIES.c} - MAY_CHANGE
    assert len(columns) > 30
    for column in columns:
        with pytest.raises(DBAPIError, match="ledger entries are permanent"):
            change(alma, **{column: value_for(column)})


def test_an_entry_is_never_deleted(alma: Shop, entry: Any) -> None:
    with pytest.raises(DBAPIError, match="permanent"), alma.store.write_all() as session:
        session.execute(delete(ENTRIES))
    with pytest.raises(DBAPIError, match="permanent"), alma.write() as session:
        session.execute(delete(LedgerEntry).where(LedgerEntry.merchant_id == alma.merchant_id))


@only_sqlite
def test_an_entry_is_never_replaced(alma: Shop, entry: Any) -> None:
    """INSERT OR REPLACE deletes the row that is in its way."""
    row = {column.name: getattr(entry, column.name) for column in ENTRIES.c}
    replace = ENTRIES.insert().prefix_with("OR REPLACE").values(row | {"available_visits": 100})
    with pytest.raises(DBAPIError, match="permanent"), alma.store.write_all() as session:
        session.execute(replace)


def test_the_mark_of_an_undo_is_set_once(alma: Shop, entry: Any) -> None:
    first = ids.new_id()
    with alma.store.write_all() as session:
        session.execute(
            update(ENTRIES).where(ENTRIES.c.id == entry.id).values(reversed_by_id=first)
        )
    for other in (ids.new_id(), None):
        with pytest.raises(DBAPIError, match="permanent"), alma.store.write_all() as session:
            session.execute(
                update(ENTRIES).where(ENTRIES.c.id == entry.id).values(reversed_by_id=other)
            )


def test_a_comment_may_be_emptied_and_nothing_else(alma: Shop, entry: Any) -> None:
    for other in ("Berta was here", ""):
        with pytest.raises(DBAPIError, match="permanent"):
            change(alma, comment=other)
    change(alma, comment=None)
    change(alma, comment=None)
    with pytest.raises(DBAPIError, match="permanent"):
        change(alma, comment="Anna was here")
    with pytest.raises(DBAPIError, match="permanent"):
        change(alma, comment=None, type="welcome_bonus")


def test_a_comment_may_be_emptied_after_an_undo(alma: Shop, entry: Any) -> None:
    alma.undo(entry.id)
    change(alma, comment=None)
    with alma.read() as session:
        kept = session.get_one(LedgerEntry, (alma.merchant_id, entry.id))
        assert kept.comment is None
        assert kept.reversed_by_id is not None


def test_R_LED_7_no_balance_of_a_card_is_ever_negative(alma: Shop) -> None:
    alma.card()
    for unit in NEVER_NEGATIVE:
        with (
            pytest.raises(DBAPIError, match=f"{unit}_not_negative"),
            alma.store.write_all() as session,
        ):
            session.execute(update(table_of(Card)).values({unit: -1}))
