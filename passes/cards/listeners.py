"""Devices and their addresses: who hears of changes without having the card, who can be reached.

A page in a browser tab may want to hear of changes. That proves no installation (R-INST-2), so
such a device is told like the others, and counts nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from passes.cards.models import Card, Installation
from passes.errors import Conflict
from passes.store import merchant_of

ACTIVE, LISTENING, REMOVED = "active", "listening", "removed"
TOLD = (ACTIVE, LISTENING)
"""Who is told of changes."""

MOST_DEVICES_TOLD = 10
"""Of one card in one wallet; more of them may be installed, but none may begin to listen."""


def listen(
    session: Session,
    card: Card,
    wallet: str,
    device: str,
    address: Mapping[str, str],
    at: datetime,
) -> bool:
    """A device wants to hear of changes, under this address; the card is locked.

    An installation stays one and gets the address. False when it was known already, or is empty.
    Raises Conflict TOO_MANY_DEVICES.
    """
    row = session.get(Installation, (card.merchant_id, card.id, wallet, device))
    if row is not None and row.status in TOLD:
        if row.status == LISTENING:  # of an installation that would say that it was used
            row.last_seen_at = max(row.last_seen_at, at)
        is_new = take_address(row, address)
        session.flush()
        return is_new
    if not address:
        return False
    if _told(session, card, wallet) >= MOST_DEVICES_TOLD:
        raise Conflict(
            f"At most {MOST_DEVICES_TOLD} devices can hear of one card.",
            code="TOO_MANY_DEVICES",
            limit=MOST_DEVICES_TOLD,
        )
    if row is None:
        row = new_row(card, wallet, device, at)
        row.changed_at = at
        session.add(row)
    row.status, row.address, row.unreachable_since = LISTENING, dict(address), None
    row.last_seen_at = row.registered_at = at
    session.flush()
    return True


def fall_silent(session: Session, card: Card, wallet: str, device: str) -> bool:
    """A device wants to hear no more; whether it heard. An installation stays one. The card is
    locked."""
    row = session.get(Installation, (card.merchant_id, card.id, wallet, device))
    if row is None or row.status == REMOVED:
        return False
    if row.status == LISTENING:
        end(session, row)
        return True
    heard = bool(row.address)
    row.address, row.unreachable_since = {}, None
    session.flush()
    return heard


def lose_address(
    session: Session,
    card_id: UUID,
    wallet: str,
    device: str,
    address: Mapping[str, str],
    at: datetime,
) -> None:
    """This address leads nowhere: it is forgotten, unless the device has shown another meanwhile.

    Who only listened is gone with it; an installation stays one (D.7.1). The card is held.
    """
    row = session.get(
        Installation, (merchant_of(session), card_id, wallet, device), populate_existing=True
    )
    if row is None or row.status == REMOVED or not address or row.address != dict(address):
        return
    if row.status == LISTENING:
        end(session, row)
        return
    row.address, row.unreachable_since = {}, row.unreachable_since or at
    session.flush()


def end(session: Session, row: Installation) -> None:
    """A device listens no more; what is known of an earlier installation on it stays."""
    if row.removed_at is None:
        session.delete(row)
    else:
        row.status, row.address, row.unreachable_since = REMOVED, {}, None
    session.flush()


def new_row(card: Card, wallet: str, device: str, at: datetime) -> Installation:
    """A device of which nothing is known yet; its status is to be set."""
    return Installation(
        merchant_id=card.merchant_id,
        card_id=card.id,
        wallet=wallet,
        device=device,
        address={},
        first_installed_at=at,
    )


def take_address(row: Installation, address: Mapping[str, str]) -> bool:
    """Keeps what a device says of its address, and whether that is new. An empty one says
    nothing."""
    if not address or row.address == dict(address):
        return False
    row.address, row.unreachable_since = dict(address), None
    return True


def _told(session: Session, card: Card, wallet: str) -> int:
    return (
        session.scalar(
            select(func.count())
            .select_from(Installation)
            .where(
                Installation.merchant_id == card.merchant_id,
                Installation.card_id == card.id,
                Installation.wallet == wallet,
                Installation.status.in_(TOLD),
            )
        )
        or 0
    )
