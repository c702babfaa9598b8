"""How a membership begins with its card, and in which order its changes are undone (D.4.7)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from passes.card_templates.kinds import Kind
from passes.errors import Conflict
from passes.happenings import Issued, Undone
from passes.i18n import text
from passes.ledger.book import Actor, Posting, lock, write
from passes.ledger.kinds import membership
from passes.ledger.models import LedgerEntry
from passes.merchants.merchants import business
from passes.store import table_of

_entries = table_of(LedgerEntry)
SYSTEM = Actor(kind="system", id=None, channel="automation")


def begin(session: Session, issued: Issued, now: datetime) -> None:
    """Follows Issued; an entry like any other says what was agreed (R-LED-1).

    Who was a member elsewhere before has no trial here.
    """
    if issued.template.kind is not Kind.MEMBERSHIP:
        return
    rules, zone = issued.template.definition.rules, business(session).time_zone
    booking = membership.begins(rules, now, zone, is_new=not issued.brings_balance)
    if booking is None:
        return
    card = lock(session, str(issued.card.id), now)
    write(session, card, booking, Posting("start"), SYSTEM, now)
    session.refresh(issued.card)


def keep_order(session: Session, undone: Undone, now: datetime) -> None:
    """Follows Undone: a period that a later change was reckoned from is undone after that one.

    Raises Conflict COUNTED_ON (R-LED-6).
    """
    if undone.original.terms is None:
        return
    later = session.scalar(
        select(_entries.c.id)
        .where(
            _entries.c.merchant_id == undone.card.merchant_id,
            _entries.c.card_id == undone.card.id,
            _entries.c.seq > undone.original.seq,
            _entries.c.terms.is_not(None),
            _entries.c.reversed_by_id.is_(None),
        )
        .limit(1)
    )
    if later is not None:
        raise Conflict(
            text("This membership was changed after that. Undo the later change first."),
            code="COUNTED_ON",
            transaction_id=later,
        )
