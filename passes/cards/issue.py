"""Issues cards within the limits of their template (D.6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from passes import clock, ids
from passes.card_templates.definition import Limits
from passes.card_templates.models import CardTemplate
from passes.card_templates.templates import Template
from passes.cards import events, expiry, links
from passes.cards.models import Card
from passes.cards.utm import Utm
from passes.customers.models import Customer
from passes.errors import Conflict
from passes.happenings import Issued, tell
from passes.merchants import directory
from passes.merchants.merchants import business
from passes.store import next_change_tag, shard_of

CHANNELS = ("link", "manual", "import", "api", "referral", "conversion")


@dataclass(frozen=True, slots=True)
class Origin:
    """How a card came about. ``utm`` is already decided (R-UTM-3)."""

    channel: str
    utm: Utm
    utm_raw: dict[str, str] | None = None
    channel_link_id: UUID | None = None
    referrer_card_id: UUID | None = None
    issued_by: str | None = None


def issue(
    session: Session,
    template: Template,
    customer: Customer,
    origin: Origin,
    now: datetime,
    *,
    expires_at: datetime | None = None,
    issued_data: dict[str, Any] | None = None,
    brings_balance: bool = False,
    changes_hands: bool = False,
) -> Card:
    """A new card, not installed yet. ``expires_at`` overrides the template's rule.

    ``brings_balance``: the caller gives it what its holder had elsewhere, so nobody is welcomed.
    ``changes_hands``: it takes the place of a card that there is already, so no limit stops it.

    Raises Conflict with the code ISSUE_LIMIT, TEMPLATE_PAUSED or TEMPLATE_ARCHIVED.
    """
    merchant = business(session)
    if not changes_hands:
        _check_status(template)
        _check_limits(session, template, customer, now)
    card_id = ids.new_id()
    by_rule = expiry.by_rule(
        template.definition.expiry,
        issued_at=now,
        last_visit_at=None,
        time_zone=merchant.time_zone,
    )
    card = Card(
        merchant_id=merchant.id,
        id=card_id,
        serial_number=directory.enter_new(
            session, directory.Known.SERIAL, card_id, ids.new_serial_number
        ),
        template_id=template.id,
        template_version=template.version,
        customer_id=customer.id,
        status="not_installed",
        status_cause=None,
        blocked=False,
        created_at=now,
        enrolled_at=now,
        issued_at=now,
        issue_channel=origin.channel,
        issued_by=origin.issued_by,
        issued_data=issued_data or snapshot_of(customer),
        language=customer.language,
        expires_at=expires_at or by_rule,
        expiry_mode="manual" if expires_at else "rule",
        expiry_version=template.version,
        utm_source=origin.utm.source or "direct",
        utm_medium=origin.utm.medium,
        utm_campaign=origin.utm.campaign,
        utm_term=origin.utm.term,
        utm_content=origin.utm.content,
        utm_raw=origin.utm_raw,
        channel_link_id=origin.channel_link_id,
        referrer_card_id=origin.referrer_card_id,
        referral_code=directory.enter_new(
            session, directory.Known.REFERRAL, card_id, ids.new_referral_code
        ),
        install_token_version=1,
        page_token_version=1,
        version=1,
        change_tag=next_change_tag(),
        changed_at=now.replace(microsecond=0),
        shard=shard_of(merchant.id),
        woken_at=now,
    )
    expiry.plan(card, template.definition.reminders, merchant.time_zone, now)
    session.add(card)
    session.flush()
    links.enter_tokens(session, card_id, card.install_token_version, card.page_token_version)
    if customer.first_utm is None:
        customer.first_utm = origin.utm.as_dict()
        session.flush()
    events.record(session, card_id, events.ISSUED, now, channel=origin.channel)
    tell(session, Issued(card, template, brings_balance), now)
    return card


def snapshot_of(customer: Customer) -> dict[str, Any]:
    """What the card shows of its holder from now on, whatever the profile says later (AMB-10)."""
    return {"first_name": customer.first_name, "last_name": customer.last_name}


def _check_status(template: Template) -> None:
    if template.status == "archived":
        raise Conflict("This card is not offered any more.", code="TEMPLATE_ARCHIVED")
    if template.status != "active":
        raise Conflict("This card is not offered at the moment.", code="TEMPLATE_PAUSED")


def _check_limits(session: Session, template: Template, customer: Customer, now: datetime) -> None:
    """R-ISS-5. Issuing waits for its turn on the rows that the limits are about: no over-issue."""
    limits: Limits = template.definition.limits
    if limits.issue_from is not None and now < limits.issue_from:
        raise _reached("This card is not offered yet.", "issue_from")
    if limits.issue_until is not None and now >= limits.issue_until:
        raise _reached("This card is not offered any more.", "issue_until")
    if limits.max_per_customer is not None:
        _lock(session, Customer, template.merchant_id, customer.id)
        if _count(session, template, Card.customer_id == customer.id, Card.status != "deleted") >= (
            limits.max_per_customer
        ):
            raise _reached("This customer has this card already.", "max_per_customer")
    if (limits.max_issued, limits.max_active, limits.max_per_day) == (None, None, None):
        return
    _lock(session, CardTemplate, template.merchant_id, template.id)
    if limits.max_issued is not None and _count(session, template) >= limits.max_issued:
        raise _reached("All cards of this kind have been given out.", "max_issued")
    if limits.max_active is not None:
        valid = or_(Card.expires_at.is_(None), Card.expires_at > now - expiry.LAST_SECOND)
        if _count(session, template, Card.status != "deleted", valid) >= limits.max_active:
            raise _reached("All cards of this kind are in use.", "max_active")
    if limits.max_per_day is not None:
        zone = business(session).time_zone
        today = clock.start_of_day(clock.day_of(now, zone), zone)
        if _count(session, template, Card.created_at >= today) >= limits.max_per_day:
            raise _reached("All cards of today have been given out.", "max_per_day")


def _lock(session: Session, table: Any, merchant_id: UUID, row_id: UUID) -> None:
    session.execute(
        select(table.id)
        .where(table.merchant_id == merchant_id, table.id == row_id)
        .with_for_update()
    ).one()


def _count(session: Session, template: Template, *conditions: Any) -> int:
    return (
        session.scalar(
            select(func.count())
            .select_from(Card)
            .where(
                Card.merchant_id == template.merchant_id,
                Card.template_id == template.id,
                *conditions,
            )
        )
        or 0
    )


def _reached(message: str, limit: str) -> Conflict:
    return Conflict(message, code="ISSUE_LIMIT", limit=limit)
