"""What a vendor that keeps the pass itself tells of: added, taken off; each event once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from passes.cards.models import Card
from passes.wallet_port import SaveEvent


def hear(session: Session, card: Card, wallet: str, event: SaveEvent, now: datetime) -> bool:
    """Records the event on the card, which is locked; False: it changed nothing.

    Raises NoSuchCard when the card, its template and the merchant's account do not belong
    together.
    """
    raise NotImplementedError
