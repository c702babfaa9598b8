"""Proves each night that a merchant's figures are what the entries add up to (R-LED-1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from passes import clock
from passes.ledger.figures import disagreements
from passes.ledger.models import LedgerProof
from passes.merchants.merchants import business
from passes.store import Store, merchant_of

PROVING_HOUR = 3
"""On the merchant's clock, when tills are quiet."""
MOST_NAMED = 20
"""Cards that an alarm names."""

log = structlog.get_logger("treuepass.ledger")


@dataclass(frozen=True, slots=True)
class Proven:
    """Over all merchants: cards that differed at the last look, and when the oldest look was."""

    wrong_cards: int
    oldest_at: datetime | None


def prove_when_due(store: Store, merchant_id: UUID, now: datetime) -> bool:
    """Holds the figures to the entries unless that was done since last night; whether it did.

    A difference is an alarm in the log. The long look is a reading one, so no till waits for it.
    """
    with store.read(merchant_id) as session:
        if not _is_due(session, now):
            return False
        wrong = disagreements(session)
    if wrong:
        log.error(
            "ledger_disagrees",
            merchant_id=str(merchant_id),
            cards=len(wrong),
            some=[str(card_id) for card_id in wrong[:MOST_NAMED]],
        )
    with store.write(merchant_id) as session:
        row = session.get(LedgerProof, merchant_id, with_for_update=True)
        if row is None:
            row = LedgerProof(merchant_id=merchant_id)
            session.add(row)
        row.proved_at, row.wrong_cards = now, len(wrong)
        session.flush()
    return True


def proven(session: Session) -> Proven:
    """What the last looks found. In a session of the system."""
    wrong, oldest = session.execute(
        select(func.coalesce(func.sum(LedgerProof.wrong_cards), 0), func.min(LedgerProof.proved_at))
    ).one()
    return Proven(int(wrong), oldest)


def _is_due(session: Session, now: datetime) -> bool:
    row = session.get(LedgerProof, merchant_of(session))
    if row is None:
        return True
    return row.proved_at < clock.last_at_hour(now, PROVING_HOUR, business(session).time_zone)
