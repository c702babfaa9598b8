"""Revenue and the number of cards behind it (S1.3, D.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from passes.cards.models import Card
from passes.ledger.models import LedgerEntry
from passes.store import merchant_of


@dataclass(frozen=True, slots=True)
class Statistics:
    """``revenue`` in minor units: over all time it is the sum of all cards' LTV, deleted or not."""

    revenue: int
    cards_issued: int
    cards_installed: int
    transactions: int


def statistics(
    session: Session,
    *,
    template_id: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Statistics:
    """Of one template or all, for ``since <= time < until``."""
    merchant_id = merchant_of(session)
    of_cards: list[Any] = [Card.merchant_id == merchant_id]
    of_entries: list[Any] = [LedgerEntry.merchant_id == merchant_id]
    if template_id is not None:
        of_cards.append(Card.template_id == template_id)
        cards = select(Card.id).where(
            Card.merchant_id == merchant_id, Card.template_id == template_id
        )
        of_entries.append(LedgerEntry.card_id.in_(cards))
    if since is not None:
        of_cards.append(Card.issued_at >= since)
        of_entries.append(LedgerEntry.occurred_at >= since)
    if until is not None:
        of_cards.append(Card.issued_at < until)
        of_entries.append(LedgerEntry.occurred_at < until)
    issued, installed = session.execute(
        select(func.count(), func.count().filter(Card.first_installed_at.is_not(None)))
        .select_from(Card)
        .where(*of_cards)
    ).one()
    # An undone entry and its mirror add up to nothing in the same sum.
    revenue, entries = session.execute(
        select(
            func.coalesce(func.sum(LedgerEntry.purchases), 0),
            func.count().filter(
                LedgerEntry.reverses_id.is_(None), LedgerEntry.reversed_by_id.is_(None)
            ),
        ).where(*of_entries)
    ).one()
    return Statistics(int(revenue), issued, installed, entries)
