"""The points card: points for spending, for visits, or given freely (D.4.8)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from passes.card_templates.rules import PointsRules
from passes.ledger.kinds import activities, exchange, purchase
from passes.ledger.kinds.base import (
    MOST_POINTS,
    MOST_VISITS,
    Asked,
    Booking,
    CardKind,
    FigureValue,
    count,
    take,
)
from passes.money import parse_decimal


def accrue(card: Any, rules: PointsRules, asked: Asked) -> Booking:
    """By the template's mechanic: so many a visit (``value``: visits), per amount, or as entered.

    With the mechanic spend a value is points given by hand; the amount then earns nothing more.
    """
    if rules.mechanic == "visit":
        visits = count(1 if asked.value is None else asked.value, MOST_VISITS)
        return _earned(card, rules, *purchase.happily(asked, visits * rules.points_per_visit))
    if rules.mechanic == "spend" and asked.value is None:
        return _bought(card, rules, asked)
    return _earned(card, rules, count(asked.value, MOST_POINTS))


def buy(card: Any, rules: PointsRules, asked: Asked) -> Booking:
    """What a till sends for any card: it earns with the mechanic spend, else it is just noted."""
    if rules.mechanic != "spend":
        return purchase.record(card, rules, asked)
    purchase.no_value(asked)
    return _bought(card, rules, asked)


def subtract(card: Any, rules: Any, asked: Asked) -> Booking:
    """Corrects a mistake. Points collected in all stay: only an undo lowers those (D.3)."""
    n = count(asked.value, MOST_POINTS)
    take(card, "points", n, "points on this card")
    return Booking("subtract_points", {"points": -n})


def redeem(card: Any, rules: PointsRules, asked: Asked) -> Booking:
    """Pays with points, for whatever it is. A purchase beside it proves a visit."""
    n = count(asked.value, MOST_POINTS)
    take(card, "points", n, "points on this card")
    bought = bool(asked.purchase)
    return Booking(
        "redeem_points", {"points": -n}, is_visit=bought, is_one_visit=bought, redeems=True
    )


def gives(card: Any, rules: Any, n: int) -> Mapping[str, int]:
    return {"points": n, "points_earned": n}


def balance(card: Any) -> dict[str, FigureValue]:
    """What points cards and cashback cards have in common (D.3, AMB-04)."""
    return {
        "points": card.points,
        "points_lifetime": card.points_earned,
        "total_visits": card.total_visits,
        "last_redemption_at": card.last_redemption_at,
        "last_added_at": card.last_added_at,
    }


def figures(card: Any, rules: PointsRules, currency: str, now: datetime) -> dict[str, FigureValue]:
    return {**balance(card), "rewards_redeemed": card.rewards_redeemed}


def _bought(card: Any, rules: PointsRules, asked: Asked) -> Booking:
    steps = purchase.spent(asked) // parse_decimal(rules.currency_step, asked.currency)
    return _earned(card, rules, *purchase.happily(asked, steps * rules.points_per_currency))


def _earned(
    card: Any, rules: PointsRules, n: int, details: Mapping[str, Any] | None = None
) -> Booking:
    return Booking(
        "accrue_points",
        gives(card, rules, n),
        is_visit=True,
        is_one_visit=True,
        adds=n > 0,
        details=details,
    )


KIND = CardKind(
    operations={
        "accrue": accrue,
        "purchase": buy,
        "subtract-points": subtract,
        "redeem-points": redeem,
        "activity": activities.giving(gives),
        "redeem-reward": exchange.redeem_reward,
    },
    figures=figures,
    opening={"points": ("points", "points_earned")},
    gives=gives,
    lives={"points": "life"},
)
