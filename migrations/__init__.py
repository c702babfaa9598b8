"""Brings a database to the newest schema, and says which schema it has."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine


def config(engine: Engine | None = None) -> Config:
    """Alembic's configuration; there is no ini file."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    made.set_main_option("version_path_separator", "os")
    made.attributes["engine"] = engine
    return made


def upgrade(engine: Engine) -> None:
    """Runs what is missing; each migration is a transaction. Safe to call from two machines."""
    command.upgrade(config(engine), "head")


def is_newest(engine: Engine) -> bool:
    """Whether nothing is missing."""
    # Only looks: on SQLite it must not wait for the one who writes.
    with engine.execution_options(treuepass_writes=False).connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    return found == ScriptDirectory.from_config(config()).get_current_head()
