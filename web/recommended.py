"""Who recommended the card to somebody who fills in a sign-up form (R-REF-1, R-REF-8)."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from flask import request
from sqlalchemy.orm import Session

from passes.card_templates.templates import Template
from passes.cards import sign_up
from passes.errors import Conflict, NotFound
from passes.merchants import directory
from passes.merchants.directory import Known
from passes.referrals.enrol import Recommendation, reject_attempt
from passes.referrals.oddities import origin_of
from passes.store import merchant_of
from web import services
from web.attribution import FirstTouch


def recommendation(session: Session, touch: FirstTouch) -> Recommendation | None:
    """Whose link counts; None when that card was withdrawn: the friend gets a card all the same."""
    code, now = touch.referral, services().now()
    found = directory.find(session, Known.REFERRAL, code) if code else None
    if found is None or found.merchant_id != merchant_of(session):
        return None
    try:
        referrer = sign_up.referrer(session, found.subject_id, now)
    except (Conflict, NotFound):
        return None
    opened_at = now if touch.opened_at is None else datetime.fromtimestamp(touch.opened_at, UTC)
    origin = origin_of(session, request.remote_addr or "", request.user_agent.string)
    return Recommendation(referrer.id, opened_at, origin)


def note_attempt(
    session: Session, template: Template, touch: FirstTouch, customer_id: UUID
) -> None:
    """Somebody who is known used a referral link: the merchant may see it, the page does not tell
    (R-ISS-7)."""
    recommended = recommendation(session, touch)
    if recommended is not None:
        reject_attempt(session, template, recommended, customer_id, services().now())
