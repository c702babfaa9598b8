"""Tries a posting out: the figures before and after it, or why it is refused; nothing stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from passes.errors import RuleBroken
from passes.ledger.book import Posted, lock
from passes.ledger.figures import figures_of
from passes.ledger.kinds.base import FigureValue
from passes.merchants.merchants import business


@dataclass(frozen=True, slots=True)
class Preview:
    """``entry`` as it would be written, or the ``refusal``; ``after`` is ``before`` then."""

    before: dict[str, FigureValue]
    after: dict[str, FigureValue]
    entry: Any | None
    refusal: RuleBroken | None


def preview(session: Session, card_name: str, act: Callable[[], Posted], now: datetime) -> Preview:
    """What ``act`` would do to the card. Raises NotFound when there is no such card.

    It is done and taken back, so it answers as the deed itself would, with all that follows from
    it on other cards. Nothing is delivered and nobody wakes up.
    """
    woke = session.info.get("wakes_worker")
    trial = session.begin_nested()
    try:
        card = lock(session, card_name, now)
        before = _figures(session, card, now)
        return _tried(session, act, before, now)
    finally:
        trial.rollback()
        session.info["wakes_worker"] = woke


def _tried(
    session: Session, act: Callable[[], Posted], before: dict[str, FigureValue], now: datetime
) -> Preview:
    try:
        posted = act()
    except RuleBroken as refusal:
        return Preview(before, before, None, refusal)
    return Preview(before, _figures(session, posted.card, now), posted.entry, None)


def _figures(session: Session, card: Any, now: datetime) -> dict[str, FigureValue]:
    return figures_of(card, card.kind, card.definition, business(session).currency, now)
