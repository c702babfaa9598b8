"""Rows of referrals."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from passes.store import Base, OfMerchant

STATES = ("enrolled", "installed", "qualified", "rewarded", "expired", "rejected", "revoked")


class Referral(OfMerchant, Base):
    """One friend who came, or tried to come, through somebody's link (D.9.2).

    ``friend_card_id`` None: the attempt made no card. ``rule``: the template's settings at that
    moment. ``reason``: why it was rejected, revoked, or the referrer got nothing. ``review``: what
    makes it look odd; the owner decides. ``due_at``: when the hold or the time to qualify ends.
    ``origin``: keyed hash of address and browser. Entries: what qualified it, and what was paid.
    """

    __tablename__ = "referral"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "referrer_card_id"], ["card.merchant_id", "card.id"]),
        ForeignKeyConstraint(["merchant_id", "friend_card_id"], ["card.merchant_id", "card.id"]),
        CheckConstraint(
            "state IN (" + ", ".join(f"'{state}'" for state in STATES) + ")", name="state"
        ),
        Index(None, "merchant_id", "referrer_card_id", "enrolled_at"),
        Index(None, "merchant_id", "friend_card_id"),
        Index(None, "merchant_id", "enrolled_at", "id"),
        Index(None, "merchant_id", "origin", "enrolled_at"),
        Index(
            "ix_referral_due",
            "shard",
            "due_at",
            postgresql_where=sql("due_at IS NOT NULL"),
            sqlite_where=sql("due_at IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    template_id: Mapped[UUID]
    referrer_card_id: Mapped[UUID]
    friend_card_id: Mapped[UUID | None]
    friend_customer_id: Mapped[UUID | None]
    state: Mapped[str]
    reason: Mapped[str | None]
    review: Mapped[list[Any] | None]
    rule: Mapped[dict[str, Any]]
    origin: Mapped[str | None]
    shard: Mapped[int] = mapped_column(SmallInteger)
    due_at: Mapped[datetime | None]
    enrolled_at: Mapped[datetime]
    installed_at: Mapped[datetime | None]
    qualified_at: Mapped[datetime | None]
    rewarded_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    referrer_units: Mapped[int] = mapped_column(BigInteger, default=0, server_default=sql("0"))
    friend_units: Mapped[int] = mapped_column(BigInteger, default=0, server_default=sql("0"))
    trigger_entry_id: Mapped[UUID | None]
    referrer_entry_id: Mapped[UUID | None]
    friend_entry_id: Mapped[UUID | None]
