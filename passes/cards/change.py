"""Says that a card changed: its version rises and its wallets are to be told (R-LED-3, R-UPD-1)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, case, func, null, update
from sqlalchemy.orm import Session

from passes import clock
from passes.cards.models import Card, Delivery
from passes.store import merchant_of, next_change_tag, table_of
from passes.wallet_port import Reason

_cards = table_of(Card)
_deliveries = table_of(Delivery)

# A row that is leased, or waits after trouble, keeps its time: when that is over it brings the
# newest state anyway. Otherwise it is due now, or when the pause after the last push is over.
_WANT = (
    update(Delivery)
    .where(
        Delivery.merchant_id == bindparam("of_merchant"),
        Delivery.card_id == bindparam("of_card"),
    )
    .values(
        wanted_version=bindparam("version"),
        reason=bindparam("why"),
        due_at=func.coalesce(
            Delivery.due_at,
            case(
                (Delivery.not_before > bindparam("now"), Delivery.not_before),
                else_=bindparam("now", type_=_deliveries.c.due_at.type),
            ),
        ),
        dead_at=null(),
        attempts=case((Delivery.dead_at.is_not(None), 0), else_=Delivery.attempts),
    )
    .execution_options(synchronize_session=False)
)


def next_version(card: Any, now: datetime) -> dict[str, Any]:
    """The columns that say that ``card`` changed, for the UPDATE that changes it."""
    return {
        "version": card.version + 1,
        "change_tag": next_change_tag(),
        "changed_at": clock.whole_second_after(card.changed_at, now),
    }


def want_delivery(
    session: Session, card_id: UUID, version: int, reason: Reason, now: datetime
) -> None:
    """Makes the card's wallets due for its new version; the worker hears of it at commit."""
    session.execute(
        _WANT,
        {
            "of_merchant": merchant_of(session),
            "of_card": card_id,
            "version": version,
            "why": reason.value,
            "now": now,
        },
    )
    session.info["wakes_worker"] = True


def bump(session: Session, card: Card, reason: Reason, now: datetime) -> None:
    """Writes what was changed on ``card``, raises its version and makes its wallets due.

    The caller holds the card's lock.
    """
    for column, value in next_version(card, now).items():
        setattr(card, column, value)
    session.flush()
    session.refresh(card, ["version", "change_tag", "changed_at"])
    want_delivery(session, card.id, card.version, reason, now)
