"""Draws a card: all that its passes must show now (contract §4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from passes import clock, i18n, ids, money
from passes.card_templates.definition import Definition
from passes.card_templates.kinds import KINDS
from passes.card_templates.models import CardTemplate
from passes.cards import cards, expiry, links
from passes.cards.personalise import is_anonymous
from passes.content.reminders import reminders_of
from passes.content.sheet import Sheet, every, sheet_of
from passes.ledger.figures import figures_of
from passes.ledger.kinds.base import FigureValue
from passes.merchants.accounts import preferred, wallet_accounts
from passes.merchants.merchants import Business, business, locations
from passes.store import merchant_of, table_of
from passes.wallet_port import (
    Amount,
    CodeFormat,
    Field,
    FieldValue,
    Location,
    PassContent,
    Personalisation,
    Place,
    State,
    Text,
)

_templates = table_of(CardTemplate)
_TEMPLATE = select(_templates.c.id, _templates.c.kind, _templates.c.version).where(
    _templates.c.merchant_id == bindparam("of_merchant"),
    _templates.c.id == bindparam("of_template"),
)

MOST_LOCATIONS = 10
HOLDER_LONGEST = 60


def draw(session: Session, card: Any, wallet: str, base_url: str, now: datetime) -> PassContent:
    """The content of ``card`` (a Card or a row of all its columns) for one kind of wallet."""
    merchant = business(session)
    template = _template(session, card.template_id)
    sheet = sheet_of(session, template, base_url)
    own_links = links.links_of(session, card, base_url)
    account, earlier_accounts = preferred(
        wallet_accounts(session, wallet), sheet.definition.wallet_accounts.get(wallet)
    )
    ends_at = _ends_at(card, sheet, merchant)
    return PassContent(
        serial=card.serial_number,
        secret=links.wallet_secret(merchant.token_key, card.id),
        page_url=own_links.page,
        code=ids.till_code(merchant.token_key, card.serial_number),
        code_format=CodeFormat(sheet.definition.code_format),
        version=card.version,
        changed_at=card.changed_at,
        style=KINDS[sheet.kind].style,
        state=_state(card, ends_at, now),
        expires_at=ends_at,
        time_zone=merchant.time_zone,
        merchant=merchant.name,
        merchant_id=merchant.id.hex,
        title=sheet.title,
        description=sheet.description,
        holder=_holder(card),
        language=i18n.spoken(card.language, sheet.definition.language),
        languages=i18n.LANGUAGES,
        fields=(
            *_face(card, sheet, merchant, now),
            *sheet.prose,
            *sheet.rewards.fields(now, merchant.time_zone),
            Field(
                "referral",
                sheet.referral,
                _same(own_links.referral),
                Place.BACK,
                link=own_links.referral,
            ),
            *reminders_of(card, merchant, now),
            *_successor(session, card, base_url),
            *_contact(session, merchant),
            Field(
                "serial_number",
                i18n.text("Card number"),
                _same(ids.show_serial_number(card.serial_number)),
                Place.BACK,
            ),
        ),
        locations=_places(session, sheet.definition),
        look=sheet.look,
        template=template.id.hex,
        template_version=sheet.version,
        account=account,
        earlier_accounts=earlier_accounts,
        personalisation=_personalisation(session, card, sheet),
        rotating=links.rotating_code(merchant.token_key, card.id)
        if sheet.definition.rotating_code
        else None,
    )


def _successor(session: Session, card: Any, base_url: str) -> list[Field]:
    """Where to get the card that this coupon turned into."""
    if card.successor_id is None:
        return []
    successor = cards.get(session, card.successor_id)
    name = sheet_of(session, _template(session, successor.template_id), base_url).title
    return [
        Field(
            "successor",
            i18n.text("Your new card"),
            name,
            Place.BACK,
            i18n.text("Thank you! Your new card is waiting for you: {value}", value="{value}"),
            link=links.links_of(session, successor, base_url).install,
        )
    ]


def _personalisation(session: Session, card: Any, sheet: Sheet) -> Personalisation | None:
    """What its holder is asked for, while nobody is known to be it."""
    asked = sheet.personalisation
    return asked if asked and is_anonymous(session, card) else None


def _template(session: Session, template_id: UUID) -> Any:
    """Kind and newest version; read once per transaction, since a worker draws many cards."""
    known: dict[UUID, Any] = session.info.setdefault("templates", {})
    template = known.get(template_id)
    if template is None:
        template = known[template_id] = session.execute(
            _TEMPLATE, {"of_merchant": merchant_of(session), "of_template": template_id}
        ).one()
    return template


def _places(session: Session, definition: Definition) -> tuple[Location, ...]:
    wanted = definition.location_ids
    return tuple(place for key, place in _every_place(session) if wanted is None or key in wanted)[
        :MOST_LOCATIONS
    ]


def _every_place(session: Session) -> list[tuple[UUID, Location]]:
    """The merchant's places by id; read once per transaction, since a worker draws many cards."""
    places: list[tuple[UUID, Location]] | None = session.info.get("places")
    if places is None:
        places = session.info["places"] = places_of(locations(session))
    return places


