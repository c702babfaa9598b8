"""Rows of card templates, their versions, their pictures, and the channel links to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from passes.store import Base, OfMerchant


class CardTemplate(OfMerchant, Base):
    """What stays the same of a template through its versions. ``slug``: see the directory."""

    __tablename__ = "card_template"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        CheckConstraint("status IN ('draft', 'active', 'paused', 'archived')", name="status"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str]
    kind: Mapped[str]
    status: Mapped[str]
    version: Mapped[int]
    created_at: Mapped[datetime]


class CardTemplateVersion(OfMerchant, Base):
    """A definition, never changed once written."""

    __tablename__ = "card_template_version"
    __table_args__ = (
        ForeignKeyConstraint(
            ["merchant_id", "template_id"], ["card_template.merchant_id", "card_template.id"]
        ),
    )

    template_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    definition: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class TemplateRollout(OfMerchant, Base):
    """A new version that is on its way to the cards; gone when all of them have it (R-UPD-3).

    ``after_card``: how far it is, in the order of the cards' ids; None: not begun.
    ``expiry_version``: the version whose expiry rule all cards get with it; None: they keep theirs.
    """

    __tablename__ = "template_rollout"
    __table_args__ = (
        ForeignKeyConstraint(
            ["merchant_id", "template_id"], ["card_template.merchant_id", "card_template.id"]
        ),
    )

    template_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    after_card: Mapped[UUID | None]
    started_at: Mapped[datetime]
    expiry_version: Mapped[int | None]


class UploadedPicture(OfMerchant, Base):
    """A picture as it was uploaded, re-encoded; ``role`` is one of ``pictures.ROLES``."""

    __tablename__ = "uploaded_picture"
    __table_args__ = (ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    role: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    png: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[datetime]


class Rendition(OfMerchant, Base):
    """A picture in a size that a wallet asked for; ``name`` is the size's."""

    __tablename__ = "rendition"
    __table_args__ = (
        ForeignKeyConstraint(
            ["merchant_id", "picture_id"],
            ["uploaded_picture.merchant_id", "uploaded_picture.id"],
        ),
    )

    picture_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    png: Mapped[bytes] = mapped_column(LargeBinary)


class ChannelLink(OfMerchant, Base):
    """A sign-up link with UTM values of its own: ``/join/<template>/<slug>`` (R-UTM-6)."""

    __tablename__ = "channel_link"
    __table_args__ = (
        ForeignKeyConstraint(
            ["merchant_id", "template_id"], ["card_template.merchant_id", "card_template.id"]
        ),
        Index(None, "merchant_id", "template_id", "slug", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    template_id: Mapped[UUID]
    slug: Mapped[str]
    name: Mapped[str]
    utm: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
