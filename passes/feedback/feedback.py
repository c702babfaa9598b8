"""Takes, lists and sums up what customers say of their visits (D.16, S1.12, S1.42 to S1.44)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from passes import ids
from passes.cards import events
from passes.cards.models import Card
from passes.customers.models import Customer
from passes.errors import Invalid
from passes.feedback.models import Feedback
from passes.ledger.models import LedgerEntry
from passes.store import merchant_of

LONGEST_COMMENT = 2_000
EDITABLE = timedelta(hours=24)
"""For so long what is said replaces what was said."""

_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""All that is no text but tab and line feed."""


@dataclass(frozen=True, slots=True)
class Mean:
    """What a customer thinks: the mean of the stars with one decimal, and of how many (D.3)."""

    mean: str
    count: int


def give(
    session: Session, card: Card, stars: int, comment: str, channel: str, now: datetime
) -> Feedback:
    """Keeps what the card's holder says; within 24 hours it replaces what they said before.

    The card is locked. Spaces alone are no comment (S1.44). Raises Invalid with ``stars`` or
    ``comment``.
    """
    if not 1 <= stars <= 5:
        raise Invalid.field("stars", "must be a whole number from 1 to 5")
    words = _words(comment)
    row = newest_of(session, card.id)
    if row is not None and is_editable(row, now):
        _sum_up(session, row.customer_id, 0, stars - row.stars)
        row.stars, row.comment, row.edited_at = stars, words, now
    else:
        _sum_up(session, card.customer_id, 1, stars)
        visit = _last_visit(session, card)
        row = Feedback(
            merchant_id=card.merchant_id,
            id=ids.new_id(),
            card_id=card.id,
            customer_id=card.customer_id,
            location_id=visit.location_id if visit else None,
            staff_id=visit.actor_id if visit and visit.actor_kind == "staff" else None,
            stars=stars,
            comment=words,
            channel=channel,
            given_at=now,
        )
        session.add(row)
    session.flush()
    edited = row.edited_at is not None
    events.record(session, card.id, events.FEEDBACK_GIVEN, now, stars=stars, edited=edited)
    return row


def is_editable(row: Feedback, now: datetime) -> bool:
    return now < row.given_at + EDITABLE


def newest_of(session: Session, card_id: UUID) -> Feedback | None:
    """What was last said with a card."""
    return session.scalar(
        select(Feedback)
        .where(Feedback.merchant_id == merchant_of(session), Feedback.card_id == card_id)
        .order_by(Feedback.given_at.desc(), Feedback.id.desc())
        .limit(1)
    )


def newest(
    session: Session,
    *,
    customer_id: UUID | None = None,
    since: datetime | None = None,
    before: datetime | None = None,
    only_comments: bool = False,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> Sequence[Feedback]:
    """What was said from ``since`` up to, not including, ``before``; the newest first.

    Of customers who were deleted nothing is shown.
    """
    merchant_id = merchant_of(session)
    query = select(Feedback).where(
        Feedback.merchant_id == merchant_id,
        ~exists().where(
            Customer.merchant_id == merchant_id,
            Customer.id == Feedback.customer_id,
            Customer.deleted_at.is_not(None),
        ),
    )
    if customer_id is not None:
        query = query.where(Feedback.customer_id == customer_id)
    if since is not None:
        query = query.where(Feedback.given_at >= since)
    if before is not None:
        query = query.where(Feedback.given_at < before)
    if only_comments:
        query = query.where(Feedback.comment.is_not(None))
    if after is not None:
        at, feedback_id = after
        query = query.where(
            (Feedback.given_at < at) | ((Feedback.given_at == at) & (Feedback.id < feedback_id))
        )
    ordered = query.order_by(Feedback.given_at.desc(), Feedback.id.desc())
    return session.scalars(ordered.limit(limit)).all()


def mean_of(ratings: int, stars: int) -> Mean | None:
    """What a customer's ``ratings`` on all their cards come to; None: there is none (S1.12)."""
    if not ratings:
        return None
    tenths = (20 * stars + ratings) // (2 * ratings)  # rounded half up
    return Mean(f"{tenths // 10}.{tenths % 10}", ratings)


def _sum_up(session: Session, customer_id: UUID, ratings: int, stars: int) -> None:
    """The sums stand with the customer: every answer about a card has their mean."""
    session.execute(
        update(Customer)
        .where(Customer.merchant_id == merchant_of(session), Customer.id == customer_id)
        .values(ratings=Customer.ratings + ratings, stars=Customer.stars + stars)
        .execution_options(synchronize_session="fetch")
    )


def _words(comment: str) -> str | None:
    """Raises Invalid."""
    words = comment.replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(words) > LONGEST_COMMENT:
        raise Invalid.field("comment", f"must not have more than {LONGEST_COMMENT:,} characters")
    if _UNWRITABLE.search(words):
        raise Invalid.field("comment", "must not contain characters that cannot be written")
    return words or None


def _last_visit(session: Session, card: Card) -> Any | None:
    """The newest posting that proves a visit; no statement for a card without one."""
    if card.last_visit_at is None:
        return None
    return session.execute(
        select(LedgerEntry.location_id, LedgerEntry.actor_kind, LedgerEntry.actor_id)
        .where(
            LedgerEntry.merchant_id == card.merchant_id,
            LedgerEntry.card_id == card.id,
            LedgerEntry.is_visit.is_(True),
            LedgerEntry.reverses_id.is_(None),
            LedgerEntry.reversed_by_id.is_(None),
        )
        .order_by(LedgerEntry.seq.desc())
        .limit(1)
    ).first()
