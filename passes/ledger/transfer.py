"""Hands the money of a gift card to another holder, on a card of their own (D.4.4).

The card itself cannot change hands: the secret in its pass stays on the giver's phone for life. So
the money moves to a new card, and the old one is withdrawn, all in one transaction.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from passes.card_templates import templates
from passes.cards import cards, events, gifts
from passes.cards.change import bump
from passes.cards.issue import Origin, issue
from passes.cards.models import Card
from passes.cards.utm import Utm
from passes.customers.models import Customer
from passes.errors import NotFound
from passes.ledger import lots
from passes.ledger.book import Actor, Posting, lock, write
from passes.ledger.kinds.base import Booking
from passes.merchants.merchants import business
from passes.wallet_port import Reason


def hand_over(
    session: Session,
    card_id: UUID,
    customer: Customer,
    actor: Actor,
    now: datetime,
    *,
    token: str | None = None,
) -> Card:
    """The new holder's card, with the money of the old one and the days until when it is good.

    ``token``: of the gift link by which they came; it must still be the newest. Purchases stay
    with who made them (LTV). Raises NotFound for an old link, and Conflict as
    ``gifts.check_giveable`` does, so that of two who come at once the second learns that it is
    taken.
    """
    old = lock(session, str(card_id), now)
    gifts.check_giveable(old, old.kind, old.template_status, now)
    if token is not None:
        newest = gifts.gift_token(business(session).token_key, old.id, old.gift_token_version)
        if not hmac.compare_digest(token.encode(), newest.encode()):
            raise NotFound("gift")
    made = issue(
        session,
        templates.get(session, old.template_id),
        customer,
        Origin("conversion", Utm("gift"), issued_by=actor.id),
        now,
        expires_at=old.expires_at,
        brings_balance=True,
        changes_hands=True,
    )
    # The days that the giver's card had left, by the same rule.
    made.expires_at, made.expiry_mode = old.expires_at, old.expiry_mode
    made.expiry_version = old.expiry_version
    session.flush()
    parts = _parts(old.money, lots.alive(session, old))
    write(
        session,
        old,
        Booking("transfer_out", {"money": -old.money}, details={"to": made.serial_number}),
        Posting("transfer"),
        actor,
        now,
    )
    new = lock(session, str(made.id), now)
    for end, amount in parts.items():
        booking = Booking(
            "transfer_in",
            {"money": amount},
            adds=True,
            details={"from": old.serial_number},
            ends={"money": end},
        )
        write(session, new, booking, Posting("transfer"), actor, now)
    given = cards.get(session, old.id, locked=True)
    # No successor: what the giver's pass still shows must not lead to the new holder's card.
    given.status, given.status_cause = "deleted", gifts.TRANSFERRED
    events.record(session, given.id, events.TRANSFERRED, now, to=made.serial_number)
    bump(session, given, Reason.STATE, now)
    session.refresh(made)
    return made


def _parts(money: int, known: Iterable[Any]) -> dict[datetime | None, int]:
    """The money by the date until when it is good; None: without an end."""
    parts: dict[datetime | None, int] = {}
    for lot in known:
        if lot.unit == "money":
            parts[lot.expires_at] = parts.get(lot.expires_at, 0) + lot.remaining
    endless = money - sum(parts.values())
    return parts | ({None: endless} if endless else {})
