"""Feedback: what customers say of their visits, of one of them or of all (D.16, S1.42 to S1.44)."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field

from passes import clock
from passes.cards import cards
from passes.errors import Invalid
from passes.feedback import feedback
from passes.feedback.models import Feedback
from web.api import paging
from web.api.answers import Shape
from web.api.operation import Call, operation


def _day(given: object) -> object:
    if not re.fullmatch("[2-8][0-9]{3}-[0-9]{2}-[0-9]{2}", str(given), re.ASCII):
        raise ValueError("must be a day such as 2026-11-21")
    return given


def _true_or_false(given: object) -> object:
    if given not in ("true", "false"):
        raise ValueError("must be true or false")
    return given


Day = Annotated[date, BeforeValidator(_day)]
TrueOrFalse = Annotated[bool, BeforeValidator(_true_or_false)]


class FeedbackSearch(paging.Page):
    """``from`` and ``to`` are the merchant's days, both inclusive; ``period`` is the calendar one
    that is now (a week begins on Monday). Without any of these: all time."""

    first: Annotated[Day | None, Field(alias="from")] = None
    last: Annotated[Day | None, Field(alias="to")] = None
    period: Literal["day", "week", "month", "year"] | None = None
    only_comments: TrueOrFalse = False

    def span(self, now: datetime, time_zone: str) -> dict[str, datetime | None]:
        """``since`` and ``before``, as ``feedback.newest`` takes them. Raises Invalid."""
        first, last = self.first, self.last
        if self.period and (first or last):
            raise Invalid.field("period", "does not go together with from and to")
        if first and last and first > last:
            raise Invalid.field("to", "must not come before from")
        if self.period:
            first, last = clock.calendar_period(self.period, clock.day_of(now, time_zone))
        return {
            "since": clock.start_of_day(first, time_zone) if first else None,
            "before": clock.start_of_day(last + timedelta(days=1), time_zone) if last else None,
        }


class FeedbackShape(Shape):
    """``comment`` null: nothing but the stars. ``location_id`` and ``staff_id``: of the card's last
    visit, where known. ``edited_at``: the customer thought better of it, within 24 hours."""

    id: UUID
    card_id: UUID
    customer_id: UUID
    stars: int
    comment: str | None
    location_id: UUID | None
    staff_id: str | None
    channel: str
    given_at: datetime
    edited_at: datetime | None


class FeedbackList(Shape):
    items: list[FeedbackShape]
    next: str | None


@operation(
    "GET",
    "/feedback",
    "What customers say, newest first",
    scope="read",
    query=FeedbackSearch,
    answer=FeedbackList,
)
def list_feedback(call: Call) -> dict[str, Any]:
    return _page(call, None)


@operation(
    "GET",
    "/cards/<card>/feedback",
    "What a card's holder says, on any of their cards, newest first",
    scope="read",
    query=FeedbackSearch,
    answer=FeedbackList,
)
def list_feedback_of_card(call: Call) -> dict[str, Any]:
    return _page(call, cards.get(call.session, call.path["card"]).customer_id)


def _page(call: Call, customer_id: UUID | None) -> dict[str, Any]:
    asked = call.query(FeedbackSearch)
    found = feedback.newest(
        call.session,
        customer_id=customer_id,
        **asked.span(call.now, call.merchant.time_zone),
        only_comments=asked.only_comments,
        after=asked.after(),
        limit=asked.limit + 1,
    )
    return paging.page(found, asked.limit, _shown, lambda row: (row.given_at, row.id))


def _shown(row: Feedback) -> dict[str, Any]:
    return {
        "id": row.id,
        "card_id": row.card_id,
        "customer_id": row.customer_id,
        "stars": row.stars,
        "comment": row.comment,
        "location_id": row.location_id,
        "staff_id": row.staff_id,
        "channel": row.channel,
        "given_at": row.given_at,
        "edited_at": row.edited_at,
    }
