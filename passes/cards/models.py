"""Rows of cards: the card with its cached units, where it is installed, what must be delivered."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    UniqueConstraint,
    false,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from passes.store import Base, OfMerchant


def _unit() -> Mapped[int]:
    return mapped_column(BigInteger, default=0, server_default=sql("0"))


class Units:
    """What a card counts. A card caches the sums, each ledger entry holds its part of them.

    Money and purchases are minor units. ``purchases`` is the card's LTV. ``redemptions``: of a
    coupon. ``spend_remainder``: spent since the last stamp, in minor units, where that is saved.
    """

    available_visits: Mapped[int] = _unit()
    redeemed_visits: Mapped[int] = _unit()
    sold_visits: Mapped[int] = _unit()
    total_visits: Mapped[int] = _unit()
    referral_visits: Mapped[int] = _unit()
    bonus: Mapped[int] = _unit()
    stamps: Mapped[int] = _unit()
    stamps_earned: Mapped[int] = _unit()
    rewards: Mapped[int] = _unit()
    rewards_earned: Mapped[int] = _unit()
    rewards_redeemed: Mapped[int] = _unit()
    points: Mapped[int] = _unit()
    points_earned: Mapped[int] = _unit()
    money: Mapped[int] = _unit()
    redemptions: Mapped[int] = _unit()
    spend_remainder: Mapped[int] = _unit()
    purchases: Mapped[int] = _unit()


UNITS: tuple[str, ...] = tuple(Units.__annotations__)

NEVER_NEGATIVE = (
    "available_visits",
    "redeemed_visits",
    "sold_visits",
    "bonus",
    "stamps",
    "rewards",
    "rewards_redeemed",
    "points",
    "money",
    "redemptions",
    "spend_remainder",
    "purchases",
)
"""R-LED-7; checked by the ledger before, and by the database in any case."""


class Card(OfMerchant, Units, Base):
    """One customer's card (D.1). Cards are never removed from the table: their sums stay.

    ``terms``: what a membership has been agreed to (plan, period), as its newest entry says.
    ``successor_id``: the card that a coupon turned into. ``referral_id``: how its holder came.
    ``units_expire_at``: when the first of its lots ends. ``wakes_at``: when to look at the card
    next, because time alone will change it; never later than that moment. ``woken_at``: what came
    before has been dealt with. ``expired_for``: the ``expires_at`` whose passing was told.
    ``expiry_version``: the version of the template whose expiry rule the card goes by (R-EXP-3).
    ``reminder``: what the pass says of an end that is near, see ``ledger.wake``.
    ``last_entry_at``: when its newest entry was recorded.
    """

    __tablename__ = "card"
    __table_args__ = (
        ForeignKeyConstraint(
            ["merchant_id", "template_id"], ["card_template.merchant_id", "card_template.id"]
        ),
        ForeignKeyConstraint(
            ["merchant_id", "customer_id"], ["customer.merchant_id", "customer.id"]
        ),
        ForeignKeyConstraint(["merchant_id", "referrer_card_id"], ["card.merchant_id", "card.id"]),
        CheckConstraint("status IN ('not_installed', 'installed', 'deleted')", name="status"),
        *(CheckConstraint(f"{unit} >= 0", name=f"{unit}_not_negative") for unit in NEVER_NEGATIVE),
        UniqueConstraint("merchant_id", "serial_number"),
        Index(None, "merchant_id", "template_id", "issued_at"),
        Index(None, "merchant_id", "customer_id"),
        Index(None, "merchant_id", "created_at", "id"),
        Index(None, "change_tag"),
        Index(
            "ix_card_wakes",
            "shard",
            "wakes_at",
            postgresql_where=sql("wakes_at IS NOT NULL"),
            sqlite_where=sql("wakes_at IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    serial_number: Mapped[str]
    template_id: Mapped[UUID]
    template_version: Mapped[int]
    customer_id: Mapped[UUID]

    status: Mapped[str]
    status_cause: Mapped[str | None]
    blocked: Mapped[bool] = mapped_column(Boolean, default=False)

    created_at: Mapped[datetime]
    enrolled_at: Mapped[datetime]
    issued_at: Mapped[datetime]
    issue_channel: Mapped[str]
    issued_by: Mapped[str | None]
    issued_data: Mapped[dict[str, Any]]
    language: Mapped[str]

    expires_at: Mapped[datetime | None]
    expiry_mode: Mapped[str]
    expiry_version: Mapped[int] = mapped_column(default=1, server_default=sql("1"))
    reminder: Mapped[dict[str, Any] | None]

    utm_source: Mapped[str]
    utm_medium: Mapped[str | None]
    utm_campaign: Mapped[str | None]
    utm_term: Mapped[str | None]
    utm_content: Mapped[str | None]
    utm_raw: Mapped[dict[str, Any] | None]
    channel_link_id: Mapped[UUID | None]
    referrer_card_id: Mapped[UUID | None]
    referral_id: Mapped[UUID | None]
    referral_code: Mapped[str]
    install_token_version: Mapped[int]
    page_token_version: Mapped[int]
    gift_token_version: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    successor_id: Mapped[UUID | None]

    version: Mapped[int]
    change_tag: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[datetime]

    ledger_seq: Mapped[int] = mapped_column(default=0)
    last_entry_at: Mapped[datetime | None]
    last_redemption_at: Mapped[datetime | None]
    last_added_at: Mapped[datetime | None]
    last_visit_at: Mapped[datetime | None]
    terms: Mapped[dict[str, Any] | None]

    shard: Mapped[int] = mapped_column(SmallInteger)
    units_expire_at: Mapped[datetime | None]
    wakes_at: Mapped[datetime | None]
    woken_at: Mapped[datetime | None]
    expired_for: Mapped[datetime | None]

    link_opened_at: Mapped[datetime | None]
    downloaded_at: Mapped[datetime | None]
    first_installed_at: Mapped[datetime | None]
    last_installed_at: Mapped[datetime | None]
    first_removed_at: Mapped[datetime | None]
    last_removed_at: Mapped[datetime | None]


class Installation(OfMerchant, Base):
    """One card on one device or wallet account; ``address`` is the wallet's own (D.7.1).

    ``told_version`` is the newest version that a list of changes named to the device,
    ``fetched_version`` the newest that it took. ``unanswered_pushes`` counts those since it last
    took anything; ``stale``: it seems to be gone (R-INST-4). ``registered_at`` is when it last
    said that it has the card.

    ``listening``: a device that wants to hear of changes, which is no installation (R-INST-2); of
    such, ``first_installed_at`` is when it began to, unless ``removed_at`` says that the card was
    on it once. ``unreachable_since``: its address was answered as dead, and forgotten.
    """

    __tablename__ = "installation"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "card_id"], ["card.merchant_id", "card.id"]),
        CheckConstraint("status IN ('active', 'listening', 'removed')", name="status"),
        Index(None, "merchant_id", "wallet", "device"),
        # A device asks for what changed before anybody knows whose cards it holds.
        Index(None, "wallet", "device"),
        Index(
            "ix_installation_unreachable",
            "merchant_id",
            "unreachable_since",
            postgresql_where=sql("unreachable_since IS NOT NULL"),
            sqlite_where=sql("unreachable_since IS NOT NULL"),
        ),
    )

    card_id: Mapped[UUID] = mapped_column(primary_key=True)
    wallet: Mapped[str] = mapped_column(primary_key=True)
    device: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[dict[str, Any]]
    status: Mapped[str]
    first_installed_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    registered_at: Mapped[datetime | None]
    told_version: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    fetched_version: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    fetched_at: Mapped[datetime | None]
    unanswered_pushes: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    pushed_at: Mapped[datetime | None]
    stale: Mapped[bool] = mapped_column(default=False, server_default=false())
    unreachable_since: Mapped[datetime | None]


class Delivery(OfMerchant, Base):
    """The state of bringing one card up to date in one wallet (design §4).

    ``due_at`` is also the lease: claiming moves it forward. None: nothing to do. ``not_before``
    is when the next push may follow the last one. ``urgency``: see ``change.Urgency``.
    ``attempts`` counts claims since the last success, so 0 says that nobody has taken the row.
    ``failing_since``: the first failure that was the card's own.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "card_id"], ["card.merchant_id", "card.id"]),
        Index(
            "ix_delivery_due",
            "shard",
            "wallet",
            "merchant_id",
            "urgency",
            "due_at",
            postgresql_where=sql("due_at IS NOT NULL"),
            sqlite_where=sql("due_at IS NOT NULL"),
        ),
        Index(
            "ix_delivery_dead",
            "merchant_id",
            "wallet",
            postgresql_where=sql("dead_at IS NOT NULL"),
            sqlite_where=sql("dead_at IS NOT NULL"),
        ),
    )

    card_id: Mapped[UUID] = mapped_column(primary_key=True)
    wallet: Mapped[str] = mapped_column(primary_key=True)
    shard: Mapped[int]
    reason: Mapped[str]
    urgency: Mapped[int] = mapped_column(SmallInteger, default=0, server_default=sql("0"))
    wanted_version: Mapped[int]
    delivered_version: Mapped[int]
    delivered_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    attempts: Mapped[int]
    failing_since: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    last_error: Mapped[str | None]


