"""Pays a referral to both cards at once, and takes it back (R-REF-5, R-REF-7, R-LED-7).

The friend's card is locked first, always, and the referrer's second: a card can only have been
recommended by an older one, so no two payments wait for each other. Who holds the friend's lock
owns the row of the referral.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from passes import clock
from passes.cards import events
from passes.cards.cards import validity
from passes.cards.listeners import LISTENING
from passes.cards.models import NEVER_NEGATIVE, Card, Installation
from passes.errors import Conflict
from passes.ledger.book import Actor, Posting, lock, write
from passes.ledger.figures import units_of
from passes.ledger.kinds import KINDS
from passes.ledger.kinds.base import Booking
from passes.ledger.models import LedgerEntry
from passes.merchants.merchants import business
from passes.referrals.enrol import rules_of
from passes.referrals.models import Referral
from passes.store import merchant_of, table_of

REWARDED, REVOKED = "referral.rewarded", "referral.revoked"
"""Events on the timelines of both cards."""

REFERRER, FRIEND = "referrer", "friend"
"""Whose part of a referral an entry is; stands in its details (AMB-17)."""

_entries = table_of(LedgerEntry)

_ACTOR = Actor(kind="system", id=None, channel="automation")

_COUNTED_WITH: Mapping[str, tuple[str, ...]] = {
    "available_visits": ("sold_visits", "referral_visits"),
    "stamps": ("stamps_earned",),
    "points": ("points_earned",),
}
"""By unit of a balance: what counts the same units as given, and no longer does after claw-back."""


def pay(session: Session, referral: Referral, friend: SimpleNamespace, now: datetime) -> None:
    """Gives both what was promised. ``friend``: their card, as ``book.lock`` gave it.

    Without anything for the referrer when their card is not valid or they had their fill; the
    reason is noted. Not at all when it turns out that the two are one (R-REF-8), or when the
    friend has no card to speak of any more.
    """
    rules = rules_of(referral)
    referrer = lock(session, str(referral.referrer_card_id), now)
    if (ends := _why_nothing(session, referral, friend, referrer, now)) is not None:
        reject(referral, ends, now)
        return
    referral.reason = _why_not_paid(session, referral, referrer, now)
    units = 0 if referral.reason else rules.referrer_units
    referral.friend_units, referral.friend_entry_id = _give(
        session, referral, friend, FRIEND, rules.referee_units, now
    )
    referral.referrer_units, referral.referrer_entry_id = _give(
        session, referral, referrer, REFERRER, units, now
    )
    if units and not referral.referrer_units:
        referral.reason = "NO_UNITS"
    referral.state, referral.rewarded_at, referral.due_at = "rewarded", now, None
    session.flush()


def revoke(
    session: Session, referral: Referral, friend: SimpleNamespace, reason: str | None, now: datetime
) -> None:
    """Takes back what was given, as far as it is still there; what is missing is noted."""
    referrer = lock(session, str(referral.referrer_card_id), now)
    _take_back(session, referral, friend, FRIEND, referral.friend_entry_id, now)
    _take_back(session, referral, referrer, REFERRER, referral.referrer_entry_id, now)
    referral.state, referral.reason, referral.ended_at = "revoked", reason, now
    session.flush()


def reject(referral: Referral, reason: str, now: datetime) -> None:
    """Ends a referral for which nothing was paid."""
    referral.state, referral.reason = "rejected", reason
    referral.ended_at, referral.due_at = now, None


def share_a_device(session: Session, friend_card_id: UUID, referrer_customer_id: UUID) -> bool:
    """Whether the friend's card was ever on a device that had a card of the referrer's."""
    theirs = aliased(Installation)
    return bool(
        session.scalar(
            select(
                exists().where(
                    Installation.merchant_id == merchant_of(session),
                    Installation.card_id == friend_card_id,
                    theirs.merchant_id == Installation.merchant_id,
                    theirs.wallet == Installation.wallet,
                    theirs.device == Installation.device,
                    Card.merchant_id == theirs.merchant_id,
                    Card.id == theirs.card_id,
                    Card.customer_id == referrer_customer_id,
                    Installation.status != LISTENING,
                    theirs.status != LISTENING,
                )
            )
        )
    )


def _is_usable(card: Any, now: datetime) -> bool:
    """R-REF-7. Who took the card off their phone still has it."""
    withdrawn = card.status == "deleted" and card.status_cause != "customer"
    in_use = card.template_status != "archived"
    return not withdrawn and in_use and validity(card, now) == "valid"


def _why_nothing(
    session: Session, referral: Referral, friend: Any, referrer: Any, now: datetime
) -> str | None:
    if rules_of(referral).trigger == "on_install" and friend.status != "installed":
        return "NOT_INSTALLED"
    if not _is_usable(friend, now):
        return "FRIEND_INVALID"
    return "SELF_DEVICE" if share_a_device(session, friend.id, referrer.customer_id) else None


def _why_not_paid(
    session: Session, referral: Referral, referrer: SimpleNamespace, now: datetime
) -> str | None:
    """Whether the referrer may have theirs. Their card's lock keeps the count right."""
    if not _is_usable(referrer, now):
        return "REFERRER_INVALID"
    rules = rules_of(referral)
    zone = business(session).time_zone
    month = clock.start_of_day(clock.day_of(now, zone).replace(day=1), zone)
    paid = (
        select(func.count())
        .select_from(Referral)
        .where(
            Referral.merchant_id == merchant_of(session),
            Referral.referrer_card_id == referrer.id,
            Referral.state == "rewarded",
            Referral.referrer_units > 0,
        )
    )
    for most, counted in (
        (rules.max_rewarded_per_month, paid.where(Referral.rewarded_at >= month)),
        (rules.max_rewarded_total, paid),
    ):
        if most is not None and (session.scalar(counted) or 0) >= most:
            return "LIMIT_REACHED"
    return None


