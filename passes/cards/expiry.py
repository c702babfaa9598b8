"""Until when a card is valid, and when something is due about it (D.8.1, R-EXP-1 to R-EXP-6)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from passes import clock
from passes.card_templates.definition import Expiry
from passes.cards import events
from passes.cards.models import Card
from passes.merchants.merchants import business
from passes.store import merchant_of, table_of

_cards = table_of(Card)

LAST_SECOND = timedelta(seconds=1)
"""What follows ``expires_at`` and still counts: a card ends with its last second, not before."""
REMINDING_HOUR = 10
"""On the merchant's clock (R-EXP-6)."""


def by_rule(
    rule: Expiry, *, issued_at: datetime, last_visit_at: datetime | None, time_zone: str
) -> datetime | None:
    """The last second of validity by the template's rule; None: unlimited."""
    if rule.kind == "fixed_date":
        assert rule.date is not None  # noqa: S101 - the rule is checked when it is made
        return clock.end_of_day(rule.date, time_zone)
    if rule.kind == "unlimited":
        return None
    assert rule.days is not None  # noqa: S101 - the rule is checked when it is made
    start = issued_at
    if rule.kind == "days_after_last_visit" and last_visit_at is not None:
        start = last_visit_at
    return clock.end_of_day(clock.day_of(start, time_zone) + timedelta(days=rule.days), time_zone)


def has_passed(expires_at: datetime | None, now: datetime) -> bool:
    """Whether the card is expired: valid through the very last second of the day."""
    return expires_at is not None and now >= expires_at + LAST_SECOND


# --- what time brings ----------------------------------------------------------------------------


def reminding_moments(end: datetime, days_before: Iterable[int], time_zone: str) -> list[datetime]:
    """When the holder is reminded of an end: ten o'clock on each of these days before it."""
    day = clock.day_of(end, time_zone)
    return [
        clock.at_hour(day - timedelta(days=days), REMINDING_HOUR, time_zone) for days in days_before
    ]


def next_moment(
    end: datetime, days_before: Iterable[int], time_zone: str, since: datetime
) -> datetime:
    """When something is due about an end: the first reminder after ``since``, else its passing."""
    moments = reminding_moments(end, days_before, time_zone)
    return min([end + LAST_SECOND, *(moment for moment in moments if moment > since)])


def plan(card: Any, days_before: Iterable[int], time_zone: str, now: datetime) -> None:
    """Has ``card.wakes_at`` lie no later than the first thing due about its expiry."""
    if card.expires_at is None or card.expired_for == card.expires_at:
        return
    wake_by(card, next_moment(card.expires_at, days_before, time_zone, now))


def wake_by(card: Any, *moments: datetime) -> None:
    """Has the card looked at no later than at the first of these moments."""
    known = [card.wakes_at] if card.wakes_at else []
    card.wakes_at = min([*known, *moments], default=None)


def tell(session: Session, card: Any, now: datetime) -> None:
    """Records that the card has expired, once for each date (R-EXP-4). It must be locked."""
    if card.expired_for == card.expires_at:
        return
    card.expired_for = card.expires_at
    expires_at = card.expires_at.isoformat()
    events.record(session, card.id, events.EXPIRED, now, expires_at=expires_at)


# --- another rule --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Preview:
    """``cards`` go by the template's rule; ``expire_now`` of them, valid until now, would not be
    any more."""

    cards: int
    expire_now: int


def preview(session: Session, template_id: UUID, rule: Expiry, now: datetime) -> Preview:
    """What a new rule would do to the cards that are out (R-EXP-3)."""
    own = (
        Card.merchant_id == merchant_of(session),
        Card.template_id == template_id,
        Card.expiry_mode == "rule",
    )
    cards = session.scalar(select(func.count()).select_from(Card).where(*own)) or 0
    start: Any = Card.issued_at
    is_over: list[Any]
    if rule.kind == "days_after_last_visit":
        start = func.coalesce(Card.last_visit_at, Card.issued_at)
    zone = business(session).time_zone
    if rule.kind == "unlimited":
        return Preview(cards, 0)
    if rule.date is not None:
        if not has_passed(clock.end_of_day(rule.date, zone), now):
            return Preview(cards, 0)
        is_over = []
    else:
        assert rule.days is not None  # noqa: S101 - the rule is checked when it is made
        # Its last day lies before today.
        first_day = clock.day_of(now, zone) - timedelta(days=rule.days)
        is_over = [start < clock.start_of_day(first_day, zone)]
    is_valid = Card.expires_at.is_(None) | (Card.expires_at > now - LAST_SECOND)
    counted = select(func.count()).select_from(Card).where(*own, is_valid, *is_over)
    return Preview(cards, session.scalar(counted) or 0)


def apply_rule(
    session: Session, card_ids: Collection[UUID], rule: Expiry, version: int, now: datetime
) -> None:
    """Has cards go by another rule; those with a date set by hand keep that (R-EXP-2, R-EXP-3).

    Locks them. Who expires by it is told of when the worker looks at the card next.
    """
    merchant_id, zone = merchant_of(session), business(session).time_zone
    own = (Card.merchant_id == merchant_id, Card.id.in_(card_ids))
    rows = session.execute(
        select(
            Card.id, Card.issued_at, Card.last_visit_at, Card.expires_at, Card.expiry_mode,
            Card.expired_for,
        )
        .where(*own)
        .order_by(Card.id)
        .with_for_update()
    ).all()  # fmt: skip
    changes = []
    for row in rows:
        expires_at = by_rule(
            rule, issued_at=row.issued_at, last_visit_at=row.last_visit_at, time_zone=zone
        )
        if row.expiry_mode == "rule" and expires_at != row.expires_at:
            was_told = row.expired_for if has_passed(expires_at, now) else None
            changes.append({"of_card": row.id, "until": expires_at, "told": was_told})
            shown = expires_at.isoformat() if expires_at else None
            events.record(
                session, row.id, events.EXPIRY_CHANGED, now, expires_at=shown, mode="rule"
            )
    session.execute(
        update(_cards)
        .where(_cards.c.merchant_id == merchant_id, _cards.c.id.in_(card_ids))
        .values(expiry_version=version)
    )
    if changes:
        session.execute(
            update(_cards)
            .where(
                _cards.c.merchant_id == bindparam("of_merchant"),
                _cards.c.id == bindparam("of_card"),
            )
            .values(expires_at=bindparam("until"), expired_for=bindparam("told")),
            [{"of_merchant": merchant_id, **change} for change in changes],
        )
