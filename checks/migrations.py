"""Proves that the migrations build exactly the tables that the models describe."""

from __future__ import annotations

import tempfile
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

import migrations
from passes.models import Base


def findings(root: Path) -> list[str]:
    """What alembic would put into a further migration, after running all there are on SQLite.

    The models and migrations are those that this process imports: those of the working folder.
    """
    del root
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{folder}/fresh.db")
        migrations.upgrade(engine)
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            differences = compare_metadata(context, Base.metadata)
        engine.dispose()
    return [f"migrations: not in any migration: {difference}" for difference in differences]
