"""A card's postings and its other events as one list, newest first (contract §3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from passes.cards import events
from passes.ledger.models import LedgerEntry
from passes.store import merchant_of


@dataclass(frozen=True, slots=True)
class Happening:
    """Something on the timeline; a posting has the type ``balance_changed``."""

    id: UUID
    type: str
    at: datetime
    wallet: str | None
    data: dict[str, Any]


def entries_of(
    session: Session,
    card_id: UUID | None = None,
    *,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[LedgerEntry]:
    """Postings of a card (or of all cards), newest first; ``after`` goes on behind a page."""
    query = select(LedgerEntry).where(LedgerEntry.merchant_id == merchant_of(session))
    if card_id is not None:
        query = query.where(LedgerEntry.card_id == card_id)
    if after is not None:
        at, entry_id = after
        query = query.where(
            (LedgerEntry.occurred_at < at)
            | ((LedgerEntry.occurred_at == at) & (LedgerEntry.id < entry_id))
        )
    ordered = query.order_by(LedgerEntry.occurred_at.desc(), LedgerEntry.id.desc())
    return list(session.scalars(ordered.limit(limit)))


def timeline(
    session: Session,
    card_id: UUID,
    *,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[Happening]:
    """What happened to the card, newest first."""
    posted = [
        Happening(
            entry.id,
            "balance_changed",
            entry.occurred_at,
            None,
            {"entry_id": str(entry.id), "type": entry.type, "balance_after": entry.balance_after},
        )
        for entry in entries_of(session, card_id, after=after, limit=limit)
    ]
    happened = [
        Happening(event.id, event.type, event.at, event.wallet, event.data)
        for event in events.newest(session, card_id, after=after, limit=limit)
    ]
    return sorted(posted + happened, key=lambda each: (each.at, each.id), reverse=True)[:limit]
