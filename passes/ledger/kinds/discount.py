"""The discount card: no balance, a percentage off that rises with what was spent (D.4.6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from passes import money
from passes.card_templates.rules import DiscountRules
from passes.ledger.kinds import levels, purchase
from passes.ledger.kinds.base import Asked, Booking, CardKind, FigureValue, Words


def buy(card: Any, rules: DiscountRules, asked: Asked) -> Booking:
    """Says what is taken off and what is to pay, by the level reached *before* this purchase.

    The amount entered, before the discount, is what counts in the LTV and towards the next level.
    """
    purchase.no_value(asked)
    amount = purchase.spent(asked)
    level = levels.level_of(rules.levels, card.purchases, asked.currency)
    off = levels.discounted(amount, level)
    return Booking(
        "purchase",
        {},
        is_visit=True,
        is_one_visit=True,
        details={
            "percent": levels.percent_text(level),
            "discount": money.to_text(off, asked.currency),
            "to_pay": money.to_text(amount - off, asked.currency),
        },
    )


def figures(
    card: Any, rules: DiscountRules, currency: str, now: datetime
) -> dict[str, FigureValue]:
    return {
        **levels.figures(rules.levels, card.purchases, currency),
        "total_visits": card.total_visits,
    }


def words(rules: DiscountRules) -> Words:
    return levels.words(rules.levels)


KIND = CardKind(operations={"purchase": buy}, figures=figures, opening={}, words=words)
"""Its only opening is the spend so far, the LTV of every card: it sets the level (R-ISS-9)."""
