"""Points for a reward: what redeeming one of the catalogue does to a points card (D.4.8, S5.23)."""

from __future__ import annotations

from typing import Any

from passes.errors import Invalid
from passes.ledger.kinds.base import Asked, Booking, no_value, take


def redeem_reward(card: Any, rules: Any, asked: Asked) -> Booking:
    """Points fall by the ``cost`` among the options, which ``rewards.redeem`` reads from the
    catalogue; it is no field of the API.
    """
    no_value(asked.value)
    cost = asked.options.get("cost")
    if cost is None:
        raise Invalid.field("reward_id", "is missing", "MISSING")
    take(card, "points", cost, "points available")
    return Booking(
        "redeem_reward",
        {"points": -cost, "rewards_redeemed": 1},
        is_visit=True,
        is_one_visit=True,
        redeems=True,
    )