def _give(
    session: Session, referral: Referral, card: SimpleNamespace, role: str, n: int, now: datetime
) -> tuple[int, UUID | None]:
    """How many units the card got, and the entry. Cards without units, or with money, get none."""
    gives = KINDS[card.kind].gives
    deltas = dict(gives(card, card.definition.rules, n)) if gives and n else {}
    if not deltas or "money" in deltas:
        return 0, None
    if "available_visits" in deltas:
        deltas["referral_visits"] = deltas["available_visits"]
    booking = Booking(
        "referral_reward",
        deltas,
        adds=True,
        redeems=deltas.get("rewards_redeemed", 0) > 0,
        details={"role": role, "units": n},
    )
    posted = write(session, card, booking, _posting(referral), _ACTOR, now)
    events.record(session, card.id, REWARDED, now, role=role, units=n)
    return n, posted.entry.id


def _take_back(
    session: Session,
    referral: Referral,
    card: SimpleNamespace,
    role: str,
    entry_id: UUID | None,
    now: datetime,
) -> None:
    if entry_id is None:
        return
    given = session.execute(
        select(_entries).where(
            _entries.c.merchant_id == merchant_of(session), _entries.c.id == entry_id
        )
    ).one()
    if given.reversed_by_id is not None:
        return  # somebody undid it by hand
    n = given.details["units"]
    deltas = {unit: -value for unit, value in units_of(given).items()}
    taken = n
    if not _is_possible(card, deltas):
        taken, deltas = _what_is_there(card, given, n)
    details = {"role": role, "units": taken}
    if taken < n:
        details["missing"] = n - taken
    booking = Booking("referral_clawback", deltas, details=details)
    write(session, card, booking, _posting(referral), _ACTOR, now)
    events.record(session, card.id, REVOKED, now, **details)


def _posting(referral: Referral) -> Posting:
    return Posting("referral", referral_id=referral.id)


def _is_possible(card: SimpleNamespace, deltas: Mapping[str, int]) -> bool:
    """Whether the reward can be taken back to the last unit, as if it had never been."""
    after = SimpleNamespace(**vars(card))
    for unit, delta in deltas.items():
        setattr(after, unit, getattr(card, unit) + delta)
    if any(getattr(after, unit) < 0 for unit in NEVER_NEGATIVE):
        return False
    try:
        KINDS[card.kind].check(after, card.definition.rules)
    except Conflict:
        return False
    return True


def _what_is_there(card: SimpleNamespace, given: Any, n: int) -> tuple[int, dict[str, int]]:
    """As many of the units as the balance holds (R-LED-7)."""
    for unit, counters in _COUNTED_WITH.items():
        if any(getattr(given, each) for each in (unit, *counters)):
            taken = min(n, getattr(card, unit))
            return taken, dict.fromkeys((unit, *counters), -taken)
    return 0, {}
