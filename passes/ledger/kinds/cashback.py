"""The cashback card: a percentage of each purchase comes back as points (D.4.3, T-CB-1).

A point is worth 1 / ``points_per_currency`` of a major unit: with 10 points per euro, 10 cents.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from passes import money
from passes.card_templates.rules import CashbackRules, SpendLevel
from passes.errors import Invalid
from passes.ledger.kinds import levels, points, purchase
from passes.ledger.kinds.base import (
    MOST_POINTS,
    Asked,
    Booking,
    CardKind,
    FigureValue,
    Words,
    count,
    take,
)


def buy(card: Any, rules: CashbackRules, asked: Asked) -> Booking:
    """Earns by the percentage that the purchases *before* this one have reached."""
    purchase.no_value(asked)
    level = levels.level_of(rules.levels, card.purchases, asked.currency)
    base = _points_on(purchase.spent(asked), 0, level, rules, asked.currency)
    earned, happy = purchase.happily(asked, base)
    return Booking(
        "accrue_points",
        points.gives(card, rules, earned),
        is_visit=True,
        is_one_visit=True,
        adds=earned > 0,
        details={"percent": levels.percent_text(level), **(happy or {})},
    )


def accrue(card: Any, rules: CashbackRules, asked: Asked) -> Booking:
    """A purchase, or points given by hand (``value``); an amount beside those earns nothing."""
    if asked.value is None:
        return buy(card, rules, asked)
    n = count(asked.value, MOST_POINTS)
    return Booking(
        "accrue_points", points.gives(card, rules, n), is_visit=True, is_one_visit=True, adds=True
    )


def redeem(card: Any, rules: CashbackRules, asked: Asked) -> Booking:
    """Pays with points; what is paid otherwise earns, or all of it where the template says so.

    One entry holds both: ``details`` name the points ``redeemed`` and the points ``earned``.
    """
    n = count(asked.value, MOST_POINTS)
    if rules.double_entry and asked.options.get("repeated") != n:
        raise Invalid.field("repeated", f"must say once more what value says: {n}")
    take(card, "points", n, "points on this card")
    if not asked.purchase:
        return Booking("redeem_points", {"points": -n}, redeems=True)
    level = levels.level_of(rules.levels, card.purchases, asked.currency)
    paid_so = 0 if rules.earn_on_paid_with_points else n
    base = _points_on(asked.purchase, paid_so, level, rules, asked.currency)
    earned, happy = purchase.happily(asked, base)
    return Booking(
        "redeem_points",
        {"points": earned - n, "points_earned": earned},
        is_visit=True,
        is_one_visit=True,
        redeems=True,
        adds=earned > 0,
        details={
            "percent": levels.percent_text(level),
            "redeemed": n,
            "earned": earned,
            **(happy or {}),
        },
    )


def figures(
    card: Any, rules: CashbackRules, currency: str, now: datetime
) -> dict[str, FigureValue]:
    return points.balance(card) | levels.figures(rules.levels, card.purchases, currency)


def _points_on(
    amount: int, paid_points: int, level: SpendLevel, rules: CashbackRules, currency: str
) -> int:
    """floor((amount - worth of the points) x percent x points_per_currency), exactly.

    The amount in minor units times points per major unit is reckoned first, so that the worth of
    a point need not be a whole number of cents.
    """
    unit: int = 10 ** money.digits_of(currency)
    in_points = max(0, amount * rules.points_per_currency - paid_points * unit)
    return in_points * levels.hundredths(level) // (levels.WHOLE * unit)


def gives(card: Any, rules: CashbackRules, n: int) -> Mapping[str, int]:
    return points.gives(card, rules, n)


def words(rules: CashbackRules) -> Words:
    return levels.words(rules.levels)


KIND = CardKind(
    operations={
        "accrue": accrue,
        "purchase": buy,
        "subtract-points": points.subtract,
        "redeem-points": redeem,
    },
    figures=figures,
    opening={"points": ("points", "points_earned")},
    gives=gives,
    lives={"points": "life"},
    words=words,
)
