"""The owner decides about referrals that look odd, and about fraud (R-REF-8, D.9.2)."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from uuid import UUID

from sqlalchemy.orm import Session

from passes.errors import Conflict, NotFound
from passes.ledger.book import lock
from passes.referrals.course import let_pass
from passes.referrals.models import Referral
from passes.referrals.reward import reject as end
from passes.referrals.reward import revoke
from passes.store import merchant_of


def get(session: Session, referral_id: UUID) -> Referral:
    """Raises NotFound."""
    referral = session.get(Referral, (merchant_of(session), referral_id), populate_existing=True)
    if referral is None:
        raise NotFound("referral")
    return referral


def approve(session: Session, referral_id: UUID, now: datetime) -> Referral:
    """Pays a referral that waits for a decision, or lets its hold go on.

    Raises NotFound, or Conflict NOT_IN_REVIEW.
    """
    referral, friend = _locked(session, referral_id, now)
    if not _waits(referral):
        raise Conflict("This referral does not wait for a decision.", code="NOT_IN_REVIEW")
    assert friend is not None  # noqa: S101 - without a card it was rejected at once
    let_pass(session, referral, friend, now)
    return referral


def reject(session: Session, referral_id: UUID, now: datetime) -> Referral:
    """Pays nothing for a referral that waits; takes back what was paid for one that did not.

    Raises NotFound, or Conflict NOT_IN_REVIEW.
    """
    referral, friend = _locked(session, referral_id, now)
    if _waits(referral):
        end(referral, "REVIEW", now)
    elif referral.state == "rewarded" and friend is not None:
        revoke(session, referral, friend, "REVIEW", now)
    else:
        raise Conflict("There is nothing to decide about this referral.", code="NOT_IN_REVIEW")
    session.flush()
    return referral


def _waits(referral: Referral) -> bool:
    return referral.state == "qualified" and referral.reason == "REVIEW"


def _locked(
    session: Session, referral_id: UUID, now: datetime
) -> tuple[Referral, SimpleNamespace | None]:
    """The referral as it is while its friend's card is locked; and that card."""
    friend_card_id = get(session, referral_id).friend_card_id
    friend = lock(session, str(friend_card_id), now) if friend_card_id else None
    return get(session, referral_id), friend
