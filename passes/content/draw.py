"""Draws a card: all that its passes must show now (contract §4)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from passes import clock, i18n, ids, money
from passes.card_templates.definition import Definition
from passes.card_templates.kinds import FIGURES, KINDS, Kind
from passes.card_templates.models import CardTemplate
from passes.card_templates.pictures import pictures_of
from passes.card_templates.templates import definition_of
from passes.cards import expiry, links
from passes.ledger.figures import FigureValue, figures_of
from passes.merchants.merchants import Business, business, locations, wallet_account
from passes.wallet_port import (
    Amount,
    CodeFormat,
    Field,
    FieldValue,
    Location,
    Look,
    PassContent,
    Place,
    State,
    Text,
)

MOST_LOCATIONS = 10
HOLDER_LONGEST = 60


_looks: dict[tuple[UUID, UUID, int, str], Look] = {}
"""By merchant, template, version and base URL: a version's look never changes."""


def draw(session: Session, card: Any, wallet: str, base_url: str, now: datetime) -> PassContent:
    """The content of ``card`` (a Card or a row of all its columns) for one kind of wallet."""
    merchant = business(session)
    template = session.get_one(CardTemplate, (merchant.id, card.template_id))
    kind = Kind(template.kind)
    definition = definition_of(session, template.id, template.version, kind)
    own_links = links.links_of(session, card, base_url)
    state = _state(card, now)
    return PassContent(
        serial=card.serial_number,
        secret=links.wallet_secret(merchant.token_key, card.id),
        page_url=own_links.page,
        code=ids.till_code(merchant.token_key, card.serial_number),
        code_format=CodeFormat(definition.code_format),
        version=card.version,
        changed_at=card.changed_at,
        style=KINDS[kind].style,
        state=state,
        expires_at=card.expires_at,
        time_zone=merchant.time_zone,
        merchant=merchant.name,
        merchant_id=merchant.id.hex,
        title=_every(definition.name),
        description=_every(definition.description or definition.name),
        holder=_holder(card),
        language=i18n.spoken(card.language, definition.language),
        languages=i18n.LANGUAGES,
        fields=(
            *_face(card, kind, definition, merchant),
            *_back(card, definition, merchant, own_links.referral),
        ),
        locations=_places(session, definition),
        look=_look(session, template.id, template.version, definition, base_url),
        template=template.id.hex,
        template_version=template.version,
        account=wallet_account(session, wallet),
    )


def _look(
    session: Session, template_id: UUID, version: int, definition: Definition, base_url: str
) -> Look:
    key = (business(session).id, template_id, version, base_url)
    known = _looks.get(key)
    if known is None:
        if len(_looks) >= 64:
            _looks.clear()
        look = definition.look
        known = _looks[key] = Look(
            background=look.background,
            foreground=look.foreground,
            label=look.label,
            pictures=pictures_of(session, base_url, (look.icon, look.logo, look.strip)),
        )
    return known


def _places(session: Session, definition: Definition) -> tuple[Location, ...]:
    """Read once per transaction, since a worker draws many cards in one."""
    wanted = definition.location_ids
    every = session.info.get("locations")
    if every is None:
        every = session.info["locations"] = locations(session)
    return tuple(
        Location(
            place.latitude,
            place.longitude,
            _every(place.nearby_text)
            if place.nearby_text
            else i18n.text("You are near {name}", name=place.name),
        )
        for place in every
        if place.latitude is not None and place.longitude is not None
        if wanted is None or place.id in wanted
    )[:MOST_LOCATIONS]


def _state(card: Any, now: datetime) -> State:
    if card.status == "deleted" and card.status_cause != "customer":
        return State.VOID
    if card.blocked or expiry.has_passed(card.expires_at, now):
        return State.EXPIRED
    return State.VALID


def _face(card: Any, kind: Kind, definition: Definition, merchant: Business) -> list[Field]:
    figures = figures_of(card, kind, definition, merchant.currency)
    fields = []
    for place in definition.places_of(kind):
        value = _value(place.figure, card, figures, merchant)
        if value is None:
            continue
        figure = FIGURES[place.figure]
        fields.append(
            Field(
                key=place.figure,
                label=_every(place.label) if place.label else figure.label,
                value=value,
                place=Place(place.place),
                change=figure.change,
            )
        )
    if card.expires_at is not None and not any(field.key == "expires_at" for field in fields):
        fields.append(
            Field(
                key="expires_at",
                label=FIGURES["expires_at"].label,
                value=clock.day_of(card.expires_at, merchant.time_zone),
                place=Place.AUXILIARY,
                change=FIGURES["expires_at"].change,
            )
        )
    return fields


def _value(
    figure: str,
    card: Any,
    figures: dict[str, FigureValue],
    merchant: Business,
) -> FieldValue | None:
    """The value of a figure on the pass; None: this card has none, and the field is left out."""
    if figure == "customer_name":
        name = _holder(card)
        return dict.fromkeys(i18n.LANGUAGES, name) if name else None
    if figure == "expires_at":
        if card.expires_at is None:
            return None
        return clock.day_of(card.expires_at, merchant.time_zone)
    if figure == "balance":
        return Amount(card.money, merchant.currency, money.digits_of(merchant.currency))
    value = figures.get(figure)
    if isinstance(value, int):
        return value
    if isinstance(value, date):
        return value
    return dict.fromkeys(i18n.LANGUAGES, value) if isinstance(value, str) else None


def _back(card: Any, definition: Definition, merchant: Business, referral: str) -> list[Field]:
    """The back: how it works, terms, the referral link, who to ask, and the serial number."""
    texts = definition.texts
    back = [
        Field(key, label, _every(words), Place.BACK)
        for key, label, words in (
            ("how_to_earn", i18n.text("How it works"), texts.how_to_earn),
            ("rewards", i18n.text("Rewards"), texts.rewards),
            ("terms", i18n.text("Terms"), texts.terms),
        )
        if words
    ]
    back.append(
        Field(
            "referral",
            _every(texts.referral) if texts.referral else i18n.text("Recommend us to a friend"),
            _same(referral),
            Place.BACK,
            link=referral,
        )
    )
    for key, label, value, link in (
        ("website", i18n.text("Website"), merchant.website, merchant.website),
        ("phone", i18n.text("Phone"), merchant.contact_phone, _tel(merchant.contact_phone)),
        ("email", i18n.text("E-mail"), merchant.contact_email, _mailto(merchant.contact_email)),
        ("address", i18n.text("Address"), merchant.address, None),
    ):
        if value:
            back.append(Field(key, label, _same(value), Place.BACK, link=link))
    back.append(
        Field(
            "serial_number",
            i18n.text("Card number"),
            _same(ids.show_serial_number(card.serial_number)),
            Place.BACK,
        )
    )
    return back


def _holder(card: Any) -> str:
    """First name and initial, as the card was issued (R-GDPR-9, S1.41)."""
    first = (card.issued_data.get("first_name") or "").strip()
    last = (card.issued_data.get("last_name") or "").strip()
    shown = f"{first} {last[0]}." if first and last else first or last
    return shown[:HOLDER_LONGEST]


def _every(words: Text) -> Text:
    """Words in all languages; where the merchant wrote none, those of another language."""
    return {language: i18n.pick(words, language) for language in i18n.LANGUAGES}


def _same(words: str) -> Text:
    return dict.fromkeys(i18n.LANGUAGES, words)


def _tel(phone: str | None) -> str | None:
    return f"tel:{''.join(sign for sign in phone if sign in '+0123456789')}" if phone else None


def _mailto(email: str | None) -> str | None:
    return f"mailto:{email}" if email else None
