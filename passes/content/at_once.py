"""Draws one card with a single look at the database: a device waits for it."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from uuid import UUID

from sqlalchemy import bindparam, select

from passes.card_templates.models import CardTemplate
from passes.cards.models import Card
from passes.content.draw import draw, places_of
from passes.merchants import accounts
from passes.merchants.merchants import business_of
from passes.merchants.models import Location, Merchant
from passes.store import Store, table_of
from passes.wallet_port import PassContent

_cards, _templates = table_of(Card), table_of(CardTemplate)
_merchants, _locations = table_of(Merchant), table_of(Location)

_CARD = (
    select(_cards, _templates.c.kind, _templates.c.version.label("template_now"))
    .join(
        _templates,
        (_templates.c.merchant_id == _cards.c.merchant_id)
        & (_templates.c.id == _cards.c.template_id),
    )
    .where(_cards.c.merchant_id == bindparam("of_merchant"), _cards.c.id == bindparam("of_card"))
)
_MERCHANT = select(_merchants).where(_merchants.c.id == bindparam("of_merchant"))
_PLACES = (
    select(_locations)
    .where(_locations.c.merchant_id == bindparam("of_merchant"))
    .order_by(_locations.c.created_at, _locations.c.id)
)


def draw_at_once(
    store: Store, merchant_id: UUID, card_id: UUID, wallet: str, base_url: str, now: datetime
) -> PassContent | None:
    """``draw`` of a card by its ids; None when there is none.

    What ``draw`` would ask of its session one by one is read here in one look, and handed to it.
    """
    own = {"of_merchant": merchant_id}
    with store.look_all() as connection:
        card = connection.execute(_CARD, {**own, "of_card": card_id}).one_or_none()
        if card is None:
            return None
        template = SimpleNamespace(id=card.template_id, kind=card.kind, version=card.template_now)
        merchant = connection.execute(_MERCHANT, own).one()
        held = connection.execute(accounts.ALL, own).all()
        places = connection.execute(_PLACES, own).all()
    with store.read(merchant_id) as session:
        session.info["business"] = business_of(store.vault, merchant)
        session.info["templates"] = {card.template_id: template}
        session.info[accounts.READ] = held
        session.info["places"] = places_of(places)
        return draw(session, card, wallet, base_url, now)
