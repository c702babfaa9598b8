"""The multipass: prepaid visits, and a bonus balance of points (D.4.2, S1.4-S1.33)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from passes.card_templates.rules import MultipassRules
from passes.ledger.kinds import purchase
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
from passes.ledger.life import after_days


def add_visits(card: Any, rules: MultipassRules, asked: Asked) -> Booking:
    """Available and sold rise; a sale proves that the customer was there.

    Visits that are a package of the template's are good for as long as that says (D.4.2).
    """
    n = count(asked.value, MOST_VISITS)
    days = next((package.valid_days for package in rules.packages if package.visits == n), None)
    return Booking(
        "add_visits",
        gives(card, rules, n),
        is_visit=bool(asked.purchase),
        adds=True,
        ends={"available_visits": after_days(days, asked.now, asked.time_zone)} if days else None,
    )


def redeem_visits(card: Any, rules: MultipassRules, asked: Asked) -> Booking:
    """Available falls, redeemed rises; each visit earns the template's points."""
    n = count(asked.value, MOST_VISITS)
    take(card, "available_visits", n, "available")
    return Booking(
        "redeem_visits",
        {
            "available_visits": -n,
            "redeemed_visits": n,
            "total_visits": n,
            "bonus": n * rules.points_per_visit,
        },
        is_visit=True,
        redeems=True,
    )


def subtract_visits(card: Any, rules: MultipassRules, asked: Asked) -> Booking:
    """Corrects a mistake: S1.30 to the letter, or without touching what was used (AMB-06).

    Removed visits count in the total (S1.18, AMB-07).
    """
    n = count(asked.value, MOST_VISITS)
    take(card, "available_visits", n, "available")
    given_back = min(n, card.redeemed_visits) if rules.multipass_subtract_rule == "source" else 0
    return Booking(
        "subtract_visits",
        {"available_visits": -n, "redeemed_visits": -given_back, "total_visits": n},
    )


def add_bonus(card: Any, rules: MultipassRules, asked: Asked) -> Booking:
    return Booking("add_bonus", {"bonus": count(asked.value, MOST_POINTS)})


def subtract_bonus(card: Any, rules: MultipassRules, asked: Asked) -> Booking:
    """S1.33."""
    n = count(asked.value, MOST_POINTS)
    take(card, "bonus", n, "bonus points available")
    return Booking("subtract_bonus", {"bonus": -n})


def redeem_bonus(card: Any, rules: MultipassRules, asked: Asked) -> Booking:
    n = count(asked.value, MOST_POINTS)
    take(card, "bonus", n, "bonus points available")
    return Booking("redeem_bonus", {"bonus": -n})


def gives(card: Any, rules: MultipassRules, n: int) -> Mapping[str, int]:
    """Visits for nothing count as sold like all others (AMB-03)."""
    return {"available_visits": n, "sold_visits": n}


def figures(
    card: Any, rules: MultipassRules, currency: str, now: datetime
) -> dict[str, FigureValue]:
    """D.3."""
    return {
        "available_visits": card.available_visits,
        "redeemed_visits": card.redeemed_visits,
        "sold_visits": card.sold_visits,
        "total_visits": card.total_visits,
        "bonus_balance": card.bonus,
        "visits_by_referral": card.referral_visits,
        "last_redemption_at": card.last_redemption_at,
        "last_added_at": card.last_added_at,
    }


KIND = CardKind(
    operations={
        "add-visits": add_visits,
        "redeem-visits": redeem_visits,
        "subtract-visits": subtract_visits,
        "add-bonus": add_bonus,
        "subtract-bonus": subtract_bonus,
        "redeem-bonus": redeem_bonus,
        "purchase": purchase.record_only,
    },
    figures=figures,
    opening={"available_visits": ("available_visits", "sold_visits"), "bonus_balance": ("bonus",)},
    gives=gives,
    lives={"bonus": "bonus_life"},
)
