"""What may stop a posting, asked in the order of R-EARN-1; each refusal has a code and a sentence.

The sentences are for the person at the till, in that person's language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from passes import clock
from passes.card_templates.kinds import Kind
from passes.cards.cards import validity
from passes.errors import Conflict, Forbidden, RuleBroken
from passes.i18n import text
from passes.ledger.activities import limits_reached
from passes.ledger.book import Actor, Posting
from passes.ledger.kinds.base import Asked, Booking, Operation
from passes.ledger.recent import recorded_since
from passes.money import parse_decimal

SCANNER = "scanner"
"""The channel of a person at the till, who may tap twice."""

DUPLICATE = timedelta(seconds=5)
COOL_DOWN = timedelta(seconds=30)
"""R-LED-5: the same within the first is taken for one; within the second, somebody must say so."""

EARNING = {
    "add-visits",
    "add-bonus",
    "add-stamps",
    "add-reward",
    "accrue",
    "activity",
    "purchase",
}
"""The verbs that may give a customer something; a purchase earns on some cards only."""

COUNTED: Mapping[str, str] = {
    "add_visits": "sold_visits",
    "add_bonus": "bonus",
    "add_stamps": "stamps_earned",
    "accrue_points": "points_earned",
}
"""The types of entries that a template's limits are about, and the unit that each is counted in.

