"""The welcome bonus: units that a new customer's card of a template starts with (D.2)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from passes import happenings
from passes.cards.models import Card
from passes.happenings import Issued
from passes.ledger.book import Actor, Posting, lock, write
from passes.ledger.kinds import KINDS
from passes.ledger.kinds.base import Booking
from passes.store import lock_name

SYSTEM = Actor(kind="system", id=None, channel="automation")
WITHOUT = {"import"}
"""Channels of issue whose cards are not new to their holders."""


def give(session: Session, issued: Issued, now: datetime) -> None:
    """Follows Issued: an entry ``welcome_bonus`` that is no visit and no purchase.

    Once per customer and template: only the first card of a template brings it. Kinds without
    units that can be given (a coupon, a discount card) have none. Of money: minor units. No
    statement when the template has no bonus.
    """
    bonus = issued.template.definition.welcome_bonus
    if not bonus or issued.brings_balance or issued.card.issue_channel in WITHOUT:
        return
    gives = KINDS[issued.template.kind].gives
    if gives is None or _had_one(session, issued.card):
        return
    card = lock(session, str(issued.card.id), now)
    deltas = gives(card, card.definition.rules, bonus)
    posted = write(
        session,
        card,
        Booking("welcome_bonus", deltas, adds=True),
        Posting("welcome"),
        SYSTEM,
        now,
    )
    session.refresh(issued.card)
    happenings.tell(session, happenings.Posted(posted.card, posted.entry), now)


def _had_one(session: Session, card: Card) -> bool:
    """Whether this customer has, or ever had, another card of the template."""
    # Two cards for one customer at the same moment: one of them is the first.
    lock_name(session, "welcome bonus", str(card.template_id), str(card.customer_id))
    other = session.scalar(
        select(Card.id)
        .where(
            Card.merchant_id == card.merchant_id,
            Card.customer_id == card.customer_id,
            Card.template_id == card.template_id,
            Card.id != card.id,
        )
        .limit(1)
    )
    return other is not None
