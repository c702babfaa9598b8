"""The migration that lets devices listen keeps the installations that there are."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from alembic import command
from sqlalchemy import create_engine

import migrations

ROW = {
    "merchant_id": "0" * 32,
    "card_id": "1" * 32,
    "wallet": "apple",
    "device": "phone",
    "address": '{"token": "t"}',
    "status": "active",
    "first_installed_at": "2026-11-21 12:00:00.000000",
    "last_seen_at": "2026-11-21 12:00:00.000000",
    "changed_at": "2026-11-21 12:00:00.000000",
    "told_version": 3,
    "fetched_version": 2,
    "unanswered_pushes": 1,
    "stale": 1,
}


def insert(connection: sqlite3.Connection, **changes: str) -> None:
    row = ROW | changes
    names = ", ".join(row)
    places = ", ".join(f":{name}" for name in row)
    connection.execute(f"INSERT INTO installation ({names}) VALUES ({places})", row)
    connection.commit()


def test_installations_stay_and_devices_may_listen(tmp_path: Path) -> None:
    file = tmp_path / "old.db"
    engine = create_engine(f"sqlite:///{file}")
    command.upgrade(migrations.config(engine), "0004")
    connection = sqlite3.connect(file)
    insert(connection)
    migrations.upgrade(engine)
    connection.row_factory = sqlite3.Row
    (kept,) = connection.execute("SELECT * FROM installation")
    assert {name: kept[name] for name in ROW} == ROW
    assert kept["unreachable_since"] is None
    insert(connection, device="tab", status="listening")
    for wrong in ("gone", "", "Active"):
        refused = False
        try:
            insert(connection, device="other", status=wrong)
        except sqlite3.IntegrityError:
            refused = True
        assert refused, wrong
    connection.close()
    engine.dispose()
