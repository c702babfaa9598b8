"""Shows referrals: to the merchant in full, to the referrer without surnames (R-REF-10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from passes.cards.models import Card, Touch
from passes.customers.models import Customer
from passes.referrals.enrol import AT_ENROLMENT
from passes.referrals.models import Referral
from passes.store import merchant_of


@dataclass(frozen=True, slots=True)
class Friend:
    """What a referrer may see of somebody who came: ``name`` such as "Berta K."."""

    id: UUID
    name: str
    state: str
    units: int
    enrolled_at: datetime
    rewarded_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReferralStatistics:
    """``revenue``: what those who came have spent on all their cards, in minor units."""

    opened: int
    enrolled: int
    installed: int
    rewarded: int
    revenue: int


def newest(
    session: Session,
    *,
    state: str | None = None,
    card_id: UUID | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> Sequence[Referral]:
    """Referrals and rejected attempts, newest first; ``card_id``: of either side."""
    query = select(Referral).where(Referral.merchant_id == merchant_of(session))
    if state is not None:
        query = query.where(Referral.state == state)
    if card_id is not None:
        query = query.where(
            or_(Referral.referrer_card_id == card_id, Referral.friend_card_id == card_id)
        )
    if after is not None:
        at, referral_id = after
        query = query.where(
            (Referral.enrolled_at < at)
            | ((Referral.enrolled_at == at) & (Referral.id < referral_id))
        )
    return session.scalars(
        query.order_by(Referral.enrolled_at.desc(), Referral.id.desc()).limit(limit)
    ).all()


def friends_of(
    session: Session,
    card_id: UUID,
    *,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[Friend]:
    """Who came through a card's link, newest first: fit for the referrer's eyes.

    Without those who were there before: that they are is nobody else's business.
    """
    query = (
        select(Referral, Customer.first_name, Customer.last_name)
        .join(
            Customer,
            (Customer.merchant_id == Referral.merchant_id)
            & (Customer.id == Referral.friend_customer_id),
        )
        .where(
            Referral.merchant_id == merchant_of(session),
            Customer.merchant_id == merchant_of(session),
            Referral.referrer_card_id == card_id,
            _came(),
        )
    )
    if after is not None:
        at, referral_id = after
        query = query.where(
            (Referral.enrolled_at < at)
            | ((Referral.enrolled_at == at) & (Referral.id < referral_id))
        )
    rows = session.execute(
        query.order_by(Referral.enrolled_at.desc(), Referral.id.desc()).limit(limit)
    )
    return [
        Friend(
            referral.id,
            _short(first_name, last_name),
            referral.state,
            referral.referrer_units if referral.state == "rewarded" else 0,
            referral.enrolled_at,
            referral.rewarded_at,
        )
        for referral, first_name, last_name in rows
    ]


def counts_of(session: Session, card_id: UUID) -> tuple[int, int]:
    """How many came through a card's link, and how many of them brought its holder a reward."""
    came, rewarded = session.execute(
        select(
            func.count(),
            func.count().filter(Referral.state == "rewarded", Referral.referrer_units > 0),
        )
        .select_from(Referral)
        .where(
            Referral.merchant_id == merchant_of(session),
            Referral.referrer_card_id == card_id,
            _came(),
        )
    ).one()
    return came, rewarded


def statistics(session: Session, template_id: UUID | None = None) -> ReferralStatistics:
    """Of one template or all, over all time. Rejected attempts count as opened, not as enrolled."""
    merchant_id = merchant_of(session)
    of_touches = [Touch.merchant_id == merchant_id, Touch.link == "referral"]
    of_referrals = [Referral.merchant_id == merchant_id, _came()]
    if template_id is not None:
        of_touches.append(Touch.template_id == template_id)
        of_referrals.append(Referral.template_id == template_id)
    friends = select(Referral.friend_customer_id).where(*of_referrals)
    opened = session.scalar(select(func.count()).select_from(Touch).where(*of_touches))
    enrolled, installed, rewarded = session.execute(
        select(
            func.count(),
            func.count().filter(Referral.installed_at.is_not(None)),
            func.count().filter(Referral.state == "rewarded"),
        )
        .select_from(Referral)
        .where(*of_referrals)
    ).one()
    revenue = session.scalar(
        select(func.coalesce(func.sum(Card.purchases), 0)).where(
            Card.merchant_id == merchant_id, Card.customer_id.in_(friends)
        )
    )
    return ReferralStatistics(opened or 0, enrolled, installed, rewarded, int(revenue or 0))


def _came() -> ColumnElement[bool]:
    """Those whose referral began: not the attempts that were rejected at the door."""
    return or_(Referral.reason.is_(None), Referral.reason.not_in(AT_ENROLMENT))


def _short(first_name: str | None, last_name: str | None) -> str:
    initial = f"{last_name[0]}." if last_name else ""
    return f"{first_name or ''} {initial}".strip() or "?"
