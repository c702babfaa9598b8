"""The figures of a card, as programs and passes see them, and as the ledger sums them up (D.3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from passes import money
from passes.card_templates.definition import Definition
from passes.card_templates.kinds import Kind
from passes.cards.models import UNITS, Card
from passes.ledger.kinds import KINDS
from passes.ledger.kinds.base import FigureValue
from passes.ledger.models import LedgerEntry
from passes.store import merchant_of


def figures_of(
    card: Any, kind: Kind, definition: Definition, currency: str, now: datetime
) -> dict[str, FigureValue]:
    """Figure by name; money as decimal strings. Of every kind: ``ltv`` (S1.1)."""
    figures = KINDS[kind].figures(card, definition.rules, currency, now)
    figures["ltv"] = money.to_text(card.purchases, currency)
    return figures


def units_of(card: Any) -> dict[str, int]:
    """Every unit that is not nothing."""
    return {unit: value for unit in UNITS if (value := getattr(card, unit))}


def summed_up(session: Session, card_id: UUID) -> dict[str, int]:
    """What the entries add up to; must equal the card's cached units (R-LED-1)."""
    row = session.execute(
        select(*(func.coalesce(func.sum(getattr(LedgerEntry, unit)), 0) for unit in UNITS)).where(
            LedgerEntry.merchant_id == merchant_of(session), LedgerEntry.card_id == card_id
        )
    ).one()
    return {unit: int(total) for unit, total in zip(UNITS, row, strict=True)}


def disagreements(session: Session) -> list[UUID]:
    """Cards whose cached units are not what their entries add up to; empty when all is well."""
    sums = (
        select(
            LedgerEntry.card_id,
            LedgerEntry.merchant_id,
            *(func.sum(getattr(LedgerEntry, unit)).label(unit) for unit in UNITS),
        )
        .where(LedgerEntry.merchant_id == merchant_of(session))
        .group_by(LedgerEntry.merchant_id, LedgerEntry.card_id)
        .subquery()
    )
    differs = [getattr(Card, unit) != func.coalesce(sums.c[unit], 0) for unit in UNITS]
    condition = differs[0]
    for part in differs[1:]:
        condition = condition | part
    return list(
        session.scalars(
            select(Card.id)
            .outerjoin(sums, (sums.c.merchant_id == Card.merchant_id) & (sums.c.card_id == Card.id))
            .where(Card.merchant_id == merchant_of(session), condition)
        )
    )
