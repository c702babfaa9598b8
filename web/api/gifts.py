"""Gift cards that change hands: by a link for whoever gets it, or to a customer who is known."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from passes.card_templates import templates
from passes.cards import cards, gifts
from passes.customers import customers
from passes.errors import Invalid, NotFound
from passes.ledger.transfer import hand_over
from web.api import answers, shown
from web.api.cards import actor_of
from web.api.operation import Call, operation
from web.api.reading import Body


class Recipient(Body):
    customer_id: UUID


@operation(
    "POST",
    "/cards/<card>/gift-link",
    "Make a link by which somebody else takes over a gift card; the one before stops working",
    scope="issue",
    answer=answers.GiftLinkShape,
)
def make_gift_link(call: Call) -> dict[str, Any]:
    card = cards.get(call.session, call.path["card"], locked=True)
    template = templates.get(call.session, card.template_id)
    gifts.check_giveable(card, template.kind, template.status, call.now)
    url = gifts.make_link(call.session, card, call.services.base_url)
    return {"card_id": card.id, "url": url}


@operation(
    "POST",
    "/cards/<card>/transfer",
    "Hand the money of a gift card to another customer, on a new card; the old one is withdrawn",
    scope="issue",
    body=Recipient,
    answer=answers.CardShape,
)
def transfer_card(call: Call) -> dict[str, Any]:
    card = cards.get(call.session, call.path["card"])
    asked = call.body(Recipient)
    try:
        customer = customers.get(call.session, asked.customer_id)
    except NotFound:
        raise Invalid.field("customer_id", "there is no such customer") from None
    if customer.id == card.customer_id:
        raise Invalid.field("customer_id", "has this card already")
    made = hand_over(call.session, card.id, customer, actor_of(call), call.now)
    return shown.card(call.session, made, call.services, call.now)
