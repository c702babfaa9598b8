"""Links that customers share for points; the proof is that somebody else goes on (AMB-32, S5.15).

Nobody can prove a like. That a person on another device followed the link can be seen, and a
program that only draws a preview of it presses no button.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from passes import clock, ids
from passes.card_templates import templates
from passes.card_templates.kinds import Kind
from passes.card_templates.rules import Activity
from passes.card_templates.templates import Template
from passes.cards.models import Card
from passes.errors import Conflict, Invalid, NotFound
from passes.ledger import book
from passes.ledger.book import Actor, Posting
from passes.ledger.kinds.activities import named
from passes.ledger.post import post
from passes.merchants import directory
from passes.merchants.merchants import business
from passes.rewards.models import ShareLink
from passes.store import merchant_of

PROOF = "share_link"
MOST_PER_DAY = 20
"""Links of one card; each can bring points once."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A link, and what stands on its page."""

    link: ShareLink
    template: Template
    activity: Activity


def origin_of(session: Session, address: str, browser: str) -> str:
    """What is kept of a device: a keyed hash of its address and browser."""
    said = "\x00".join(("share link origin", address, browser)).encode()
    return hmac.digest(business(session).token_key, said, "sha256").hex()


def make(session: Session, card_name: str, key: str, made_on: str, now: datetime) -> Shared:
    """A new link for a card; ``made_on``: ``origin_of`` its holder's device.

    Raises Invalid for an activity that is not proven by a link, Conflict TOO_MANY_LINKS.
    """
    card = book.lock(session, card_name, now)
    if card.kind is not Kind.POINTS:
        raise Conflict(f"A card of the kind {card.kind.value} cannot do this.", code="WRONG_KIND")
    activity = named(card.definition.rules, key)
    if activity.proof != PROOF:
        raise Invalid.field("activity", "is not proven by a link")
    if _made_today(session, card, now) >= MOST_PER_DAY:
        raise Conflict(
            f"A card can share {MOST_PER_DAY} links a day.",
            code="TOO_MANY_LINKS",
            limit=MOST_PER_DAY,
        )
    link = ShareLink(
        merchant_id=card.merchant_id,
        id=ids.new_id(),
        card_id=card.id,
        activity=activity.key,
        created_at=now,
        made_on=made_on,
    )
    session.add(link)
    session.flush()
    directory.enter(session, directory.Known.SHARE_TOKEN, token_of(session, link), link.id)
    return Shared(link, templates.get(session, card.template_id), activity)


def token_of(session: Session, link: ShareLink) -> str:
    return ids.derived_token(business(session).token_key, "share link", link.id, 1)


def look(session: Session, link_id: UUID) -> Shared:
    """What the link leads to; changes nothing. Raises NotFound when its activity is gone."""
    link = session.get(ShareLink, (merchant_of(session), link_id))
    if link is None:
        raise NotFound("link")
    card = session.get_one(Card, (link.merchant_id, link.card_id))
    template = templates.get(session, card.template_id)
    try:
        return Shared(link, template, named(template.definition.rules, link.activity))
    except Invalid:
        raise NotFound("link") from None


def follow(session: Session, link_id: UUID, seen_on: str, now: datetime) -> Any | None:
    """A person went on from the link's page; the entry that gave the points, if it did.

    None: it is the device that made the link, or somebody was here before. Raises what posting
    raises, such as a limit that is reached: then the link may still bring points another day.
    """
    shared = look(session, link_id)
    card = book.lock(session, str(shared.link.card_id), now)
    link = session.get_one(
        ShareLink, (card.merchant_id, link_id), with_for_update=True, populate_existing=True
    )
    if link.entry_id is not None or hmac.compare_digest(link.made_on, seen_on):
        return None
    posting = Posting("activity", options={"activity": link.activity, "proof": PROOF})
    customer = Actor(kind="customer", id=str(card.customer_id), channel="portal")
    entry = post(session, str(card.id), posting, customer, now).entry
    link.opened_at, link.entry_id = now, entry.id
    session.flush()
    return entry


def _made_today(session: Session, card: Any, now: datetime) -> int:
    zone = business(session).time_zone
    today = clock.start_of_day(clock.day_of(now, zone), zone)
    return (
        session.scalar(
            select(func.count())
            .select_from(ShareLink)
            .where(
                ShareLink.merchant_id == card.merchant_id,
                ShareLink.card_id == card.id,
                ShareLink.created_at >= today,
            )
        )
        or 0
    )
