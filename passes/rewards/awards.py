"""Awards to a list of cards: each gets the points of an activity once per batch (S5.19)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, or_, select
from sqlalchemy.orm import Session

from passes import ids
from passes.card_templates import templates
from passes.card_templates.kinds import Kind
from passes.cards.models import Card
from passes.errors import Invalid, NotFound, RuleBroken
from passes.ledger.book import Actor, Posting
from passes.ledger.kinds.activities import named
from passes.ledger.post import post
from passes.rewards.models import AwardedOnce
from passes.store import merchant_of, table_of

MOST_CARDS = 1_000
CHUNK = 100
"""Cards that are locked together; between two chunks the tills have their turn."""

_cards, _awarded = table_of(Card), table_of(AwardedOnce)


@dataclass(frozen=True, slots=True)
class Award:
    """What each card of a batch gets: the points of ``activity``, or ``value`` instead."""

    template_id: UUID
    batch: str
    activity: str
    value: int | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Awarded:
    """What became of one card. ``result``: awarded, already or refused; ``refusal`` says why."""

    name: str
    card_id: UUID | None
    result: str
    entry_id: UUID | None = None
    refusal: RuleBroken | None = None


def check(session: Session, award: Award) -> None:
    """Raises NotFound or Invalid for what would be wrong with every card."""
    template = templates.get(session, award.template_id)
    if template.kind is not Kind.POINTS:
        raise Invalid.field("template_id", "only a points card has activities")
    named(template.definition.rules, award.activity)


def find(session: Session, award: Award, names: Sequence[str]) -> dict[str, UUID | None]:
    """The cards of the template by the ids or serial numbers in ``names``, in the order of their
    ids, as everybody locks who locks several; None for a name that is no card of it.
    """
    meant = {name: _meant(name) for name in names}
    rows = session.execute(
        select(_cards.c.id, _cards.c.serial_number).where(
            _cards.c.merchant_id == merchant_of(session),
            _cards.c.template_id == award.template_id,
            or_(
                _cards.c.id.in_([key for key in meant.values() if isinstance(key, UUID)]),
                _cards.c.serial_number.in_([key for key in meant.values() if isinstance(key, str)]),
            ),
        )
    )
    known = {key: row.id for row in rows for key in (row.id, row.serial_number)}
    found = {name: known.get(key) for name, key in meant.items() if key is not None}
    in_order = sorted(
        ((name, card_id) for name, card_id in found.items() if card_id is not None),
        key=lambda pair: pair[1],
    )
    return {**dict(in_order), **{name: None for name in names if found.get(name) is None}}


def give(
    session: Session,
    award: Award,
    cards: Sequence[tuple[str, UUID | None]],
    actor: Actor,
    now: datetime,
) -> list[Awarded]:
    """Gives to up to CHUNK cards what they have not had; one that refuses leaves the others.

    ``cards`` as ``find`` orders them. The caller may commit between chunks.
    """
    known = [card_id for _, card_id in cards if card_id is not None]
    had = _lock(session, award, known)
    answers = []
    for name, card_id in cards:
        if card_id is None:
            refusal = NotFound("card of this template")
            answers.append(Awarded(name, None, "refused", refusal=refusal))
        elif card_id in had:
            answers.append(Awarded(name, card_id, "already", entry_id=had[card_id]))
        else:
            answers.append(_one(session, award, name, card_id, actor, now))
            if (entry_id := answers[-1].entry_id) is not None:
                had[card_id] = entry_id
    return answers


def _meant(name: str) -> UUID | str | None:
    """The id or serial number that a name stands for; None: it can be neither."""
    try:
        return UUID(name)
    except ValueError:
        return ids.read_serial_number(name)


def _one(
    session: Session, award: Award, name: str, card_id: UUID, actor: Actor, now: datetime
) -> Awarded:
    posting = Posting(
        "activity", award.value, comment=award.comment, options={"activity": award.activity}
    )
    try:
        with session.begin_nested():  # with all that follows from it, or nothing
            entry = post(session, str(card_id), posting, actor, now).entry
            values: dict[str, Any] = {
                "merchant_id": entry.merchant_id,
                "batch": award.batch,
                "card_id": card_id,
                "entry_id": entry.id,
            }
            session.execute(insert(_awarded).values(values))
    except RuleBroken as refusal:
        return Awarded(name, card_id, "refused", refusal=refusal)
    return Awarded(name, card_id, "awarded", entry_id=entry.id)


def _lock(session: Session, award: Award, card_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Locks the cards; those that have had this batch, with the entry that gave it."""
    merchant_id = merchant_of(session)
    session.execute(
        select(_cards.c.id)
        .where(_cards.c.merchant_id == merchant_id, _cards.c.id.in_(card_ids))
        .order_by(_cards.c.id)
        .with_for_update()
    ).all()
    rows = session.execute(
        select(_awarded.c.card_id, _awarded.c.entry_id).where(
            _awarded.c.merchant_id == merchant_id,
            _awarded.c.batch == award.batch,
            _awarded.c.card_id.in_(card_ids),
        )
    )
    return {row.card_id: row.entry_id for row in rows}
