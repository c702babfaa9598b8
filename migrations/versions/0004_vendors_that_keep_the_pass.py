"""Turns at a vendor's quota, what it was asked to announce, and the events that it told of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import protection

revision = "0004"
down_revision = "0003"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "vendor_turn",
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("ready_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("wallet", "subject", name="pk_vendor_turn"),
    )
    protection.grant("vendor_turn")
    op.create_table(
        "loud_push",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("card_id", sa.Uuid(), nullable=False),
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "card_id"],
            ["card.merchant_id", "card.id"],
            name="fk_loud_push_merchant_id_card_id_card",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="pk_loud_push"),
    )
    op.create_index(
        "ix_loud_push_merchant_id_card_id_wallet_at",
        "loud_push",
        ["merchant_id", "card_id", "wallet", "at"],
    )
    op.create_index("ix_loud_push_merchant_id_at", "loud_push", ["merchant_id", "at"])
    op.create_table(
        "vendor_event",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("nonce", sa.String(), nullable=False),
        sa.Column("card_id", sa.Uuid(), nullable=False),
        sa.Column("saved", sa.Boolean(), nullable=False),
        sa.Column("order", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "card_id"],
            ["card.merchant_id", "card.id"],
            name="fk_vendor_event_merchant_id_card_id_card",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "wallet", "nonce", name="pk_vendor_event"),
    )
    op.create_index(
        "ix_vendor_event_merchant_id_card_id_wallet",
        "vendor_event",
        ["merchant_id", "card_id", "wallet"],
    )
    op.create_index(
        "ix_vendor_event_merchant_id_valid_until", "vendor_event", ["merchant_id", "valid_until"]
    )
    op.create_table(
        "reconciliation",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name="fk_reconciliation_merchant_id_merchant"
        ),
        sa.PrimaryKeyConstraint("merchant_id", "wallet", name="pk_reconciliation"),
    )
    for table in ("loud_push", "vendor_event", "reconciliation"):
        protection.grant(table)
        protection.separate(table)
