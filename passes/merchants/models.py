"""Rows about a merchant, and the two tables that stand above merchants: directory and accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, false
from sqlalchemy.orm import Mapped, mapped_column

from passes.store import Base, OfMerchant


class Merchant(Base):
    """A business that issues cards. ``keys``: see vault; wrapped by the master key."""

    __tablename__ = "merchant"
    __table_args__ = {"info": {"merchant_column": "id"}}

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    language: Mapped[str]
    time_zone: Mapped[str]
    currency: Mapped[str]
    country: Mapped[str]
    contact_email: Mapped[str | None]
    contact_phone: Mapped[str | None]
    website: Mapped[str | None]
    address: Mapped[str | None]
    privacy_text: Mapped[dict[str, Any] | None]
    wrapped_key: Mapped[str]
    sealed_token_key: Mapped[str]
    created_at: Mapped[datetime]


class Location(OfMerchant, Base):
    """A branch: where cards are used, and near which phones may show them."""

    __tablename__ = "location"
    __table_args__ = (ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    address: Mapped[str | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    nearby_text: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]


class StaffAccount(Base):
    """A person who signs in; may work for several merchants, so it belongs to none."""

    __tablename__ = "staff_account"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    language: Mapped[str]
    password_hash: Mapped[str]
    created_at: Mapped[datetime]


class StaffMember(OfMerchant, Base):
    """A person's place at one merchant. ``location_ids`` empty: all locations (D.22)."""

    __tablename__ = "staff_member"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        CheckConstraint(
            "role IN ('owner', 'manager', 'staff', 'marketing', 'developer')", name="role"
        ),
        Index(None, "merchant_id", "account_id", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("staff_account.id"))
    role: Mapped[str]
    location_ids: Mapped[list[Any]]
    created_at: Mapped[datetime]


class ApiKey(OfMerchant, Base):
    """A key of a program. Only its SHA-256 is kept; ``prefix`` finds it in the directory."""

    __tablename__ = "api_key"
    __table_args__ = (ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    prefix: Mapped[str]
    secret_hash: Mapped[str]
    scopes: Mapped[list[Any]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class WalletAccount(OfMerchant, Base):
    """A merchant's own credentials for one wallet, sealed; ``name`` is the vendor's public id.

    ``pending``: a key that waits for the vendor's certificate; nothing can be signed with it yet.
    """

    __tablename__ = "wallet_account"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        Index(None, "merchant_id", "wallet"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    wallet: Mapped[str]
    name: Mapped[str]
    version: Mapped[int]
    sealed: Mapped[str]
    pending: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class DirectoryEntry(Base):
    """What the outside knows, and to whom it belongs: read before the merchant is known.

    The only table whose uniqueness crosses merchants. ``key`` is never a secret itself, only its
    SHA-256.
    """

    __tablename__ = "directory"
    __table_args__ = (
        Index(None, "merchant_id", "subject_id"),
        {"info": {"crosses_merchants": True}},
    )

    kind: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    merchant_id: Mapped[UUID] = mapped_column(ForeignKey("merchant.id"))
    subject_id: Mapped[UUID]
