"""What makes a recommendation look odd, so that the owner decides about it (R-REF-8)."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from passes.merchants.merchants import business
from passes.referrals.disposable import DOMAINS
from passes.referrals.models import Referral
from passes.store import merchant_of

SAME_BROWSER = "SAME_BROWSER"
"""The address and browser of the referrer, or of another friend of theirs, within 24 hours."""
MANY_AT_ONCE = "MANY_AT_ONCE"
"""More than three with one link from one address within an hour."""
MANY_FROM_ADDRESS = "MANY_FROM_ADDRESS"
"""More than ten from one address within seven days."""
DISPOSABLE_EMAIL = "DISPOSABLE_EMAIL"
"""The e-mail address belongs to a service that gives them out for ten minutes."""

AT_ONCE = 3
FROM_ADDRESS = 10


def origin_of(session: Session, address: str, browser: str) -> str:
    """A keyed hash of where somebody came from: its first half is the address alone.

    Only the merchant's own key makes the same of the same again; nothing leads back.
    """
    key = business(session).token_key
    halves = (
        hmac.digest(key, f"referral {purpose}\x00{given}".encode(), "sha256").hex()[:32]
        for purpose, given in (("address", address), ("browser", browser))
    )
    return ".".join(halves)


def oddities(
    session: Session,
    referrer_card_id: UUID,
    origin: str | None,
    email_key: str | None,
    now: datetime,
) -> list[str]:
    """Why the owner should look at a recommendation that begins now; empty when all is well.

    Attempts that were rejected count as well. ``origin`` None: a till's program sent it.
    """
    found = []
    if origin is not None:
        address = Referral.origin.startswith(f"{origin.split('.')[0]}.")
        hour, day, week = (now - timedelta(hours=hours) for hours in (1, 24, 7 * 24))
        of_link = Referral.referrer_card_id == referrer_card_id
        # How the referrer came is known where somebody recommended the card to them.
        near = of_link | (Referral.friend_card_id == referrer_card_id)
        if _count(session, day, (Referral.origin == origin) & near):
            found.append(SAME_BROWSER)
        if _count(session, hour, address & of_link) >= AT_ONCE:
            found.append(MANY_AT_ONCE)
        if _count(session, week, address) >= FROM_ADDRESS:
            found.append(MANY_FROM_ADDRESS)
    if email_key is not None and email_key.rpartition("@")[2] in DOMAINS:
        found.append(DISPOSABLE_EMAIL)
    return found


def _count(session: Session, since: datetime, condition: ColumnElement[bool]) -> int:
    return (
        session.scalar(
            select(func.count())
            .select_from(Referral)
            .where(
                Referral.merchant_id == merchant_of(session),
                Referral.enrolled_at > since,
                condition,
            )
        )
        or 0
    )
