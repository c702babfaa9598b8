"""Activities besides the verb: awards to a list of cards, and links that customers share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from flask import Request
from pydantic import Field, StringConstraints

from passes.card_templates.parts import Key
from passes.rewards import awards, share
from passes.rewards.awards import Award, Awarded
from web import problems
from web.api.answers import ProblemField, Shape
from web.api.cards import actor_of
from web.api.operation import Call, operation
from web.api.reading import Body, Comment, WholeNumber
from web.api.templates import row_id

CardName = Annotated[str, StringConstraints(min_length=1, max_length=40)]


class NewAward(Body):
    """``batch``: a name of your choice; a card gets the same batch once, however often it is sent.
    ``cards``: ids or serial numbers. ``value`` instead of the activity's points (S5.22)."""

    batch: Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
    activity: Key
    value: Annotated[WholeNumber, Field(ge=1, le=1_000_000)] | None = None
    comment: Comment | None = None
    cards: Annotated[list[CardName], Field(min_length=1, max_length=awards.MOST_CARDS)]


class AwardedShape(Shape):
    """``result`` is awarded, already or refused; ``code`` and ``detail`` say why it was refused."""

    card: str
    card_id: UUID | None
    result: str
    entry_id: UUID | None
    code: str | None
    detail: str | None
    fields: list[ProblemField] | None


class AwardShape(Shape):
    batch: str
    awarded: int
    already: int
    refused: int
    items: list[AwardedShape]


class NewShareLink(Body):
    """``address`` and ``browser``: of the customer who asks for the link, when a program asks in
    their name; following the link there earns nothing."""

    activity: Key
    address: Annotated[str, StringConstraints(max_length=64)] | None = None
    browser: Annotated[str, StringConstraints(max_length=500)] | None = None


class ShareLinkShape(Shape):
    id: UUID
    url: str
    activity: str
    points: int
    created_at: datetime


@operation(
    "POST",
    "/templates/<template_id>/awards",
    "Give the points of an activity to up to 1,000 cards, to each once per batch",
    scope="transact",
    status=200,
    body=NewAward,
    answer=AwardShape,
)
def give_awards(call: Call) -> dict[str, Any]:
    asked = call.body(NewAward)
    template_id = row_id(call, "template_id", "card template")
    award = Award(template_id, asked.batch, asked.activity, asked.value, asked.comment)
    awards.check(call.session, award)
    found = awards.find(call.session, award, asked.cards)
    answers: list[Awarded] = []
    pairs = list(found.items())
    for start in range(0, len(pairs), awards.CHUNK):
        if answers:
            # What is done stays done: sent again, the batch goes on where it was cut off.
            call.session.commit()
        chunk = pairs[start : start + awards.CHUNK]
        answers += awards.give(call.session, award, chunk, actor_of(call), call.now)
    by_name = {answer.name: answer for answer in answers}
    results = [answer.result for answer in answers]
    return {
        "batch": asked.batch,
        **{result: results.count(result) for result in ("awarded", "already", "refused")},
        "items": [_awarded(by_name[name], call.request) for name in dict.fromkeys(asked.cards)],
    }


@operation(
    "POST",
    "/cards/<card>/share-links",
    "Make a link for a customer to share; it brings points once somebody follows it",
    scope="transact",
    body=NewShareLink,
    answer=ShareLinkShape,
)
def make_share_link(call: Call) -> dict[str, Any]:
    asked = call.body(NewShareLink)
    made_on = share.origin_of(
        call.session,
        asked.address or call.request.remote_addr or "",
        asked.browser or call.request.user_agent.string,
    )
    made = share.make(call.session, call.path["card"], asked.activity, made_on, call.now)
    return {
        "id": made.link.id,
        "url": f"{call.services.base_url}/s/{share.token_of(call.session, made.link)}",
        "activity": made.link.activity,
        "points": made.activity.points,
        "created_at": made.link.created_at,
    }


def _awarded(answer: Awarded, asked: Request) -> dict[str, Any]:
    refusal = answer.refusal
    return {
        "card": answer.name,
        "card_id": answer.card_id,
        "result": answer.result,
        "entry_id": answer.entry_id,
        "code": refusal.code if refusal else None,
        "detail": problems.sentence_of(refusal, asked) if refusal else None,
        "fields": (problems.fields_of(refusal) or None) if refusal else None,
    }
