"""The membership: a plan, its running period, and the visits in it (D.4.7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from passes import clock
from passes.card_templates.rules import MembershipRules, Plan
from passes.cards.expiry import LAST_SECOND
from passes.errors import Conflict, Invalid
from passes.i18n import dated, text
from passes.ledger.kinds import periods, purchase
from passes.ledger.kinds.base import (
    MOST_VISITS,
    Asked,
    Booking,
    CardKind,
    FigureValue,
    Insufficient,
    Words,
    count,
    no_value,
)
from passes.ledger.kinds.terms import Terms

MOST_YEARS_AHEAD = 100
"""So far ahead may a membership be paid; beyond it nobody means it."""

_STATES = {
    "trial": text("on trial"),
    "active": text("active"),
    "past_due": text("payment due"),
    "cancelled": text("cancelled"),
    "lapsed": text("not active"),
}


class MembershipLapsed(Conflict):
    code = "MEMBERSHIP_LAPSED"


class NoVisitsLeft(Insufficient):
    """The period has fewer visits left than are wanted."""

    code = "NO_VISITS_LEFT"


# --- being there ---------------------------------------------------------------------------------


def check_in(card: Any, rules: MembershipRules, asked: Asked) -> Booking:
    """Lets the member in. Refuses with MEMBERSHIP_LAPSED or NO_VISITS_LEFT."""
    no_value(asked.value)
    return _visit("check_in", card, 1, asked)


def redeem_visits(card: Any, rules: MembershipRules, asked: Asked) -> Booking:
    """Takes several visits of the period at once."""
    return _visit("redeem_visits", card, count(asked.value, MOST_VISITS), asked)


def _visit(type_: str, card: Any, n: int, asked: Asked) -> Booking:
    terms = _running(card, asked)
    if terms.visits is not None and n > card.available_visits:
        raise NoVisitsLeft(
            text("Visits left in this period: {left}", left=str(card.available_visits)),
            available=card.available_visits,
            wanted=n,
        )
    taken = 0 if terms.visits is None else n
    return Booking(
        type_,
        {"available_visits": -taken, "redeemed_visits": n},
        is_visit=True,
        is_one_visit=True,
        redeems=True,
    )


# --- what is agreed ------------------------------------------------------------------------------


def begins(
    rules: MembershipRules, now: datetime, time_zone: str, *, is_new: bool = True
) -> Booking | None:
    """What a new card starts with: the trial of the first plan, or the plan itself if it is free.

    A trial is for new members only. None: the membership begins when it is paid for (``renew``).
    """
    plan = rules.plans[0]
    today = clock.day_of(now, time_zone)
    if plan.trial_days and is_new:
        last = today + timedelta(days=plan.trial_days)
        terms = _terms(plan, now, periods.End(last, last.day), time_zone, trial=True)
    elif plan.is_free:
        terms = _terms(plan, now, periods.first(plan, today), time_zone)
    else:
        return None
    deltas = {"available_visits": terms.visits or 0}
    return Booking("start_membership", deltas, terms=terms.document())


def renew(card: Any, rules: MembershipRules, asked: Asked) -> Booking:
    """Another period, behind the running one (or its grace), or from today once it has lapsed.

    The visits are those of the new period: what is left of one that has begun does not carry
    over; to those of a period that was paid ahead they are added. Refuses with NEVER_ENDS.
    """
    terms = Terms.of(card)
    plan = _plan(rules, asked, terms)
    if terms is None or terms.state(asked.now) == "lapsed":
        return _from_today("renew", card, plan, asked)
    if terms.ends_at is None:
        raise Conflict(
            text("This membership is for life; there is nothing to renew."), code="NEVER_ENDS"
        )
    end = periods.End(clock.day_of(terms.ends_at, asked.time_zone), terms.anchor)
    after = periods.following(plan, end)
    if after is not None and after.day < clock.day_of(asked.now, asked.time_zone):
        return _from_today("renew", card, plan, asked)  # so short that it would be over already
    paid_ahead = card.available_visits if terms.starts_at > asked.now else 0
    new = _terms(plan, terms.ends_at + LAST_SECOND, after, asked.time_zone)
    return _agreed("renew", card, new, asked, paid_ahead)


def change_plan(card: Any, rules: MembershipRules, asked: Asked) -> Booking:
    """The other plan at once: a new period of its own length from today. Refuses SAME_PLAN."""
    if asked.options.get("plan") is None:
        raise Invalid.field("plan", "is missing", "MISSING")
    terms = Terms.of(card)
    plan = _plan(rules, asked, terms)
    if terms is not None and terms.plan == plan.key and terms.state(asked.now) != "lapsed":
        raise Conflict(text("This membership has that plan already."), code="SAME_PLAN")
    return _from_today("change_plan", card, plan, asked)


def cancel(card: Any, rules: MembershipRules, asked: Asked) -> Booking:
    """Ends the membership with its period, without grace; one for life ends with today.

    Refuses with MEMBERSHIP_LAPSED or ALREADY_CANCELLED.
    """
    terms = _running(card, asked)
    if terms.cancelled:
        raise Conflict(text("This membership is cancelled already."), code="ALREADY_CANCELLED")
    today = clock.day_of(asked.now, asked.time_zone)
    end = terms.ends_at or clock.end_of_day(today, asked.time_zone)
    cancelled = replace(terms, ends_at=end, good_until=end, cancelled=True)
    return Booking("cancel_membership", {}, terms=cancelled.document())


def _running(card: Any, asked: Asked) -> Terms:
    terms = Terms.of(card)
    if terms is None:
        raise MembershipLapsed(text("This membership has not begun yet: it is not paid for."))
    if terms.state(asked.now) == "lapsed":
        assert terms.ends_at is not None  # noqa: S101 - what never ends does not lapse
        ended_on = clock.day_of(terms.ends_at, asked.time_zone)
        raise MembershipLapsed(
            dated("This membership ended on {date}.", ended_on), ended_at=terms.ends_at
        )
    return terms


def _plan(rules: MembershipRules, asked: Asked, terms: Terms | None) -> Plan:
    """The plan asked for, else the card's, else the first one. Raises Invalid."""
    key = asked.options.get("plan") or (terms.plan if terms else rules.plans[0].key)
    offered = {plan.key: plan for plan in rules.plans}
    if key not in offered:
        raise Invalid.field("plan", f"there is no plan {key}; must be one of {', '.join(offered)}")
    return offered[key]


