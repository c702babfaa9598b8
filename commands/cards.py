"""Issues a card by hand (R-ISS-4)."""

from __future__ import annotations

import argparse
import json
from typing import Any

import orjson
from pydantic import ValidationError

import migrations
from commands.keys import merchant_named
from commands.parts import Assemble
from passes import clock
from passes.card_templates import templates
from passes.cards import utm
from passes.cards.issue import Origin, issue
from passes.customers import customers
from passes.customers.details import Details
from passes.errors import Invalid, NotFound, wrong_fields
from passes.settings import Settings
from web.api import shown

_DETAILS = ("first_name", "last_name", "phone", "email", "language", "external_id")


def add_parsers(card: Any) -> None:
    """``treuepass card issue``."""
    issuing = card.add_parser("issue", help="issues a card and prints it as JSON, with its links")
    issuing.add_argument("--merchant", required=True, metavar="SLUG")
    issuing.add_argument("--template", required=True, metavar="SLUG")
    for name in _DETAILS:
        issuing.add_argument(f"--{name.replace('_', '-')}")
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
        template = next(
            (
                known
                for known in templates.all_of_merchant(session)
                if known.slug == parsed.template
            ),
            None,
        )
        if template is None:
            raise NotFound(f"card template {parsed.template!r}")
        origin = Origin("manual", utm.decide(utm.Utm(), None, "manual"), issued_by="command line")
        card = issue(session, template, customers.create(session, details, now), origin, now)
        shown_card = shown.card(session, card, parts.app.extensions["treuepass"], now)
    print(json.dumps(orjson.loads(orjson.dumps(shown_card)), indent=2, ensure_ascii=False))
    return 0
