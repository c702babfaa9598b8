"""Rows of rewards, claims, batches of awards and links that customers share."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from passes.store import Base, OfMerchant


class Reward(OfMerchant, Base):
    """What points, or the full round of a stamp card, can be exchanged for (D.4.8, D.17).

    ``definition``: name, text, picture, limits, dates and hours, as ``rewards.catalogue`` reads
    them. ``cost`` in points.
    """

    __tablename__ = "reward"
    __table_args__ = (
        ForeignKeyConstraint(
            ["merchant_id", "template_id"], ["card_template.merchant_id", "card_template.id"]
        ),
        CheckConstraint("status IN ('active', 'paused', 'archived')", name="status"),
        CheckConstraint("cost >= 0", name="cost"),
        Index(None, "merchant_id", "template_id", "cost"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    template_id: Mapped[UUID]
    status: Mapped[str]
    cost: Mapped[int] = mapped_column(BigInteger)
    definition: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class RewardClaim(OfMerchant, Base):
    """A customer wants a reward, and what became of it: requested, granted or refused.

    ``entry_id``: the posting that took the points. ``code``: four digits that the customer shows;
    ``tries``: how often another was typed.
    """

    __tablename__ = "reward_claim"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "reward_id"], ["reward.merchant_id", "reward.id"]),
        ForeignKeyConstraint(["merchant_id", "card_id"], ["card.merchant_id", "card.id"]),
        CheckConstraint("status IN ('requested', 'granted', 'refused')", name="status"),
        Index(None, "merchant_id", "reward_id", "customer_id"),
        Index(None, "merchant_id", "card_id", "requested_at"),
        Index(None, "merchant_id", "number", unique=True),
        Index(None, "merchant_id", "requested_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    reward_id: Mapped[UUID]
    card_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    status: Mapped[str]
    cost: Mapped[int] = mapped_column(BigInteger)
    code: Mapped[str | None]
    tries: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    entry_id: Mapped[UUID | None]
    requested_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str | None]


class AwardedOnce(OfMerchant, Base):
    """A card got its part of a batch of awards; a batch that is sent again skips it."""

    __tablename__ = "awarded_once"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "card_id"], ["card.merchant_id", "card.id"]),
    )

    batch: Mapped[str] = mapped_column(primary_key=True)
    card_id: Mapped[UUID] = mapped_column(primary_key=True)
    entry_id: Mapped[UUID]


class ShareLink(OfMerchant, Base):
    """A link that a customer shares for points; proof is that another device opens it (AMB-32)."""

    __tablename__ = "share_link"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "card_id"], ["card.merchant_id", "card.id"]),
        Index(None, "merchant_id", "card_id", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    card_id: Mapped[UUID]
    activity: Mapped[str]
    created_at: Mapped[datetime]
    made_on: Mapped[str]
    """Keyed hash of the address and browser that asked for it."""
    opened_at: Mapped[datetime | None]
    entry_id: Mapped[UUID | None]
