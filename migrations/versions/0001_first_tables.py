"""The first tables: merchants, templates, customers, cards, ledger, deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import protection

revision = "0001"
down_revision = None

MOMENT = sa.DateTime(timezone=True)
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

OF_A_MERCHANT = (
    "location",
    "staff_member",
    "api_key",
    "wallet_account",
    "card_template",
    "card_template_version",
    "uploaded_picture",
    "rendition",
    "channel_link",
    "customer",
    "consent",
    "card",
    "installation",
    "delivery",
    "touch",
    "card_event",
    "ledger_entry",
    "kept_answer",
)


def upgrade() -> None:
    protection.make_roles()
    op.create_table(
        "merchant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("contact_email", sa.String(), nullable=True),
        sa.Column("contact_phone", sa.String(), nullable=True),
        sa.Column("website", sa.String(), nullable=True),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("privacy_text", DOCUMENT, nullable=True),
        sa.Column("wrapped_key", sa.String(), nullable=False),
        sa.Column("sealed_token_key", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_merchant"),
        sa.UniqueConstraint("slug", name="uq_merchant_slug"),
    )
    op.create_table(
        "staff_account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_staff_account"),
        sa.UniqueConstraint("email", name="uq_staff_account_email"),
    )
    op.create_table(
        "api_key",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("secret_hash", sa.String(), nullable=False),
        sa.Column("scopes", DOCUMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name="fk_api_key_merchant_id_merchant"
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="pk_api_key"),
    )
    op.create_table(
        "card_template",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "status IN ('draft', 'active', 'paused', 'archived')", name="ck_card_template_status"
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name="fk_card_template_merchant_id_merchant"
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="pk_card_template"),
    )
    op.create_table(
        "customer",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("first_name", sa.String(), nullable=True),
        sa.Column("last_name", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("phone_key", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("email_key", sa.String(), nullable=True),
        sa.Column("birthday", sa.Date(), nullable=True),
        sa.Column("gender", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("custom_fields", DOCUMENT, nullable=False),
        sa.Column("first_utm", DOCUMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name="fk_customer_merchant_id_merchant"
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="pk_customer"),
    )
    op.create_index(
        "ix_customer_merchant_id_created_at_id",
        "customer",
        ["merchant_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_customer_merchant_id_email_key", "customer", ["merchant_id", "email_key"], unique=False
    )
    op.create_index(
        "ix_customer_merchant_id_external_id",
        "customer",
        ["merchant_id", "external_id"],
        unique=True,
    )
    op.create_index(
        "ix_customer_merchant_id_phone_key", "customer", ["merchant_id", "phone_key"], unique=False
    )

    op.create_table(
        "directory",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name="fk_directory_merchant_id_merchant"
        ),
        sa.PrimaryKeyConstraint("kind", "key", name="pk_directory"),
    )
    op.create_index(
        "ix_directory_merchant_id_subject_id",
        "directory",
        ["merchant_id", "subject_id"],
        unique=False,
    )

    op.create_table(
        "kept_answer",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request_hash", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name="fk_kept_answer_merchant_id_merchant"
        ),
        sa.PrimaryKeyConstraint("merchant_id", "key", name="pk_kept_answer"),
    )
    op.create_index("ix_kept_answer_at", "kept_answer", ["at"], unique=False)

    op.create_table(
        "location",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("nearby_text", DOCUMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name="fk_location_merchant_id_merchant"
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="pk_location"),
    )
    op.create_table(
        "staff_member",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("location_ids", DOCUMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "role IN ('owner', 'manager', 'staff', 'marketing', 'developer')",
            name="ck_staff_member_role",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["staff_account.id"], name="fk_staff_member_account_id_staff_account"
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name="fk_staff_member_merchant_id_merchant"
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="pk_staff_member"),
    )
    op.create_index(
        "ix_staff_member_merchant_id_account_id",
        "staff_member",
        ["merchant_id", "account_id"],
        unique=True,
    )

    op.create_table(
        "touch",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("card_id", sa.Uuid(), nullable=True),
        sa.Column("channel_link_id", sa.Uuid(), nullable=True),
        sa.Column("utm", DOCUMENT, nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name="fk_touch_merchant_id_merchant"
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="pk_touch"),
    )
    op.create_index(
        "ix_touch_merchant_id_card_id_at", "touch", ["merchant_id", "card_id", "at"], unique=False
    )
    op.create_index(
        "ix_touch_merchant_id_template_id_at",
        "touch",
        ["merchant_id", "template_id", "at"],
        unique=False,
    )

    op.create_table(
        "uploaded_picture",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name="fk_uploaded_picture_merchant_id_merchant"
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="pk_uploaded_picture"),
    )
    op.create_table(
        "wallet_account",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name="fk_wallet_account_merchant_id_merchant"
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="pk_wallet_account"),
    )
    op.create_index(
        "ix_wallet_account_merchant_id_wallet",
        "wallet_account",
        ["merchant_id", "wallet"],
        unique=False,
    )

    op.create_table(
        "card",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("serial_number", sa.String(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("template_version", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_cause", sa.String(), nullable=True),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("enrolled_at", MOMENT, nullable=False),
        sa.Column("issued_at", MOMENT, nullable=False),
        sa.Column("issue_channel", sa.String(), nullable=False),
        sa.Column("issued_by", sa.String(), nullable=True),
        sa.Column("issued_data", DOCUMENT, nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("expiry_mode", sa.String(), nullable=False),
        sa.Column("utm_source", sa.String(), nullable=False),
        sa.Column("utm_medium", sa.String(), nullable=True),
        sa.Column("utm_campaign", sa.String(), nullable=True),
        sa.Column("utm_term", sa.String(), nullable=True),
        sa.Column("utm_content", sa.String(), nullable=True),
        sa.Column("utm_raw", DOCUMENT, nullable=True),
        sa.Column("channel_link_id", sa.Uuid(), nullable=True),
        sa.Column("referrer_card_id", sa.Uuid(), nullable=True),
        sa.Column("referral_code", sa.String(), nullable=False),
        sa.Column("install_token_version", sa.Integer(), nullable=False),
        sa.Column("page_token_version", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("change_tag", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("ledger_seq", sa.Integer(), nullable=False),
        sa.Column("last_redemption_at", MOMENT, nullable=True),
        sa.Column("last_added_at", MOMENT, nullable=True),
        sa.Column("last_visit_at", MOMENT, nullable=True),
        sa.Column("link_opened_at", MOMENT, nullable=True),
        sa.Column("downloaded_at", MOMENT, nullable=True),
        sa.Column("first_installed_at", MOMENT, nullable=True),
        sa.Column("last_installed_at", MOMENT, nullable=True),
        sa.Column("first_removed_at", MOMENT, nullable=True),
        sa.Column("last_removed_at", MOMENT, nullable=True),
        sa.Column("available_visits", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("redeemed_visits", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("sold_visits", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("total_visits", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("referral_visits", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("bonus", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("stamps", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("stamps_earned", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rewards", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rewards_earned", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rewards_redeemed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("points", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("points_earned", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("money", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("purchases", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "status IN ('not_installed', 'installed', 'deleted')", name="ck_card_status"
        ),
        sa.CheckConstraint("available_visits >= 0", name="ck_card_available_visits_not_negative"),
        sa.CheckConstraint("bonus >= 0", name="ck_card_bonus_not_negative"),
        sa.CheckConstraint("money >= 0", name="ck_card_money_not_negative"),
        sa.CheckConstraint("points >= 0", name="ck_card_points_not_negative"),
        sa.CheckConstraint("purchases >= 0", name="ck_card_purchases_not_negative"),
        sa.CheckConstraint("redeemed_visits >= 0", name="ck_card_redeemed_visits_not_negative"),
        sa.CheckConstraint("rewards >= 0", name="ck_card_rewards_not_negative"),
        sa.CheckConstraint("rewards_redeemed >= 0", name="ck_card_rewards_redeemed_not_negative"),
        sa.CheckConstraint("sold_visits >= 0", name="ck_card_sold_visits_not_negative"),
        sa.CheckConstraint("stamps >= 0", name="ck_card_stamps_not_negative"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "customer_id"],
            ["customer.merchant_id", "customer.id"],
            name="fk_card_merchant_id_customer_id_customer",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "referrer_card_id"],
            ["card.merchant_id", "card.id"],
            name="fk_card_merchant_id_referrer_card_id_card",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "template_id"],
            ["card_template.merchant_id", "card_template.id"],
            name="fk_card_merchant_id_template_id_card_template",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="pk_card"),
        sa.UniqueConstraint(
            "merchant_id", "serial_number", name="uq_card_merchant_id_serial_number"
        ),
    )
    op.create_index("ix_card_change_tag", "card", ["change_tag"], unique=False)
    op.create_index(
        "ix_card_merchant_id_created_at_id",
        "card",
        ["merchant_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_card_merchant_id_customer_id", "card", ["merchant_id", "customer_id"], unique=False
    )
    op.create_index(
        "ix_card_merchant_id_template_id_issued_at",
        "card",
        ["merchant_id", "template_id", "issued_at"],
        unique=False,
    )

    op.create_table(
        "card_template_version",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("definition", DOCUMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "template_id"],
            ["card_template.merchant_id", "card_template.id"],
            name="fk_card_template_version_merchant_id_template_id_card_template",
        ),
        sa.PrimaryKeyConstraint(
            "merchant_id", "template_id", "version", name="pk_card_template_version"
        ),
    )
    op.create_table(
        "channel_link",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("utm", DOCUMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "template_id"],
            ["card_template.merchant_id", "card_template.id"],
            name="fk_channel_link_merchant_id_template_id_card_template",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="pk_channel_link"),
    )
    op.create_index(
        "ix_channel_link_merchant_id_template_id_slug",
        "channel_link",
        ["merchant_id", "template_id", "slug"],
        unique=True,
    )

    op.create_table(
        "consent",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("wording", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "customer_id"],
            ["customer.merchant_id", "customer.id"],
            name="fk_consent_merchant_id_customer_id_customer",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="pk_consent"),
    )
    op.create_index(
        "ix_consent_merchant_id_customer_id",
        "consent",
        ["merchant_id", "customer_id"],
        unique=False,
    )

    op.create_table(
        "rendition",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("picture_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "picture_id"],
            ["uploaded_picture.merchant_id", "uploaded_picture.id"],
            name="fk_rendition_merchant_id_picture_id_uploaded_picture",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "picture_id", "name", name="pk_rendition"),
    )
    op.create_table(
        "card_event",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("card_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("wallet", sa.String(), nullable=True),
        sa.Column("data", DOCUMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "card_id"],
            ["card.merchant_id", "card.id"],
            name="fk_card_event_merchant_id_card_id_card",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="pk_card_event"),
    )
    op.create_index(
        "ix_card_event_merchant_id_card_id_at",
        "card_event",
        ["merchant_id", "card_id", "at"],
        unique=False,
    )

    op.create_table(
        "delivery",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("card_id", sa.Uuid(), nullable=False),
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("wanted_version", sa.Integer(), nullable=False),
        sa.Column("delivered_version", sa.Integer(), nullable=False),
        sa.Column("delivered_at", MOMENT, nullable=True),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("not_before", MOMENT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("dead_at", MOMENT, nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "card_id"],
            ["card.merchant_id", "card.id"],
            name="fk_delivery_merchant_id_card_id_card",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "card_id", "wallet", name="pk_delivery"),
    )
    op.create_index(
        "ix_delivery_due",
        "delivery",
        ["shard", "wallet", "due_at"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
        sqlite_where=sa.text("due_at IS NOT NULL"),
    )

    op.create_table(
        "installation",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("card_id", sa.Uuid(), nullable=False),
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("address", DOCUMENT, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("first_installed_at", MOMENT, nullable=False),
        sa.Column("last_seen_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("removed_at", MOMENT, nullable=True),
        sa.CheckConstraint("status IN ('active', 'removed')", name="ck_installation_status"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "card_id"],
            ["card.merchant_id", "card.id"],
            name="fk_installation_merchant_id_card_id_card",
        ),
        sa.PrimaryKeyConstraint(
            "merchant_id", "card_id", "wallet", "device", name="pk_installation"
        ),
    )
    op.create_index(
        "ix_installation_merchant_id_wallet_device",
        "installation",
        ["merchant_id", "wallet", "device"],
        unique=False,
    )

    op.create_table(
        "ledger_entry",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("card_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("is_visit", sa.Boolean(), nullable=False),
        sa.Column("purchase_amount", sa.BigInteger(), nullable=True),
        sa.Column("items", DOCUMENT, nullable=True),
        sa.Column("comment", sa.String(), nullable=True),
        sa.Column("reverses_id", sa.Uuid(), nullable=True),
        sa.Column("reversed_by_id", sa.Uuid(), nullable=True),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=True),
        sa.Column("location_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("occurred_at", MOMENT, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=True),
        sa.Column("balance_after", DOCUMENT, nullable=False),
        sa.Column("available_visits", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("redeemed_visits", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("sold_visits", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("total_visits", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("referral_visits", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("bonus", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("stamps", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("stamps_earned", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rewards", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rewards_earned", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rewards_redeemed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("points", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("points_earned", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("money", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("purchases", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("seq >= 1", name="ck_ledger_entry_seq"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "card_id"],
            ["card.merchant_id", "card.id"],
            name="fk_ledger_entry_merchant_id_card_id_card",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="pk_ledger_entry"),
    )
    op.create_index(
        "ix_ledger_entry_merchant_id_card_id_seq",
        "ledger_entry",
        ["merchant_id", "card_id", "seq"],
        unique=True,
    )
    op.create_index(
        "ix_ledger_entry_merchant_id_occurred_at",
        "ledger_entry",
        ["merchant_id", "occurred_at"],
        unique=False,
    )
    for table in ("merchant", "staff_account", "directory", *OF_A_MERCHANT):
        protection.grant(table)
    protection.separate("merchant", "id")
    for table in OF_A_MERCHANT:
        protection.separate(table)
    protection.make_change_tags()
    protection.make_ledger_permanent()
