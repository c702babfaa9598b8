"""Does what time alone does to cards: they expire, their units run out, their holders are reminded.

``Card.wakes_at`` is when to look at a card next, never later than the first thing due about it.
Each look, and when to look again, are one transaction: nothing is done twice, and nothing is lost
with a worker that dies (R-EXP-4, R-EXP-6, D.8.3).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import bindparam, or_, text, update
from sqlalchemy.orm import Session

from passes.card_templates.kinds import Kind
from passes.card_templates.models import CardTemplate
from passes.card_templates.templates import definition_of
from passes.cards import events, expiry
from passes.cards.change import Urgency, bump_many
from passes.cards.models import Card
from passes.happenings import Issued
from passes.ledger import lots
from passes.ledger.book import card_in, cards_for_update, expire_units
from passes.ledger.kinds import KINDS
from passes.ledger.kinds.base import never_turns
from passes.merchants.merchants import business
from passes.store import SHARDS, Store, merchant_of, shard_of, table_of
from passes.wallet_port import Reason

MOST = 50
"""Cards in one transaction: on SQLite a till waits while it lasts."""

LATEST = timedelta(days=1)
"""A reminder that would come later than this is left out."""

_cards = table_of(Card)

# One probe of ix_card_wakes for each shard: a look costs the same with ten cards due and with ten
# million, and no merchant's midnight stands in another shard's way.
_OLDEST_OF_EACH_SHARD = text(
    f"""
    WITH RECURSIVE each(shard) AS (
        SELECT 0 UNION ALL SELECT shard + 1 FROM each WHERE shard < {SHARDS - 1}
    )
    SELECT (
        SELECT merchant_id FROM card
        WHERE card.shard = each.shard AND card.wakes_at <= :now
        ORDER BY card.wakes_at LIMIT 1
    ) AS merchant_id
    FROM each"""  # noqa: S608 - our own words
).columns(_cards.c.merchant_id)
_OLDEST_OF_EACH_SHARD = _OLDEST_OF_EACH_SHARD.bindparams(
    bindparam("now", type_=_cards.c.wakes_at.type)
)
_CLAIM = (
    cards_for_update(_cards.c.shard == bindparam("of_shard"))
    .where(_cards.c.wakes_at <= bindparam("now"))
    .order_by(_cards.c.wakes_at)
    .limit(bindparam("most"))
    .with_for_update(of=_cards, skip_locked=True)
)
_SETTLE = (
    update(_cards)
    .where(_cards.c.merchant_id == bindparam("of_merchant"), _cards.c.id == bindparam("of_card"))
    .values(
        wakes_at=bindparam("wakes"),
        woken_at=bindparam("woken"),
        expired_for=bindparam("expired"),
        reminder=bindparam("reminding"),
    )
)

log = structlog.get_logger("treuepass.worker")


def wake_due(store: Store, now: datetime) -> int:
    """One chunk of one merchant in each shard where cards are due; how many cards it took."""
    with store.read_all() as session:
        merchant_ids = session.scalars(_OLDEST_OF_EACH_SHARD, {"now": now}).all()
    taken = 0
    for merchant_id in merchant_ids:
        if merchant_id is None:
            continue
        try:
            with store.write(merchant_id) as session:
                taken += _wake_some(session, now)
        except Exception:  # one merchant's trouble is not another's
            log.exception("waking_failed", merchant_id=str(merchant_id))
    return taken


def begin(session: Session, issued: Issued, now: datetime) -> None:
    """Follows Issued: a card of a kind that time changes is looked at when it first does."""
    row = issued.card
    template = session.get_one(CardTemplate, (row.merchant_id, row.template_id))
    kind = Kind(template.kind)
    rules = definition_of(session, template.id, row.template_version, kind).rules
    moments = [moment for moment in KINDS[kind].turns_at(row, rules) if moment > now]
    if moments:
        expiry.wake_by(row, *moments)
        session.flush()


def look_again(session: Session, card_ids: Collection[UUID], kind: Kind, now: datetime) -> None:
    """A new version may remind of, or change, other moments: cards that have any are due now."""
    has_moments = [Card.expires_at.is_not(None), Card.units_expire_at.is_not(None)]
    if KINDS[kind].turns_at is not never_turns:
        has_moments = []
    session.execute(
        update(Card)
        .where(
            Card.merchant_id == merchant_of(session),
            Card.id.in_(card_ids),
            *([or_(*has_moments)] if has_moments else []),
        )
        .values(wakes_at=now)
        .execution_options(synchronize_session=False)
    )


def _wake_some(session: Session, now: datetime) -> int:
    merchant_id = merchant_of(session)
    rows = session.execute(
        _CLAIM,
        {
            "of_merchant": merchant_id,
            "of_shard": shard_of(merchant_id),
            "now": now,
            "most": MOST,
        },
    ).all()
    cards = [card_in(session, row) for row in rows]
    changed: dict[Reason, list[UUID]] = {}
    for card in cards:
        for reason in _wake(session, card, now):
            changed.setdefault(reason, []).append(card.id)
    if cards:
        session.execute(
            _SETTLE,
            [
                {
                    "of_merchant": merchant_id,
                    "of_card": card.id,
                    "wakes": card.wakes_at,
                    "woken": now,
                    "expired": card.expired_for,
                    "reminding": card.reminder,
                }
                for card in cards
            ],
        )
    for reason, card_ids in changed.items():
        bump_many(session, card_ids, reason, now)
    return len(cards)


def _wake(session: Session, card: Any, now: datetime) -> list[Reason]:
    """Does what is due about a card and says when to look next; why its wallets are to be told."""
    since = card.woken_at or card.created_at
    days, zone = card.definition.reminders, business(session).time_zone
    told: list[Reason] = []
    if expiry.has_passed(card.units_expire_at, now):
        expire_units(session, card, now, Urgency.BULK)
    left = lots.alive(session, card)
    if expiry.has_passed(card.expires_at, now):
        if card.expired_for != card.expires_at:
            expiry.tell(session, card, now)
            told.append(Reason.STATE)
    elif _remind(session, card, left, since, now):
        told.append(Reason.MESSAGE)
    turns = KINDS[card.kind].turns_at(card, card.definition.rules)
    period_ends = _period_ends(card)
    if any(since < moment <= now for moment in turns):
        told.append(Reason.STATE)
    card.woken_at, card.wakes_at = now, None
    expiry.plan(card, days, zone, now)
    ends = {lot.expires_at for lot in left}
    if period_ends and not expiry.has_passed(period_ends, now):
        ends.add(period_ends)
    expiry.wake_by(
        card,
        *(expiry.next_moment(end, days, zone, now) for end in ends),
        *(moment for moment in turns if moment > now),
    )
    return told[:1]


def _period_ends(card: Any) -> datetime | None:
    """The end of a membership's period, of which its holder is reminded too."""
    return KINDS[card.kind].ends_at(card, card.definition.rules)


