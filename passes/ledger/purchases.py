"""Finds the posting of a purchase by its amount, for programs that do not know its id."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from passes.ledger.models import LedgerEntry
from passes.store import merchant_of


def newest_purchase(session: Session, card_id: UUID, amount: int) -> UUID | None:
    """The card's newest posting that counts and has exactly this purchase amount (minor units)."""
    return session.scalar(
        select(LedgerEntry.id)
        .where(
            LedgerEntry.merchant_id == merchant_of(session),
            LedgerEntry.card_id == card_id,
            LedgerEntry.purchase_amount == amount,
            LedgerEntry.reverses_id.is_(None),
            LedgerEntry.reversed_by_id.is_(None),
        )
        .order_by(LedgerEntry.seq.desc())
        .limit(1)
    )
