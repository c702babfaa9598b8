"""The gift link of a card with money on it: the first to complete it is the new holder (D.4.4)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from passes import ids
from passes.card_templates.kinds import Kind
from passes.cards.cards import validity
from passes.cards.models import Card
from passes.errors import Conflict
from passes.i18n import text
from passes.merchants import directory
from passes.merchants.merchants import business

TRANSFERRED = "transferred"
"""Why a card is deleted whose money went to another holder."""


def gift_token(key: bytes, card_id: UUID, version: int) -> str:
    return ids.derived_token(key, "gift link", card_id, version)


def make_link(session: Session, card: Card, base_url: str) -> str:
    """A new gift link; the one before stops working at once. The caller holds the card's lock."""
    key = business(session).token_key
    if card.gift_token_version:
        old = gift_token(key, card.id, card.gift_token_version)
        directory.forget(session, directory.Known.GIFT_TOKEN, old)
    card.gift_token_version += 1
    token = gift_token(key, card.id, card.gift_token_version)
    directory.enter(session, directory.Known.GIFT_TOKEN, token, card.id)
    session.flush()
    return f"{base_url}/g/{token}"


def check_giveable(card: Any, kind: Kind, template_status: str, now: datetime) -> None:
    """Whether the money of ``card`` can go to another holder. Raises Conflict with a code.

    WRONG_KIND, GIFT_TAKEN, CARD_DELETED, CARD_EXPIRED, CARD_BLOCKED, TEMPLATE_ARCHIVED,
    NOTHING_TO_GIVE. A template that is paused gives out no new cards, and this is none.
    """
    if kind is not Kind.GIFT:
        raise Conflict(f"A card of the kind {kind.value} cannot be given away.", code="WRONG_KIND")
    if card.status_cause == TRANSFERRED:
        raise Conflict(text("This gift has been taken already."), code="GIFT_TAKEN")
    if card.status == "deleted" and card.status_cause != "customer":
        raise Conflict(text("This card was deleted."), code="CARD_DELETED")
    state = validity(card, now)
    if state == "expired":
        raise Conflict(
            text("This card has expired."), code="CARD_EXPIRED", expires_at=card.expires_at
        )
    if state == "blocked":
        raise Conflict(text("This card is blocked."), code="CARD_BLOCKED")
    if template_status == "archived":
        raise Conflict(text("This card is not in use any more."), code="TEMPLATE_ARCHIVED")
    if card.money == 0:
        raise Conflict(text("There is no money on this card."), code="NOTHING_TO_GIVE")