def places_of(rows: Iterable[Any]) -> list[tuple[UUID, Location]]:
    """Those of the merchant's branches (in rows of all their columns) that a map shows, by id."""
    return [
        (
            place.id,
            Location(
                place.latitude,
                place.longitude,
                every(place.nearby_text)
                if place.nearby_text
                else i18n.text("You are near {name}", name=place.name),
            ),
        )
        for place in rows
        if place.latitude is not None and place.longitude is not None
    ]


def _ends_at(card: Any, sheet: Sheet, merchant: Business) -> datetime | None:
    """Until when it can be used: to the card's end, or to the last day of a coupon's offer."""
    last_day: date | None = getattr(sheet.definition.rules, "valid_until", None)
    own_end: datetime | None = card.expires_at
    if last_day is None:
        return own_end
    offered = clock.end_of_day(last_day, merchant.time_zone)
    return min(own_end or offered, offered)


def _state(card: Any, ends_at: datetime | None, now: datetime) -> State:
    if card.status == "deleted" and card.status_cause != "customer":
        return State.VOID
    if card.blocked or expiry.has_passed(ends_at, now):
        return State.EXPIRED
    return State.VALID


def _face(card: Any, sheet: Sheet, merchant: Business, now: datetime) -> list[Field]:
    figures = figures_of(card, sheet.kind, sheet.definition, merchant.currency, now)
    return [
        Field(
            spot.figure,
            spot.label,
            value,
            spot.place,
            spot.change,
            mark=_mark(spot.figure, figures) if spot.figure in sheet.words else None,
        )
        for spot in sheet.face
        if (value := _value(spot.figure, card, sheet, figures, merchant)) is not None
    ]


def _mark(figure: str, figures: dict[str, FigureValue]) -> str | None:
    value = figures.get(figure)
    return value if isinstance(value, str) else None


def _value(
    figure: str,
    card: Any,
    sheet: Sheet,
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
    if figure == "percent" and isinstance(value, str):
        return i18n.percentage(value)
    if isinstance(value, int):
        return value
    if isinstance(value, datetime):
        return clock.day_of(value, merchant.time_zone)
    if value is None or isinstance(value, date):
        return value
    return sheet.words.get(figure, {}).get(value) or _same(value)


def _contact(session: Session, merchant: Business) -> list[Field]:
    """Who to ask; the same for all cards, so it is made once per transaction."""
    known: tuple[Business, list[Field]] | None = session.info.get("contact")
    if known is None or known[0] is not merchant:
        known = session.info["contact"] = (
            merchant,
            [
                Field(key, label, _same(value), Place.BACK, link=link)
                for key, label, value, link in (
                    ("website", i18n.text("Website"), merchant.website, merchant.website),
                    (
                        "phone",
                        i18n.text("Phone"),
                        merchant.contact_phone,
                        _tel(merchant.contact_phone),
                    ),
                    (
                        "email",
                        i18n.text("E-mail"),
                        merchant.contact_email,
                        _mailto(merchant.contact_email),
                    ),
                    ("address", i18n.text("Address"), merchant.address, None),
                )
                if value
            ],
        )
    return known[1]


def _holder(card: Any) -> str:
    """First name and initial, as the card was issued (R-GDPR-9, S1.41)."""
    first = (card.issued_data.get("first_name") or "").strip()
    last = (card.issued_data.get("last_name") or "").strip()
    shown = f"{first} {last[0]}." if first and last else first or last
    return shown[:HOLDER_LONGEST]


def _same(words: str) -> Text:
    return dict.fromkeys(i18n.LANGUAGES, words)


def _tel(phone: str | None) -> str | None:
    return f"tel:{''.join(sign for sign in phone if sign in '+0123456789')}" if phone else None


def _mailto(email: str | None) -> str | None:
    return f"mailto:{email}" if email else None
