"""Begins a referral when a recommended friend gets a card, or notes why there is none (D.9.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from passes import clock, ids
from passes.card_templates.earning import ReferralRules
from passes.card_templates.templates import Template
from passes.cards import cards
from passes.cards.expiry import has_passed
from passes.cards.models import Card
from passes.customers.models import Customer
from passes.merchants.merchants import business
from passes.referrals.contacts import same_person
from passes.referrals.models import Referral
from passes.referrals.oddities import oddities
from passes.store import merchant_of, shard_of

AT_ENROLMENT = ("SELF_CUSTOMER", "SELF_CONTACT", "NOT_NEW", "ALREADY_REFERRED", "WINDOW_OVER")
"""Reasons for which no referral even begins."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Whose link led somebody here, and when it was opened.

    ``origin``: from where, as ``oddities.origin_of`` hides it; None when a program sent it.
    """

    referrer_card_id: UUID
    opened_at: datetime
    origin: str | None = None


def enrol(
    session: Session,
    template: Template,
    card: Card,
    recommendation: Recommendation,
    now: datetime,
    *,
    is_new: bool,
) -> Referral | None:
    """Begins the referral of the holder of a new card, or keeps why it was rejected.

    ``template`` is that of the card; None when it has no referral programme. ``is_new``: the
    customer was made in this very transaction (R-REF-4).
    """
    rules = template.definition.referral
    if not rules.enabled:
        return None
    referrer = cards.get(session, recommendation.referrer_card_id)
    holder = cards.holder_of(session, card)
    reason = _why_known(session, referrer, holder.id) if not is_new else None
    reason = (
        reason
        or _whose_contact(session, referrer, holder)
        or _too_late(session, rules, recommendation, now)
    )
    referral = _row(session, template, recommendation, reason, now)
    referral.friend_card_id, referral.friend_customer_id = card.id, holder.id
    if reason is None:
        odd = oddities(session, referrer.id, recommendation.origin, holder.email_key, now)
        referral.review = odd or None
        referral.due_at = pending_until(referral, business(session).time_zone)
        card.referral_id = referral.id
    session.add(referral)
    session.flush()
    return referral


def reject_attempt(
    session: Session,
    template: Template,
    recommendation: Recommendation,
    customer_id: UUID,
    now: datetime,
) -> None:
    """Notes that somebody known used a link; they got no card by it."""
    if not template.definition.referral.enabled:
        return
    referrer = cards.get(session, recommendation.referrer_card_id)
    reason = _why_known(session, referrer, customer_id)
    referral = _row(session, template, recommendation, reason, now)
    referral.friend_customer_id = customer_id
    session.add(referral)
    session.flush()


def rules_of(referral: Referral) -> ReferralRules:
    """The rules that were promised when the friend came."""
    return ReferralRules.model_validate(referral.rule)


def pending_until(referral: Referral, time_zone: str) -> datetime:
    """The last second in which the referral can still qualify."""
    return _last_second(referral.enrolled_at, rules_of(referral).pending_days, time_zone)


def _row(
    session: Session,
    template: Template,
    recommendation: Recommendation,
    reason: str | None,
    now: datetime,
) -> Referral:
    merchant_id = merchant_of(session)
    return Referral(
        merchant_id=merchant_id,
        id=ids.new_id(),
        template_id=template.id,
        referrer_card_id=recommendation.referrer_card_id,
        state="rejected" if reason else "enrolled",
        reason=reason,
        rule=template.definition.referral.model_dump(mode="json"),
        origin=recommendation.origin,
        shard=shard_of(merchant_id),
        enrolled_at=now,
        ended_at=now if reason else None,
    )


def _why_known(session: Session, referrer: Card, customer_id: UUID) -> str:
    """Why somebody of whom there is a record already is nobody's friend."""
    if customer_id == referrer.customer_id:
        return "SELF_CUSTOMER"
    came_by_link = select(
        exists().where(
            Card.merchant_id == referrer.merchant_id,
            Card.customer_id == customer_id,
            Card.referral_id.is_not(None),
        )
    )
    return "ALREADY_REFERRED" if session.scalar(came_by_link) else "NOT_NEW"


def _whose_contact(session: Session, referrer: Card, holder: Customer) -> str | None:
    """Whether a new record is of somebody who is there already (R-REF-4, R-REF-8)."""
    others = same_person(session, holder)
    if referrer.customer_id in others:
        return "SELF_CONTACT"
    return "NOT_NEW" if others else None


def _too_late(
    session: Session, rules: ReferralRules, recommendation: Recommendation, now: datetime
) -> str | None:
    zone = business(session).time_zone
    last = _last_second(recommendation.opened_at, rules.window_days, zone)
    return "WINDOW_OVER" if has_passed(last, now) else None


def _last_second(start: datetime, days: int, time_zone: str) -> datetime:
    return clock.end_of_day(clock.day_of(start, time_zone) + timedelta(days=days), time_zone)
