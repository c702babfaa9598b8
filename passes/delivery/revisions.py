"""Brings new versions of card templates to the cards that are out, silently (R-UPD-3).

Each chunk and how far it got are one transaction: whoever dies in between loses nothing, and
nobody's card is taken twice.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from passes.card_templates.kinds import Kind
from passes.card_templates.models import CardTemplate, TemplateRollout
from passes.card_templates.templates import definition_of
from passes.cards import expiry
from passes.cards.change import bump_many
from passes.cards.models import Card
from passes.ledger.wake import look_again
from passes.store import Store, merchant_of
from passes.wallet_port import Reason

CHUNK = 500


def roll_out(store: Store, now: datetime) -> int:
    """One chunk of every new version that is on its way; how many cards are due for it now."""
    with store.read_all() as session:
        waiting = session.execute(
            select(TemplateRollout.merchant_id, TemplateRollout.template_id).order_by(
                TemplateRollout.started_at
            )
        ).all()
    taken = 0
    for merchant_id, template_id in waiting:
        with store.write(merchant_id) as session:
            taken += _advance(session, template_id, now)
    return taken


def _advance(session: Session, template_id: UUID, now: datetime) -> int:
    merchant_id = merchant_of(session)
    rollout = session.scalar(
        select(TemplateRollout)
        .where(
            TemplateRollout.merchant_id == merchant_id,
            TemplateRollout.template_id == template_id,
        )
        .with_for_update(skip_locked=True)
    )
    if rollout is None:
        return 0  # another worker has it, or it is done
    query = select(Card.id).where(
        Card.merchant_id == merchant_id,
        Card.template_id == template_id,
        # Cards that were issued since show the new version from the start.
        Card.template_version < rollout.version,
    )
    if rollout.after_card is not None:
        query = query.where(Card.id > rollout.after_card)
    card_ids = session.scalars(query.order_by(Card.id).limit(CHUNK)).all()
    if card_ids:
        template = session.get_one(CardTemplate, (merchant_id, template_id))
        kind = Kind(template.kind)
        if rollout.expiry_version is not None:
            rule = definition_of(session, template_id, rollout.expiry_version, kind).expiry
            expiry.apply_rule(session, card_ids, rule, rollout.expiry_version, now)
        look_again(session, card_ids, kind, now)
        bump_many(session, card_ids, Reason.CONTENT, now)
        rollout.after_card = card_ids[-1]
    if len(card_ids) < CHUNK:
        session.delete(rollout)
    session.flush()
    return len(card_ids)
