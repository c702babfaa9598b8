"""Rows of feedback."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from passes.store import Base, OfMerchant


class Feedback(OfMerchant, Base):
    """What a customer said of a visit (D.16). ``comment`` None: nothing but the stars.

    ``location_id`` and ``staff_id``: where and by whom the card's last visit was booked, as far
    as that is known. ``channel``: from where it came. ``edited_at``: when it was last replaced.
    """

    __tablename__ = "feedback"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "card_id"], ["card.merchant_id", "card.id"]),
        ForeignKeyConstraint(
            ["merchant_id", "customer_id"], ["customer.merchant_id", "customer.id"]
        ),
        CheckConstraint("stars BETWEEN 1 AND 5", name="stars"),
        Index(None, "merchant_id", "card_id", "given_at", "id"),
        Index(None, "merchant_id", "customer_id", "given_at", "id"),
        Index(None, "merchant_id", "given_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    card_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    location_id: Mapped[UUID | None]
    staff_id: Mapped[str | None]
    stars: Mapped[int] = mapped_column(SmallInteger)
    comment: Mapped[str | None]
    channel: Mapped[str]
    given_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]
