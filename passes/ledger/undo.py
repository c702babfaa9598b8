"""Undoes postings: a mirror entry, after which neither of the two counts (R-LED-6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from passes import happenings, ids
from passes.cards.models import NEVER_NEGATIVE
from passes.errors import Conflict, Forbidden, NotFound
from passes.ledger.book import Actor, Posted, Posting, lock, write
from passes.ledger.figures import units_of
from passes.ledger.kinds import KINDS
from passes.ledger.kinds.base import Booking, Insufficient
from passes.ledger.models import LedgerEntry
from passes.store import merchant_of, rows_changed, table_of

OWN_UNDO = timedelta(minutes=5)
MANAGER_UNDO = timedelta(days=30)
MOVES = ("transfer_out", "transfer_in")
"""Entries of which the other half stands on another card."""

_entries = table_of(LedgerEntry)
_MARK_REVERSED = (
    update(_entries)
    .where(
        _entries.c.merchant_id == bindparam("of_merchant"),
        _entries.c.id == bindparam("of_entry"),
        _entries.c.reversed_by_id.is_(None),
    )
    .values(reversed_by_id=bindparam("by"))
)


def undo(session: Session, entry_id: UUID, actor: Actor, now: datetime) -> Posted:
    """Writes the mirror of an entry; neither of the two counts any more (R-LED-6).

    Raises NotFound, Forbidden, or Conflict: ALREADY_UNDONE, IS_AN_UNDO, TRANSFERRED,
    HAS_RUN_OUT, INSUFFICIENT_BALANCE, COUNTED_ON.
    """
    merchant_id = merchant_of(session)
    original = session.execute(
        select(_entries).where(_entries.c.merchant_id == merchant_id, _entries.c.id == entry_id)
    ).one_or_none()
    if original is None:
        raise NotFound("transaction")
    card = lock(session, str(original.card_id), now)
    if original.reverses_id is not None:
        raise Conflict("An undo cannot be undone; post anew.", code="IS_AN_UNDO")
    if original.type in MOVES or card.status_cause == "transferred":
        raise Conflict(
            "This balance went to another holder; what is wrong is put right on the new card.",
            code="TRANSFERRED",
        )
    if original.type == "expire":
        raise Conflict("What has run out does not come back; post anew.", code="HAS_RUN_OUT")
    _refuse_late(original, actor, now)
    entry_of_undo = ids.new_id()
    marked = session.execute(
        _MARK_REVERSED, {"of_merchant": merchant_id, "of_entry": entry_id, "by": entry_of_undo}
    )
    if not rows_changed(marked):
        raise Conflict("This transaction has been undone already.", code="ALREADY_UNDONE")
    deltas = {unit: -value for unit, value in units_of(original).items() if unit != "purchases"}
    _refuse_impossible(card, deltas)
    undone = write(
        session,
        card,
        Booking("reverse", deltas),
        Posting("undo", purchase=-original.purchases if original.purchases else None),
        actor,
        now,
        entry_id=entry_of_undo,
        reverses_id=entry_id,
    )
    happenings.tell(session, happenings.Undone(undone.card, original, undone.entry), now)
    return undone


def _refuse_late(original: Any, actor: Actor, now: datetime) -> None:
    age = now - original.recorded_at
    if actor.role == "owner":
        return
    if actor.role == "manager" and age <= MANAGER_UNDO:
        return
    if actor.role == "staff" and original.actor_id == actor.id and age <= OWN_UNDO:
        return
    raise Forbidden(
        "This transaction is too old, or somebody else's, to undo it.", code="UNDO_LATE"
    )


def _refuse_impossible(card: Any, deltas: Mapping[str, int]) -> None:
    """What was taken back must not have been used, and must leave what the kind allows."""
    after = SimpleNamespace(**vars(card))
    for unit, delta in deltas.items():
        left = getattr(card, unit) + delta
        setattr(after, unit, left)
        if unit in NEVER_NEGATIVE and left < 0:
            raise Insufficient(
                f"This cannot be undone: {_words(unit)} would be {left}.",
                figure=_words(unit),
                would_be=left,
            )
    KINDS[card.kind].check(after, card.definition.rules)


def _words(unit: str) -> str:
    return {"bonus": "bonus_balance", "rewards": "rewards_unused", "purchases": "ltv"}.get(
        unit, unit
    )
