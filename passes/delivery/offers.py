"""Notes that a pass was handed out: from then on its wallet is told of every change."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from passes.cards import events
from passes.cards.models import Card, Delivery
from passes.store import shard_of
from passes.wallet_port import Reason


def handed_out(session: Session, card: Card, wallet: str, version: int, now: datetime) -> None:
    """Records that ``version`` of the pass left for a wallet; no proof of arrival (R-INST-2).

    The newest download counts: what a device has that registers next was not older.
    """
    card.downloaded_at = now
    session.flush()
    if follow(session, card, wallet, version, now):
        events.record(session, card.id, events.PASS_OFFERED, now, wallet=wallet)


def follow(session: Session, card: Any, wallet: str, version: int, now: datetime) -> bool:
    """Makes the row that keeps one wallet up to date, if there is none yet; whether it was made.

    ``version`` is what the wallet has already.
    """
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    made = session.execute(
        insert(Delivery)
        .values(
            merchant_id=card.merchant_id,
            card_id=card.id,
            wallet=wallet,
            shard=shard_of(card.merchant_id),
            reason=Reason.CONTENT.value,
            wanted_version=card.version,
            delivered_version=version,
            delivered_at=now,
            due_at=now if card.version > version else None,
            not_before=None,
            attempts=0,
            dead_at=None,
            last_error=None,
        )
        .on_conflict_do_nothing()
        .returning(Delivery.card_id)
    )
    return made.first() is not None
