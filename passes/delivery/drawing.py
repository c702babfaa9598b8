"""Draws the cards of a claimed batch, and says where each is installed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from passes.cards.listeners import TOLD
from passes.cards.models import Card, Installation
from passes.content.draw import draw
from passes.delivery import loud
from passes.delivery.claim import Batch, Claimed
from passes.store import Store, table_of
from passes.wallet_port import Installation as Place
from passes.wallet_port import PassContent, Reason

_cards = table_of(Card)
_installations = table_of(Installation)
_CARDS = select(*_cards.c).where(
    _cards.c.merchant_id == bindparam("of_merchant"),
    _cards.c.id.in_(bindparam("of_cards", expanding=True)),
)
_PLACES = select(
    _installations.c.card_id,
    _installations.c.device,
    _installations.c.address,
    _installations.c.registered_at,
    _installations.c.last_seen_at,
    _installations.c.fetched_version,
).where(
    _installations.c.merchant_id == bindparam("of_merchant"),
    _installations.c.card_id.in_(bindparam("of_cards", expanding=True)),
    _installations.c.wallet == bindparam("of_wallet"),
    _installations.c.status.in_(TOLD),
)

log = structlog.get_logger("treuepass.delivery")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A claimed row with what its passes must show, where they are, and how loudly to say it."""

    claimed: Claimed
    content: PassContent
    places: tuple[Place, ...]
    reason: Reason


def draw_batch(
    store: Store, batch: Batch, base_url: str, now: datetime, loud_a_day: int | None = None
) -> tuple[list[Drawn], list[Claimed]]:
    """What could be drawn, and the rows that could not: they must not hold the others up.

    ``loud_a_day``: the wallet's; a balance beyond it is told silently.
    """
    drawn, failed = _draw_rows(store, batch, batch.rows, base_url, now, loud_a_day)
    if len(batch.rows) == 1:
        return drawn, failed
    # A statement that fails spoils its transaction on PostgreSQL, and with it the cards behind:
    # each that failed gets a transaction of its own.
    for_good = []
    for row in failed:
        alone, still = _draw_rows(store, batch, (row,), base_url, now, loud_a_day)
        drawn += alone
        for_good += still
    return drawn, for_good


def _draw_rows(
    store: Store,
    batch: Batch,
    rows: Sequence[Claimed],
    base_url: str,
    now: datetime,
    loud_a_day: int | None,
) -> tuple[list[Drawn], list[Claimed]]:
    lane = batch.lane
    drawn, failed = [], []
    with store.read(lane.merchant_id) as session:
        key = {"of_merchant": lane.merchant_id, "of_cards": [row.card_id for row in rows]}
        cards = {card.id: card for card in session.execute(_CARDS, key)}
        places = _places(session, {**key, "of_wallet": lane.wallet})
        reasons = _reasons(session, lane.wallet, rows, loud_a_day, now)
        for row in rows:
            card = cards[row.card_id]
            try:
                content = draw(session, card, lane.wallet, base_url, now)
            except Exception:
                log.exception("card_not_drawn", wallet=lane.wallet, card=str(row.card_id))
                failed.append(row)
                continue
            told = _to_be_told(row, card, places)
            drawn.append(Drawn(row, content, told, reasons[row.card_id]))
    return drawn, failed


def _reasons(
    session: Session,
    wallet: str,
    rows: Sequence[Claimed],
    loud_a_day: int | None,
    now: datetime,
) -> dict[UUID, Reason]:
    """Why each card is told, as far as the vendor still announces it; no statement where it has no
    limit."""
    reasons = {row.card_id: row.reason for row in rows}
    loudly = [card_id for card_id, reason in reasons.items() if reason is Reason.BALANCE]
    if loud_a_day is None or not loudly:
        return reasons
    for card_id, number in loud.left(session, loudly, wallet, loud.UPDATE, loud_a_day, now).items():
        if not number:
            reasons[card_id] = Reason.CONTENT
            log.info("announcement_spent", wallet=wallet, card=str(card_id))
    return reasons


def _places(session: Session, key: dict[str, Any]) -> dict[UUID, list[Any]]:
    places: dict[UUID, list[Any]] = {}
    for row in session.execute(_PLACES, key):
        places.setdefault(row.card_id, []).append(row)
    return places


def _to_be_told(row: Claimed, card: Any, places: dict[UUID, list[Any]]) -> tuple[Place, ...]:
    """Where the card is. On a repetition not those that took the newest version meanwhile."""
    return tuple(
        Place(place.device, place.address, place.registered_at or place.last_seen_at)
        for place in places.get(row.card_id, ())
        if row.attempts == 1 or place.fetched_version < card.version
    )
