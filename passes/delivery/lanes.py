"""Finds the lanes with due deliveries: one wallet of one merchant, at one urgency.

Who works lane by lane cannot let one merchant's campaign, or a vendor that hangs, stand in
another's way. The index of due rows begins with the lane, so a look hops from lane to lane and
reads one row of each: it costs the same with a thousand and with a million due rows.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from passes.cards.models import Delivery, WalletPause
from passes.store import Store


class Lane(NamedTuple):
    """Rows that are worked off together, oldest first; ``shard`` follows from the merchant."""

    shard: int
    wallet: str
    merchant_id: UUID
    urgency: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look found: lanes with due rows, the most urgent and then the oldest first.

    ``probing`` are those whose pause is over and which must show that the vendor serves again.
    ``next_at`` is when the next row falls due or the next pause ends; None: nothing waits.
    """

    due: tuple[Lane, ...]
    probing: frozenset[Lane]
    next_at: datetime | None


class Waiting(NamedTuple):
    """A lane and the moment from which its first row is due; that may lie ahead."""

    lane: Lane
    due_at: datetime


# Plain text, because the two databases hop differently: SQLite knows no LATERAL, PostgreSQL no
# rowid; and comparing rows, SQLite uses the first column of an index only, so there each hop tries
# the next urgency, merchant, wallet and shard in turn. Every step is one probe of ix_delivery_due.
_LANE = "shard, wallet, merchant_id, urgency"
_HOP_OF_POSTGRESQL = f"""
    WITH RECURSIVE lane AS (
        (
            SELECT {_LANE}, due_at FROM delivery WHERE due_at IS NOT NULL
            ORDER BY {_LANE}, due_at LIMIT 1
        )
        UNION ALL
        SELECT next.* FROM lane CROSS JOIN LATERAL (
            SELECT {_LANE}, due_at FROM delivery
            WHERE due_at IS NOT NULL
                AND ({_LANE}) > (lane.shard, lane.wallet, lane.merchant_id, lane.urgency)
            ORDER BY {_LANE}, due_at LIMIT 1
        ) AS next
    )
    SELECT {_LANE}, due_at FROM lane"""  # noqa: S608 - our own words
_HOP_OF_SQLITE = f"""
    WITH RECURSIVE step(id) AS (
        SELECT (
            SELECT rowid FROM delivery WHERE due_at IS NOT NULL
            ORDER BY {_LANE}, due_at LIMIT 1
        )
        UNION ALL
        SELECT coalesce(
            (
                SELECT rowid FROM delivery AS next
                WHERE due_at IS NOT NULL AND next.shard = lane.shard
                    AND next.wallet = lane.wallet AND next.merchant_id = lane.merchant_id
                    AND next.urgency > lane.urgency
                ORDER BY urgency, due_at LIMIT 1
            ),
            (
                SELECT rowid FROM delivery AS next
                WHERE due_at IS NOT NULL AND next.shard = lane.shard
                    AND next.wallet = lane.wallet AND next.merchant_id > lane.merchant_id
                ORDER BY merchant_id, urgency, due_at LIMIT 1
            ),
            (
                SELECT rowid FROM delivery AS next
                WHERE due_at IS NOT NULL AND next.shard = lane.shard
                    AND next.wallet > lane.wallet
                ORDER BY wallet, merchant_id, urgency, due_at LIMIT 1
            ),
            (
                SELECT rowid FROM delivery AS next
                WHERE due_at IS NOT NULL AND next.shard > lane.shard
                ORDER BY {_LANE}, due_at LIMIT 1
            )
        )
        FROM step JOIN delivery AS lane ON lane.rowid = step.id
    )
    SELECT {_LANE}, due_at FROM step JOIN delivery ON delivery.rowid = step.id"""  # noqa: S608
_WAITING = {
    dialect: text(hop).columns(
        Delivery.shard, Delivery.wallet, Delivery.merchant_id, Delivery.urgency, Delivery.due_at
    )
    for dialect, hop in (("postgresql", _HOP_OF_POSTGRESQL), ("sqlite", _HOP_OF_SQLITE))
}
_PAUSES = select(WalletPause.merchant_id, WalletPause.wallet, WalletPause.until)


def look(store: Store, kinds: Collection[str], now: datetime) -> Seen:
    """What is due in these wallets; rows of a wallet that is gone wait for it. Writes nothing."""
    with store.read_all() as session:
        waiting = waiting_lanes(session)
        pauses = {
            (row.merchant_id, row.wallet): row.until for row in session.execute(_PAUSES).all()
        }
    due, later = [], []
    probing = set()
    for lane, due_at in waiting:
        if lane.wallet not in kinds:
            continue
        until = pauses.get((lane.merchant_id, lane.wallet))
        ready_at = max(due_at, until) if until else due_at
        if ready_at > now:
            later.append(ready_at)
            continue
        due.append((lane.urgency, due_at, lane))
        if until:
            probing.add(lane)
    due.sort()
    return Seen(tuple(lane for _, _, lane in due), frozenset(probing), min(later, default=None))


def waiting_lanes(session: Session) -> list[Waiting]:
    """Every lane in which rows wait, with the first of them. In a session of the system."""
    dialect = session.get_bind().dialect.name
    return [
        Waiting(Lane(row.shard, row.wallet, row.merchant_id, row.urgency), row.due_at)
        for row in session.execute(_WAITING[dialect])
    ]
