"""Rows of the ledger: immutable postings."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from passes.cards.models import Units
from passes.store import Base, OfMerchant


class LedgerEntry(OfMerchant, Units, Base):
    """One posting (R-LED-2). Its unit columns are its part of the card's sums.

    The database refuses to change or delete an entry; only ``reversed_by_id`` may be set once,
    and ``comment`` emptied.
    """

    __tablename__ = "ledger_entry"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "card_id"], ["card.merchant_id", "card.id"]),
        CheckConstraint("seq >= 1", name="seq"),
        Index(None, "merchant_id", "card_id", "seq", unique=True),
        Index(None, "merchant_id", "occurred_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    card_id: Mapped[UUID]
    seq: Mapped[int]
    type: Mapped[str]
    is_visit: Mapped[bool] = mapped_column(Boolean)
    purchase_amount: Mapped[int | None] = mapped_column(BigInteger)
    items: Mapped[list[Any] | None]
    comment: Mapped[str | None]
    reverses_id: Mapped[UUID | None]
    reversed_by_id: Mapped[UUID | None]
    actor_kind: Mapped[str]
    actor_id: Mapped[str | None]
    location_id: Mapped[UUID | None]
    channel: Mapped[str]
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    idempotency_key: Mapped[str | None]
    balance_after: Mapped[dict[str, Any]]
