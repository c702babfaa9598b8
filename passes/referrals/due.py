"""What falls due on referrals: holds that end, and times to qualify that pass.

``due_at`` moves forward and is the lease, as with deliveries (design §4); each referral is then
dealt with in a transaction of its own.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import DBAPIError

from passes.ledger.book import lock
from passes.referrals.course import advance
from passes.referrals.models import Referral
from passes.store import SHARDS, Store, table_of

BATCH = 100
LEASE = timedelta(seconds=60)
ATTEMPTS = 3
"""How often a referral is taken anew because its two cards were locked the other way round."""

_DEADLOCK, _CANNOT_SERIALIZE = "40P01", "40001"

_table = table_of(Referral)
_DUE = (
    select(_table.c.merchant_id, _table.c.id)
    .where(_table.c.shard.in_(range(SHARDS)), _table.c.due_at <= bindparam("now"))
    .order_by(_table.c.due_at)
    .limit(BATCH)
)
_CLAIM = (
    update(_table)
    .where(
        _table.c.merchant_id == bindparam("of_merchant"),
        _table.c.id == bindparam("of_row"),
        _table.c.due_at <= bindparam("now"),
    )
    .values(due_at=bindparam("lease"))
    .returning(_table.c.friend_card_id)
)

log = structlog.get_logger("treuepass.referrals")


def settle_due(store: Store, now: datetime) -> int:
    """Deals with one batch of what is due, the oldest first; how many that were."""
    with store.read_all() as session:
        due = session.execute(_DUE, {"now": now}).all()
    settled = 0
    for merchant_id, referral_id in due:
        try:
            settled += _settle(store, merchant_id, referral_id, now)
        except Exception:
            # Its lease runs out, and it is tried again; the others shall not wait for it.
            log.exception("referral_failed", referral=str(referral_id))
    return settled


def _settle(store: Store, merchant_id: UUID, referral_id: UUID, now: datetime) -> bool:
    """False when another worker has it, or nothing is due any more."""
    with store.write(merchant_id) as session:
        claim = {
            "of_merchant": merchant_id,
            "of_row": referral_id,
            "now": now,
            "lease": now + LEASE,
        }
        friend_card_id = session.scalar(_CLAIM, claim)
    if friend_card_id is None:
        return False
    for attempt in range(ATTEMPTS):
        try:
            with store.write(merchant_id) as session:
                friend = lock(session, str(friend_card_id), now)
                referral = session.get_one(Referral, (merchant_id, referral_id))
                if referral.due_at is not None:
                    advance(session, referral, friend, now)
            return True
        except DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None)
            if state not in (_DEADLOCK, _CANNOT_SERIALIZE) or attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")
