"""Rows of customers and of what they consented to."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from passes.store import Base, OfMerchant


class Customer(OfMerchant, Base):
    """A merchant's customer (R-GEN-4). ``*_key`` columns hold the normalised form (R-GEN-5).

    ``deleted_at``: gone from every list, and can still be restored (R-GDPR-7). ``ratings`` and
    ``stars``: how many ratings they gave, and the stars of all of them (S1.12).
    """

    __tablename__ = "customer"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        Index(
            None,
            "merchant_id",
            "external_id",
            unique=True,
            postgresql_where=sql("deleted_at IS NULL"),
            sqlite_where=sql("deleted_at IS NULL"),
        ),
        Index(None, "merchant_id", "phone_key"),
        Index(None, "merchant_id", "email_key"),
        Index(None, "merchant_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    phone: Mapped[str | None]
    phone_key: Mapped[str | None]
    email: Mapped[str | None]
    email_key: Mapped[str | None]
    birthday: Mapped[date | None]
    gender: Mapped[str]
    language: Mapped[str]
    external_id: Mapped[str | None]
    custom_fields: Mapped[dict[str, Any]]
    first_utm: Mapped[dict[str, Any] | None]
    ratings: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    stars: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class Consent(OfMerchant, Base):
    """One answer to one question of consent; the newest per channel holds (R-GDPR-3)."""

    __tablename__ = "consent"
    __table_args__ = (
        ForeignKeyConstraint(
            ["merchant_id", "customer_id"], ["customer.merchant_id", "customer.id"]
        ),
        Index(None, "merchant_id", "customer_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID]
    channel: Mapped[str]
    granted: Mapped[bool]
    wording: Mapped[str]
    language: Mapped[str]
    source: Mapped[str]
    at: Mapped[datetime]
