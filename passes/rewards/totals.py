"""What a customer has over all cards: points, and what was spent (S5.13, AMB-30, D.3)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from passes.cards.models import Card
from passes.store import merchant_of, table_of

_cards = table_of(Card)


@dataclass(frozen=True, slots=True)
class Totals:
    """``points`` of points and cashback cards now, ``points_lifetime`` collected in all;
    ``purchases`` (the LTV) in minor units, of withdrawn cards too."""

    points: int = 0
    points_lifetime: int = 0
    purchases: int = 0


def of_customers(session: Session, customer_ids: Collection[UUID]) -> Mapping[UUID, Totals]:
    """By customer, in one statement; who has no card is left out."""
    rows = session.execute(
        select(
            _cards.c.customer_id,
            # What is on a card that the merchant withdrew is nobody's to spend.
            func.coalesce(
                func.sum(_cards.c.points).filter(
                    _cards.c.status_cause.is_distinct_from("merchant")
                ),
                0,
            ),
            func.coalesce(func.sum(_cards.c.points_earned), 0),
            func.coalesce(func.sum(_cards.c.purchases), 0),
        )
        .where(_cards.c.merchant_id == merchant_of(session), _cards.c.customer_id.in_(customer_ids))
        .group_by(_cards.c.customer_id)
    )
    return {
        customer_id: Totals(int(points), int(earned), int(spent))
        for customer_id, points, earned, spent in rows
    }
