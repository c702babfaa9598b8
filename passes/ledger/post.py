"""Posts operations on cards: checks who, what and when, and lets the card's kind decide (D.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from passes import happenings
from passes.errors import Conflict, Invalid
from passes.ledger import guards
from passes.ledger.book import Actor, Posted, Posting, lock, write
from passes.ledger.hours import factor_at
from passes.ledger.kinds import KINDS
from passes.ledger.kinds.base import Asked, Booking
from passes.merchants.merchants import business
from passes.merchants.models import Location

LONGEST_COMMENT = 500
ADDED = ("sold_visits", "stamps_earned", "points_earned", "money")
"""What moves the date of the last addition (D.3)."""
OLDEST = timedelta(days=30)
"""How far back an entry may be dated (R-LED-8)."""


def post(session: Session, card_name: str, posting: Posting, actor: Actor, now: datetime) -> Posted:
    """Posts one operation on a card, named by its id or serial number.

    Raises NotFound, Invalid, and Conflict with the code of the rule that refused (R-EARN-1).
    """
    card = lock(session, card_name, now)
    operation = KINDS[card.kind].operations.get(posting.verb)
    if operation is None:
        raise Conflict(f"A card of the kind {card.kind.value} cannot do this.", code="WRONG_KIND")
    merchant = business(session)
    happy_hours = card.definition.earning.happy_hours
    asked = Asked(
        posting.value,
        posting.purchase,
        merchant.currency,
        now,
        merchant.time_zone,
        posting.options,
        factor_at(happy_hours, posting.occurred_at or now, merchant.time_zone),
    )
    _check(session, posting, card, asked, now)
    request = guards.Request(session, card, posting, actor, asked, operation)
    overridden = guards.check(request)
    booking = operation(card, card.definition.rules, asked)
    notes: dict[str, Any] = {}
    if overridden:
        notes["override"] = overridden
    if actor.channel == guards.SCANNER:
        notes["asked"] = request.as_asked()
    if notes:
        booking = replace(booking, details={**(booking.details or {}), **notes})
    posted = write(session, card, booking, posting, actor, now)
    happenings.tell(session, happenings.Posted(posted.card, posted.entry), now)
    return posted


def open_balance(
    session: Session,
    card_name: str,
    opening: Mapping[str, int],
    ltv: int | None,
    actor: Actor,
    now: datetime,
) -> Posted | None:
    """Gives a new card the balance it had elsewhere; figures by name. Raises Invalid."""
    card = lock(session, card_name, now)
    known = KINDS[card.kind].opening
    deltas: dict[str, int] = {}
    for figure, value in opening.items():
        if figure not in known:
            raise Invalid.field(f"opening.{figure}", f"must be one of {', '.join((*known, 'ltv'))}")
        # Amounts of money were held to their own limit when they were read.
        if value < 0 or (value > 1_000_000 and "money" not in known[figure]):
            raise Invalid.field(f"opening.{figure}", "must be a whole number from 0 to 1,000,000")
        deltas |= dict.fromkeys(known[figure], value)
    if not any(deltas.values()) and not ltv:
        return None
    adds = any(deltas.get(unit) for unit in ADDED)
    booking = Booking("import_opening", deltas, adds=adds)
    return write(session, card, booking, Posting("opening", purchase=ltv), actor, now)


def _check(session: Session, posting: Posting, card: Any, asked: Asked, now: datetime) -> None:
    if posting.comment is not None and len(posting.comment) > LONGEST_COMMENT:
        raise Invalid.field("comment", f"must not have more than {LONGEST_COMMENT} characters")
    if posting.override and not (posting.comment or "").strip():
        raise Invalid.field("comment", "must say why a limit is overridden", "MISSING")
    demanded = getattr(card.definition.rules, "purchase_amount_required", False)
    # An activity is no sale (S5.18), so there is no amount to demand.
    if asked.purchase is None and demanded and posting.verb != "activity":
        raise Invalid.field("purchase_amount", "is missing", "MISSING")
    if posting.location_id is not None:
        location = session.get(Location, (card.merchant_id, posting.location_id))
        if location is None:
            raise Invalid.field("location_id", "there is no such location")
    occurred_at = posting.occurred_at
    if occurred_at is None:
        return
    if occurred_at > now:
        raise Invalid.field("occurred_at", "must not lie in the future")
    if occurred_at < now - OLDEST:
        raise Invalid.field("occurred_at", f"must not lie more than {OLDEST.days} days back")
    if occurred_at < card.enrolled_at:
        raise Invalid.field("occurred_at", "must not lie before the card was issued")
