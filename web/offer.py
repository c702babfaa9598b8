"""What a sign-up link offers: whose card it is, how it looks, and why it may not be had."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from flask import Response, abort
from sqlalchemy.orm import Session

from passes import i18n
from passes.card_templates import templates
from passes.card_templates.models import ChannelLink
from passes.card_templates.pictures import pictures_of
from passes.card_templates.templates import Template
from passes.cards import cards, sign_up
from passes.cards.models import Card
from passes.errors import Conflict
from passes.merchants import directory
from passes.merchants.directory import Found, Known
from passes.merchants.merchants import Business, business
from passes.wallet_port import Look, Text
from web import pages, services
from web.language import page_language


@dataclass(frozen=True, slots=True)
class Offer:
    """What somebody stands before who opened a link, and the language in which they read it."""

    merchant: Business
    template: Template
    channel: ChannelLink | None
    referrer: Card | None
    language: str


_GONE = (410, i18n.text("This card is not offered any more"))
_STOPPED: Mapping[str, tuple[int, Text]] = {
    "TEMPLATE_PAUSED": (404, i18n.text("This card is not offered at the moment")),
    "TEMPLATE_ARCHIVED": _GONE,
}
_LIMITS: Mapping[str, Text] = {
    "issue_from": i18n.text("This card is not offered yet"),
    "issue_until": i18n.text("This card is not offered any more"),
    "max_per_day": i18n.text("All cards of today have been given out"),
}
_ALL_GIVEN_OUT = i18n.text("All cards have been given out")


def find(kind: Known, key: str) -> Found:
    """Whose link it is; 404 when it is nobody's."""
    with services().store.read_all() as session:
        found = directory.find(session, kind, key)
    if found is None:
        abort(404)
    return found


def offer_of(session: Session, found: Found, channel: str | None, code: str | None) -> Offer:
    """What the link offers. Raises Conflict while the card is not to be had; a draft is a 404."""
    merchant = business(session)
    referrer = None
    template_id = found.subject_id
    if code is not None:
        template_id = cards.get(session, found.subject_id).template_id
        with suppress(Conflict):  # withdrawn: what remains is a sign-up page like any other
            referrer = sign_up.referrer(session, found.subject_id, services().now())
    template = templates.get(session, template_id)
    if template.status == "draft":
        abort(404)
    if template.status != "active":
        raise Conflict("This card is not offered.", code=f"TEMPLATE_{template.status.upper()}")
    return Offer(
        merchant=merchant,
        template=template,
        channel=templates.find_channel_link(session, template_id, channel) if channel else None,
        referrer=referrer,
        language=page_language(template.definition.language),
    )


_looks: dict[tuple[UUID, int, str], Mapping[str, object]] = {}


def look_of(session: Session, template: Template) -> Mapping[str, object]:
    """The card's colours and pictures. A version never changes, so each is read once."""
    base_url = services().base_url
    key = (template.id, template.version, base_url)
    known = _looks.get(key)
    if known is None:
        if len(_looks) >= 256:
            _looks.clear()
        look = template.definition.look
        renditions = pictures_of(session, base_url, (look.logo, look.strip))
        known = _looks[key] = pages.face_parts(
            Look(look.background, look.foreground, look.label, renditions)
        )
    return known


def neutral(offer: Offer) -> Response:
    """The one answer to everybody whose contact is known, and to programs that fill in what nobody
    sees. It tells nothing, and its wording may not depend on anything (R-ISS-7)."""
    language = offer.language
    return pages.notice(
        200,
        i18n.translate(language, "Thank you"),
        [
            i18n.translate(
                language,
                "If you already have a card of {merchant}, please ask at the counter: there you"
                " get your personal link again.",
                merchant=offer.merchant.name,
            )
        ],
        merchant=offer.merchant.name,
        language=language,
    )


def stopped(error: Conflict) -> Response:
    """The friendly page for a card that cannot be had (R-ISS-5)."""
    language = page_language()
    known = _STOPPED.get(error.code)
    status, title = known or (409, _LIMITS.get(str(error.facts.get("limit")), _ALL_GIVEN_OUT))
    advice = i18n.translate(language, "Please ask at the counter.")
    return pages.notice(status, title[language], [advice], language=language)
