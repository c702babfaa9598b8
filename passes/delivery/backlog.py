"""How far deliveries are behind, for those who watch over the system."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.orm import Session

from passes.cards.change import Urgency
from passes.cards.models import Delivery
from passes.delivery.lanes import waiting_lanes
from passes.delivery.pauses import pauses_by_wallet

MOST = 100_000
"""More are no news to whom a hundred thousand do not alarm, and counting a million takes long."""

_IS_DEAD = Delivery.dead_at.is_not(None)


@dataclass(slots=True)
class Backlog:
    """Of one wallet: rows that are due, for how long the oldest is, the same of what happened at
    tills, rows that were given up, and merchants that are paused. Rows are counted up to
    ``MOST``."""

    due: int = 0
    oldest_seconds: float = 0.0
    oldest_till_seconds: float = 0.0
    dead: int = 0
    pauses: int = 0


def by_wallet(session: Session, now: datetime) -> dict[str, Backlog]:
    """Every wallet about which there is something to say. In a session of the system."""
    found: dict[str, Backlog] = defaultdict(Backlog)
    for lane, due_at in waiting_lanes(session):
        each = found[lane.wallet]
        seconds = (now - due_at).total_seconds()
        each.oldest_seconds = max(each.oldest_seconds, seconds)
        if lane.urgency == Urgency.TILL:
            each.oldest_till_seconds = max(each.oldest_till_seconds, seconds)
    for wallet, each in found.items():
        is_due = (Delivery.due_at.is_not(None), Delivery.due_at <= now)
        each.due = _count(session, Delivery.wallet == wallet, *is_due)
    for wallet in session.scalars(select(Delivery.wallet).where(_IS_DEAD).distinct()):
        found[wallet].dead = _count(session, Delivery.wallet == wallet, _IS_DEAD)
    for wallet, number in pauses_by_wallet(session).items():
        found[wallet].pauses = number
    return dict(found)


def _count(session: Session, *conditions: ColumnElement[bool]) -> int:
    some = select(literal(1)).select_from(Delivery).where(*conditions).limit(MOST).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0
