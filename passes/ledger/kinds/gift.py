"""The gift card: money that was paid for, and is spent here (D.4.4, T-GC-1).

Money counts in the LTV when it is loaded with a purchase amount, and never when it is spent. As a
welcome bonus it is minor units like everywhere; a friend's reward in money there is none (D.9.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from passes import money
from passes.card_templates.rules import GiftRules
from passes.errors import Conflict, Invalid
from passes.i18n import text
from passes.ledger.kinds import purchase
from passes.ledger.kinds.base import Asked, Booking, CardKind, FigureValue, Insufficient


def add_money(card: Any, rules: GiftRules, asked: Asked) -> Booking:
    """Loads the card, as often as wished; the purchase amount is what was paid for it, if given."""
    loaded = _amount(asked)
    _refuse_used_up(card, rules)
    return Booking("add_money", gives(card, rules, loaded), adds=True)


def redeem_money(card: Any, rules: GiftRules, asked: Asked) -> Booking:
    """Pays with the card; no more than is on it. On a card for one use the rest is given up.

    That needs ``give_up_rest``, or is refused with REST_WOULD_BE_LOST.
    """
    if asked.purchase is not None:
        raise Invalid.field(
            "purchase_amount", "must be left out: it counted when the card was loaded"
        )
    taken = _amount(asked)
    _refuse_used_up(card, rules)
    _take(card, taken, asked.currency)
    rest = card.money - taken if rules.use == "single_use" else 0
    if rest and not asked.options.get("give_up_rest"):
        shown = money.to_text(rest, asked.currency)
        raise Conflict(
            text("This card is for one use: {rest} would be lost. Give it up?", rest=shown),
            code="REST_WOULD_BE_LOST",
            rest=shown,
        )
    return Booking(
        "redeem_money",
        {"money": -taken - rest, "redemptions": 1},
        is_visit=True,
        is_one_visit=True,
        redeems=True,
        details={"given_up": money.to_text(rest, asked.currency)} if rest else None,
    )


def subtract_money(card: Any, rules: GiftRules, asked: Asked) -> Booking:
    """Corrects a loading."""
    taken = _amount(asked)
    _take(card, taken, asked.currency)
    return Booking("subtract_money", {"money": -taken})


def gives(card: Any, rules: GiftRules, n: int) -> Mapping[str, int]:
    return {"money": n}


def figures(card: Any, rules: GiftRules, currency: str, now: datetime) -> dict[str, FigureValue]:
    return {
        "balance": money.to_text(card.money, currency),
        "total_visits": card.total_visits,
        "last_redemption_at": card.last_redemption_at,
        "last_added_at": card.last_added_at,
    }


def _amount(asked: Asked) -> int:
    if asked.value is None:
        raise Invalid.field("value", "is missing", "MISSING")
    if asked.value < 1:
        raise Invalid.field("value", "must be more than nothing")
    return asked.value


def _refuse_used_up(card: Any, rules: GiftRules) -> None:
    """A second use of a card for one; loading it again would lock the money up."""
    if rules.use == "single_use" and card.redemptions:
        raise Conflict(
            text("This card was for one use, and has been used."),
            code="ALREADY_USED",
            redeemed_at=card.last_redemption_at,
        )


def _take(card: Any, wanted: int, currency: str) -> None:
    if wanted > card.money:
        there = money.to_text(card.money, currency)
        if card.money:
            sentence = text("Balance {balance} – take {balance}?", balance=there)
        else:
            sentence = text("There is no money on this card.")
        raise Insufficient(sentence, available=there, wanted=money.to_text(wanted, currency))


KIND = CardKind(
    operations={
        "add-money": add_money,
        "redeem-money": redeem_money,
        "subtract-money": subtract_money,
        "purchase": purchase.record,
    },
    figures=figures,
    opening={"balance": ("money",)},
    gives=gives,
    lives={"money": "life"},
)