class WalletPause(OfMerchant, Base):
    """A vendor refuses a merchant as a whole: nothing is sent to that wallet before ``until``."""

    __tablename__ = "wallet_pause"
    __table_args__ = (ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),)

    wallet: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime]
    until: Mapped[datetime]
    attempts: Mapped[int]
    sentence: Mapped[str]


class DeviceReport(Base):
    """What devices complain about, counted. Anybody may report, so no merchant stands behind it.

    ``subject`` is the wallet's own public id (Apple: the pass type identifier), ``code`` which of
    its known complaints this is.
    """

    __tablename__ = "device_report"
    __table_args__ = ({"info": {"crosses_merchants": True}},)

    wallet: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    times: Mapped[int]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]


class Touch(OfMerchant, Base):
    """An opening of a sign-up, referral or install link, for statistics (R-UTM-4)."""

    __tablename__ = "touch"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        Index(None, "merchant_id", "template_id", "at"),
        Index(None, "merchant_id", "card_id", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    link: Mapped[str]
    template_id: Mapped[UUID]
    card_id: Mapped[UUID | None]
    channel_link_id: Mapped[UUID | None]
    utm: Mapped[dict[str, Any]]
    platform: Mapped[str]
    at: Mapped[datetime]


class PageEventRow(OfMerchant, Base):
    """What a script on a card's page reported, counted per card and day of the merchant's.

    ``name``: a ``PageEvent`` of the port. For statistics; no installation follows from it.
    """

    __tablename__ = "page_event"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "card_id"], ["card.merchant_id", "card.id"]),
        Index(None, "merchant_id", "day", "name"),
    )

    card_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    first_at: Mapped[datetime]
    times: Mapped[int]


class CardEvent(OfMerchant, Base):
    """What happened to a card apart from postings: issued, link opened, installed, delivered."""

    __tablename__ = "card_event"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "card_id"], ["card.merchant_id", "card.id"]),
        Index(None, "merchant_id", "card_id", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    card_id: Mapped[UUID]
    type: Mapped[str]
    at: Mapped[datetime]
    wallet: Mapped[str | None]
    data: Mapped[dict[str, Any]]
