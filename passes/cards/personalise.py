"""The holder of a card that was issued to nobody known says who they are, once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from passes.card_templates.definition import Personalisation
from passes.card_templates.kinds import Kind
from passes.card_templates.models import CardTemplate
from passes.card_templates.templates import definition_of
from passes.cards import events
from passes.cards.change import bump
from passes.cards.models import Card
from passes.customers import customers
from passes.customers.details import Details, phone_key
from passes.customers.models import Customer
from passes.merchants.merchants import business
from passes.wallet_port import Detail, Reason

_KNOWN_BY = ("first_name", "last_name", "phone", "email", "external_id")
_COLUMNS: Mapping[Detail, tuple[str, ...]] = {
    Detail.NAME: ("first_name", "last_name"),
    Detail.EMAIL: ("email",),
    Detail.PHONE: ("phone",),
    Detail.POSTAL_CODE: ("postal_code",),
}
_CONTACTS = ("email", "phone")


def asked_for(session: Session, card: Any) -> Personalisation | None:
    """What the card's template asks a holder for; None: nothing."""
    template = session.get_one(CardTemplate, (card.merchant_id, card.template_id))
    kind = Kind(template.kind)
    return definition_of(session, template.id, template.version, kind).personalisation


def is_anonymous(session: Session, card: Any) -> bool:
    """Whether nothing is known of the card's customer."""
    customer = session.get_one(Customer, (card.merchant_id, card.customer_id))
    return not any(getattr(customer, name) for name in _KNOWN_BY)


def personalise(session: Session, card: Card, given: Mapping[str, str], now: datetime) -> bool:
    """Keeps what the holder told; False when that changed nothing. The card is locked.

    Nobody proves here who they are, or that the card is theirs. So it works once, while nothing is
    known of the customer; only what the template asks for is kept; a contact that another customer
    has is dropped without a word; and so is what cannot be right.
    """
    wanted = asked_for(session, card)
    if wanted is None or card.status == "deleted" or not is_anonymous(session, card):
        return False
    columns = [column for detail in wanted.details for column in _COLUMNS[detail]]
    kept: dict[str, Any] = {}
    for column in columns:
        kept |= _checked(session, column, given.get(column, ""))
    if not kept.keys() & set(_KNOWN_BY):
        return False  # somebody of whom only the postal code is known is still nobody
    customers.change(session, card.customer_id, Details(**kept), now)
    names = {name: kept[name] for name in _COLUMNS[Detail.NAME] if name in kept}
    card.issued_data = {**card.issued_data, **names}
    events.record(session, card.id, events.PERSONALISED, now, told=sorted(kept))
    bump(session, card, Reason.CONTENT, now)
    return True


def _checked(session: Session, column: str, given: str) -> dict[str, Any]:
    """The part of a customer's details, or nothing."""
    if column == "postal_code":
        part: dict[str, Any] = {"custom_fields": {column: given[:20]}} if given.strip() else {}
    else:
        part = {column: given}
    try:
        details = Details(**part)
    except ValidationError:
        return {}
    part = {name: value for name in part if (value := getattr(details, name))}
    if part and column in _CONTACTS:
        if column == "phone" and phone_key(part[column], business(session).country) is None:
            return {}
        if customers.with_same_contact(session, details, [column]) is not None:
            return {}
    return part
