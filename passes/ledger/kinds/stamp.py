"""The stamp card: stamps make rewards (D.4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from passes import money
from passes.card_templates.rules import StampRules
from passes.errors import Conflict
from passes.ledger.kinds import purchase
from passes.ledger.kinds.base import (
    MOST_STAMPS,
    Asked,
    Booking,
    CardKind,
    FigureValue,
    count,
    no_value,
    take,
)


def add_stamps(card: Any, rules: StampRules, asked: Asked) -> Booking:
    """By the template's mechanic: entered by staff, so many a visit, or one per amount spent.

    With the mechanic spend a value is stamps given by hand; the amount then earns nothing more.
    """
    if rules.mechanic == "visit":
        visits = count(1 if asked.value is None else asked.value, MOST_STAMPS)
        return _stamped(card, rules, *purchase.happily(asked, visits * rules.stamps_per_visit))
    if rules.mechanic == "spend" and asked.value is None:
        return _bought(card, rules, asked)
    return _stamped(card, rules, count(asked.value, MOST_STAMPS))


def buy(card: Any, rules: StampRules, asked: Asked) -> Booking:
    """What a till sends for any card: it earns with the mechanic spend, else it is just noted."""
    if rules.mechanic != "spend":
        return purchase.record(card, rules, asked)
    purchase.no_value(asked)
    return _bought(card, rules, asked)


def _bought(card: Any, rules: StampRules, asked: Asked) -> Booking:
    """One stamp per amount; where the template saves it, what is over counts the next time."""
    assert rules.amount_per_stamp is not None  # noqa: S101 - the rules are checked when made
    per_stamp = money.parse_decimal(rules.amount_per_stamp, asked.currency)
    saved = card.spend_remainder if rules.save_remainder else 0
    base, rest = divmod(purchase.spent(asked) + saved, per_stamp)
    booking = _stamped(card, rules, *purchase.happily(asked, base))
    if not rules.save_remainder:
        return booking
    return replace(booking, deltas={**booking.deltas, "spend_remainder": rest - saved})


def _stamped(
    card: Any, rules: StampRules, n: int, details: Mapping[str, Any] | None = None
) -> Booking:
    deltas = gives(card, rules, n)
    return Booking(
        "add_stamps",
        deltas,
        is_visit=True,
        is_one_visit=True,
        adds=n > 0,
        redeems=deltas["rewards_redeemed"] > 0,
        details=details,
    )


def gives(card: Any, rules: StampRules, n: int) -> Mapping[str, int]:
    """Each threshold that is reached gives a reward; after the last one a new round begins."""
    stamps, made = _collect(card.stamps, n, rules)
    kept = 0 if rules.auto_redeem else made
    return {
        "stamps": stamps - card.stamps,
        "stamps_earned": n,
        "rewards": kept,
        "rewards_earned": made,
        "rewards_redeemed": made - kept,
    }


def subtract_stamps(card: Any, rules: StampRules, asked: Asked) -> Booking:
    """Takes stamps of this round back; a reward already made stays (undo removes it)."""
    n = count(asked.value, MOST_STAMPS)
    take(card, "stamps", n, "stamps on this card")
    return Booking("subtract_stamps", {"stamps": -n})


def redeem_reward(card: Any, rules: StampRules, asked: Asked) -> Booking:
    """Hands one reward out; the stamps stay."""
    no_value(asked.value)
    take(card, "rewards", 1, "rewards on this card")
    return Booking(
        "redeem_reward",
        {"rewards": -1, "rewards_redeemed": 1},
        is_visit=True,
        is_one_visit=True,
        redeems=True,
    )


def add_reward(card: Any, rules: StampRules, asked: Asked) -> Booking:
    """Gives rewards without stamps, to put something right."""
    n = count(1 if asked.value is None else asked.value, MOST_STAMPS)
    return Booking("add_reward", {"rewards": n, "rewards_earned": n})


def subtract_reward(card: Any, rules: StampRules, asked: Asked) -> Booking:
    """Takes rewards back that were not used."""
    n = count(1 if asked.value is None else asked.value, MOST_STAMPS)
    take(card, "rewards", n, "rewards on this card")
    return Booking("subtract_reward", {"rewards": -n})


def figures(card: Any, rules: StampRules, currency: str, now: datetime) -> dict[str, FigureValue]:
    """D.3. ``stamps_missing``: to the next reward."""
    return {
        "stamps": card.stamps,
        "stamps_required": rules.steps[-1],
        "stamps_missing": next((s - card.stamps for s in rules.steps if s > card.stamps), 1),
        "stamps_earned": card.stamps_earned,
        "rewards_unused": card.rewards,
        "rewards_earned": card.rewards_earned,
        "rewards_redeemed": card.rewards_redeemed,
        "total_visits": card.total_visits,
        "last_redemption_at": card.last_redemption_at,
        "last_added_at": card.last_added_at,
    }


def check(card: Any, rules: StampRules) -> None:
    """A full card has become a reward: an undo that fills it up again would cheat the customer."""
    if card.stamps >= rules.steps[-1]:
        raise Conflict(
            f"This cannot be undone: {card.stamps} stamps would be a full card without its reward."
            " Undo the later stamps first.",
            code="COUNTED_ON",
            figure="stamps",
            would_be=card.stamps,
        )


def _collect(stamps: int, added: int, rules: StampRules) -> tuple[int, int]:
    """Stamps and new rewards after adding. Without carry-over a full round drops what is over."""
    if not added:
        return stamps, 0
    last = rules.steps[-1]
    # A round that a new version of the template made shorter is full with the next stamp.
    stamps = min(stamps, last - 1)
    rounds, rest = divmod(stamps + added, last)
    if rounds and not rules.carry_over:
        rounds, rest = 1, 0
    passed = sum(step <= rest for step in rules.steps) - sum(step <= stamps for step in rules.steps)
    return rest, rounds * len(rules.steps) + passed


KIND = CardKind(
    operations={
        "add-stamps": add_stamps,
        "purchase": buy,
        "subtract-stamps": subtract_stamps,
        "redeem-reward": redeem_reward,
        "add-reward": add_reward,
        "subtract-reward": subtract_reward,
    },
    figures=figures,
    opening={
        "stamps": ("stamps", "stamps_earned"),
        "rewards_unused": ("rewards", "rewards_earned"),
    },
    gives=gives,
    lives={"stamps": "life"},
    check=check,
)
