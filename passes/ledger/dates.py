"""What an entry means for a card's dates: its visits, its last redemption and addition (D.3)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from passes.card_templates.templates import definition_of
from passes.cards import expiry
from passes.ledger.kinds.base import Booking
from passes.ledger.models import LedgerEntry
from passes.merchants.merchants import business
from passes.store import table_of

SAME_VISIT = timedelta(minutes=5)

_entries = table_of(LedgerEntry)


def is_same_visit(session: Session, card: Any, actor: Any, occurred_at: datetime) -> bool:
    """Whether this actor booked a visit on the card in the five minutes before (D.3)."""
    if card.last_visit_at is None or card.last_visit_at < occurred_at - SAME_VISIT:
        return False
    return bool(
        session.scalar(
            select(func.count())
            .select_from(_entries)
            .where(
                _entries.c.merchant_id == card.merchant_id,
                _entries.c.card_id == card.id,
                _entries.c.is_visit.is_(True),
                _entries.c.reversed_by_id.is_(None),
                _entries.c.actor_id.is_not_distinct_from(actor.id),
                _entries.c.occurred_at > occurred_at - SAME_VISIT,
                _entries.c.occurred_at <= occurred_at,
            )
        )
    )


def move(session: Session, card: Any, booking: Booking, occurred_at: datetime) -> None:
    """Last redemption, addition and visit; and the expiry that slides with the visit."""
    visit_before = card.last_visit_at
    if booking.type == "reverse":
        _recall(session, card)
    else:
        for moves, column in (
            (booking.redeems, "last_redemption_at"),
            (booking.adds, "last_added_at"),
            (booking.is_visit, "last_visit_at"),
        ):
            if moves:
                setattr(card, column, max(getattr(card, column) or occurred_at, occurred_at))
    if card.last_visit_at == visit_before or card.expiry_mode != "rule":
        return
    rule = definition_of(session, card.template_id, card.expiry_version, card.kind).expiry
    if rule.kind == "days_after_last_visit":
        card.expires_at = expiry.by_rule(
            rule,
            issued_at=card.issued_at,
            last_visit_at=card.last_visit_at,
            time_zone=business(session).time_zone,
        )


def settle_terms(session: Session, card: Any, booking: Booking) -> None:
    """A membership's terms are those of the newest entry that counts and has any."""
    if booking.type == "reverse" and card.terms is not None:
        card.terms = session.scalar(
            select(_entries.c.terms)
            .where(
                _entries.c.merchant_id == card.merchant_id,
                _entries.c.card_id == card.id,
                _entries.c.terms.is_not(None),
                _entries.c.reversed_by_id.is_(None),
            )
            .order_by(_entries.c.seq.desc())
            .limit(1)
        )
    elif booking.terms is not None:
        card.terms = dict(booking.terms)


def _recall(session: Session, card: Any) -> None:
    """The dates from the entries that still count."""
    latest = func.max(_entries.c.occurred_at)
    row = session.execute(
        select(
            latest.filter(
                (_entries.c.redeemed_visits > 0)
                | (_entries.c.rewards_redeemed > 0)
                | (_entries.c.redemptions > 0)
                | _entries.c.type.in_(("redeem_points", "redeem_money"))
            ).label("redeemed"),
            latest.filter(
                (_entries.c.sold_visits > 0)
                | (_entries.c.stamps_earned > 0)
                | (_entries.c.points_earned > 0)
                | (_entries.c.money > 0)
            ).label("added"),
            latest.filter(_entries.c.is_visit.is_(True)).label("visited"),
        ).where(
            _entries.c.merchant_id == card.merchant_id,
            _entries.c.card_id == card.id,
            _entries.c.reverses_id.is_(None),
            _entries.c.reversed_by_id.is_(None),
        )
    ).one()
    card.last_redemption_at, card.last_added_at, card.last_visit_at = row
