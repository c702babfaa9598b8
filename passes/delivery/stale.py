"""Marks installations that seem to be gone, and ends those that surely are (R-INST-4, D.7.1)."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from passes.cards import cards, fetches, installations
from passes.cards.listeners import ACTIVE
from passes.cards.models import Installation
from passes.store import Store, merchant_of

UNSEEN = timedelta(days=30)
"""An installation whose address is dead ends when it was not used for so long, either."""


def mark_stale(session: Session, now: datetime) -> int:
    """In every wallet whose devices come for their passes; how many were marked.

    Which wallets these are shows in what they did: where no device of the merchant ever fetched
    anything, silence means nothing.
    """
    wallets = session.scalars(
        select(Installation.wallet)
        .where(
            Installation.merchant_id == merchant_of(session), Installation.fetched_at.is_not(None)
        )
        .distinct()
    ).all()
    return sum(fetches.mark_stale(session, wallet, now) for wallet in wallets)


def end_unreachable(store: Store, merchant_id: UUID, now: datetime) -> int:
    """Takes the card off devices that cannot be reached and were not used for 30 days.

    Each in a transaction of its own, since what follows may touch other cards. How many there were.
    """
    with store.read(merchant_id) as session:
        found = [
            (row.card_id, row.wallet, row.device)
            for row in session.scalars(
                select(Installation)
                .where(
                    Installation.merchant_id == merchant_id,
                    Installation.unreachable_since.is_not(None),
                    Installation.status == ACTIVE,
                    Installation.last_seen_at <= now - UNSEEN,
                )
                .order_by(Installation.card_id, Installation.wallet, Installation.device)
            )
        ]
    ended = 0
    for card_id, wallet, device in found:
        with store.write(merchant_id) as session:
            card = cards.get(session, card_id, locked=True)
            row = session.get_one(Installation, (merchant_id, card_id, wallet, device))
            if row.unreachable_since is not None and row.last_seen_at <= now - UNSEEN:
                ended += installations.remove(session, card, wallet, device, now)
    return ended
