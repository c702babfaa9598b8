"""The course of a referral: what happens to the friend's card moves it on (D.9.2, R-REF-6).

These follow what cards and ledger tell. A card that nobody recommended costs nothing here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from passes import money
from passes.cards.cards import get as get_card
from passes.cards.expiry import has_passed
from passes.happenings import Installed, Posted, Removed, Undone
from passes.ledger.models import LedgerEntry
from passes.merchants.merchants import business
from passes.referrals.enrol import pending_until, rules_of
from passes.referrals.models import Referral
from passes.referrals.reward import pay, reject, revoke, share_a_device
from passes.store import merchant_of, table_of

USES = frozenset(
    (
        "add_visits",
        "redeem_visits",
        "add_bonus",
        "redeem_bonus",
        "add_stamps",
        "add_reward",
        "redeem_reward",
        "accrue_points",
        "redeem_points",
        "activity",
        "add_money",
        "redeem_money",
        "purchase",
        "redeem_coupon",
        "check_in",
        "renew",
        "change_plan",
    )
)
"""Types of entries by which a friend uses the card, or pays for it."""

BY_PEOPLE = ("staff", "api")
"""Kinds of actor behind a use: neither the product itself nor the friend alone."""

MAY_BE_REVOKED = timedelta(days=30)
"""How old the use may be whose undo takes the reward back."""

_entries = table_of(LedgerEntry)


# --- what happens to the friend's card -----------------------------------------------------------


def installed(session: Session, happening: Installed, now: datetime) -> None:
    """Nothing is paid before the card is on a device (R-REF-3), and not on the referrer's.

    A wallet's transaction locks this one card: what is due now, the worker pays at once.
    """
    referral = _open_one(session, happening.card)
    if referral is None or _expires(session, referral, now):
        return
    referrer = get_card(session, referral.referrer_card_id)
    if share_a_device(session, happening.card.id, referrer.customer_id):
        reject(referral, "SELF_DEVICE", now)
    elif referral.installed_at is None:
        referral.state, referral.installed_at = "installed", now
        if rules_of(referral).trigger == "on_install" or referral.trigger_entry_id:
            _qualify(session, referral, now)
    session.flush()


def removed(session: Session, happening: Removed, now: datetime) -> None:
    """Whoever takes the card off again while its installation waits for the reward gets none."""
    referral = _open_one(session, happening.card) if not happening.remaining else None
    if referral is None or referral.state != "qualified":
        return
    if rules_of(referral).trigger == "on_install":
        reject(referral, "NOT_INSTALLED", now)
        session.flush()


def posted(session: Session, happening: Posted, now: datetime) -> None:
    """The friend's first use. It counts as soon as the card is installed, too."""
    card, entry = happening.card, happening.entry
    if card.referral_id is None or not _may_be_use(entry):
        return
    referral = _open_one(session, card)
    if referral is None or referral.trigger_entry_id or not _triggers(session, referral, entry):
        return
    if not _expires(session, referral, now):
        referral.trigger_entry_id = entry.id
        if referral.installed_at is not None:
            _qualify(session, referral, now)
            if referral.due_at is not None and referral.due_at <= now:
                pay(session, referral, card, now)
    session.flush()


def undone(session: Session, happening: Undone, now: datetime) -> None:
    """Without its use a referral is what it was before; what was paid is taken back (R-REF-6)."""
    card, original = happening.card, happening.original
    if card.referral_id is None:
        return
    referral = _of(session, card)
    if referral.trigger_entry_id != original.id:
        return
    referral.trigger_entry_id = _another_use(session, referral)
    if referral.trigger_entry_id is None:
        if referral.state == "qualified":
            referral.state, referral.reason, referral.qualified_at = "installed", None, None
            referral.due_at = pending_until(referral, business(session).time_zone)
        elif referral.state == "rewarded" and now <= original.recorded_at + MAY_BE_REVOKED:
            revoke(session, referral, card, None, now)
    session.flush()


# --- what time does to it ------------------------------------------------------------------------


def advance(session: Session, referral: Referral, friend: Any, now: datetime) -> None:
    """Does what is due: the time to qualify is over, or the hold. ``friend``: the locked card."""
    if referral.state in ("enrolled", "installed"):
        if not _expires(session, referral, now):
            referral.due_at = pending_until(referral, business(session).time_zone)
    elif referral.state == "qualified" and referral.reason is None:
        referral.due_at = _held_until(referral)
        if referral.due_at <= now:
            pay(session, referral, friend, now)
    else:
        referral.due_at = None
    session.flush()


def let_pass(session: Session, referral: Referral, friend: Any, now: datetime) -> None:
    """The owner finds nothing odd in it."""
    referral.reason = None
    advance(session, referral, friend, now)


def _qualify(session: Session, referral: Referral, now: datetime) -> None:
    referral.state, referral.qualified_at = "qualified", now
    if referral.review:
        referral.reason, referral.due_at = "REVIEW", None
        return
    referral.due_at = _held_until(referral)
    session.info["wakes_worker"] = True


def _held_until(referral: Referral) -> datetime:
    assert referral.qualified_at is not None  # noqa: S101 - asked of qualified ones only
    return referral.qualified_at + timedelta(hours=rules_of(referral).hold_hours)


def _expires(session: Session, referral: Referral, now: datetime) -> bool:
    """Ends a referral that took too long; also when the worker is late."""
    if referral.state == "qualified":
        return False
    if not has_passed(pending_until(referral, business(session).time_zone), now):
        return False
    referral.state, referral.reason = "expired", "PENDING_EXPIRED"
    referral.ended_at, referral.due_at = now, None
    session.flush()
    return True


# --- which referral, which entry -----------------------------------------------------------------


def _of(session: Session, card: Any) -> Referral:
    """The card's referral as it is now; the card is locked, so nobody else changes it."""
    return session.get_one(Referral, (card.merchant_id, card.referral_id), populate_existing=True)


def _open_one(session: Session, card: Any) -> Referral | None:
    if card.referral_id is None:
        return None
    referral = _of(session, card)
    return referral if referral.state in ("enrolled", "installed", "qualified") else None


def _may_be_use(entry: Any) -> bool:
    return entry.type in USES and entry.actor_kind in BY_PEOPLE


def _triggers(session: Session, referral: Referral, entry: Any) -> bool:
    rules = rules_of(referral)
    if rules.trigger == "on_install":
        return False
    return rules.trigger == "on_first_visit" or _least(session, referral) <= (
        entry.purchase_amount or 0
    )


def _least(session: Session, referral: Referral) -> int:
    """The least amount of a purchase that counts; one without any price is none."""
    amount = rules_of(referral).min_amount
    least = money.parse_decimal(amount, business(session).currency) if amount else 0
    return max(1, least)


def _another_use(session: Session, referral: Referral) -> UUID | None:
    """The first use of the friend's card that was not undone."""
    query = select(_entries.c.id).where(
        _entries.c.merchant_id == merchant_of(session),
        _entries.c.card_id == referral.friend_card_id,
        _entries.c.type.in_(USES),
        _entries.c.actor_kind.in_(BY_PEOPLE),
        _entries.c.reverses_id.is_(None),
        _entries.c.reversed_by_id.is_(None),
    )
    if rules_of(referral).trigger == "on_first_purchase":
        query = query.where(_entries.c.purchase_amount >= _least(session, referral))
    return session.scalar(query.order_by(_entries.c.seq).limit(1))
