"""The timeline of a card, apart from its postings: what happened, when, in which wallet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from passes import ids
from passes.cards.models import CardEvent
from passes.store import merchant_of

ISSUED = "issued"
LINK_OPENED = "link_opened"
PASS_OFFERED = "pass_offered"
INSTALLED = "installed"
UNINSTALLED = "uninstalled"
REMOVED = "removed"
MANY_DEVICES = "many_devices"
PERSONALISED = "personalised"
DELETED = "deleted"
RESTORED = "restored"
EXPIRY_CHANGED = "expiry_changed"
EXPIRED = "expired"
EXPIRING = "expiring"
PERIOD_ENDING = "period_ending"
UNITS_EXPIRING = "units_expiring"
CONVERTED = "converted"
TRANSFERRED = "transferred"
DELIVERED = "delivered"
DELIVERY_FAILED = "delivery_failed"
FEEDBACK_GIVEN = "feedback_given"


def record(
    session: Session,
    card_id: UUID,
    type_: str,
    now: datetime,
    *,
    wallet: str | None = None,
    **data: Any,
) -> None:
    """Adds an event; ``data`` must hold nothing secret and no address of a device."""
    session.execute(
        insert(CardEvent).values(
            merchant_id=merchant_of(session),
            id=ids.new_id(),
            card_id=card_id,
            type=type_,
            at=now,
            wallet=wallet,
            data=data,
        )
    )


def newest(
    session: Session,
    card_id: UUID,
    *,
    after: tuple[datetime, UUID] | None = None,
    limit: int,
) -> Sequence[CardEvent]:
    """The card's events, newest first; ``after`` goes on behind a page."""
    query = select(CardEvent).where(
        CardEvent.merchant_id == merchant_of(session), CardEvent.card_id == card_id
    )
    if after is not None:
        at, event_id = after
        query = query.where(
            (CardEvent.at < at) | ((CardEvent.at == at) & (CardEvent.id < event_id))
        )
    return session.scalars(
        query.order_by(CardEvent.at.desc(), CardEvent.id.desc()).limit(limit)
    ).all()
