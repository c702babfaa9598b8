"""Gives a request that is sent twice with one key the first answer again (R-LED-4)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Text, bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from passes.errors import Invalid, RuleBroken
from passes.store import Base, OfMerchant, merchant_of, rows_changed, table_of
from passes.tied import Tied

LIFETIME = timedelta(hours=24)
LONGEST_KEY = 64


class KeyReused(RuleBroken):
    """The same key came with another request."""

    code = "IDEMPOTENCY_KEY_REUSED"


class TwinWon(Exception):
    """Another request with this key committed meanwhile: roll back, and replay its answer."""


class KeptAnswer(OfMerchant, Base):
    """The answer to a request that changed something; written in the transaction of its effect."""

    __tablename__ = "kept_answer"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        Index(None, "at"),
    )

    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[str]
    status: Mapped[int]
    body: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: str


_kept = table_of(KeptAnswer)
_FIND = Tied(
    select(_kept.c.request_hash, _kept.c.status, _kept.c.body, _kept.c.at).where(
        _kept.c.merchant_id == bindparam("of_merchant"), _kept.c.key == bindparam("key")
    )
)
_KEEP = Tied(
    insert(_kept).values(
        merchant_id=bindparam("of_merchant"),
        key=bindparam("key"),
        request_hash=bindparam("request_hash"),
        status=bindparam("status"),
        body=bindparam("body"),
        at=bindparam("at"),
    )
)


def check_key(key: str) -> None:
    """Raises Invalid for a key that is empty, too long or not printable ASCII."""
    if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise Invalid.field("Idempotency-Key", f"must have 1 to {LONGEST_KEY} printable characters")


def hash_of(method: str, path: str, body: bytes) -> str:
    """What must be the same in a repeated request."""
    return hashlib.sha256(b"\x00".join((method.encode(), path.encode(), body))).hexdigest()


def earlier_answer(session: Session, key: str, request_hash: str, now: datetime) -> Answer | None:
    """What was answered to this key within 24 hours. Raises KeyReused for another request."""
    merchant_id = merchant_of(session)
    found = _FIND.ask(session, key=key)
    if not found:
        return None
    row = found[0]
    if row.at + LIFETIME <= now:
        session.execute(
            delete(KeptAnswer).where(KeptAnswer.merchant_id == merchant_id, KeptAnswer.key == key)
        )
        return None
    if row.request_hash != request_hash:
        raise KeyReused("This Idempotency-Key was used for another request.")
    return Answer(row.status, row.body)


def keep(session: Session, key: str, request_hash: str, answer: Answer, now: datetime) -> None:
    """Keeps the answer, in the transaction of the effect. Raises TwinWon."""
    try:
        _KEEP.change(
            session,
            key=key,
            request_hash=request_hash,
            status=answer.status,
            body=answer.body,
            at=now,
        )
    except IntegrityError:
        raise TwinWon from None


def forget_old(session: Session, merchant_id: UUID, now: datetime) -> int:
    """Drops a merchant's answers older than 24 hours; how many."""
    dropped = session.execute(
        delete(KeptAnswer).where(
            KeptAnswer.merchant_id == merchant_id, KeptAnswer.at <= now - LIFETIME
        )
    )
    return int(rows_changed(dropped))
