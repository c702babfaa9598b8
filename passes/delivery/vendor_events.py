"""What a vendor that keeps the pass itself tells of: added, taken off; each event once."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from passes.cards import installations
from passes.cards.models import Card, Installation
from passes.delivery.models import VendorEvent
from passes.delivery.offers import follow
from passes.merchants.models import WalletAccount
from passes.store import merchant_of
from passes.wallet_port import NoSuchCard, SaveEvent

KEPT_LONGER = timedelta(days=1)
"""Beyond ``valid_until``: machines' clocks differ, and one may still take an event for valid."""


def hear(session: Session, card: Card, wallet: str, event: SaveEvent, now: datetime) -> bool:
    """Records the event on the card, which is locked; False: it changed nothing (T-IN-2).

    Which of two events is the later one is the vendor's to say (``order``), never a clock's. Raises
    NoSuchCard when the card, its template and the merchant's account do not belong together.
    """
    if event.template not in {card.template_id.hex, str(card.template_id)}:
        raise NoSuchCard
    if not _is_own(session, wallet, event.account):
        raise NoSuchCard
    newest = _newest(session, card, wallet)
    if not _keep(session, card, wallet, event) or (newest is not None and event.order < newest):
        return False
    return set_saved(session, card, wallet, event.saved, now)


def set_saved(session: Session, card: Card, wallet: str, saved: bool, now: datetime) -> bool:
    """Whether it was news that somebody has the pass, or nobody. The card is locked.

    For a vendor that keeps one pass for all of a person's devices, these are one installation.
    """
    if saved:
        # What it has of a card of which nobody kept account is not known.
        follow(session, card, wallet, 0, now)
    row = session.get(Installation, (card.merchant_id, card.id, wallet, wallet))
    at = max(now, row.changed_at, row.last_seen_at) if row else now
    if saved:
        return installations.install(session, card, wallet, wallet, {}, at)
    return installations.remove(session, card, wallet, wallet, at)


def forget_old(session: Session, now: datetime) -> None:
    """Drops what cannot come again."""
    session.execute(
        delete(VendorEvent).where(
            VendorEvent.merchant_id == merchant_of(session),
            VendorEvent.valid_until < now - KEPT_LONGER,
        )
    )


def _is_own(session: Session, wallet: str, account: str | None) -> bool:
    """Whether an event under this account may be about the merchant's cards. None is the example
    account, which serves who has none."""
    names = session.scalars(
        select(WalletAccount.name).where(
            WalletAccount.merchant_id == merchant_of(session),
            WalletAccount.wallet == wallet,
            WalletAccount.pending.is_(False),
        )
    ).all()
    return not names if account is None else account in names


def _newest(session: Session, card: Card, wallet: str) -> int | None:
    return session.scalar(
        select(func.max(VendorEvent.order)).where(
            VendorEvent.merchant_id == card.merchant_id,
            VendorEvent.card_id == card.id,
            VendorEvent.wallet == wallet,
        )
    )


def _keep(session: Session, card: Card, wallet: str, event: SaveEvent) -> bool:
    """False when it was heard before, of whichever card."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    kept = session.execute(
        insert(VendorEvent)
        .values(
            merchant_id=card.merchant_id,
            wallet=wallet,
            nonce=event.nonce,
            card_id=card.id,
            saved=event.saved,
            order=event.order,
            valid_until=event.valid_until,
        )
        .on_conflict_do_nothing()
        .returning(VendorEvent.nonce)
    )
    return kept.first() is not None
