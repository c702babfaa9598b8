"""Signs a customer up through a link: the form, its consents, and the card that results (D.6)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.orm import Session

from passes import i18n, ids
from passes.card_templates.definition import CustomFormField
from passes.card_templates.models import ChannelLink
from passes.card_templates.templates import Template
from passes.cards import cards, utm
from passes.cards.issue import Origin, issue
from passes.cards.models import Card, Touch
from passes.cards.page_events import note_opened
from passes.cards.utm import Utm
from passes.customers import customers
from passes.customers.details import Details, plain_line
from passes.customers.models import Customer
from passes.errors import Conflict, Invalid, RuleBroken, WrongField, wrong_fields
from passes.merchants.merchants import Business, business
from passes.store import merchant_of
from passes.wallet_port import Text

CONSENTS: Mapping[str, Text] = {
    "push": i18n.text(
        "I would like news and offers from {merchant} on my card.", merchant="{merchant}"
    ),
    "email": i18n.text(
        "I would like news and offers from {merchant} by e-mail.", merchant="{merchant}"
    ),
    "sms": i18n.text("I would like news and offers from {merchant} by SMS.", merchant="{merchant}"),
}
"""The questions of consent, none of them ticked (R-GDPR-3)."""

_WRONG: Mapping[str, Text] = {
    "phone": i18n.text("This is not a phone number."),
    "email": i18n.text("This is not an e-mail address."),
    "birthday": i18n.text("This is not a date of birth."),
}
_MISSING = i18n.text("Please fill this in.")
_TOO_LONG = i18n.text("This is too long.")
_NOT_A_CHOICE = i18n.text("Please choose one of these.")
_NOT_A_NUMBER = i18n.text("This is not a number.")
_NOT_A_DATE = i18n.text("This is not a date.")
_NOT_RIGHT = i18n.text("This cannot be right.")


class KnownAlready(RuleBroken):
    """A unique contact is taken. Whose it is must not be told to anybody (R-ISS-7)."""

    code = "KNOWN_ALREADY"

    def __init__(self, customer_id: UUID) -> None:
        super().__init__("If you already have a card, please ask at the counter.")
        self.customer_id = customer_id


@dataclass(frozen=True, slots=True)
class Arrival:
    """How somebody came to the form. ``given``: the values of the link that counts (R-UTM-4)."""

    given: Utm = field(default_factory=Utm)
    raw: Mapping[str, str] = field(default_factory=dict)
    channel_link: ChannelLink | None = None
    referrer_card_id: UUID | None = None


def wordings(template: Template, merchant: Business, language: str) -> dict[str, str]:
    """The question of consent for each channel that the form asks for."""
    return {
        channel: i18n.pick(CONSENTS[channel], language).format(merchant=merchant.name)
        for channel in template.definition.form.consents
    }


def sign_up(
    session: Session,
    template: Template,
    answers: Mapping[str, str],
    arrival: Arrival,
    *,
    language: str,
    now: datetime,
) -> Card:
    """Makes the customer, as ``enrol`` does, and the card. Raises Conflict, too, for what stops
    the issuing.
    """
    customer = enrol(session, template, answers, language=language, now=now)
    channel = "link" if arrival.referrer_card_id is None else "referral"
    link = arrival.channel_link
    values = utm.decide(
        arrival.given,
        utm.from_values(link.utm) if link else None,
        "direct" if channel == "link" else "referral",
    )
    if channel == "referral" and not arrival.given:
        values = Utm("referral", "referral", template.slug)  # R-REF-11
    return issue(
        session,
        template,
        customer,
        Origin(
            channel=channel,
            utm=values,
            utm_raw=dict(arrival.raw) or None,
            channel_link_id=link.id if link else None,
            referrer_card_id=arrival.referrer_card_id,
        ),
        now,
    )


def enrol(
    session: Session,
    template: Template,
    answers: Mapping[str, str],
    *,
    language: str,
    now: datetime,
) -> Customer:
    """The customer of a filled form. ``answers`` are the form's fields as text.

    Consents are the answers ``consent_push`` and so on; anything but an empty one is a yes. Raises
    Invalid with messages in ``language`` (fields named as in the form), or KnownAlready.
    """
    details = _read(template, answers, language)
    unique = [field.key for field in template.definition.form.fields if field.unique]
    known = customers.with_same_contact(session, details, unique)
    if known is not None:
        raise KnownAlready(known.id)
    try:
        customer = customers.create_anonymous(session, details, now)
    except Invalid as error:
        raise Invalid(
            WrongField(wrong.field, _wording(wrong.field, language), wrong.code)
            for wrong in error.fields
        ) from None
    asked = wordings(template, business(session), language)
    customers.record_consents(
        session,
        customer,
        {name: bool(answers.get(f"consent_{name}")) for name in asked},
        asked,
        source="form",
        language=language,
        now=now,
    )
    return customer


def open_link(
    session: Session,
    link: str,
    template_id: UUID,
    values: Utm,
    platform: str,
    now: datetime,
    *,
    card: Card | None = None,
    channel_link: ChannelLink | None = None,
) -> None:
    """Notes that a join, referral or install link was opened; nothing else changes (R-INST-2)."""
    session.add(
        Touch(
            merchant_id=merchant_of(session),
            id=ids.new_id(),
            link=link,
            template_id=template_id,
            card_id=card.id if card else None,
            channel_link_id=channel_link.id if channel_link else None,
            utm=values.as_dict(),
            platform=platform,
            at=now,
        )
    )
    if card is not None and link == "install":
        note_opened(session, card, now, platform=platform)
    session.flush()


def referrer(session: Session, card_id: UUID, now: datetime) -> Card:
    """The card behind a referral link. Raises Conflict when it recommends nobody any more."""
    card = cards.get(session, card_id)
    if card.status == "deleted" and card.status_cause != "customer":
        raise Conflict("This link is not valid any more.", code="REFERRER_INVALID")
    return card


def _read(template: Template, answers: Mapping[str, str], language: str) -> Details:
    form = template.definition.form
    wrong: list[WrongField] = []
    given: dict[str, Any] = {}
    for asked in form.fields:
        answer = plain_line(answers.get(asked.key) or "")
        if answer:
            given[asked.key] = answer
        elif asked.required:
            wrong.append(WrongField(asked.key, _MISSING[language], "MISSING"))
    own: dict[str, Any] = {}
    for question in form.custom:
        answer = plain_line(answers.get(question.key) or "")
        if not answer:
            if question.required:
                wrong.append(WrongField(question.key, _MISSING[language], "MISSING"))
            continue
        try:
            own[question.key] = _own_answer(question, answer, language)
        except ValueError as error:
            wrong.append(WrongField(question.key, str(error)))
    try:
        details = Details.model_validate({"language": language, **given, "custom_fields": own})
    except ValidationError as error:
        raise Invalid(
            wrong
            + [
                WrongField(found.field, _wording(found.field, language, found.code), found.code)
                for found in wrong_fields(error)
            ]
        ) from None
    if wrong:
        raise Invalid(wrong)
    if not form.anonymous and not any((details.phone, details.email)):
        contact = next(field.key for field in form.fields if field.unique)
        raise Invalid.field(contact, _MISSING[language], "MISSING")
    return details


def _own_answer(question: CustomFormField, answer: str, language: str) -> str | int | float | bool:
    """Raises ValueError with a sentence for the customer."""
    if question.type == "choice":
        options = {word for option in question.options for word in option.values()}
        if answer not in options:
            raise ValueError(_NOT_A_CHOICE[language])
    elif question.type == "number":
        if not re.fullmatch(r"-?[0-9]{1,15}([.,][0-9]{1,6})?", answer):
            raise ValueError(_NOT_A_NUMBER[language])
        number = float(answer.replace(",", "."))
        return int(number) if number.is_integer() else number
    elif question.type == "date":
        try:
            datetime.strptime(answer, "%Y-%m-%d")  # noqa: DTZ007 - a calendar day has no zone
        except ValueError:
            raise ValueError(_NOT_A_DATE[language]) from None
    elif question.type == "yes_no":
        return answer not in {"no", "0", "false"}
    if len(answer) > 500:
        raise ValueError(_TOO_LONG[language])
    return answer


def _wording(name: str, language: str, code: str = "") -> str:
    if code == "STRING_TOO_LONG":
        return _TOO_LONG[language]
    return _WRONG.get(name, _NOT_RIGHT)[language]
