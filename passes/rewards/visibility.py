"""Who may see and have a reward: one list of conditions, asked at view and at redemption (D.17).

What is hidden does not exist: lists leave it out, and its id answers as an unknown one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from passes import clock
from passes.ledger.hours import is_within
from passes.merchants.merchants import business
from passes.rewards.catalogue import Offered
from passes.rewards.models import RewardClaim
from passes.store import merchant_of


@dataclass(frozen=True, slots=True)
class View:
    """One look of one card at the catalogue.

    ``taken``: how many claims count of each reward with a limit; ``taken_by_holder``: of those,
    this card's customer's.
    """

    card: Any
    now: datetime
    today: date
    time_zone: str
    taken: Mapping[UUID, int]
    taken_by_holder: Mapping[UUID, int]


Condition = Callable[[Offered, View], bool]


def is_active(reward: Offered, view: View) -> bool:
    return reward.status == "active"


def is_of_this_template(reward: Offered, view: View) -> bool:
    return bool(reward.template_id == view.card.template_id)


def is_inside_dates(reward: Offered, view: View) -> bool:
    return is_on(reward, view.today)


def is_inside_hours(reward: Offered, view: View) -> bool:
    hours = reward.definition.hours
    return not hours or any(is_within(window, view.now, view.time_zone) for window in hours)


def leaves_some(reward: Offered, view: View) -> bool:
    most, most_own = reward.definition.max_total, reward.definition.max_per_customer
    return (most is None or view.taken.get(reward.id, 0) < most) and (
        most_own is None or view.taken_by_holder.get(reward.id, 0) < most_own
    )


CONDITIONS: tuple[Condition, ...] = (
    is_active,
    is_of_this_template,
    is_inside_dates,
    is_inside_hours,
    # What segments, labels and levels say about this customer stands here.
    leaves_some,
)


def is_on(reward: Offered, day: date) -> bool:
    """Whether the reward's dates include this day of the merchant's."""
    since, until = reward.definition.valid_from, reward.definition.valid_until
    return (since is None or since <= day) and (until is None or day <= until)


def visible(
    session: Session, card: Any, rewards: Iterable[Offered], now: datetime
) -> list[Offered]:
    """Those that this card (with ``template_id`` and ``customer_id``) may have now."""
    rewards = list(rewards)
    zone = business(session).time_zone
    in_all = [reward.id for reward in rewards if reward.definition.max_total is not None]
    own = [reward.id for reward in rewards if reward.definition.max_per_customer is not None]
    view = View(
        card,
        now,
        clock.day_of(now, zone),
        zone,
        taken=_taken(session, in_all),
        taken_by_holder=_taken(session, own, RewardClaim.customer_id == card.customer_id),
    )
    return [reward for reward in rewards if all(allows(reward, view) for allows in CONDITIONS)]


def _taken(
    session: Session, reward_ids: Collection[UUID], *conditions: ColumnElement[bool]
) -> Mapping[UUID, int]:
    """How many claims of each reward count; no statement for none."""
    if not reward_ids:
        return {}
    rows = session.execute(
        select(RewardClaim.reward_id, func.count().label("times"))
        .where(
            RewardClaim.merchant_id == merchant_of(session),
            RewardClaim.reward_id.in_(reward_ids),
            RewardClaim.status != "refused",
            *conditions,
        )
        .group_by(RewardClaim.reward_id)
    )
    return {row.reward_id: row.times for row in rows}
