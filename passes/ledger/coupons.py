"""What follows from redeeming a coupon: its limit over all cards, and the card it turns into."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from passes.card_templates import templates
from passes.card_templates.models import CardTemplate
from passes.card_templates.templates import Template
from passes.cards import cards, events
from passes.cards.issue import Origin, issue
from passes.cards.models import Card
from passes.cards.utm import Utm
from passes.customers.models import Customer
from passes.errors import Conflict
from passes.happenings import Posted, Undone, tell
from passes.i18n import text
from passes.ledger.book import Actor, Posting, lock, write
from passes.ledger.kinds import KINDS
from passes.ledger.kinds.base import Booking, Insufficient
from passes.ledger.kinds.coupon import REDEEM
from passes.ledger.models import LedgerEntry
from passes.ledger.undo import undo
from passes.store import table_of

BONUS = "welcome_bonus"
SYSTEM = Actor(kind="system", id=None, channel="automation")

_cards = table_of(Card)
_entries = table_of(LedgerEntry)


def convert(session: Session, posted: Posted, now: datetime) -> None:
    """Follows Posted: the redeemed coupon turns into a card of another template (T-CO-1).

    A customer who has as many cards of that template as are allowed keeps the newest of them, and
    that one gets the bonus. Raises what issuing raises: then the coupon stays as it was.
    """
    coupon, entry = posted.card, posted.entry
    if entry.type != REDEEM or coupon.definition.rules.convert_to is None:
        return
    rules = coupon.definition.rules
    template = templates.get(session, rules.convert_to)
    successor = _card_to_keep(session, coupon, template)
    is_new = successor is None
    if successor is None:
        successor = _issue(session, coupon, entry, template, now)
    if rules.convert_bonus:
        _give(session, successor, entry, rules.convert_bonus, now)
    _link(session, coupon, successor.id)
    for card_id in (coupon.id, successor.id):
        events.record(
            session,
            card_id,
            events.CONVERTED,
            now,
            coupon=coupon.serial_number,
            successor=successor.serial_number,
            is_new=is_new,
        )


def keep_limit(session: Session, posted: Posted, now: datetime) -> None:
    """Follows Posted: not more than ``max_redemptions`` over all cards of the template.

    Redemptions take their turn on the row of the template, and last of all locks: so nobody who
    issues a card, and locks a customer and then a template, waits for them and they for him.
    """
    coupon = posted.card
    if posted.entry.type != REDEEM or coupon.definition.rules.max_redemptions is None:
        return
    session.execute(
        select(CardTemplate.id)
        .where(
            CardTemplate.merchant_id == coupon.merchant_id, CardTemplate.id == coupon.template_id
        )
        .with_for_update()
    ).one()
    redeemed = session.scalar(
        select(func.count())
        .select_from(_cards)
        .where(
            _cards.c.merchant_id == coupon.merchant_id,
            _cards.c.template_id == coupon.template_id,
            _cards.c.redemptions > 0,
        )
    )
    most = coupon.definition.rules.max_redemptions
    if (redeemed or 0) > most:
        raise Conflict(
            text("All coupons of this kind have been redeemed."),
            code="REDEMPTION_LIMIT",
            limit=most,
        )


def take_back(session: Session, undone: Undone, now: datetime) -> None:
    """Follows Undone: what the coupon turned into goes with its redemption.

    A card that was made for it is withdrawn, the bonus is taken off any other. Raises Conflict
    COUNTED_ON when somebody has used it since.
    """
    coupon, entry = undone.card, undone.original
    if entry.type != REDEEM or coupon.successor_id is None:
        return
    successor = cards.get(session, coupon.successor_id, locked=True)
    made_for_it = successor.issued_by == str(entry.id)
    if made_for_it and _is_used(session, successor):
        raise _counted_on(successor)
    bonus = _bonus_of(session, successor, entry)
    if bonus is not None:
        try:
            undo(session, bonus, SYSTEM, now)
        except Insufficient:
            raise _counted_on(successor) from None
        session.refresh(successor)
    if made_for_it:
        cards.delete(session, successor, now)
    _link(session, coupon, None)


def _card_to_keep(session: Session, coupon: Any, template: Template) -> Card | None:
    """The newest card of the template, when its holder may not have another one (R-ISS-5)."""
    most = template.definition.limits.max_per_customer
    if most is None:
        return None
    session.execute(
        select(Customer.id)
        .where(Customer.merchant_id == coupon.merchant_id, Customer.id == coupon.customer_id)
        .with_for_update()
    ).one()
    held = session.scalars(
        select(Card)
        .where(
            Card.merchant_id == coupon.merchant_id,
            Card.customer_id == coupon.customer_id,
            Card.template_id == template.id,
            Card.status != "deleted",
        )
        .order_by(Card.created_at.desc(), Card.id.desc())
    ).all()
    return held[0] if len(held) >= most else None


def _issue(session: Session, coupon: Any, entry: Any, template: Template, now: datetime) -> Card:
    """A card for the same holder, as the coupon names them. Its source is how it came about."""
    holder = session.get_one(Customer, (coupon.merchant_id, coupon.customer_id))
    origin = Origin(channel="conversion", utm=Utm(source="conversion"), issued_by=str(entry.id))
    return issue(session, template, holder, origin, now, issued_data=coupon.issued_data)


def _give(session: Session, successor: Card, redemption: Any, units: int, now: datetime) -> None:
    card = lock(session, str(successor.id), now)
    gives = KINDS[card.kind].gives
    if gives is None:
        return
    deltas = gives(card, card.definition.rules, units)
    booking = Booking(BONUS, deltas, adds=True, details={"redemption": str(redemption.id)})
    given = write(session, card, booking, Posting("bonus"), SYSTEM, now)
    session.refresh(successor)
    tell(session, Posted(given.card, given.entry), now)


def _bonus_of(session: Session, successor: Card, redemption: Any) -> UUID | None:
    bonuses = session.execute(
        select(_entries.c.id, _entries.c.details).where(
            _entries.c.merchant_id == successor.merchant_id,
            _entries.c.card_id == successor.id,
            _entries.c.type == BONUS,
            _entries.c.reversed_by_id.is_(None),
        )
    )
    own = str(redemption.id)
    return next((row.id for row in bonuses if (row.details or {}).get("redemption") == own), None)


def _is_used(session: Session, successor: Card) -> bool:
    """Whether a person or a program has booked anything on it that counts."""
    booked = session.scalar(
        select(func.count())
        .select_from(_entries)
        .where(
            _entries.c.merchant_id == successor.merchant_id,
            _entries.c.card_id == successor.id,
            _entries.c.actor_kind != "system",
            _entries.c.reverses_id.is_(None),
            _entries.c.reversed_by_id.is_(None),
        )
    )
    return bool(booked)


def _counted_on(successor: Card) -> Conflict:
    return Conflict(
        text("The card that this coupon turned into has been used. Undo that first."),
        code="COUNTED_ON",
        card_id=successor.id,
    )


def _link(session: Session, coupon: Any, successor_id: UUID | None) -> None:
    """In the transaction that raised the coupon's version, so its pass shows it at once."""
    session.execute(
        update(_cards)
        .where(_cards.c.merchant_id == coupon.merchant_id, _cards.c.id == coupon.id)
        .values(successor_id=successor_id)
    )
    coupon.successor_id = successor_id
