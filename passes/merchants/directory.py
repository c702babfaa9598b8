"""Finds the merchant behind what the outside knows: a serial number, a token, a slug, a code."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from itertools import count
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from passes import ids
from passes.merchants.models import DirectoryEntry
from passes.store import merchant_of, table_of


class Known(Enum):
    """What the outside may know; each kind is unique over all merchants."""

    MERCHANT = "merchant"
    TEMPLATE = "template"
    SERIAL = "serial"
    INSTALL_TOKEN = "install"
    PAGE_TOKEN = "page"
    GIFT_TOKEN = "gift"
    SHARE_TOKEN = "share"
    REFERRAL = "referral"
    API_KEY = "api-key"


_SECRET = {Known.INSTALL_TOKEN, Known.PAGE_TOKEN, Known.GIFT_TOKEN, Known.SHARE_TOKEN}


class Found(NamedTuple):
    merchant_id: UUID
    subject_id: UUID


_directory = table_of(DirectoryEntry)
_FIND = select(_directory.c.merchant_id, _directory.c.subject_id).where(
    _directory.c.kind == bindparam("kind"), _directory.c.key == bindparam("key")
)


def find(session: Session, kind: Known, key: str) -> Found | None:
    """Whose it is. Tokens are looked up by their hash."""
    if "\x00" in key:
        return None  # no database can hold such a name, and PostgreSQL will not even look for it
    row = session.execute(_FIND, {"kind": kind.value, "key": _stored(kind, key)}).one_or_none()
    return None if row is None else Found(row.merchant_id, row.subject_id)


def enter(session: Session, kind: Known, key: str, subject_id: UUID) -> bool:
    """Enters a name for the session's merchant; False when somebody has it already."""
    values = {
        "kind": kind.value,
        "key": _stored(kind, key),
        "merchant_id": merchant_of(session),
        "subject_id": subject_id,
    }
    dialect = session.get_bind().dialect.name
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(DirectoryEntry)
    entered = session.execute(
        statement.values(values).on_conflict_do_nothing().returning(DirectoryEntry.key)
    )
    return entered.first() is not None


def enter_new(session: Session, kind: Known, subject_id: UUID, draw: Callable[[], str]) -> str:
    """Draws names until one is free, and enters it."""
    for _ in range(1_000):
        key = draw()
        if enter(session, kind, key, subject_id):
            return key
    raise RuntimeError(f"no free {kind.value} in 1,000 draws")


def enter_slug(session: Session, kind: Known, name: str, subject_id: UUID) -> str:
    """A free slug for ``name``: cafe-kranz, cafe-kranz-2, …"""
    base = ids.slug_of(name)
    numbered = (base if number == 1 else f"{base[:34]}-{number}" for number in count(1))
    return enter_new(session, kind, subject_id, lambda: next(numbered))


def forget(session: Session, kind: Known, key: str) -> None:
    """Takes a name out, such as a token that was replaced."""
    session.execute(
        delete(DirectoryEntry).where(
            DirectoryEntry.kind == kind.value,
            DirectoryEntry.key == _stored(kind, key),
            DirectoryEntry.merchant_id == merchant_of(session),
        )
    )


def _stored(kind: Known, key: str) -> str:
    return ids.fingerprint(key) if kind in _SECRET else key
