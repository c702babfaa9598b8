"""What happens on a card's page, as scripts there report it: counted, and proof of nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from passes import clock
from passes.cards import events
from passes.cards.models import Card, PageEventRow
from passes.merchants.merchants import business
from passes.wallet_port import PageEvent

MOST_TIMES = 1_000
"""A page that reports without end is not counted without end."""


def count(session: Session, card: Card, event: PageEvent, now: datetime) -> bool:
    """Counts the event for the merchant's day; whether it was the first of this day. The card is
    locked.

    That somebody looked also sets the card's lifecycle stamp, as the install page does.
    """
    if event is PageEvent.OPENED:
        note_opened(session, card, now)
        session.flush()
    day = clock.day_of(now, business(session).time_zone)
    key = (card.merchant_id, card.id, day, event.value)
    row = session.get(PageEventRow, key)
    if row is not None:
        row.times = min(row.times + 1, MOST_TIMES)
        session.flush()
        return False
    session.add(
        PageEventRow(
            merchant_id=card.merchant_id,
            card_id=card.id,
            day=day,
            name=event.value,
            first_at=now,
            times=1,
        )
    )
    session.flush()
    return True


def note_opened(session: Session, card: Card, now: datetime, **about: Any) -> None:
    """A person opened the card's own link for the first time; nothing else changes (R-INST-2)."""
    if card.link_opened_at is None:
        card.link_opened_at = now
        events.record(session, card.id, events.LINK_OPENED, now, **about)
