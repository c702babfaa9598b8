"""Says that cards changed: versions rise and wallets are to be told (R-LED-3, R-UPD-1)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Update, and_, bindparam, case, null, or_, select, update
from sqlalchemy.orm import Session

from passes import clock
from passes.cards.models import Card, Delivery
from passes.store import merchant_of, next_change_tag, table_of
from passes.tied import Tied
from passes.wallet_port import Reason

_cards = table_of(Card)
_deliveries = table_of(Delivery)


_NEXT_TAG = next_change_tag()
_WANTED = "wanted deliveries"
"""Where a session keeps the card that it changed last, the version, and its rows of ``_STATE``."""


class Urgency(IntEnum):
    """What goes first: the smaller number. Stored in rows of deliveries."""

    TILL = 0
    """Somebody stands at the counter, or the customer did it."""
    BULK = 1
    """One order changed many cards: a new template version, a campaign."""


def _want(cards: Any, version: Any) -> Update:
    now = bindparam("now", type_=_deliveries.c.due_at.type)
    urgency: Any = bindparam("urgency", type_=_deliveries.c.urgency.type)
    earliest = case((_deliveries.c.not_before > now, _deliveries.c.not_before), else_=now)
    is_idle = _deliveries.c.due_at.is_(None)
    behind_a_more_urgent = and_(~is_idle, _deliveries.c.urgency < urgency)
    return (
        update(_deliveries)
        .where(_deliveries.c.merchant_id == bindparam("of_merchant"), cards)
        .values(
            wanted_version=version,
            # What is told loudly stays loud when a silent change joins it.
            reason=case((behind_a_more_urgent, _deliveries.c.reason), else_=bindparam("why")),
            urgency=case((behind_a_more_urgent, _deliveries.c.urgency), else_=urgency),
            # A row that is leased, or waits after trouble, keeps its time: when that is over it
            # brings the newest state anyway. Otherwise it is due now, or when the pause after the
            # last push is over.
            due_at=case(
                (
                    or_(
                        is_idle,
                        and_(_deliveries.c.attempts == 0, _deliveries.c.due_at > earliest),
                    ),
                    earliest,
                ),
                else_=_deliveries.c.due_at,
            ),
            attempts=case((_deliveries.c.dead_at.is_not(None), 0), else_=_deliveries.c.attempts),
            failing_since=case(
                (_deliveries.c.dead_at.is_not(None), null()), else_=_deliveries.c.failing_since
            ),
            dead_at=null(),
        )
    )


_STATE = tuple(
    _deliveries.c[name]
    for name in (
        "wallet",
        "wanted_version",
        "delivered_version",
        "delivered_at",
        "last_error",
    )
)
_STATES = Tied(
    select(*_STATE).where(
        _deliveries.c.merchant_id == bindparam("of_merchant"),
        _deliveries.c.card_id == bindparam("of_card"),
    )
)
_WANT = Tied(
    _want(_deliveries.c.card_id == bindparam("of_card"), bindparam("version")).returning(*_STATE)
)
_WANT_MANY = _want(
    _deliveries.c.card_id.in_(bindparam("of_cards", expanding=True)),
    select(_cards.c.version)
    .where(_cards.c.merchant_id == _deliveries.c.merchant_id, _cards.c.id == _deliveries.c.card_id)
    .scalar_subquery(),
)
_LOCK_MANY = (
    select(_cards.c.id, _cards.c.version, _cards.c.changed_at)
    .where(
        _cards.c.merchant_id == bindparam("of_merchant"),
        _cards.c.id.in_(bindparam("of_cards", expanding=True)),
    )
    .order_by(_cards.c.id)  # everybody who locks several takes them in this order
    .with_for_update()
)
_RAISE_VERSION = (
    update(_cards)
    .where(_cards.c.merchant_id == bindparam("of_merchant"), _cards.c.id == bindparam("of_card"))
    .values(
        version=_cards.c.version + 1,
        change_tag=_NEXT_TAG,
        changed_at=bindparam("moment", type_=_cards.c.changed_at.type),
    )
)


def next_version(card: Any, now: datetime) -> dict[str, Any]:
    """The columns that say that ``card`` changed, for the UPDATE that changes it."""
    return {
        "version": card.version + 1,
        "change_tag": _NEXT_TAG,
        "changed_at": clock.whole_second_after(card.changed_at, now),
    }


def want_delivery(
    session: Session,
    card_id: UUID,
    version: int,
    reason: Reason,
    now: datetime,
    urgency: Urgency = Urgency.TILL,
) -> None:
    """Makes the card's wallets due for its new version; the worker hears of it at commit.

    What waits with less urgency becomes as urgent as this, never the other way round.
    """
    rows = _WANT.ask(
        session,
        of_card=card_id,
        version=version,
        why=reason.value,
        urgency=urgency.value,
        now=now,
    )
    session.info["wakes_worker"] = True
    session.info[_WANTED] = card_id, version, rows


def states(session: Session, card_id: UUID, version: int) -> Sequence[Any]:
    """What each wallet should have of a card in this version, and what it has; by the wallet.

    No statement where this transaction has just asked for the delivery of this very version.
    """
    of_card, of_version, known = session.info.get(_WANTED, (None, 0, ()))
    if (of_card, of_version) != (card_id, version):
        known = _STATES.ask(session, of_card=card_id)
    return sorted(known, key=lambda state: state.wallet)


def bump(
    session: Session,
    card: Card,
    reason: Reason,
    now: datetime,
    urgency: Urgency = Urgency.TILL,
) -> None:
    """Writes what was changed on ``card``, raises its version and makes its wallets due.

    The caller holds the card's lock.
    """
    for column, value in next_version(card, now).items():
        setattr(card, column, value)
    session.flush()
    session.refresh(card, ["version", "change_tag", "changed_at"])
    want_delivery(session, card.id, card.version, reason, now, urgency)


def bump_many(session: Session, card_ids: Collection[UUID], reason: Reason, now: datetime) -> None:
    """``bump`` for up to 1,000 cards that one order changed, behind what happens at tills.

    Locks them. Their rows must not have been changed in this session.
    """
    merchant_id = merchant_of(session)
    rows = session.execute(_LOCK_MANY, {"of_merchant": merchant_id, "of_cards": list(card_ids)})
    raised = [
        {
            "of_merchant": merchant_id,
            "of_card": row.id,
            "moment": clock.whole_second_after(row.changed_at, now),
        }
        for row in rows
    ]
    if not raised:
        return
    session.execute(_RAISE_VERSION, raised)
    session.execute(
        _WANT_MANY,
        {
            "of_merchant": merchant_id,
            "of_cards": [row["of_card"] for row in raised],
            "why": reason.value,
            "urgency": Urgency.BULK.value,
            "now": now,
        },
    )
    session.info["wakes_worker"] = True
