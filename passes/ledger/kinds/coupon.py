"""The coupon: used once, inside its dates; it may turn into another card (D.4.5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from passes import clock, i18n
from passes.card_templates.rules import CouponRules
from passes.errors import Conflict
from passes.i18n import dated, text
from passes.ledger.kinds import purchase
from passes.ledger.kinds.base import Asked, Booking, CardKind, FigureValue, Words, no_value

REDEEM = "redeem_coupon"
"""The type of the entry; ``ledger/coupons.py`` says what else follows from it."""

_STATES = {"unredeemed": text("ready to use"), "redeemed": text("used")}


def redeem(card: Any, rules: CouponRules, asked: Asked) -> Booking:
    """Uses the coupon. Refuses with ALREADY_REDEEMED, COUPON_NOT_YET or COUPON_OVER.

    That it was used comes first: it is why somebody at the till is surprised (T-CO-1).
    """
    no_value(asked.value)
    if card.redemptions:
        used_on = clock.day_of(card.last_redemption_at, asked.time_zone)
        raise Conflict(
            dated("This coupon was redeemed on {date} already.", used_on),
            code="ALREADY_REDEEMED",
            redeemed_at=card.last_redemption_at,
        )
    today = clock.day_of(asked.now, asked.time_zone)
    if rules.valid_from is not None and today < rules.valid_from:
        raise Conflict(
            dated("This coupon is valid from {date}.", rules.valid_from),
            code="COUPON_NOT_YET",
            valid_from=rules.valid_from,
        )
    if rules.valid_until is not None and today > rules.valid_until:
        raise Conflict(
            dated("This coupon was valid until {date}.", rules.valid_until),
            code="COUPON_OVER",
            valid_until=rules.valid_until,
        )
    return Booking(REDEEM, {"redemptions": 1}, is_visit=True, is_one_visit=True, redeems=True)


def figures(card: Any, rules: CouponRules, currency: str, now: datetime) -> dict[str, FigureValue]:
    """``offer`` is in English where the merchant wrote it so; a pass says it in every language."""
    return {
        "coupon_state": "redeemed" if card.redemptions else "unredeemed",
        "offer": i18n.pick(rules.offer, "en"),
        "valid_from": rules.valid_from,
        "valid_until": rules.valid_until,
        "redeemed_at": card.last_redemption_at if card.redemptions else None,
    }


def words(rules: CouponRules) -> Words:
    return {"coupon_state": _STATES, "offer": {i18n.pick(rules.offer, "en"): rules.offer}}


KIND = CardKind(
    operations={"redeem-coupon": redeem, "purchase": purchase.record},
    figures=figures,
    opening={},
    words=words,
)
