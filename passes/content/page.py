"""What a card's own page shows beside the pass."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from passes.cards import links
from passes.content.history import history_of
from passes.content.page_rewards import rewards_of
from passes.content.sheet import Sheet, sheet_of
from passes.feedback import feedback
from passes.feedback.models import Feedback
from passes.merchants.merchants import business
from passes.referrals import lists
from passes.wallet_port import CardPage, PassContent, Rating, Sharing, State


def page_of(
    session: Session, card: Any, template: Any, content: PassContent, base_url: str, now: datetime
) -> CardPage:
    """The page of ``card`` (a row of all its columns), whose pass shows ``content``.

    ``template``: a row with id, kind, version and status. A card that was withdrawn shows nothing.
    """
    if content.state is State.VOID:
        return CardPage(content, (), (), None, None)
    sheet, merchant = sheet_of(session, template, base_url), business(session)
    newest = feedback.newest_of(session, card.id)
    return CardPage(
        content,
        history=history_of(session, card, sheet, merchant),
        rewards=rewards_of(session, card, sheet, merchant, now),
        sharing=_sharing(session, card, template, sheet, content, base_url),
        rating=rating(newest, now) if newest else None,
    )


def rating(row: Feedback, now: datetime) -> Rating:
    """What was said, as its author sees it."""
    return Rating(row.stars, row.comment or "", row.given_at, feedback.is_editable(row, now))


def _sharing(
    session: Session, card: Any, template: Any, sheet: Sheet, content: PassContent, base_url: str
) -> Sharing | None:
    """Whom the card's holder may recommend to; only while friends would get a card (R-REF-7)."""
    is_open = sheet.definition.referral.enabled and template.status == "active"
    if not is_open or content.state is not State.VALID:
        return None
    friends, rewarded = lists.counts_of(session, card.id)
    return Sharing(
        links.links_of(session, card, base_url).referral, sheet.referral, friends, rewarded
    )
