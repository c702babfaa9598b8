"""Where a card is installed, by proof only, and what that makes of its status (D.7)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import case, func, select, update
from sqlalchemy.orm import Session

from passes.cards import events, listeners
from passes.cards.cards import expiry_by_rule, plan_expiry
from passes.cards.change import bump
from passes.cards.listeners import ACTIVE, LISTENING, REMOVED
from passes.cards.models import Card, Delivery, Installation
from passes.happenings import Installed, Removed, tell
from passes.store import merchant_of
from passes.wallet_port import Reason

_BY_CUSTOMER = ("link", "referral")
"""Channels in which a card counts as issued when it is first installed (AMB-09)."""

MOST_DEVICES = 5
"""More are let in, and the merchant is told (R-INST-5)."""


def install(
    session: Session,
    card: Card,
    wallet: str,
    device: str,
    address: Mapping[str, str],
    at: datetime,
) -> bool:
    """Records that the card is on a device; False when that was known. The card is locked.

    A repeated event refreshes the address; one older than what is known changes nothing
    (R-INST-1, R-INST-3). An empty address says nothing new: what is known of the device stays.
    """
    row = session.get(Installation, (card.merchant_id, card.id, wallet, device))
    if row is not None and row.status == ACTIVE:
        row.last_seen_at = max(row.last_seen_at, at)
        row.registered_at, row.stale = row.last_seen_at, False
        listeners.take_address(row, address)
        session.flush()
        return False
    if row is not None and row.removed_at is not None and row.changed_at > at:
        return False
    others = _active(session, card)
    version = card.version if _has_newest(session, card, wallet) else 0
    if row is None:
        row = listeners.new_row(card, wallet, device, at)
        session.add(row)
    elif row.status == REMOVED:
        row.address = {}  # of the time before
    elif row.removed_at is None:
        row.first_installed_at = at  # until now it only listened
    listeners.take_address(row, address)
    row.status = ACTIVE
    row.last_seen_at = row.changed_at = row.registered_at = at
    row.removed_at = None
    row.told_version, row.fetched_version, row.fetched_at = 0, version, None
    row.unanswered_pushes, row.stale, row.pushed_at = 0, False, None
    first = card.first_installed_at is None
    reinstalled = card.status == "deleted" and card.status_cause == "customer"
    card.first_installed_at = card.first_installed_at or at
    card.last_installed_at = max(card.last_installed_at or at, at)
    if card.status == "not_installed" or reinstalled:
        card.status, card.status_cause = "installed", None
    expires_at = card.expires_at
    if first and card.issue_channel in _BY_CUSTOMER:
        card.issued_at = at
        if card.expiry_mode == "rule":
            card.expires_at = expiry_by_rule(session, card)
            plan_expiry(session, card, at)
    session.flush()
    if card.expires_at != expires_at:
        bump(session, card, Reason.CONTENT, at)  # the pass that was handed out shows the old date
    elif not version:
        _tell_again(session, card, wallet, at)
    events.record(
        session,
        card.id,
        events.INSTALLED,
        at,
        wallet=wallet,
        additional=others > 0,
        reinstall=reinstalled,
    )
    if others == MOST_DEVICES:
        events.record(session, card.id, events.MANY_DEVICES, at, wallet=wallet, devices=others + 1)
    tell(session, Installed(card, wallet, device, first), at)
    return True


def remove(session: Session, card: Card, wallet: str, device: str, at: datetime) -> bool:
    """Records that the card left a device; False when that was known. The card is locked.

    Balances stay. The last one that goes makes the card deleted by the customer (D.7.2). A device
    that only listened is forgotten, and nothing else follows.
    """
    row = session.get(Installation, (card.merchant_id, card.id, wallet, device))
    if row is None or row.last_seen_at > at:
        return False
    if row.status == REMOVED:
        row.changed_at = max(row.changed_at, at)
        session.flush()
        return False
    if row.status == LISTENING:
        listeners.end(session, row)
        return True
    row.status, row.changed_at, row.removed_at = REMOVED, at, at
    row.address, row.unreachable_since = {}, None
    session.flush()
    remaining = _active(session, card)
    card.first_removed_at = card.first_removed_at or at
    card.last_removed_at = max(card.last_removed_at or at, at)
    if not remaining and card.status == "installed":
        card.status, card.status_cause = "deleted", "customer"
    session.flush()
    events.record(
        session,
        card.id,
        events.UNINSTALLED if remaining else events.REMOVED,
        at,
        wallet=wallet,
        remaining=remaining,
    )
    tell(session, Removed(card, remaining), at)
    return True


def count(session: Session, wallet: str) -> int:
    """How many of the merchant's passes are installed in a wallet."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Installation)
            .where(
                Installation.merchant_id == merchant_of(session),
                Installation.wallet == wallet,
                Installation.status == ACTIVE,
            )
        )
        or 0
    )


def _active(session: Session, card: Card) -> int:
    return (
        session.scalar(
            select(func.count())
            .select_from(Installation)
            .where(
                Installation.merchant_id == card.merchant_id,
                Installation.card_id == card.id,
                Installation.status == ACTIVE,
            )
        )
        or 0
    )


def _has_newest(session: Session, card: Card, wallet: str) -> bool:
    """Whether the pass that a device says it has can only be the newest.

    It was handed out after the last change, or came from another device that has the newest.
    ``changed_at`` is cut to the second, hence the second more.
    """
    if card.version == 1:
        return True
    if card.downloaded_at and card.downloaded_at >= card.changed_at + timedelta(seconds=1):
        return True
    newest = session.scalar(
        select(func.max(Installation.fetched_version)).where(
            Installation.merchant_id == card.merchant_id,
            Installation.card_id == card.id,
            Installation.wallet == wallet,
            Installation.status == ACTIVE,
        )
    )
    return newest == card.version


def _tell_again(session: Session, card: Card, wallet: str, now: datetime) -> None:
    """The card changed while a pass was on its way: the wallet is told once more.

    Silently, where all who had it were told already: to them it is no news.
    """
    told_already = Delivery.due_at.is_(None) & (Delivery.delivered_version >= card.version)
    session.execute(
        update(Delivery)
        .where(
            Delivery.merchant_id == card.merchant_id,
            Delivery.card_id == card.id,
            Delivery.wallet == wallet,
        )
        .values(
            delivered_version=case(
                (Delivery.delivered_version < card.version, Delivery.delivered_version),
                else_=card.version - 1,
            ),
            reason=case((told_already, Reason.CONTENT.value), else_=Delivery.reason),
            due_at=func.coalesce(Delivery.due_at, now),
            dead_at=None,
        )
        .execution_options(synchronize_session=False)
    )
    session.info["wakes_worker"] = True
