"""What PostgreSQL itself forbids: other merchants' rows, and changes to what was booked.

Each migration that adds a table calls ``grant``, and ``separate`` when its rows have a merchant.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import op
from sqlalchemy import Connection

from passes.store import APP_ROLE, SYSTEM_ROLE


def make_roles() -> None:
    """Two roles that own nothing and cannot sign in; whoever migrates may take them on."""
    if not _is_postgresql():
        return
    for role in (APP_ROLE, SYSTEM_ROLE):
        op.execute(
            f"""DO $$ BEGIN
                CREATE ROLE {role} NOLOGIN NOINHERIT;
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
            END $$"""
        )
        op.execute(f"GRANT {role} TO CURRENT_USER")
        op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")


def grant(table: str) -> None:
    """Lets the two roles work with a table."""
    if _is_postgresql():
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP_ROLE}, {SYSTEM_ROLE}")


def separate(table: str, column: str = "merchant_id") -> None:
    """Row-level security: the app's role sees one merchant's rows, the system's role all."""
    if not _is_postgresql():
        return
    # After a transaction the setting reads '' instead of being unset.
    own = f"{column} = NULLIF(current_setting('app.merchant', true), '')::uuid"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_rows ON {table} TO {APP_ROLE} USING ({own}) WITH CHECK ({own})")
    op.execute(f"CREATE POLICY all_rows ON {table} TO {SYSTEM_ROLE} USING (true) WITH CHECK (true)")


@contextmanager
def all_rows() -> Iterator[Connection]:
    """For statements over rows of all merchants: the tables' owner itself sees none of them."""
    connection = op.get_bind()
    if _is_postgresql():
        op.execute(f"SET LOCAL ROLE {SYSTEM_ROLE}")
    yield connection
    if _is_postgresql():
        op.execute("RESET ROLE")


def make_ledger_permanent() -> None:
    """Entries are never deleted, and changed only to mark an undo or to empty a comment."""
    if _is_postgresql():
        op.execute(
            """CREATE FUNCTION keep_ledger_entry() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'UPDATE' AND OLD.reversed_by_id IS NULL
                   AND to_jsonb(OLD) - 'reversed_by_id' - 'comment'
                       = to_jsonb(NEW) - 'reversed_by_id' - 'comment'
                   AND (NEW.comment IS NOT DISTINCT FROM OLD.comment OR NEW.comment IS NULL) THEN
                    RETURN NEW;
                END IF;
                IF TG_OP = 'UPDATE' AND NEW.comment IS NULL
                   AND to_jsonb(OLD) - 'comment' = to_jsonb(NEW) - 'comment' THEN
                    RETURN NEW;
                END IF;
                RAISE EXCEPTION 'ledger entries are permanent';
            END $$"""
        )
        op.execute(
            "CREATE TRIGGER ledger_entry_is_permanent BEFORE UPDATE OR DELETE ON ledger_entry"
            " FOR EACH ROW EXECUTE FUNCTION keep_ledger_entry()"
        )
        return
    op.execute(
        "CREATE TRIGGER ledger_entry_stays BEFORE DELETE ON ledger_entry"
        " BEGIN SELECT RAISE(ABORT, 'ledger entries are permanent'); END"
    )
    _keep_ledger_columns()
    op.execute(
        "CREATE TRIGGER ledger_entry_is_undone_once BEFORE UPDATE OF reversed_by_id"
        " ON ledger_entry WHEN OLD.reversed_by_id IS NOT NULL"
        " BEGIN SELECT RAISE(ABORT, 'ledger entries are permanent'); END"
    )
    op.execute(
        "CREATE TRIGGER ledger_entry_comment_is_only_emptied BEFORE UPDATE OF comment"
        " ON ledger_entry WHEN NEW.comment IS NOT NULL AND NEW.comment IS NOT OLD.comment"
        " BEGIN SELECT RAISE(ABORT, 'ledger entries are permanent'); END"
    )


def keep_new_ledger_columns() -> None:
    """After columns were added to the ledger: SQLite's trigger names them one by one."""
    if not _is_postgresql():
        op.execute("DROP TRIGGER ledger_entry_is_permanent")
        _keep_ledger_columns()


def _keep_ledger_columns() -> None:
    columns = [
        row[1]
        for row in op.get_bind().exec_driver_sql("PRAGMA table_info(ledger_entry)")
        if row[1] not in {"reversed_by_id", "comment"}
    ]
    op.execute(
        f"CREATE TRIGGER ledger_entry_is_permanent BEFORE UPDATE OF {', '.join(columns)}"
        " ON ledger_entry BEGIN SELECT RAISE(ABORT, 'ledger entries are permanent'); END"
    )


def make_change_tags() -> None:
    """The one sequence that orders all changes of all cards; on SQLite the writer is alone."""
    if _is_postgresql():
        op.execute("CREATE SEQUENCE change_tag")
        op.execute(f"GRANT USAGE ON SEQUENCE change_tag TO {APP_ROLE}, {SYSTEM_ROLE}")


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"
