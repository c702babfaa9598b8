"""Rows of the ledger: immutable postings, and the lots of units that end one day."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKeyConstraint, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from passes.cards.models import Units
from passes.store import Base, OfMerchant


class LedgerEntry(OfMerchant, Units, Base):
    """One posting (R-LED-2). Its unit columns are its part of the card's sums.

    The database refuses to change or delete an entry; only ``reversed_by_id`` may be set once,
    and ``comment`` emptied. ``details``: how its numbers came about (the factor of a happy hour,
    the percent of a purchase). ``terms``: a membership's terms from this entry on.
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
    details: Mapped[dict[str, Any] | None]
    terms: Mapped[dict[str, Any] | None]
    activity: Mapped[str | None]
    reward_id: Mapped[UUID | None]
    referral_id: Mapped[UUID | None]
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


class Lot(OfMerchant, Base):
    """Units that were earned together and end together (D.8.3).

    ``remaining`` of ``earned`` are still there; ``expires_at`` is their last second. Units
    without an end have no lot: they are what the card has beyond its lots, and are used last.
    """

    __tablename__ = "lot"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "card_id"], ["card.merchant_id", "card.id"]),
        CheckConstraint("remaining >= 0 AND remaining <= earned", name="remaining"),
        Index(
            "ix_lot_alive",
            "merchant_id",
            "card_id",
            "expires_at",
            postgresql_where=sql("remaining > 0"),
            sqlite_where=sql("remaining > 0"),
        ),
        Index(None, "merchant_id", "entry_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    card_id: Mapped[UUID]
    entry_id: Mapped[UUID]
    unit: Mapped[str]
    earned: Mapped[int] = mapped_column(BigInteger)
    remaining: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[datetime]


class LotUse(OfMerchant, Base):
    """What an entry took from a lot; less than nothing: what an undo gave back there."""

    __tablename__ = "lot_use"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "lot_id"], ["lot.merchant_id", "lot.id"]),
    )

    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    lot_id: Mapped[UUID] = mapped_column(primary_key=True)
    taken: Mapped[int] = mapped_column(BigInteger)


class LedgerProof(OfMerchant, Base):
    """When a merchant's figures were last held to the entries, and how many cards differed."""

    __tablename__ = "ledger_proof"
    __table_args__ = (ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),)

    proved_at: Mapped[datetime]
    wrong_cards: Mapped[int]
