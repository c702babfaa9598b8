"""Cards: issued, shown, expired, deleted and restored, found by their code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AliasChoices, Field, StringConstraints, model_validator

from passes.card_templates import templates
from passes.cards import cards, links, sign_up, utm
from passes.cards.issue import Origin, issue
from passes.cards.models import Card
from passes.cards.scanning import find_scanned
from passes.customers import customers
from passes.customers.details import Details
from passes.errors import Conflict, Invalid, NotFound
from passes.ledger.book import Actor
from passes.ledger.post import open_balance
from passes.ledger.timeline import timeline
from passes.merchants import directory
from passes.referrals.enrol import Recommendation, enrol
from web.api import answers, paging, reading, shown
from web.api.operation import Call, operation
from web.api.reading import Body, WholeNumber

MONEY_OPENINGS = {"balance", "ltv"}
"""What a card brings along in money."""

UtmValue = Annotated[str, StringConstraints(max_length=500)]


class UtmValues(Body):
    source: UtmValue | None = None
    medium: UtmValue | None = None
    campaign: UtmValue | None = None
    term: UtmValue | None = None
    content: UtmValue | None = None


class NewCard(Body):
    """Either ``customer_id`` or ``customer``. ``opening``: figures by name, and ``ltv``.

    ``referral_code``: of the card whose holder recommended this one. ``templateId`` and
    ``customerId``, as Boomerangme says, are read too.
    """

    template_id: Annotated[UUID, Field(validation_alias=AliasChoices("template_id", "templateId"))]
    customer_id: Annotated[
        UUID | None, Field(validation_alias=AliasChoices("customer_id", "customerId"))
    ] = None
    customer: Details | None = None
    utm: UtmValues | None = None
    expires_at: reading.DayOrMoment | None = None
    opening: dict[str, WholeNumber | reading.MoneyText] | None = None
    referral_code: Annotated[str, StringConstraints(max_length=20)] | None = None

    @model_validator(mode="after")
    def _has_one_holder(self) -> Self:
        if (self.customer_id is None) == (self.customer is None):
            raise ValueError("give either customer_id or customer")
        return self


class CardChange(Body):
    """``expires_at`` null: unlimited. ``expiry_mode`` "rule": back to the template's rule."""

    expires_at: reading.DayOrMoment | None = None
    expiry_mode: Literal["rule"] | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        given = self.model_fields_set
        if given == {"expires_at"} or (given == {"expiry_mode"} and self.expiry_mode):
            return self
        raise ValueError('give either expires_at or expiry_mode "rule"')


class CardStatus(Body):
    status: Literal["deleted", "restored"]


class CardSearch(paging.Page):
    template_id: UUID | None = None
    customer_id: UUID | None = None
    status: Literal["installed", "not_installed", "deleted"] | None = None
    utm_source: Annotated[str, StringConstraints(max_length=150)] | None = None


class Scanned(Body):
    """What the barcode says, or the 12 digits of the card number.

    A barcode holds 16 letters; one that changes with time holds a dot and 8 digits more, and is
    refused with CODE_EXPIRED half a minute after it was shown.
    """

    code: Annotated[str, StringConstraints(min_length=1, max_length=100)]


@operation("POST", "/cards", "Issue a card", scope="issue", body=NewCard, answer=answers.CardShape)
def issue_card(call: Call) -> dict[str, Any]:
    asked = call.body(NewCard)
    session, now = call.session, call.now
    try:
        template = templates.get(session, asked.template_id)
    except NotFound:
        raise Invalid.field("template_id", "there is no such card template") from None
    if asked.customer is not None:
        customer = _new_customer(call, asked.customer)
    else:
        assert asked.customer_id is not None  # noqa: S101 - the model takes one of the two
        try:
            customer = customers.get(session, asked.customer_id)
        except NotFound:
            raise Invalid.field("customer_id", "there is no such customer") from None
    given = utm.from_values(asked.utm.model_dump()) if asked.utm else utm.Utm()
    referrer = None if asked.referral_code is None else _referrer(call, asked.referral_code)
    card = issue(
        session,
        template,
        customer,
        Origin(
            channel="api",
            utm=utm.decide(given, None, "api"),
            issued_by=str(call.caller.key_id),
            referrer_card_id=referrer.id if referrer else None,
        ),
        now,
        expires_at=reading.day_or_moment(asked.expires_at, call.merchant.time_zone, "expires_at"),
        brings_balance=bool(asked.opening),
    )
    if referrer is not None:
        recommended = Recommendation(referrer.id, now)
        enrol(session, template, card, recommended, now, is_new=asked.customer is not None)
    if asked.opening:
        counts, purchases = opening_of(asked.opening, call.merchant.currency)
        open_balance(session, str(card.id), counts, purchases, actor_of(call), now)
        session.refresh(card)
    return shown.card(session, card, call.services, now)


