"""Devices that listen, addresses that are dead, what happens on a card's page, and feedback."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import protection

revision = "0005"
down_revision = "0004"

MOMENT = sa.DateTime(timezone=True)
STATUS = "status IN ('active', 'listening', 'removed')"


def upgrade() -> None:
    _let_devices_listen()
    op.create_index(
        "ix_installation_unreachable",
        "installation",
        ["merchant_id", "unreachable_since"],
        postgresql_where=sa.text("unreachable_since IS NOT NULL"),
        sqlite_where=sa.text("unreachable_since IS NOT NULL"),
    )
    op.create_table(
        "page_event",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("card_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("first_at", MOMENT, nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "card_id"],
            ["card.merchant_id", "card.id"],
            name="fk_page_event_merchant_id_card_id_card",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "card_id", "day", "name", name="pk_page_event"),
    )
    op.create_index(
        "ix_page_event_merchant_id_day_name", "page_event", ["merchant_id", "day", "name"]
    )
    op.create_table(
        "feedback",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("card_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("location_id", sa.Uuid(), nullable=True),
        sa.Column("staff_id", sa.String(), nullable=True),
        sa.Column("stars", sa.SmallInteger(), nullable=False),
        sa.Column("comment", sa.String(), nullable=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("given_at", MOMENT, nullable=False),
        sa.Column("edited_at", MOMENT, nullable=True),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name=op.f("ck_feedback_stars")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "card_id"],
            ["card.merchant_id", "card.id"],
            name="fk_feedback_merchant_id_card_id_card",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "customer_id"],
            ["customer.merchant_id", "customer.id"],
            name="fk_feedback_merchant_id_customer_id_customer",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="pk_feedback"),
    )
    for of in ([], ["card_id"], ["customer_id"]):
        columns = ["merchant_id", *of, "given_at", "id"]
        op.create_index(f"ix_feedback_{'_'.join(columns)}", "feedback", columns)
    for name in ("ratings", "stars"):
        op.add_column("customer", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    for table in ("page_event", "feedback"):
        protection.grant(table)
        protection.separate(table)


def _let_devices_listen() -> None:
    """Another status, and since when an address is dead.

    SQLite makes the table anew for that; nothing refers to it.
    """
    with op.batch_alter_table("installation") as installation:
        # 0001 gave it the name of the convention twice.
        installation.drop_constraint(op.f("ck_installation_ck_installation_status"), type_="check")
        installation.create_check_constraint(op.f("ck_installation_status"), STATUS)
        installation.add_column(sa.Column("unreachable_since", MOMENT, nullable=True))
