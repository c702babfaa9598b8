"""Makes customers, changes them, and finds them again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from passes import clock, ids
from passes.customers.details import Details, changed_fields, email_key, phone_key, plain_line
from passes.customers.models import Consent, Customer
from passes.errors import Conflict, Invalid, NotFound, WrongField
from passes.merchants.merchants import Business, business
from passes.store import lock_name, merchant_of


def create(session: Session, details: Details, now: datetime) -> Customer:
    """A new customer. Raises Invalid, or Conflict when the external id is taken."""
    merchant = business(session)
    if not any(
        (details.first_name, details.last_name, details.phone, details.email, details.external_id)
    ):
        raise Invalid.field("first_name", "a name, phone, e-mail or external id is needed")
    return _insert(session, merchant, details, now)


def create_anonymous(session: Session, details: Details, now: datetime) -> Customer:
    """A customer of whom nothing need be known, for templates that allow it (R-ISS-2)."""
    return _insert(session, business(session), details, now)


def change(session: Session, customer_id: UUID, details: Details, now: datetime) -> Customer:
    """Replaces the fields that were given. The card keeps what it was issued with (S1.41)."""
    merchant = business(session)
    customer = get(session, customer_id)
    given = changed_fields(details)
    _check(merchant, details, now)
    if given.get("external_id") not in (None, customer.external_id):
        refuse_taken(session, given["external_id"])
    for name, value in given.items():
        if name == "custom_fields":
            value = {**customer.custom_fields, **value}
        if name == "language" and value is None:
            continue
        setattr(customer, name, value)
    _set_keys(customer, merchant)
    session.flush()
    return customer


def get(session: Session, customer_id: UUID) -> Customer:
    """Raises NotFound."""
    customer = session.get(Customer, (merchant_of(session), customer_id))
    if customer is None or customer.deleted_at is not None:
        raise NotFound("customer")
    return customer


def search(
    session: Session,
    *,
    phone: str | None = None,
    email: str | None = None,
    external_id: str | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> Sequence[Customer]:
    """Customers with these contacts, newest first; ``after`` goes on behind an earlier page."""
    merchant = business(session)
    query = select(Customer).where(
        Customer.merchant_id == merchant.id, Customer.deleted_at.is_(None)
    )
    if phone is not None:
        query = query.where(Customer.phone_key == (phone_key(phone, merchant.country) or ""))
    if email is not None:
        query = query.where(Customer.email_key == email_key(email))
    if external_id is not None:
        query = query.where(Customer.external_id == plain_line(external_id))
    if after is not None:
        at, customer_id = after
        query = query.where(
            (Customer.created_at < at) | ((Customer.created_at == at) & (Customer.id < customer_id))
        )
    query = query.order_by(Customer.created_at.desc(), Customer.id.desc()).limit(limit)
    return session.scalars(query).all()


def with_same_contact(session: Session, details: Details, unique: Iterable[str]) -> Customer | None:
    """The customer who has one of these contacts already (R-ISS-7).

    Sign-ups with the same contact wait for each other, so that none is missed.
    """
    merchant = business(session)
    keys = {
        "phone": phone_key(details.phone, merchant.country) if details.phone else None,
        "email": email_key(details.email) if details.email else None,
    }
    columns = {"phone": Customer.phone_key, "email": Customer.email_key}
    for name in sorted(unique):
        key = keys[name]
        if key is None:
            continue
        lock_name(session, "contact", name, key)
        found = session.scalar(
            select(Customer)
            .where(
                Customer.merchant_id == merchant.id,
                Customer.deleted_at.is_(None),
                columns[name] == key,
            )
            .order_by(Customer.created_at)
            .limit(1)
        )
        if found is not None:
            return found
    return None


def record_consents(
    session: Session,
    customer: Customer,
    answers: Mapping[str, bool],
    wordings: Mapping[str, str],
    *,
    source: str,
    language: str,
    now: datetime,
) -> None:
    """Keeps what was answered to each question, with the words that were shown (R-GDPR-3)."""
    session.add_all(
        Consent(
            merchant_id=customer.merchant_id,
            id=ids.new_id(),
            customer_id=customer.id,
            channel=channel,
            granted=granted,
            wording=wordings[channel],
            language=language,
            source=source,
            at=now,
        )
        for channel, granted in answers.items()
    )
    session.flush()


def consents_of(session: Session, customer_id: UUID) -> dict[str, bool]:
    """What holds now, by channel."""
    rows = session.execute(
        select(Consent.channel, Consent.granted)
        .where(Consent.merchant_id == merchant_of(session), Consent.customer_id == customer_id)
        .order_by(Consent.at, Consent.id)
    )
    return {row.channel: row.granted for row in rows}


def _insert(session: Session, merchant: Business, details: Details, now: datetime) -> Customer:
    _check(merchant, details, now)
    if details.external_id is not None:
        refuse_taken(session, details.external_id)
    values: dict[str, Any] = details.model_dump()
    values["language"] = details.language or merchant.language
    customer = Customer(
        merchant_id=merchant.id, id=ids.new_id(), first_utm=None, created_at=now, **values
    )
    _set_keys(customer, merchant)
    session.add(customer)
    session.flush()
    return customer


def _check(merchant: Business, details: Details, now: datetime) -> None:
    wrong = []
    if details.phone is not None and phone_key(details.phone, merchant.country) is None:
        wrong.append(WrongField("phone", "must be a phone number"))
    if details.birthday is not None and details.birthday > clock.day_of(now, merchant.time_zone):
        wrong.append(WrongField("birthday", "must not lie in the future"))
    if wrong:
        raise Invalid(wrong)


def refuse_taken(session: Session, external_id: str) -> None:
    """Raises Conflict when a customer has this external id."""
    lock_name(session, "external_id", external_id)
    if session.scalar(
        select(Customer.id).where(
            Customer.merchant_id == merchant_of(session),
            Customer.deleted_at.is_(None),
            Customer.external_id == external_id,
        )
    ):
        raise Conflict(
            "Another customer has this external id.", code="EXTERNAL_ID_TAKEN", field="external_id"
        )


def _set_keys(customer: Customer, merchant: Business) -> None:
    customer.phone_key = phone_key(customer.phone, merchant.country) if customer.phone else None
    customer.email_key = email_key(customer.email) if customer.email else None
