"""Deletes customers whose cards are all deleted, and takes that back (S1.34, S1.35, R-GDPR-7)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from passes.cards import cards
from passes.cards.models import Card
from passes.customers import customers
from passes.customers.models import Customer
from passes.errors import Conflict, NotFound
from passes.store import merchant_of

RESTORABLE = timedelta(days=30)
"""How long a deleted customer can be brought back."""


def delete(session: Session, customer_id: UUID, now: datetime) -> Customer:
    """Takes a customer out of every list; cards and entries stay, so revenue stays.

    Raises Conflict with the code CARDS_NOT_DELETED, whose ``cards`` names those that stand in the
    way (AMB-18). Passes that were only taken off a phone are voided too.
    """
    customer = _locked(session, customer_id)
    if customer is None or customer.deleted_at is not None:
        raise NotFound("customer")
    held = _cards_of(session, customer_id)
    in_the_way = [card for card in held if card.status != "deleted"]
    if in_the_way:
        raise Conflict(
            "A customer can be deleted once all of their cards are.",
            code="CARDS_NOT_DELETED",
            cards=[
                {"id": str(card.id), "serial_number": card.serial_number, "status": card.status}
                for card in in_the_way
            ],
        )
    for card in held:
        cards.delete(session, card, now)
    customer.deleted_at = now
    session.flush()
    return customer


def restore(session: Session, customer_id: UUID, now: datetime) -> Customer:
    """Brings a deleted customer back; the cards stay deleted until each is restored.

    Raises NotFound, or Conflict when the time for it is over or somebody has the external id now.
    """
    customer = _locked(session, customer_id)
    if customer is None:
        raise NotFound("customer")
    if customer.deleted_at is None:
        raise Conflict("This customer was not deleted.", code="NOT_DELETED")
    if now >= customer.deleted_at + RESTORABLE:
        raise Conflict("It is too late to restore this customer.", code="RESTORE_LATE")
    if customer.external_id is not None:
        customers.refuse_taken(session, customer.external_id)
    customer.deleted_at = None
    session.flush()
    return customer


def _locked(session: Session, customer_id: UUID) -> Customer | None:
    """The row; whoever issues a card to this customer waits for it, too (R-ISS-5)."""
    return session.scalar(
        select(Customer)
        .where(Customer.merchant_id == merchant_of(session), Customer.id == customer_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _cards_of(session: Session, customer_id: UUID) -> Sequence[Card]:
    return session.scalars(
        select(Card)
        .where(Card.merchant_id == merchant_of(session), Card.customer_id == customer_id)
        .order_by(Card.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