def _from_today(type_: str, card: Any, plan: Plan, asked: Asked) -> Booking:
    end = periods.first(plan, clock.day_of(asked.now, asked.time_zone))
    return _agreed(type_, card, _terms(plan, asked.now, end, asked.time_zone), asked)


def _terms(
    plan: Plan, starts_at: datetime, end: periods.End | None, zone: str, *, trial: bool = False
) -> Terms:
    """Grace is for those who have paid before: a trial has none."""
    grace = timedelta(days=0 if trial else plan.grace_days)
    return Terms(
        plan=plan.key,
        trial=trial,
        starts_at=starts_at,
        ends_at=clock.end_of_day(end.day, zone) if end else None,
        good_until=clock.end_of_day(end.day + grace, zone) if end else None,
        visits=plan.visits_per_period,
        anchor=end.anchor if end else 0,
    )


def _agreed(type_: str, card: Any, terms: Terms, asked: Asked, kept: int = 0) -> Booking:
    """``kept``: visits that stay besides those of the new period."""
    ends_at = terms.ends_at
    if ends_at is not None and ends_at.year > asked.now.year + MOST_YEARS_AHEAD:
        raise Conflict(text("This membership is paid far ahead already."), code="PAID_FAR_AHEAD")
    left = 0 if terms.visits is None else kept + terms.visits
    deltas = {"available_visits": left - card.available_visits}
    return Booking(type_, deltas, terms=terms.document())


# --- what is shown -------------------------------------------------------------------------------


def figures(
    card: Any, rules: MembershipRules, currency: str, now: datetime
) -> dict[str, FigureValue]:
    """``visits_left`` None: any number. ``admits``: whether a check-in would be let in now."""
    terms = Terms.of(card)
    state = terms.state(now) if terms else "lapsed"
    left: int | None = 0
    if terms and state != "lapsed":
        left = None if terms.visits is None else card.available_visits
    return {
        "membership_state": state,
        "admits": state != "lapsed" and left != 0,
        "plan": terms.plan if terms else None,
        "period_ends_at": terms.ends_at if terms else None,
        "visits_left": left,
        "redeemed_visits": card.redeemed_visits,
        "total_visits": card.total_visits,
        "last_redemption_at": card.last_redemption_at,
    }


def words(rules: MembershipRules) -> Words:
    return {"membership_state": _STATES, "plan": {plan.key: plan.name for plan in rules.plans}}


def turns_at(card: Any, rules: MembershipRules) -> Sequence[datetime]:
    """When the period is over, and when the grace is."""
    terms = Terms.of(card)
    if terms is None or terms.ends_at is None or terms.good_until is None:
        return ()
    return (terms.ends_at + LAST_SECOND, terms.good_until + LAST_SECOND)


def ends_at(card: Any, rules: MembershipRules) -> datetime | None:
    """The period's end, unless the holder has cancelled and wants no more of it."""
    terms = Terms.of(card)
    return terms.ends_at if terms and not terms.cancelled else None


KIND = CardKind(
    operations={
        "check-in": check_in,
        "redeem-visits": redeem_visits,
        "renew": renew,
        "change-plan": change_plan,
        "cancel-membership": cancel,
        "purchase": purchase.record,
    },
    figures=figures,
    opening={"total_visits": ("total_visits",)},
    words=words,
    turns_at=turns_at,
    ends_at=ends_at,
)