Activities have limits of their own.
"""


class Overridable(Conflict):
    """A refusal that a manager may pass by with a comment (R-EARN-2, R-EXP-7)."""


@dataclass(frozen=True, slots=True)
class Request:
    """A posting that is about to be made on a locked card."""

    session: Session
    card: Any
    posting: Posting
    actor: Actor
    asked: Asked
    operation: Operation

    @property
    def at(self) -> datetime:
        """When it happened at the till."""
        return self.posting.occurred_at or self.asked.now

    def earned(self) -> Booking | None:
        """What this gives the customer, without happy hours; None when that is nothing."""
        if self.posting.verb not in EARNING:
            return None
        plain = replace(self.asked, factor=100)
        booking = self.operation(self.card, self.card.definition.rules, plain)
        return None if booking.type == "purchase" else booking

    def as_asked(self) -> dict[str, Any]:
        """What a second tap would ask for again; kept in the entry, to be compared."""
        options = {name: value for name, value in self.posting.options.items() if value}
        return {"verb": self.posting.verb, "value": self.posting.value, **options}


Guard = Callable[[Request], Iterator[RuleBroken]]


def place(request: Request) -> Iterator[RuleBroken]:
    """Staff work at their own locations, and a card where its template is in use."""
    location_id = request.posting.location_id
    own, of_template = request.actor.location_ids, request.card.definition.location_ids
    if own and location_id not in own:
        yield Forbidden(text("You do not work at this location."), code="NOT_YOUR_LOCATION")
    if of_template is not None and location_id is not None and location_id not in of_template:
        yield Forbidden(text("This card is not in use at this location."), code="NOT_YOUR_LOCATION")


def role(request: Request) -> Iterator[RuleBroken]:
    """D.22, and R-LED-8 for what is dated back."""
    posting, earning = request.posting, request.card.definition.earning
    if request.actor.role in {"owner", "manager"}:
        return
    if request.actor.role != "staff":
        yield _not_allowed(text("Your role does not allow you to post on cards."))
    if posting.verb.startswith("subtract-") and not earning.staff_may_subtract:
        yield _not_allowed(text("Only a manager may subtract."))
    if posting.override:
        yield _not_allowed(text("Only a manager may override a limit."))
    if posting.occurred_at is not None:
        yield _not_allowed(text("Only a manager may date an entry back."))


def condition(request: Request) -> Iterator[RuleBroken]:
    """D.4, R-INST-6, R-EXP-4: the card itself. What was paid for can still be used (R-EXP-7)."""
    card, verb = request.card, request.posting.verb
    removed = card.status == "deleted" and card.status_cause == "customer"
    if card.status == "deleted" and not removed:
        yield Conflict(text("This card was deleted."), code="CARD_DELETED")
    if removed and not card.definition.earning.work_when_removed and request.earned():
        yield Conflict(
            text("The customer took this card off the phone, so it does not earn any more."),
            code="CARD_REMOVED",
        )
    state = validity(card, request.asked.now)
    if state == "expired":
        paid_for = card.kind is Kind.MULTIPASS and verb == "redeem-visits"
        refusal = Overridable if paid_for else Conflict
        yield refusal(
            text("This card has expired."), code="CARD_EXPIRED", expires_at=card.expires_at
        )
    if state == "blocked":
        yield Conflict(text("This card is blocked."), code="CARD_BLOCKED")
    if card.template_status == "archived":
        yield Conflict(text("This card is not in use any more."), code="TEMPLATE_ARCHIVED")


def limits(request: Request) -> Iterator[RuleBroken]:
    """R-EARN-2. What a happy hour adds does not count against a limit."""
    rule = request.card.definition.earning
    if (
        rule.max_per_scan is None
        and rule.max_per_day is None
        and rule.min_minutes_between is None
        and rule.min_purchase_amount is None
    ):
        return
    booking = request.earned()
    unit = COUNTED.get(booking.type) if booking else None
    if booking is None or unit is None:
        return
    given = booking.deltas.get(unit, 0)
    if rule.min_purchase_amount is not None:
        least = parse_decimal(rule.min_purchase_amount, request.asked.currency)
        if (request.asked.purchase or 0) < least:
            yield Overridable(
                text("The purchase must be at least {limit}.", limit=rule.min_purchase_amount),
                code="PURCHASE_TOO_SMALL",
                limit=rule.min_purchase_amount,
            )
    if rule.max_per_scan is not None and given > rule.max_per_scan:
        yield Overridable(
            text("Not more than {limit} at a time.", limit=str(rule.max_per_scan)),
            code="LIMIT_PER_SCAN",
            limit=rule.max_per_scan,
            wanted=given,
        )
    yield from _over_time(request, unit, given)


def activities(request: Request) -> Iterator[RuleBroken]:
    """D.4.8: how often one person may have the points of an activity."""
    if request.posting.verb != "activity":
        return
    key, zone = request.posting.options.get("activity"), request.asked.time_zone
    for reached in limits_reached(request.session, request.card, key, request.at, zone):
        yield Overridable(
            reached.words,
            code=reached.code,
            limit=reached.limit,
            used=reached.used,
            again_at=reached.again_at,
        )


def twice(request: Request) -> Iterator[RuleBroken]:
    """R-LED-5: the same person taps the same thing again. What was undone is no first time."""
    posting, actor, now = request.posting, request.actor, request.asked.now
    if actor.channel != SCANNER:
        return
    for entry in recorded_since(request.session, request.card, now - COOL_DOWN):
        if (
            entry.channel == actor.channel
            and entry.actor_id == actor.id
            and entry.purchase_amount == posting.purchase
            and entry.reward_id == posting.reward_id
            and (entry.details or {}).get("asked") == request.as_asked()
        ):
            passed = max(now - entry.recorded_at, timedelta(0))
            seconds = int(passed.total_seconds())
            if passed <= DUPLICATE:
                yield Conflict(
                    text("This has just been booked."),
                    code="DUPLICATE",
                    seconds_ago=seconds,
                    entry_id=entry.id,
                )
            if not posting.again:
                yield Conflict(
                    text("Already booked {seconds} s ago. Book again?", seconds=str(seconds)),
                    code="ALREADY_BOOKED",
                    seconds_ago=seconds,
                    entry_id=entry.id,
                )
            return


GUARDS: tuple[Guard, ...] = (
    place,
    role,
    condition,
    # The effects of a customer's labels stand here: EXCLUDED_BY_LABEL.
    limits,
    activities,
    twice,
)
"""R-EARN-1. Before them the card was found; after them the operation looks at the balance."""


def check(request: Request) -> list[str]:
    """Raises the first refusal; what a manager overrides comes back as its codes."""
    overridden = []
    for guard in GUARDS:
        for refusal in guard(request):
            if not (request.posting.override and isinstance(refusal, Overridable)):
                raise refusal
            overridden.append(refusal.code)
    return overridden


def _over_time(request: Request, unit: str, given: int) -> Iterator[RuleBroken]:
    """The limits that need a look at what was given before, by when it happened."""
    rule, at, zone = request.card.definition.earning, request.at, request.asked.time_zone
    if rule.max_per_day is None and rule.min_minutes_between is None:
        return
    day = clock.day_of(at, zone)
    today = clock.start_of_day(day, zone)
    tomorrow = clock.start_of_day(day + timedelta(days=1), zone)
    pause = timedelta(minutes=rule.min_minutes_between or 0)
    since = min(today if rule.max_per_day else at, at - pause)
    used, latest = 0, None
    for entry in recorded_since(request.session, request.card, since):
        if COUNTED.get(entry.type) != unit:
            continue
        if today <= entry.occurred_at < tomorrow:
            used += (entry.details or {}).get("base", getattr(entry, unit))
        if abs(at - entry.occurred_at) < pause:
            latest = max(latest or entry.occurred_at, entry.occurred_at)
    if rule.max_per_day is not None and used + given > rule.max_per_day:
        yield Overridable(
            text(
                "Not more than {limit} a day; {used} were given already.",
                limit=str(rule.max_per_day),
                used=str(used),
            ),
            code="LIMIT_PER_DAY",
            limit=rule.max_per_day,
            used=used,
            again_at=tomorrow,
        )
    if latest is not None:
        yield Overridable(
            text(
                "There must be {limit} minutes between two bookings.",
                limit=str(rule.min_minutes_between),
            ),
            code="TOO_SOON",
            limit=rule.min_minutes_between,
            again_at=latest + pause,
        )


def _not_allowed(words: Mapping[str, str]) -> Forbidden:
    return Forbidden(words, code="ROLE_FORBIDDEN")
