"""Marks installations that seem to be gone (R-INST-4)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from passes.cards import fetches
from passes.cards.models import Installation
from passes.store import merchant_of


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
