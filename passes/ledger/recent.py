"""The newest postings of a card, read backwards only as far as somebody needs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from passes.ledger.models import LedgerEntry
from passes.store import table_of

PAGE = 100
_OUT_OF_ORDER = timedelta(minutes=1)
"""By how much an entry may say an earlier time than the one before it, which it waited for."""

_entries = table_of(LedgerEntry)
_NEWEST = (
    select(_entries)
    .where(
        _entries.c.merchant_id == bindparam("of_merchant"),
        _entries.c.card_id == bindparam("of_card"),
        _entries.c.seq <= bindparam("newest"),
    )
    .order_by(_entries.c.seq.desc())
    .limit(PAGE)
)


def recorded_since(session: Session, card: Any, since: datetime) -> Iterator[Any]:
    """The entries that count and were recorded from ``since`` on, newest first.

    ``card`` is locked. No statement when nothing can be found: a card says when it changed last.
    """
    if card.changed_at < since - timedelta(seconds=1):  # which is cut to the second
        return
    newest = card.ledger_seq
    while newest > 0:
        page = session.execute(
            _NEWEST,
            {"of_merchant": card.merchant_id, "of_card": card.id, "newest": newest},
        ).all()
        for entry in page:
            if entry.recorded_at < since - _OUT_OF_ORDER:
                return
            counts = entry.reverses_id is None and entry.reversed_by_id is None
            if counts and entry.recorded_at >= since:
                yield entry
        newest -= PAGE
