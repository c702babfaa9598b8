"""Exchanges points for a reward of the catalogue: entry and claim in one transaction (D.4.8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from passes.card_templates.kinds import Kind
from passes.errors import Invalid, NotFound
from passes.ledger import book
from passes.ledger import post as ledger
from passes.ledger.book import Actor, Posted, Posting
from passes.rewards import catalogue, claims, visibility
from passes.rewards.catalogue import Offered


def post(session: Session, card_name: str, posting: Posting, actor: Actor, now: datetime) -> Posted:
    """``ledger.post`` for whoever offers every verb: it knows what a reward of the catalogue costs.

    Raises NotFound also for a reward that this card may not have now (D.17).
    """
    if posting.verb != "redeem-reward" or posting.reward_id is None:
        return ledger.post(session, card_name, posting, actor, now)
    card = book.lock(session, card_name, now)
    if card.kind is not Kind.POINTS:
        raise Invalid.field("reward_id", "this card has no catalogue of rewards")
    # Locked behind the card: its limits are counted by one at a time.
    row = catalogue.locked(session, posting.reward_id)
    found = visibility.visible(session, card, [catalogue.offered(row)], now)
    if not found:
        raise NotFound("reward")
    (reward,) = found
    options = {**posting.options, "cost": reward.definition.cost}
    posted = ledger.post(session, str(card.id), replace(posting, options=options), actor, now)
    claims.make(session, reward, posted.card, posted.entry, actor, now)
    return posted


@dataclass(frozen=True, slots=True)
class Choice:
    """A reward that a card may have; ``missing``: how many points it still lacks."""

    reward: Offered
    missing: int


def choices(session: Session, card: Any, now: datetime) -> Sequence[Choice]:
    """What a card's holder sees of the catalogue now, the cheapest first."""
    offered = catalogue.of_template(session, card.template_id, ("active",))
    return [
        Choice(reward, max(0, reward.definition.cost - card.points))
        for reward in visibility.visible(session, card, offered, now)
    ]
