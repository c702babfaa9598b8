"""How often one person may have the points of an activity, counted from the ledger (D.4.8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from passes import clock
from passes.card_templates.rules import Activity
from passes.cards.models import Card
from passes.i18n import text
from passes.ledger.kinds.activities import named
from passes.ledger.models import LedgerEntry
from passes.store import lock_name, table_of
from passes.wallet_port import Text

_cards, _entries = table_of(Card), table_of(LedgerEntry)


@dataclass(frozen=True, slots=True)
class Reached:
    """A limit that is used up. ``again_at``: when it will be free again; None: never."""

    words: Text
    code: str
    limit: int
    used: int
    again_at: datetime | None


def limits_reached(
    session: Session, card: Any, key: object, at: datetime, time_zone: str
) -> Iterator[Reached]:
    """The limits of an activity that one more at ``at`` would break, by the merchant's calendar.

    They are about the person: all their cards of this template count, also those deleted since.
    ``card`` is locked. No statement for an activity without limits. Raises Invalid.
    """
    activity = named(card.definition.rules, key)
    spans = list(_spans(activity, clock.day_of(at, time_zone)))
    if not spans:
        return
    # Of two cards of one person only one can be awarded at a time.
    lock_name(session, "activity", str(card.customer_id))
    for words, code, limit, first, end in spans:
        since = clock.start_of_day(first, time_zone) if first else None
        until = clock.start_of_day(end, time_zone) if end else None
        used, latest = _used(session, card, activity.key, since, until)
        if used >= limit:
            if activity.days_between and code == "TOO_SOON" and latest:
                free = clock.day_of(latest, time_zone) + timedelta(days=activity.days_between)
                until = clock.start_of_day(free, time_zone)
            yield Reached(words, code, limit, used, until)


def _spans(activity: Activity, today: date) -> Iterator[tuple[Text, str, int, Any, Any]]:
    """Sentence, code, how many, first day, and the day on which it begins anew."""
    day = timedelta(days=1)
    if (n := activity.max_per_day) is not None:
        words = text("Not more than {limit} times a day.", limit=str(n))
        yield words, "LIMIT_PER_DAY", n, today, today + day
    if (n := activity.max_per_week) is not None:
        monday = today - day * today.weekday()
        words = text("Not more than {limit} times a week.", limit=str(n))
        yield words, "LIMIT_PER_WEEK", n, monday, monday + 7 * day
    if (n := activity.days_between) is not None:
        words = text("Not more than once in {days} days.", days=str(n))
        yield words, "TOO_SOON", 1, today - (n - 1) * day, today + n * day
    if (n := activity.max_total) is not None:
        words = text("Not more than {limit} times in all.", limit=str(n))
        yield words, "LIMIT_IN_ALL", n, None, None


def _used(
    session: Session, card: Any, key: str, since: datetime | None, until: datetime | None
) -> tuple[int, datetime | None]:
    """How often, and when last."""
    query = (
        select(func.count(), func.max(_entries.c.occurred_at))
        .select_from(_entries)
        .join(
            _cards,
            (_cards.c.merchant_id == _entries.c.merchant_id) & (_cards.c.id == _entries.c.card_id),
        )
        .where(
            _entries.c.merchant_id == card.merchant_id,
            _cards.c.merchant_id == card.merchant_id,
            _cards.c.customer_id == card.customer_id,
            _cards.c.template_id == card.template_id,
            _entries.c.type == "activity",
            _entries.c.activity == key,
            _entries.c.reversed_by_id.is_(None),
        )
    )
    if since is not None:
        query = query.where(_entries.c.occurred_at >= since)
    if until is not None:
        query = query.where(_entries.c.occurred_at < until)
    times, latest = session.execute(query).one()
    return times, latest
