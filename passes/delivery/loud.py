"""What vendors were asked to announce: only so many announcements of a pass a day are heard.

A vendor that is asked for more refuses, or falls silent (Google: 1.6), so what goes beyond is sent
silently from the start. The counts are our own rows; one that a kill lost is made good by the
vendor's own refusal, which the wallet answers with a silent update.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.orm import Session

from passes import ids
from passes.delivery.models import LoudPush
from passes.store import merchant_of, rows_changed, table_of

DAY = timedelta(hours=24)
UPDATE = "update"
"""The kind of an announced change of balance. Messages are another kind, with a budget of their
own."""

_table = table_of(LoudPush)
_COUNT = (
    select(_table.c.card_id, func.count().label("times"))
    .where(
        _table.c.merchant_id == bindparam("of_merchant"),
        _table.c.card_id.in_(bindparam("of_cards", expanding=True)),
        _table.c.wallet == bindparam("of_wallet"),
        _table.c.kind == bindparam("of_kind"),
        _table.c.at > bindparam("since", type_=_table.c.at.type),
    )
    .group_by(_table.c.card_id)
)
_RECORD = insert(_table)


def left(
    session: Session,
    card_ids: Collection[UUID],
    wallet: str,
    kind: str,
    limit: int,
    now: datetime,
) -> dict[UUID, int]:
    """How many announcements each card has left in these 24 hours, 0 or more; one statement."""
    counted = session.execute(
        _COUNT,
        {
            "of_merchant": merchant_of(session),
            "of_cards": list(card_ids),
            "of_wallet": wallet,
            "of_kind": kind,
            "since": now - DAY,
        },
    )
    times = {row.card_id: row.times for row in counted}
    return {card_id: max(0, limit - times.get(card_id, 0)) for card_id in card_ids}


def record(
    session: Session, card_ids: Collection[UUID], wallet: str, kind: str, now: datetime
) -> None:
    """Counts an announcement of each card. The caller holds the cards."""
    rows: list[dict[str, Any]] = [
        {
            "merchant_id": merchant_of(session),
            "id": ids.new_id(),
            "card_id": card_id,
            "wallet": wallet,
            "kind": kind,
            "at": now,
        }
        for card_id in card_ids
    ]
    if rows:
        session.execute(_RECORD, rows)


def forget_old(session: Session, now: datetime) -> int:
    """Drops what does not count any more; how many."""
    dropped = session.execute(
        delete(LoudPush).where(
            LoudPush.merchant_id == merchant_of(session), LoudPush.at <= now - DAY
        )
    )
    return rows_changed(dropped)
