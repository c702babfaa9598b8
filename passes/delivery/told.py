"""What the answers to a push say of devices: who was told, and whom nothing reaches any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from passes.cards import listeners
from passes.cards.models import Installation
from passes.delivery.judge import Answered
from passes.store import table_of
from passes.wallet_port import Outcome, WalletError

_places = table_of(Installation)

_LOCK_PLACES = (
    select(_places.c.device)
    .where(
        _places.c.merchant_id == bindparam("of_merchant"),
        _places.c.card_id.in_(bindparam("of_cards", expanding=True)),
        _places.c.wallet == bindparam("of_wallet"),
    )
    .order_by(_places.c.card_id, _places.c.device)
    .with_for_update()
)
_COUNT_PUSH: dict[str, Any] = {
    "unanswered_pushes": _places.c.unanswered_pushes + 1,
    "pushed_at": bindparam("now", type_=_places.c.pushed_at.type),
}
_TOLD_EVERYWHERE = (
    update(_places)
    .where(
        _places.c.merchant_id == bindparam("of_merchant"),
        _places.c.card_id.in_(bindparam("of_cards", expanding=True)),
        _places.c.wallet == bindparam("of_wallet"),
        _places.c.status.in_(listeners.TOLD),
    )
    .values(**_COUNT_PUSH)
)
_TOLD_ONE = (
    update(_places)
    .where(
        _places.c.merchant_id == bindparam("of_merchant"),
        _places.c.card_id == bindparam("of_card"),
        _places.c.wallet == bindparam("of_wallet"),
        _places.c.device == bindparam("of_device"),
    )
    .values(**_COUNT_PUSH)
)


def note(
    session: Session,
    answered: Sequence[Answered],
    ours: Sequence[Answered],
    key: dict[str, Any],
    now: datetime,
) -> None:
    """Counts pushes on devices, and forgets addresses that lead nowhere. The cards are held.

    ``ours``: those whose lease is still ours. ``key``: ``of_merchant`` and ``of_wallet``.
    """
    _lock_places(session, answered, key)
    _forget_addresses(session, answered, key["of_wallet"], now)
    _count_pushes(session, ours, key, now)


def _lock_places(session: Session, answered: Sequence[Answered], key: dict[str, Any]) -> None:
    """Of the cards of which a device is to be changed; all of them at once, in their order."""
    changed = [
        each.claimed.card_id
        for each in answered
        if told_by(each) or devices_with(each, Outcome.UNREACHABLE)
    ]
    if changed:
        session.execute(_LOCK_PLACES, {**key, "of_cards": changed})


def _forget_addresses(
    session: Session, answered: Sequence[Answered], wallet: str, now: datetime
) -> None:
    """Nothing reaches these devices any more, though the pass may still be on them (D.7.1)."""
    for each in answered:
        lost = set(devices_with(each, Outcome.UNREACHABLE))
        for place in each.places:
            if place.device in lost:
                card_id = each.claimed.card_id
                listeners.lose_address(session, card_id, wallet, place.device, place.address, now)


def _count_pushes(
    session: Session, ours: Sequence[Answered], key: dict[str, Any], now: datetime
) -> None:
    """What devices were told and have not answered by a fetch (R-INST-4)."""
    everywhere, some = [], []
    for each in ours:
        told = told_by(each)
        if told and len(told) == len(each.places) and each.claimed.attempts == 1:
            everywhere.append(each.claimed.card_id)
        else:
            some += [
                {**key, "of_card": each.claimed.card_id, "of_device": device, "now": now}
                for device in told
            ]
    if everywhere:
        session.execute(_TOLD_EVERYWHERE, {**key, "of_cards": everywhere, "now": now})
    if some:
        session.execute(_TOLD_ONE, some)


def devices_with(each: Answered, outcome: Outcome, *, told: bool = False) -> list[str]:
    """The devices that were answered so; ``told``: only if something left the machine."""
    if isinstance(each.answer, WalletError):
        return []
    return [
        place.device
        for place, receipt in zip(each.places, each.answer, strict=True)
        if receipt.outcome is outcome and (receipt.told or not told)
    ]


def told_by(each: Answered) -> list[str]:
    """The devices that can have heard of the change."""
    return devices_with(each, Outcome.DELIVERED, told=True)
