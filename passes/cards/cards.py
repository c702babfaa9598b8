"""Finds cards, and changes what a merchant may change on them: status and expiry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from passes import ids
from passes.card_templates.definition import Definition
from passes.card_templates.kinds import Kind
from passes.card_templates.models import CardTemplate
from passes.card_templates.templates import definition_of
from passes.cards import events, expiry
from passes.cards.change import bump
from passes.cards.models import Card, Delivery, Installation
from passes.customers.details import plain_line
from passes.customers.models import Customer
from passes.errors import Conflict, Invalid, NotFound
from passes.merchants.merchants import business
from passes.store import merchant_of
from passes.wallet_port import Reason


def get(session: Session, name: str | UUID, *, locked: bool = False) -> Card:
    """The card with this id or serial number. Raises NotFound."""
    condition: Any
    try:
        condition = Card.id == (name if isinstance(name, UUID) else UUID(name))
    except ValueError:
        condition = Card.serial_number == (ids.read_serial_number(str(name)) or "")
    query = select(Card).where(Card.merchant_id == merchant_of(session), condition)
    if locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    card = session.scalar(query)
    if card is None:
        raise NotFound("card")
    return card


def of_customer(session: Session, customer_id: UUID) -> Sequence[Card]:
    """A customer's cards, oldest first."""
    return session.scalars(
        select(Card)
        .where(Card.merchant_id == merchant_of(session), Card.customer_id == customer_id)
        .order_by(Card.created_at, Card.id)
    ).all()


def newest(
    session: Session,
    *,
    template_id: UUID | None = None,
    customer_id: UUID | None = None,
    status: str | None = None,
    utm_source: str | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> Sequence[Card]:
    """The merchant's cards, newest first. Sources compare in lower case (R-UTM-2)."""
    query = select(Card).where(Card.merchant_id == merchant_of(session), _of_somebody())
    if template_id is not None:
        query = query.where(Card.template_id == template_id)
    if customer_id is not None:
        query = query.where(Card.customer_id == customer_id)
    if status is not None:
        query = query.where(Card.status == status)
    if utm_source is not None:
        query = query.where(func.lower(Card.utm_source) == plain_line(utm_source).lower())
    if after is not None:
        at, card_id = after
        query = query.where(
            (Card.created_at < at) | ((Card.created_at == at) & (Card.id < card_id))
        )
    return session.scalars(
        query.order_by(Card.created_at.desc(), Card.id.desc()).limit(limit)
    ).all()


def _of_somebody() -> Any:
    """Cards of deleted customers stand in no list (T-IN-4)."""
    return ~exists().where(
        Customer.merchant_id == Card.merchant_id,
        Customer.id == Card.customer_id,
        Customer.deleted_at.is_not(None),
    )


def holder_of(session: Session, card: Card) -> Customer:
    return session.get_one(Customer, (card.merchant_id, card.customer_id))


def installations_of(session: Session, card_id: UUID) -> Sequence[Installation]:
    """Where the card is or was, first installed first."""
    return session.scalars(
        select(Installation)
        .where(Installation.merchant_id == merchant_of(session), Installation.card_id == card_id)
        .order_by(Installation.first_installed_at)
    ).all()


def deliveries_of(session: Session, card_id: UUID) -> Sequence[Delivery]:
    """How far each wallet is behind."""
    return session.scalars(
        select(Delivery)
        .where(Delivery.merchant_id == merchant_of(session), Delivery.card_id == card_id)
        .order_by(Delivery.wallet)
    ).all()


def validity(card: Any, now: datetime) -> str:
    """valid, expired or blocked; computed, so that a late job never allows a use (R-EXP-4)."""
    if card.blocked:
        return "blocked"
    return "expired" if expiry.has_passed(card.expires_at, now) else "valid"


def delete(session: Session, card: Card, now: datetime) -> None:
    """Withdraws the card in the merchant's name; its passes are voided (D.7.2)."""
    if card.status == "deleted" and card.status_cause != "customer":
        return  # withdrawn already, or its balance went to another holder
    card.status, card.status_cause = "deleted", "merchant"
    events.record(session, card.id, events.DELETED, now, cause="merchant")
    bump(session, card, Reason.STATE, now)


def restore(session: Session, card: Card, now: datetime) -> None:
    """Takes a withdrawal back. Raises Conflict for a card that the merchant did not delete."""
    if card.status != "deleted" or card.status_cause != "merchant":
        raise Conflict("Only a card that was deleted here can be restored.", code="NOT_DELETED")
    if holder_of(session, card).deleted_at is not None:
        raise Conflict("The customer of this card was deleted.", code="CUSTOMER_DELETED")
    card.status = "installed" if _is_somewhere(session, card.id) else "not_installed"
    card.status_cause = None
    events.record(session, card.id, events.RESTORED, now)
    bump(session, card, Reason.STATE, now)


def set_expiry(session: Session, card: Card, expires_at: datetime | None, now: datetime) -> None:
    """A date set by hand; rules leave it alone from now on (R-EXP-2). None: unlimited."""
    if expires_at is not None and expires_at < card.enrolled_at.replace(microsecond=0):
        raise Invalid.field("expires_at", "must not lie before the card was issued")
    _change_expiry(session, card, expires_at, "manual", now)


def expire_by_rule(session: Session, card: Card, now: datetime) -> None:
    """Back to the rule of the template (T-EX-3)."""
    _change_expiry(session, card, expiry_by_rule(session, card), "rule", now)


def expiry_by_rule(session: Session, card: Any) -> datetime | None:
    """What the rule says that the card goes by."""
    rule = _definition(session, card, card.expiry_version).expiry
    return expiry.by_rule(
        rule,
        issued_at=card.issued_at,
        last_visit_at=card.last_visit_at,
        time_zone=business(session).time_zone,
    )


def plan_expiry(session: Session, card: Card, now: datetime) -> None:
    """Has the card looked at in time for its present date."""
    template = session.get_one(CardTemplate, (card.merchant_id, card.template_id))
    reminders = _definition(session, card, template.version).reminders
    expiry.plan(card, reminders, business(session).time_zone, now)


def _definition(session: Session, card: Any, version: int) -> Definition:
    template = session.get_one(CardTemplate, (card.merchant_id, card.template_id))
    return definition_of(session, template.id, version, Kind(template.kind))


def _change_expiry(
    session: Session, card: Card, expires_at: datetime | None, mode: str, now: datetime
) -> None:
    """Records the change. A date that has passed expires the card at once, one ahead revives it."""
    if (card.expires_at, card.expiry_mode) == (expires_at, mode):
        return
    was_over = expiry.has_passed(card.expires_at, now)
    events.record(
        session,
        card.id,
        events.EXPIRY_CHANGED,
        now,
        expires_at=expires_at.isoformat() if expires_at else None,
        mode=mode,
    )
    card.expires_at, card.expiry_mode = expires_at, mode
    is_over = expiry.has_passed(expires_at, now)
    if not is_over:
        card.expired_for = None  # whenever it expires next is news, even on a date known before
    elif not was_over:
        expiry.tell(session, card, now)
    plan_expiry(session, card, now)
    bump(session, card, Reason.CONTENT if was_over == is_over else Reason.STATE, now)


def _is_somewhere(session: Session, card_id: UUID) -> bool:
    return any(known.status == "active" for known in installations_of(session, card_id))
