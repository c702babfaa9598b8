"""What all eight kinds of card need: lots, rewards, referrals, and what time does to a card."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import protection
from passes import clock
from passes.store import shard_of

revision = "0003"
down_revision = "0002"

MOMENT = sa.DateTime(timezone=True)
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

OF_A_MERCHANT = (
    "lot",
    "lot_use",
    "reward",
    "reward_claim",
    "awarded_once",
    "share_link",
    "referral",
    "ledger_proof",
)
UNITS = ("redemptions", "spend_remainder")


def upgrade() -> None:
    _let_customers_go()
    _add_to_cards()
    _add_to_entries()
    _make_tables()
    for table in OF_A_MERCHANT:
        protection.grant(table)
        protection.separate(table)


def _let_customers_go() -> None:
    op.add_column("customer", sa.Column("deleted_at", MOMENT, nullable=True))
    op.drop_index("ix_customer_merchant_id_external_id", "customer")
    op.create_index(
        "ix_customer_merchant_id_external_id",
        "customer",
        ["merchant_id", "external_id"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )


def _add_to_cards() -> None:
    for column in (
        sa.Column("referral_id", sa.Uuid(), nullable=True),
        sa.Column("gift_token_version", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("successor_id", sa.Uuid(), nullable=True),
        sa.Column("terms", DOCUMENT, nullable=True),
        sa.Column("shard", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("units_expire_at", MOMENT, nullable=True),
        sa.Column("wakes_at", MOMENT, nullable=True),
        sa.Column("woken_at", MOMENT, nullable=True),
        sa.Column("expired_for", MOMENT, nullable=True),
        sa.Column("expiry_version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("reminder", DOCUMENT, nullable=True),
        sa.Column("last_entry_at", MOMENT, nullable=True),
    ):
        op.add_column("card", column)
    op.add_column("template_rollout", sa.Column("expiry_version", sa.Integer(), nullable=True))
    for unit in UNITS:
        op.execute(
            f"ALTER TABLE card ADD COLUMN {unit} BIGINT DEFAULT 0 NOT NULL"
            f" CONSTRAINT ck_card_{unit}_not_negative CHECK ({unit} >= 0)"
        )
    cards = sa.table(
        "card",
        sa.column("merchant_id", sa.Uuid()),
        sa.column("shard", sa.SmallInteger()),
        sa.column("expires_at", MOMENT),
        sa.column("wakes_at", MOMENT),
        sa.column("woken_at", MOMENT),
        sa.column("template_version", sa.Integer()),
        sa.column("expiry_version", sa.Integer()),
    )
    merchants = sa.table("merchant", sa.column("id", sa.Uuid()))
    now = clock.now()
    with protection.all_rows() as connection:
        for (merchant_id,) in connection.execute(sa.select(merchants.c.id)).all():
            own = sa.update(cards).where(cards.c.merchant_id == merchant_id)
            connection.execute(
                own.values(
                    shard=shard_of(merchant_id),
                    woken_at=now,
                    expiry_version=cards.c.template_version,
                )
            )
            connection.execute(own.where(cards.c.expires_at.is_not(None)).values(wakes_at=now))
    op.create_index(
        "ix_card_wakes",
        "card",
        ["shard", "wakes_at"],
        unique=False,
        postgresql_where=sa.text("wakes_at IS NOT NULL"),
        sqlite_where=sa.text("wakes_at IS NOT NULL"),
    )


def _add_to_entries() -> None:
    columns: list[sa.Column[Any]] = [
        sa.Column("details", DOCUMENT, nullable=True),
        sa.Column("terms", DOCUMENT, nullable=True),
        sa.Column("activity", sa.String(), nullable=True),
        sa.Column("reward_id", sa.Uuid(), nullable=True),
        sa.Column("referral_id", sa.Uuid(), nullable=True),
        *(
            sa.Column(unit, sa.BigInteger(), server_default=sa.text("0"), nullable=False)
            for unit in UNITS
        ),
    ]
    for column in columns:
        op.add_column("ledger_entry", column)
    protection.keep_new_ledger_columns()


def _make_tables() -> None:
    op.create_table(
        "ledger_proof",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("proved_at", MOMENT, nullable=False),
        sa.Column("wrong_cards", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name="fk_ledger_proof_merchant_id_merchant"
        ),
        sa.PrimaryKeyConstraint("merchant_id", name="pk_ledger_proof"),
    )
    op.create_table(
        "reward",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("definition", DOCUMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.CheckConstraint("status IN ('active', 'paused', 'archived')", name="ck_reward_status"),
        sa.CheckConstraint("cost >= 0", name="ck_reward_cost"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "template_id"],
            ["card_template.merchant_id", "card_template.id"],
            name="fk_reward_merchant_id_template_id_card_template",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="pk_reward"),
    )
    op.create_index(
        "ix_reward_merchant_id_template_id_cost",
        "reward",
        ["merchant_id", "template_id", "cost"],
        unique=False,
    )
    op.create_table(
        "awarded_once",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("batch", sa.String(), nullable=False),
        sa.Column("card_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "card_id"],
            ["card.merchant_id", "card.id"],
            name="fk_awarded_once_merchant_id_card_id_card",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "batch", "card_id", name="pk_awarded_once"),
    )
    op.create_table(
        "lot",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("card_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("earned", sa.BigInteger(), nullable=False),
        sa.Column("remaining", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.CheckConstraint("remaining >= 0 AND remaining <= earned", name="ck_lot_remaining"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "card_id"],
            ["card.merchant_id", "card.id"],
            name="fk_lot_merchant_id_card_id_card",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="pk_lot"),
    )
    op.create_index(
        "ix_lot_alive",
        "lot",
        ["merchant_id", "card_id", "expires_at"],
        unique=False,
        postgresql_where=sa.text("remaining > 0"),
        sqlite_where=sa.text("remaining > 0"),
    )
    op.create_index("ix_lot_merchant_id_entry_id", "lot", ["merchant_id", "entry_id"], unique=False)
    op.create_table(
        "referral",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("referrer_card_id", sa.Uuid(), nullable=False),
        sa.Column("friend_card_id", sa.Uuid(), nullable=True),
        sa.Column("friend_customer_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("review", DOCUMENT, nullable=True),
        sa.Column("rule", DOCUMENT, nullable=False),
        sa.Column("origin", sa.String(), nullable=True),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("enrolled_at", MOMENT, nullable=False),
        sa.Column("installed_at", MOMENT, nullable=True),
        sa.Column("qualified_at", MOMENT, nullable=True),
        sa.Column("rewarded_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("referrer_units", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("friend_units", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("trigger_entry_id", sa.Uuid(), nullable=True),
        sa.Column("referrer_entry_id", sa.Uuid(), nullable=True),
        sa.Column("friend_entry_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "state IN ('enrolled', 'installed', 'qualified', 'rewarded', 'expired', 'rejected',"
            " 'revoked')",
            name="ck_referral_state",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "friend_card_id"],
            ["card.merchant_id", "card.id"],
            name="fk_referral_merchant_id_friend_card_id_card",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "referrer_card_id"],
            ["card.merchant_id", "card.id"],
            name="fk_referral_merchant_id_referrer_card_id_card",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="pk_referral"),
    )
    op.create_index(
        "ix_referral_due",
        "referral",
        ["shard", "due_at"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
        sqlite_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_referral_merchant_id_enrolled_at_id",
        "referral",
        ["merchant_id", "enrolled_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_referral_merchant_id_friend_card_id",
        "referral",
        ["merchant_id", "friend_card_id"],
        unique=False,
    )
    op.create_index(
        "ix_referral_merchant_id_origin_enrolled_at",
        "referral",
        ["merchant_id", "origin", "enrolled_at"],
        unique=False,
    )
    op.create_index(
        "ix_referral_merchant_id_referrer_card_id_enrolled_at",
        "referral",
        ["merchant_id", "referrer_card_id", "enrolled_at"],
        unique=False,
    )
    op.create_table(
        "reward_claim",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("reward_id", sa.Uuid(), nullable=False),
        sa.Column("card_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("entry_id", sa.Uuid(), nullable=True),
        sa.Column("requested_at", MOMENT, nullable=False),
        sa.Column("settled_at", MOMENT, nullable=True),
        sa.Column("settled_by", sa.String(), nullable=True),
        sa.CheckConstraint(
            "status IN ('requested', 'granted', 'refused')", name="ck_reward_claim_status"
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "card_id"],
            ["card.merchant_id", "card.id"],
            name="fk_reward_claim_merchant_id_card_id_card",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "reward_id"],
            ["reward.merchant_id", "reward.id"],
            name="fk_reward_claim_merchant_id_reward_id_reward",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="pk_reward_claim"),
    )
    op.create_index(
        "ix_reward_claim_merchant_id_card_id_requested_at",
        "reward_claim",
        ["merchant_id", "card_id", "requested_at"],
        unique=False,
    )
    op.create_index(
        "ix_reward_claim_merchant_id_number", "reward_claim", ["merchant_id", "number"], unique=True
    )
    op.create_index(
        "ix_reward_claim_merchant_id_requested_at_id",
        "reward_claim",
        ["merchant_id", "requested_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_reward_claim_merchant_id_reward_id_customer_id",
        "reward_claim",
        ["merchant_id", "reward_id", "customer_id"],
        unique=False,
    )
    op.create_table(
        "share_link",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("card_id", sa.Uuid(), nullable=False),
        sa.Column("activity", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("made_on", sa.String(), nullable=False),
        sa.Column("opened_at", MOMENT, nullable=True),
        sa.Column("entry_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "card_id"],
            ["card.merchant_id", "card.id"],
            name="fk_share_link_merchant_id_card_id_card",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="pk_share_link"),
    )
    op.create_index(
        "ix_share_link_merchant_id_card_id_created_at",
        "share_link",
        ["merchant_id", "card_id", "created_at"],
        unique=False,
    )
    op.create_table(
        "lot_use",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "lot_id"],
            ["lot.merchant_id", "lot.id"],
            name="fk_lot_use_merchant_id_lot_id_lot",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "entry_id", "lot_id", name="pk_lot_use"),
    )
