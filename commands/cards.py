"""Issues a card by hand (R-ISS-4)."""

from __future__ import annotations

import argparse
from typing import Any

import orjson
from pydantic import ValidationError
from sqlalchemy.orm import Session

import migrations
from commands.keys import merchant_named
from commands.parts import Assemble
from passes import clock
from passes.card_templates import templates
from passes.card_templates.templates import Template
from passes.cards import utm
from passes.cards.issue import Origin, issue
from passes.customers import customers
from passes.customers.details import Details
from passes.errors import Invalid, NotFound, wrong_fields
from passes.ledger.book import Actor
from passes.ledger.post import open_balance
from passes.merchants.merchants import business
from passes.settings import Settings
from web.api import reading, shown
from web.api.cards import MONEY_OPENINGS, opening_of

_DETAILS = ("first_name", "last_name", "phone", "email", "language", "external_id")
_BY = "command line"


def add_parsers(card: Any) -> None:
    """``treuepass card issue``."""
    issuing = card.add_parser("issue", help="issues a card and prints it as JSON, with its links")
    issuing.add_argument("--merchant", required=True, metavar="SLUG")
    issuing.add_argument("--template", required=True, metavar="SLUG")
    for name in _DETAILS:
        issuing.add_argument(f"--{name.replace('_', '-')}")
    issuing.add_argument("--expires-at", metavar="DAY", help="2027-12-31, or a time with its zone")
    issuing.add_argument(
        "--opening",
        action="append",
        default=[],
        metavar="FIGURE=VALUE",
        help="what the card brings along: available_visits=3, ltv=45.00 …",
    )
    issuing.set_defaults(command=issue_card)


def issue_card(parsed: argparse.Namespace, settings: Settings, assemble: Assemble) -> int:
    """A new customer and a card of the template, issued now (S1.22)."""
    parts = assemble(settings)
    migrations.upgrade(parts.store.engine)
    now = clock.now()
    try:
        details = Details(**{name: getattr(parsed, name) for name in _DETAILS})
    except ValidationError as error:
        raise Invalid(wrong_fields(error)) from None
    with parts.store.write(merchant_named(parts.store, parsed.merchant)) as session:
        merchant = business(session)
        card = issue(
            session,
            _template(session, parsed.template),
            customers.create(session, details, now),
            Origin("manual", utm.decide(utm.Utm(), None, "manual"), issued_by=_BY),
            now,
            expires_at=reading.day_or_moment(parsed.expires_at, merchant.time_zone, "expires_at"),
        )
        if parsed.opening:
            counts, purchases = opening_of(_figures(parsed.opening), merchant.currency)
            actor = Actor(kind="api", id=_BY, channel="manual")
            open_balance(session, str(card.id), counts, purchases, actor, now)
            session.refresh(card)
        shown_card = shown.card(session, card, parts.app.extensions["treuepass"], now)
    # As the API writes it, so that one program reads both.
    print(orjson.dumps(shown_card, option=orjson.OPT_UTC_Z | orjson.OPT_INDENT_2).decode())
    return 0


def _template(session: Session, slug: str) -> Template:
    for template in templates.all_of_merchant(session):
        if template.slug == slug:
            return template
    raise NotFound(f"card template {slug!r}")


def _figures(given: list[str]) -> dict[str, int | str]:
    """Money stays text; the others are whole numbers."""
    figures: dict[str, int | str] = {}
    for pair in given:
        name, _, value = pair.partition("=")
        figures[name] = int(value) if value.isdecimal() and name not in MONEY_OPENINGS else value
    return figures
