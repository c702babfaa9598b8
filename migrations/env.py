"""Runs the migrations on the engine that it is given."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Engine, text

from passes.models import Base

_LOCK = 4_711_202_611
"""Any number; two machines that migrate at once wait for each other."""


def run(engine: Engine) -> None:
    with engine.connect() as connection:
        is_postgresql = connection.dialect.name == "postgresql"
        if is_postgresql:
            connection.execute(text("SET lock_timeout = '10s'"))
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
            connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            transaction_per_migration=True,
            render_as_batch=not is_postgresql,
            compare_type=True,
        )
        try:
            with context.begin_transaction():
                context.run_migrations()
        finally:
            if is_postgresql:
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
                connection.commit()


run(context.config.attributes["engine"])