def _remind(
    session: Session, card: Any, left: Sequence[Any], since: datetime, now: datetime
) -> bool:
    """Notes on the card of which ends its holder is to be reminded; whether there are any.

    It is part of what the card says, and no advertising: it asks for no consent and comes to
    everybody (R-EXP-6).
    """
    if card.status == "deleted" and card.status_cause != "customer":
        return False
    days, zone = card.definition.reminders, business(session).time_zone

    since = max(since, now - LATEST)

    def is_due(end: datetime) -> bool:
        moments = expiry.reminding_moments(end, days, zone)
        return any(since < moment <= now for moment in moments)

    card_ends = card.expires_at if card.expires_at and is_due(card.expires_at) else None
    units = [
        lots.about(left, unit, end.isoformat())
        for unit, end in dict.fromkeys((lot.unit, lot.expires_at) for lot in left)
        if is_due(end)
    ]
    period_ends = _period_ends(card)
    if period_ends and not is_due(period_ends):
        period_ends = None
    if card_ends is None and period_ends is None and not units:
        return False
    card.reminder = dict(card.reminder or {})
    if card_ends is not None:
        card.reminder["card"] = card_ends.isoformat()
        events.record(session, card.id, events.EXPIRING, now, expires_at=card.reminder["card"])
    if period_ends is not None:
        card.reminder["period"] = period_ends.isoformat()
        events.record(session, card.id, events.PERIOD_ENDING, now, ends_at=card.reminder["period"])
    if units:
        card.reminder["units"] = units
    for each in units:
        events.record(session, card.id, events.UNITS_EXPIRING, now, **each)
    return True
