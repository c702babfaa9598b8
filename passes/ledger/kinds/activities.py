"""Activities: points without a sale, for what the merchant likes to reward (D.4.8, S5.18-S5.22)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from passes.card_templates.rules import Activity, PointsRules
from passes.errors import Conflict, Invalid
from passes.i18n import text
from passes.ledger.kinds.base import MOST_POINTS, Asked, Booking, Operation, count

STAFF = "staff"
"""The proof of whoever posts for the merchant: good for every activity."""


def named(rules: Any, key: object) -> Activity:
    """The activity with this key in the rules of a points card. Raises Invalid."""
    assert isinstance(rules, PointsRules)  # noqa: S101 - no other kind has the operation
    found = next((activity for activity in rules.activities if activity.key == key), None)
    if found is None:
        keys = ", ".join(activity.key for activity in rules.activities)
        known = f"must be one of {keys}" if keys else "this card has no activities"
        raise Invalid.field("activity", known)
    return found


def giving(gives: Callable[[Any, Any, int], Mapping[str, int]]) -> Operation:
    """The operation for a kind whose units are given as ``gives`` says.

    Options: ``activity``, its key; ``proof``, what there is to show for it (AMB-32): ``staff``,
    or that of the activity itself. A value replaces the activity's points; only the merchant's
    own people may name one (S5.22). Its limits are asked before, see ``ledger.activities``.
    """

    def give(card: Any, rules: PointsRules, asked: Asked) -> Booking:
        activity = named(rules, asked.options.get("activity"))
        proof = asked.options.get("proof", STAFF)
        if asked.purchase is not None:
            raise Invalid.field("purchase_amount", "does not belong to an activity")
        if proof != STAFF and asked.value is not None:
            raise Invalid.field("value", "is for the merchant to decide")
        if proof not in {STAFF, activity.proof}:
            raise Conflict(text("This activity needs another proof."), code="PROOF_NEEDED")
        points = count(activity.points if asked.value is None else asked.value, MOST_POINTS)
        return Booking(
            "activity",
            gives(card, rules, points),
            adds=True,
            details={"proof": proof},
            activity=activity.key,
        )

    return give
