"""Claims due rows: ``due_at`` moves forward and is the lease (design §4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, update

from passes.cards.models import Delivery
from passes.delivery import pauses
from passes.delivery.lanes import Lane
from passes.store import Store, table_of
from passes.wallet_port import Reason

LEASE = timedelta(seconds=60)
PROBE = 10
"""Rows in the batch that finds out whether a vendor serves again."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that is ours until its lease ends. ``attempts`` counts this one."""

    card_id: UUID
    attempts: int
    failing_since: datetime | None
    reason: Reason


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of one claim. ``probes``: it finds out whether a pause is over, see ``pauses``."""

    lane: Lane
    rows: tuple[Claimed, ...]
    claimed_at: datetime
    probes: bool

    @property
    def lease(self) -> datetime:
        """The rows' ``due_at``, as long as they are ours."""
        return self.claimed_at + LEASE

    @property
    def last_begin(self) -> datetime:
        """Until when a push may begin that may have to wait for its turn at the vendor.

        With 10 s for the turn and 10 s for the answer it then ends while the rows are still ours.
        Otherwise another might push newer content, and this one, late, older content after it.
        """
        return self.claimed_at + LEASE / 4


_table = table_of(Delivery)


def _in_lane(table: Any) -> tuple[Any, ...]:
    return (
        table.c.shard == bindparam("of_shard"),
        table.c.wallet == bindparam("of_wallet"),
        table.c.merchant_id == bindparam("of_merchant"),
    )


_due = (
    select(_table.c.merchant_id, _table.c.card_id)
    .where(
        *_in_lane(_table),
        _table.c.urgency == bindparam("of_urgency"),
        _table.c.due_at <= bindparam("now"),
    )
    .order_by(_table.c.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
    .cte("due")
)
_CLAIM = (
    update(_table)
    .where(
        *_in_lane(_table),
        _table.c.merchant_id == _due.c.merchant_id,
        _table.c.card_id == _due.c.card_id,
    )
    .values(due_at=bindparam("lease"), attempts=_table.c.attempts + 1)
    .returning(_table.c.card_id, _table.c.attempts, _table.c.failing_since, _table.c.reason)
)


_OVERTAKEN = (
    select(_table.c.card_id)
    .where(
        *_in_lane(_table),
        _table.c.card_id.in_(bindparam("of_cards", expanding=True)),
        _table.c.due_at == bindparam("lease", type_=_table.c.due_at.type),
        _table.c.urgency < bindparam("of_urgency"),
    )
    .limit(1)
)


def claim(store: Store, lane: Lane, now: datetime, most: int, *, probes: bool) -> Batch:
    """Up to ``most`` due rows of the lane, the oldest first; none if another process has them."""
    with store.write(lane.merchant_id) as session:
        if probes and not pauses.begin_probe(session, lane.wallet, now):
            return Batch(lane, (), now, probes)
        found = session.execute(
            _CLAIM,
            {
                "of_shard": lane.shard,
                "of_wallet": lane.wallet,
                "of_merchant": lane.merchant_id,
                "of_urgency": lane.urgency,
                "now": now,
                "most": min(most, PROBE) if probes else most,
                "lease": now + LEASE,
            },
        )
        rows = tuple(
            Claimed(row.card_id, row.attempts, row.failing_since, Reason(row.reason))
            for row in found
        )
        if probes and not rows:
            pauses.leave_probe(session, lane.wallet, now)
    return Batch(lane, rows, now, probes)


def overtaken(store: Store, batch: Batch) -> bool:
    """Whether some of the batch's cards became more urgent since: a till must not wait for it.

    Also those that it has pushed: their newest change cannot go before the batch is settled.
    """
    lane = batch.lane
    with store.read(lane.merchant_id) as session:
        found = session.execute(
            _OVERTAKEN,
            {
                "of_shard": lane.shard,
                "of_wallet": lane.wallet,
                "of_merchant": lane.merchant_id,
                "of_urgency": lane.urgency,
                "of_cards": [row.card_id for row in batch.rows],
                "lease": batch.lease,
            },
        )
        return found.first() is not None
