"""Purchases: recorded on any card, and what they earn on some of them (D.4, R-EARN-3)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from passes.errors import Invalid
from passes.ledger.kinds.base import Asked, Booking


def record(card: Any, rules: Any, asked: Asked) -> Booking:
    """A purchase that earns nothing on this card: it counts in the LTV, and as a visit (D.2).

    Cards that earn by what is spent have their earning operation under this verb instead, so that
    a till may send the same for every card.
    """
    no_value(asked)
    spent(asked)
    return Booking("purchase", {}, is_visit=True, is_one_visit=True)


def record_only(card: Any, rules: Any, asked: Asked) -> Booking:
    """As ``record``, on cards whose total visits count units and nothing else (D.3)."""
    no_value(asked)
    spent(asked)
    return Booking("purchase", {}, is_visit=True)


def spent(asked: Asked) -> int:
    """The purchase amount, in minor units. Raises Invalid when none was given."""
    if asked.purchase is None:
        raise Invalid.field("purchase_amount", "is missing", "MISSING")
    return asked.purchase


def no_value(asked: Asked) -> None:
    """A purchase has an amount, and no value besides. Raises Invalid."""
    if asked.value is not None:
        raise Invalid.field("value", "does not belong to a purchase")


def happily(asked: Asked, base: int) -> tuple[int, Mapping[str, Any] | None]:
    """What is earned, and what the entry says of it: nothing outside of a happy hour.

    ``base`` was earned by a purchase or a visit. ``factor`` is a decimal string such as "1.5".
    """
    if asked.factor == 100:
        return base, None
    factor = format(Decimal(asked.factor).scaleb(-2).normalize(), "f")
    return asked.happily(base), {"base": base, "factor": factor}
