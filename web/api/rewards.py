"""Rewards: the catalogue of a points card, what a card can have of it, and claims (D.4.8, D.17)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import StringConstraints

from passes import i18n
from passes.card_templates import templates
from passes.cards import cards
from passes.errors import Invalid
from passes.rewards import catalogue, claims, redeem
from passes.rewards.catalogue import Offered
from web.api import paging, shown
from web.api.answers import ClaimShape, Shape
from web.api.cards import actor_of
from web.api.operation import Call, operation
from web.api.reading import Body, WholeNumber
from web.api.templates import row_id

Status = Literal["active", "paused", "archived"]


class Parts(Body):
    """``cost`` in points, ``merchant_cost`` in money; ``image`` is the id of an uploaded picture;
    ``hours`` as ``{"days": ["mon"], "since": "09:00", "until": "11:00"}``."""

    name: str | dict[str, str] | None = None
    text: str | dict[str, str] | None = None
    image: UUID | None = None
    cost: WholeNumber | None = None
    merchant_cost: str | None = None
    max_total: WholeNumber | None = None
    max_per_customer: WholeNumber | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    hours: list[dict[str, Any]] | None = None
    confirmation: Literal["none", "staff", "code"] | None = None


class NewReward(Parts):
    status: Status = "active"


class RewardChange(Parts):
    status: Status | None = None


class Code(Body):
    """The four digits that the customer shows, where the reward asks for them."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")] | None = None


class Refusal(Body):
    """Nothing to say."""


class ClaimSearch(paging.Page):
    card_id: UUID | None = None
    status: Literal["requested", "granted", "refused"] | None = None


class RewardShape(Shape):
    """``name`` in the merchant's language; ``definition`` is what POST takes, with defaults.
    ``image_url``: the reward's picture, for pages."""

    id: UUID
    template_id: UUID
    status: str
    name: str
    cost: int
    definition: dict[str, Any]
    image_url: str | None
    created_at: datetime
    changed_at: datetime


class RewardList(Shape):
    items: list[RewardShape]
    next: str | None


class ChoiceShape(Shape):
    """``missing``: how many points the card lacks for it; 0: it can be had now."""

    reward: RewardShape
    missing: int


class ChoiceList(Shape):
    """``claims``: what the card's holder waits for, with the code to show."""

    items: list[ChoiceShape]
    claims: list[ClaimShape]
    next: str | None


class ClaimList(Shape):
    items: list[ClaimShape]
    next: str | None


# --- the catalogue -------------------------------------------------------------------------------


@operation(
    "GET",
    "/templates/<template_id>/rewards",
    "The rewards of a points card, the cheapest first",
    scope="read",
    answer=RewardList,
)
def list_rewards(call: Call) -> dict[str, Any]:
    template = templates.get(call.session, row_id(call, "template_id", "card template"))
    rewards = catalogue.of_template(call.session, template.id)
    return {"items": [_shown(call, reward) for reward in rewards], "next": None}


@operation(
    "POST",
    "/templates/<template_id>/rewards",
    "Add a reward to the catalogue of a points card",
    scope="admin",
    body=NewReward,
    answer=RewardShape,
)
def create_reward(call: Call) -> dict[str, Any]:
    template_id = row_id(call, "template_id", "card template")
    asked = call.body(NewReward)
    made = catalogue.create(call.session, template_id, _parts(asked), call.now, status=asked.status)
    return _shown(call, made)


@operation("GET", "/rewards/<reward_id>", "One reward", scope="read", answer=RewardShape)
def get_reward(call: Call) -> dict[str, Any]:
    return _shown(call, catalogue.get(call.session, row_id(call, "reward_id", "reward")))


@operation(
    "PATCH",
    "/rewards/<reward_id>",
    "Change a reward, pause it, or archive it",
    scope="admin",
    body=RewardChange,
    answer=RewardShape,
)
def change_reward(call: Call) -> dict[str, Any]:
    reward_id = row_id(call, "reward_id", "reward")
    asked = call.body(RewardChange)
    made = catalogue.change(call.session, reward_id, _parts(asked), call.now, status=asked.status)
    return _shown(call, made)


@operation(
    "GET",
    "/cards/<card>/rewards",
    "The rewards that a card may have now, how many points it lacks, and what its holder waits for",
    scope="read",
    answer=ChoiceList,
)
def list_card_rewards(call: Call) -> dict[str, Any]:
    card = cards.get(call.session, call.path["card"])
    return {
        "items": [
            {"reward": _shown(call, choice.reward), "missing": choice.missing}
            for choice in redeem.choices(call.session, card, call.now)
        ],
        "claims": [
            shown.claim(claim, with_code=True) for claim in claims.waiting(call.session, card.id)
        ],
        "next": None,
    }


# --- claims --------------------------------------------------------------------------------------


@operation(
    "GET",
    "/claims",
    "Claims of rewards, newest first",
    scope="read",
    query=ClaimSearch,
    answer=ClaimList,
)
def list_claims(call: Call) -> dict[str, Any]:
    asked = call.query(ClaimSearch)
    found = claims.newest(
        call.session,
        card_id=asked.card_id,
        status=asked.status,
        after=asked.after(),
        limit=asked.limit + 1,
    )
    return paging.page(found, asked.limit, shown.claim, lambda row: (row.requested_at, row.id))


@operation("GET", "/claims/<claim_id>", "One claim", scope="read", answer=ClaimShape)
def get_claim(call: Call) -> dict[str, Any]:
    return shown.claim(claims.get(call.session, row_id(call, "claim_id", "claim")))


@operation(
    "POST",
    "/claims/<claim_id>/grant",
    "The reward was handed out",
    scope="transact",
    body=Code,
    answer=ClaimShape,
)
def grant_claim(call: Call) -> dict[str, Any]:
    claim_id = row_id(call, "claim_id", "claim")
    try:
        return shown.claim(
            claims.grant(call.session, claim_id, call.body(Code).code, actor_of(call), call.now)
        )
    except claims.WrongCode:
        call.session.commit()  # the call is refused, and its try is counted all the same
        raise


@operation(
    "POST",
    "/claims/<claim_id>/refuse",
    "The reward is not handed out; the points go back to the card",
    scope="transact",
    body=Refusal,
    answer=ClaimShape,
)
def refuse_claim(call: Call) -> dict[str, Any]:
    claim_id = row_id(call, "claim_id", "claim")
    return shown.claim(claims.refuse(call.session, claim_id, actor_of(call), call.now))


def _parts(asked: Parts) -> dict[str, Any]:
    """What was given. Null takes back what may be missing. Raises Invalid."""
    given = asked.model_dump(exclude={"status"}, exclude_unset=True, mode="json")
    for name in ("name", "cost", "hours", "confirmation"):
        if name in given and given[name] is None:
            raise Invalid.field(name, "must not be empty")
    return given


def _shown(call: Call, reward: Offered) -> dict[str, Any]:
    return {
        "id": reward.id,
        "template_id": reward.template_id,
        "status": reward.status,
        "name": i18n.pick(reward.definition.name, call.merchant.language),
        "cost": reward.definition.cost,
        "definition": reward.definition.model_dump(mode="json"),
        "image_url": catalogue.image_url(call.session, call.services.base_url, reward),
        "created_at": reward.created_at,
        "changed_at": reward.changed_at,
    }
