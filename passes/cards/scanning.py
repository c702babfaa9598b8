"""Which card is before the till: by a scanned code, or by a card number that somebody typed."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy.orm import Session

from passes import ids
from passes.cards import cards, links
from passes.cards.models import Card
from passes.errors import Conflict, NotFound
from passes.merchants.merchants import business


def find_scanned(session: Session, code: str, now: datetime) -> Card:
    """The card with this till code or serial number (R-ID-3).

    A till code may be followed by a dot and the password of its time, as a code that rotates is.
    Only where the code itself is one of ours; then the password must be that of now, give or take
    30 seconds. A code that stands still is taken from every card, also from one whose template lets
    it rotate: Apple Wallet and the card page show no other.

    Raises NotFound, and Conflict with the code CODE_EXPIRED.
    """
    key = business(session).token_key
    plain, dot, password = code.strip().partition(".")
    if not dot:
        serial = ids.read_till_code(key, code) or ids.read_serial_number(code)
        return _card(session, serial)
    card = _card(session, ids.read_till_code(key, plain))
    rotating = links.rotating_code(key, card.id)
    if not re.fullmatch(f"[0-9]{{{rotating.digits}}}", password):
        raise NotFound("card")
    if not ids.is_timely(
        password, rotating.key, now.timestamp(), period=rotating.period, digits=rotating.digits
    ):
        raise Conflict(
            "This code has expired, as a picture of one has. Scan it from the customer's wallet.",
            code="CODE_EXPIRED",
        )
    return card


def _card(session: Session, serial: str | None) -> Card:
    if serial is None:
        raise NotFound("card")
    return cards.get(session, serial)
