"""The catalogue: what the points of a card template can be exchanged for (D.4.8, S5.21, S5.23)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, ValidationError, model_validator
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from passes import ids
from passes.card_templates import pictures, templates
from passes.card_templates.earning import Hours
from passes.card_templates.kinds import Kind
from passes.card_templates.models import Rendition, UploadedPicture
from passes.card_templates.parts import Count, Money, Name, Part, Prose
from passes.errors import Conflict, Invalid, NotFound, WrongField, wrong_fields
from passes.ledger.kinds.base import MOST_POINTS
from passes.merchants.merchants import business
from passes.rewards.models import Reward
from passes.store import merchant_of
from passes.wallet_port import Text

STATUSES = ("active", "paused", "archived")
MOST_REWARDS = 100
"""Of one template, archived ones apart: more than that nobody reads on a phone."""


class Definition(Part):
    """Everything a merchant decides about a reward except its template and status.

    ``cost`` in points; ``merchant_cost`` is what it costs the merchant, for the return on the
    programme. ``image``: an uploaded picture. Limits count claims that were not refused. Days are
    the merchant's, both inclusive; no ``hours``: at any time. ``confirmation``: at once, by staff,
    or by the four digits that the customer shows.
    """

    name: Name
    text: Prose | None = None
    image: UUID | None = None
    cost: Annotated[int, Field(strict=True, ge=0, le=MOST_POINTS)]
    merchant_cost: Money | None = None
    max_total: Count | None = None
    max_per_customer: Count | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    hours: Annotated[list[Hours], Field(max_length=20)] = []
    confirmation: Literal["none", "staff", "code"] = "none"

    @model_validator(mode="after")
    def _until_follows_from(self) -> Self:
        if self.valid_from and self.valid_until and self.valid_from > self.valid_until:
            raise ValueError("valid_until must not come before valid_from")
        return self


@dataclass(frozen=True, slots=True)
class Offered:
    """A reward as the catalogue has it."""

    id: UUID
    template_id: UUID
    status: str
    definition: Definition
    created_at: datetime
    changed_at: datetime

    @property
    def on_passes(self) -> tuple[object, ...]:
        """What of it can be seen on a pass: when this changes, passes are made anew."""
        said = self.definition
        if self.status != "active":
            return ()
        return said.cost, said.name, said.valid_from, said.valid_until


def create(
    session: Session,
    template_id: UUID,
    document: Mapping[str, Any],
    now: datetime,
    *,
    status: str = "active",
) -> Offered:
    """A new reward; passes of the template show it. Raises Invalid that names every wrong field.

    Only points cards have a catalogue.
    """
    template = templates.get(session, template_id)
    if template.kind is not Kind.POINTS:
        raise Invalid.field("template_id", "only a points card has a catalogue of rewards")
    definition = _checked(session, document)
    if _count(session, template_id) >= MOST_REWARDS:
        raise Conflict(
            f"A card template can have {MOST_REWARDS} rewards; archive some.",
            code="TOO_MANY_REWARDS",
            limit=MOST_REWARDS,
        )
    row = Reward(
        merchant_id=merchant_of(session),
        id=ids.new_id(),
        template_id=template_id,
        status=_known_status(status),
        cost=definition.cost,
        definition=definition.model_dump(mode="json", exclude={"cost"}),
        created_at=now,
        changed_at=now,
    )
    session.add(row)
    session.flush()
    made = offered(row)
    if made.on_passes:
        templates.renew(session, template_id, now)
    return made


def change(
    session: Session,
    reward_id: UUID,
    changes: Mapping[str, Any],
    now: datetime,
    *,
    status: str | None = None,
) -> Offered:
    """Replaces the named parts of a reward, and its status. Raises Invalid, NotFound.

    Claims that were made keep their cost.
    """
    row = locked(session, reward_id)
    before = offered(row)
    definition = _checked(
        session, {**row.definition, "cost": row.cost, **changes}, known=before.definition.image
    )
    row.cost = definition.cost
    row.definition = definition.model_dump(mode="json", exclude={"cost"})
    row.status = _known_status(status or row.status)
    row.changed_at = now
    session.flush()
    made = offered(row)
    if made.on_passes != before.on_passes:
        templates.renew(session, row.template_id, now)
    return made


def get(session: Session, reward_id: UUID) -> Offered:
    """Raises NotFound."""
    row = session.get(Reward, (merchant_of(session), reward_id))
    if row is None:
        raise NotFound("reward")
    return offered(row)


def locked(session: Session, reward_id: UUID) -> Reward:
    """The row, locked: limits are counted by one at a time. Raises NotFound."""
    row = session.get(
        Reward, (merchant_of(session), reward_id), with_for_update=True, populate_existing=True
    )
    if row is None:
        raise NotFound("reward")
    return row


def of_template(
    session: Session, template_id: UUID, statuses: tuple[str, ...] = STATUSES
) -> list[Offered]:
    """The rewards of a template, the cheapest first."""
    rows = session.scalars(
        select(Reward)
        .where(
            Reward.merchant_id == merchant_of(session),
            Reward.template_id == template_id,
            Reward.status.in_(statuses),
        )
        .order_by(Reward.cost, Reward.created_at, Reward.id)
    )
    return [offered(row) for row in rows]


def names_of(session: Session, reward_ids: Collection[UUID]) -> Mapping[UUID, Text]:
    """The rewards' names, archived ones' too; no statement for none."""
    if not reward_ids:
        return {}
    rows = session.execute(
        select(Reward.id, Reward.definition).where(
            Reward.merchant_id == merchant_of(session), Reward.id.in_(reward_ids)
        )
    )
    return {row.id: row.definition["name"] for row in rows}


def image_url(session: Session, base_url: str, reward: Offered) -> str | None:
    """The address of the reward's picture in its best rendition; it never changes."""
    picture_id = reward.definition.image
    best = (
        session.execute(
            select(Rendition.name, Rendition.sha256)
            .where(
                Rendition.merchant_id == merchant_of(session), Rendition.picture_id == picture_id
            )
            .order_by(func.length(Rendition.png).desc(), Rendition.name)
            .limit(1)
        ).first()
        if picture_id
        else None
    )
    if picture_id is None or best is None:
        return None
    return pictures.address(base_url, merchant_of(session), picture_id, best.name, best.sha256)


def offered(row: Reward) -> Offered:
    return Offered(
        id=row.id,
        template_id=row.template_id,
        status=row.status,
        definition=Definition.model_validate({**row.definition, "cost": row.cost}),
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def _checked(
    session: Session, document: Mapping[str, Any], known: UUID | None = None
) -> Definition:
    """``known``: the picture that the reward has already."""
    try:
        definition = Definition.model_validate(
            document, context={"currency": business(session).currency}
        )
    except ValidationError as error:
        raise Invalid(wrong_fields(error)) from None
    image = definition.image
    if image not in (None, known) and not session.scalar(
        select(UploadedPicture.id).where(
            UploadedPicture.merchant_id == merchant_of(session), UploadedPicture.id == image
        )
    ):
        raise Invalid([WrongField("image", "there is no uploaded picture with this id")])
    return definition


def _count(session: Session, template_id: UUID) -> int:
    return (
        session.scalar(
            select(func.count())
            .select_from(Reward)
            .where(
                Reward.merchant_id == merchant_of(session),
                Reward.template_id == template_id,
                Reward.status != "archived",
            )
        )
        or 0
    )


def _known_status(status: str) -> str:
    if status not in STATUSES:
        raise Invalid.field("status", f"must be one of {', '.join(STATUSES)}")
    return status
