"""What devices were told and took, urgency of deliveries, pauses, and requests for certificates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import protection

revision = "0002"
down_revision = "0001"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("installation") as installation:
        installation.add_column(sa.Column("registered_at", MOMENT, nullable=True))
        for column in ("told_version", "fetched_version", "unanswered_pushes"):
            installation.add_column(
                sa.Column(column, sa.Integer(), nullable=False, server_default=sa.text("0"))
            )
        installation.add_column(sa.Column("fetched_at", MOMENT, nullable=True))
        installation.add_column(sa.Column("pushed_at", MOMENT, nullable=True))
        installation.add_column(
            sa.Column("stale", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        installation.create_index("ix_installation_wallet_device", ["wallet", "device"])
    with protection.all_rows() as connection:
        connection.execute(sa.text("UPDATE installation SET registered_at = last_seen_at"))

    op.drop_index("ix_delivery_due", "delivery")
    with op.batch_alter_table("delivery") as delivery:
        delivery.add_column(
            sa.Column("urgency", sa.SmallInteger(), nullable=False, server_default=sa.text("0"))
        )
        delivery.add_column(sa.Column("failing_since", MOMENT, nullable=True))
    op.create_index(
        "ix_delivery_due",
        "delivery",
        ["shard", "wallet", "merchant_id", "urgency", "due_at"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
        sqlite_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_delivery_dead",
        "delivery",
        ["merchant_id", "wallet"],
        unique=False,
        postgresql_where=sa.text("dead_at IS NOT NULL"),
        sqlite_where=sa.text("dead_at IS NOT NULL"),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Each change moves a row in the index of due rows; old places must go soon.
        op.execute(
            "ALTER TABLE delivery SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02)"
        )

    op.create_table(
        "template_rollout",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("after_card", sa.Uuid(), nullable=True),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "template_id"],
            ["card_template.merchant_id", "card_template.id"],
            name="fk_template_rollout_merchant_id_template_id_card_template",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "template_id", name="pk_template_rollout"),
    )
    protection.grant("template_rollout")
    protection.separate("template_rollout")

    with op.batch_alter_table("wallet_account") as account:
        account.add_column(
            sa.Column("pending", sa.Boolean(), nullable=False, server_default=sa.false())
        )

    op.create_table(
        "wallet_pause",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sentence", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name="fk_wallet_pause_merchant_id_merchant"
        ),
        sa.PrimaryKeyConstraint("merchant_id", "wallet", name="pk_wallet_pause"),
    )
    protection.grant("wallet_pause")
    protection.separate("wallet_pause")

    op.create_table(
        "device_report",
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("first_at", MOMENT, nullable=False),
        sa.Column("last_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("wallet", "subject", "code", name="pk_device_report"),
    )
    protection.grant("device_report")
