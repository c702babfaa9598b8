"""Whether somebody is known already, however they write their address (R-REF-4, R-REF-8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from passes.customers.models import Customer
from passes.store import lock_name, merchant_of

_GMAIL = ("gmail.com", "googlemail.com")
"""Two names of one service, which ignores dots and what follows a plus."""


def mailbox(email_key: str) -> str:
    """The address at which mail for ``email_key`` arrives, in one spelling."""
    name, _, domain = email_key.rpartition("@")
    if domain not in _GMAIL:
        return email_key
    return f"{name.split('+')[0].replace('.', '')}@{_GMAIL[0]}"


def same_person(session: Session, customer: Customer) -> Sequence[UUID]:
    """The merchant's other customers with the phone, mailbox or external id of ``customer``.

    Two who come at the same moment with the same contact wait for each other.
    """
    same: list[ColumnElement[bool]] = []
    if customer.phone_key is not None:
        lock_name(session, "referred phone", customer.phone_key)
        same.append(Customer.phone_key == customer.phone_key)
    if customer.email_key is not None:
        box = mailbox(customer.email_key)
        lock_name(session, "referred mailbox", box)
        same.append(arrives_at(Customer.email_key.expression, box))
    if customer.external_id is not None:
        same.append(Customer.external_id == customer.external_id)
    if not same:
        return ()
    return session.scalars(
        select(Customer.id).where(
            Customer.merchant_id == merchant_of(session), Customer.id != customer.id, or_(*same)
        )
    ).all()


def arrives_at(email_key: ColumnElement[Any], box: str) -> ColumnElement[bool]:
    """Whether an address is a spelling of a mailbox, for the database to say.

    Only those of Gmail need more than a look into the index.
    """
    name, _, domain = box.rpartition("@")
    if domain != _GMAIL[0]:
        return email_key == box
    # Without the dots of either part: a.b+x@googlemail.com is ab+x@googlemailcom.
    plain = func.replace(email_key, ".", "")
    ends = [f"@{each.replace('.', '')}" for each in _GMAIL]
    return or_(
        plain.in_([f"{name}{end}" for end in ends]),
        *(
            plain.startswith(f"{name}+", autoescape=True) & plain.endswith(end, autoescape=True)
            for end in ends
        ),
    )
