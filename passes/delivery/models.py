"""What is kept about vendors that keep the pass themselves: turns, announcements, their events."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from passes.store import Base, OfMerchant


class VendorTurn(Base):
    """When the next request of one account may go to a vendor; all processes take turns here.

    ``subject`` is whose quota it is (Google: the service account), which merchants may share.
    """

    __tablename__ = "vendor_turn"
    __table_args__ = ({"info": {"crosses_merchants": True}},)

    wallet: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    ready_at: Mapped[datetime]


class LoudPush(OfMerchant, Base):
    """A vendor was asked to announce something on a card; counts for 24 hours.

    ``kind``: ``update`` or ``message``, which have a budget each.
    """

    __tablename__ = "loud_push"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "card_id"], ["card.merchant_id", "card.id"]),
        Index(None, "merchant_id", "card_id", "wallet", "at"),
        Index(None, "merchant_id", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    card_id: Mapped[UUID]
    wallet: Mapped[str]
    kind: Mapped[str]
    at: Mapped[datetime]


class VendorEvent(OfMerchant, Base):
    """An event that a vendor told of, kept until it cannot come again (``valid_until``)."""

    __tablename__ = "vendor_event"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "card_id"], ["card.merchant_id", "card.id"]),
        Index(None, "merchant_id", "card_id", "wallet"),
        Index(None, "merchant_id", "valid_until"),
    )

    wallet: Mapped[str] = mapped_column(primary_key=True)
    nonce: Mapped[str] = mapped_column(primary_key=True)
    card_id: Mapped[UUID]
    saved: Mapped[bool]
    order: Mapped[int] = mapped_column(BigInteger)
    valid_until: Mapped[datetime]


class Reconciliation(OfMerchant, Base):
    """When a vendor was last asked which of a merchant's passes somebody has."""

    __tablename__ = "reconciliation"
    __table_args__ = (ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),)

    wallet: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