@operation(
    "GET",
    "/cards",
    "Cards, newest first",
    scope="read",
    query=CardSearch,
    answer=answers.CardList,
)
def list_cards(call: Call) -> dict[str, Any]:
    asked = call.query(CardSearch)
    found = cards.newest(
        call.session,
        template_id=asked.template_id,
        customer_id=asked.customer_id,
        status=asked.status,
        utm_source=asked.utm_source,
        after=asked.after(),
        limit=asked.limit + 1,
    )
    return paging.page(
        found, asked.limit, lambda row: _shown(call, row), lambda row: (row.created_at, row.id)
    )


@operation(
    "GET",
    "/cards/<card>",
    "One card, by its id or serial number",
    scope="read",
    answer=answers.CardShape,
)
def get_card(call: Call) -> dict[str, Any]:
    return _shown(call, cards.get(call.session, call.path["card"]))


@operation(
    "PATCH",
    "/cards/<card>",
    "Set a card's expiry date by hand, or go back to the template's rule",
    scope="issue",
    body=CardChange,
    answer=answers.CardShape,
)
def change_card(call: Call) -> dict[str, Any]:
    asked = call.body(CardChange)
    card = cards.get(call.session, call.path["card"], locked=True)
    if asked.expiry_mode == "rule":
        cards.expire_by_rule(call.session, card, call.now)
    else:
        zone = call.merchant.time_zone
        expires_at = reading.day_or_moment(asked.expires_at, zone, "expires_at")
        cards.set_expiry(call.session, card, expires_at, call.now)
    return _shown(call, card)


@operation(
    "POST",
    "/cards/<card>/status",
    "Withdraw a card, or restore one that was withdrawn",
    scope="issue",
    status=200,
    body=CardStatus,
    answer=answers.CardShape,
)
def set_card_status(call: Call) -> dict[str, Any]:
    card = cards.get(call.session, call.path["card"], locked=True)
    if call.body(CardStatus).status == "deleted":
        cards.delete(call.session, card, call.now)
    else:
        cards.restore(call.session, card, call.now)
    return _shown(call, card)


@operation(
    "POST",
    "/cards/<card>/links",
    "Make a new personal install link; the old one stops working",
    scope="issue",
    answer=answers.CardShape,
)
def replace_links(call: Call) -> dict[str, Any]:
    card = cards.get(call.session, call.path["card"], locked=True)
    links.replace_install_link(call.session, card)
    return _shown(call, card)


@operation(
    "GET",
    "/cards/<card>/events",
    "What happened to a card, newest first",
    scope="read",
    query=paging.Page,
    answer=answers.EventList,
)
def list_events(call: Call) -> dict[str, Any]:
    asked = call.query(paging.Page)
    card = cards.get(call.session, call.path["card"])
    found = timeline(call.session, card.id, after=asked.after(), limit=asked.limit + 1)
    currency = call.merchant.currency
    return paging.page(
        found,
        asked.limit,
        lambda row: shown.happening(row, currency),
        lambda each: (each.at, each.id),
    )


@operation(
    "POST",
    "/scan",
    "The card behind a scanned code or a typed card number",
    scope="read",
    status=200,
    body=Scanned,
    answer=answers.ScanShape,
)
def scan(call: Call) -> dict[str, Any]:
    code = call.body(Scanned).code
    return {"card": _shown(call, find_scanned(call.session, code, call.now))}


def actor_of(call: Call) -> Actor:
    """The program behind a call, as the ledger names it."""
    return Actor(kind="api", id=str(call.caller.key_id), channel="api")


def _referrer(call: Call, code: str) -> Card:
    """The card that recommends with this code. Raises Invalid."""
    found = directory.find(call.session, directory.Known.REFERRAL, code.strip().upper())
    if found is None or found.merchant_id != call.caller.merchant_id:
        raise Invalid.field("referral_code", "there is no such referral code")
    try:
        return sign_up.referrer(call.session, found.subject_id, call.now)
    except Conflict:
        raise Invalid.field("referral_code", "belongs to a card that was withdrawn") from None


def _new_customer(call: Call, details: Details) -> Any:
    try:
        return customers.create(call.session, details, call.now)
    except Invalid as error:
        raise Invalid(
            type(wrong)(f"customer.{wrong.field}", wrong.message, wrong.code)
            for wrong in error.fields
        ) from None


def opening_of(given: Mapping[str, int | str], currency: str) -> tuple[dict[str, int], int | None]:
    """The figures that a card brings along (R-ISS-9), and its purchases; money in minor units.

    Raises Invalid.
    """
    units: dict[str, int] = {}
    for name, value in given.items():
        if name in MONEY_OPENINGS:
            if not isinstance(value, str):
                raise Invalid.field(f"opening.{name}", 'must be a decimal string such as "12.50"')
            units[name] = reading.amount(value, currency, f"opening.{name}") or 0
        elif isinstance(value, int):
            units[name] = value
        else:
            raise Invalid.field(f"opening.{name}", "must be a whole number")
    ltv = units.pop("ltv", None)
    return units, ltv


def _shown(call: Call, card: Card) -> dict[str, Any]:
    return shown.card(call.session, card, call.services, call.now)
