"""Turns a vendor's answers into the rows' next state, in one transaction for a batch.

Statements are for the many: cards of one outcome are settled together.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import bindparam, case, func, insert, null, select, update
from sqlalchemy.orm import Session

from passes import ids
from passes.cards import cards, events, installations
from passes.cards.models import Card, CardEvent, Delivery
from passes.delivery import loud, told
from passes.delivery.claim import Batch
from passes.delivery.judge import Answered, Next, Verdict, backoff, judge
from passes.store import Store, table_of
from passes.wallet_port import Outcome, WalletError

PAUSE = timedelta(seconds=2)
"""Between two pushes of one card to one wallet; phones slow down closer ones (R-UPD-1)."""
ERROR_LONGEST = 500

_cards = table_of(Card)
_rows = table_of(Delivery)
_events = table_of(CardEvent)

log = structlog.get_logger("treuepass.delivery")


_OURS = (
    _rows.c.merchant_id == bindparam("of_merchant"),
    _rows.c.wallet == bindparam("of_wallet"),
    _rows.c.card_id.in_(bindparam("of_cards", expanding=True)),
)
_ONE = (*_OURS[:2], _rows.c.card_id == bindparam("of_card"))
# Everybody locks in this order, so that nobody waits for each other: cards by their id, then their
# rows, then installations by card and device.
_CARDS = (
    select(_cards.c.id)
    .where(
        _cards.c.merchant_id == bindparam("of_merchant"),
        _cards.c.id.in_(bindparam("of_cards", expanding=True)),
    )
    .order_by(_cards.c.id)
)
_HOLD_CARDS = _CARDS.with_for_update(read=True, key_share=True)  # as an event's foreign key does
_LOCK_CARDS = _CARDS.with_for_update()
_LOCK = (
    select(_rows.c.card_id, _rows.c.wanted_version)
    .where(*_OURS, _rows.c.due_at == bindparam("lease"))
    .order_by(_rows.c.card_id)
    .with_for_update()
)
_DELIVERED: dict[str, Any] = {
    "delivered_at": bindparam("now", type_=_rows.c.delivered_at.type),
    "attempts": 0,
    "failing_since": null(),
    "not_before": bindparam("next_push", type_=_rows.c.not_before.type),
}
_DONE = (
    update(_rows)
    .where(*_OURS)
    .values(
        **_DELIVERED, delivered_version=_rows.c.wanted_version, due_at=null(), last_error=null()
    )
)
_DONE_ONE = (
    update(_rows)
    .where(*_ONE)
    .values(
        **_DELIVERED,
        delivered_version=bindparam("version"),
        due_at=bindparam("next_due", type_=_rows.c.due_at.type),
        last_error=bindparam("error", type_=_rows.c.last_error.type),
    )
)
_FAILED_ONE = (
    update(_rows)
    .where(*_ONE)
    .values(
        due_at=bindparam("next_due", type_=_rows.c.due_at.type),
        dead_at=bindparam("died_at", type_=_rows.c.dead_at.type),
        failing_since=func.coalesce(
            _rows.c.failing_since, bindparam("now", type_=_rows.c.failing_since.type)
        ),
        last_error=bindparam("error", type_=_rows.c.last_error.type),
    )
)
_PAUSED = (
    update(_rows)
    .where(*_OURS)
    .values(
        due_at=bindparam("next_due", type_=_rows.c.due_at.type),
        attempts=case((_rows.c.attempts > 1, _rows.c.attempts - 1), else_=0),
        last_error=bindparam("error", type_=_rows.c.last_error.type),
    )
)
_NOT_YET = (
    update(_rows)
    .where(*_ONE)
    .values(due_at=bindparam("next_due", type_=_rows.c.due_at.type), attempts=_rows.c.attempts - 1)
)


def settle(store: Store, batch: Batch, answered: Sequence[Answered], now: datetime) -> None:
    """Records what became of a batch. A row that is no longer ours is left alone."""
    wallet = batch.lane.wallet
    key: dict[str, Any] = {"of_merchant": batch.lane.merchant_id, "of_wallet": wallet}
    with store.write(batch.lane.merchant_id) as session:
        _remove_gone(session, batch, answered, key)
        wanted = _lock_ours(session, batch, answered, key)
        ours = [each for each in answered if each.claimed.card_id in wanted]
        verdicts = judge(session, batch, answered, now)
        by_next: dict[Next, list[tuple[Answered, Verdict]]] = {}
        for each in ours:
            verdict = verdicts[each.claimed.card_id]
            by_next.setdefault(verdict.next, []).append((each, verdict))
        _settle_done(session, by_next.get(Next.DONE, []), wanted, key, now)
        _settle_failed(session, by_next, key, now)
        told.note(session, answered, ours, key, now)
        loud.record(session, _announced(answered), wallet, loud.UPDATE, now)
        _record_events(session, batch, by_next, now)
    for each, verdict in by_next.get(Next.GIVEN_UP, []):
        log.warning(
            "delivery_given_up",
            wallet=wallet,
            card=str(each.claimed.card_id),
            error=(verdict.error or "")[:200],
        )


def _announced(answered: Sequence[Answered]) -> list[UUID]:
    """The cards whose change the vendor was asked to announce, ours by now or not."""
    return [
        each.claimed.card_id
        for each in answered
        if not isinstance(each.answer, WalletError)
        and any(receipt.loud and receipt.outcome is Outcome.DELIVERED for receipt in each.answer)
    ]


def _lock_ours(
    session: Session, batch: Batch, answered: Sequence[Answered], key: dict[str, Any]
) -> dict[UUID, int]:
    """The rows whose lease is still ours, and the version that each wants by now."""
    card_ids = [each.claimed.card_id for each in answered]
    found = session.execute(_LOCK, {**key, "of_cards": card_ids, "lease": batch.lease})
    return {row.card_id: row.wanted_version for row in found}


def _settle_done(
    session: Session,
    done: Sequence[tuple[Answered, Verdict]],
    wanted: dict[UUID, int],
    key: dict[str, Any],
    now: datetime,
) -> None:
    times = {"now": now, "next_push": now + PAUSE}
    plain, others = [], []
    for each, verdict in done:
        card_id = each.claimed.card_id
        if wanted[card_id] == each.version and verdict.error is None:
            plain.append(card_id)
            continue
        others.append(
            {
                **key,
                **times,
                "of_card": card_id,
                "version": each.version,
                "next_due": now + PAUSE if wanted[card_id] > each.version else None,
                "error": verdict.error[:ERROR_LONGEST] if verdict.error else None,
            }
        )
    if plain:
        session.execute(_DONE, {**key, **times, "of_cards": plain})
    if others:
        session.execute(_DONE_ONE, others)


def _settle_failed(
    session: Session,
    by_next: dict[Next, list[tuple[Answered, Verdict]]],
    key: dict[str, Any],
    now: datetime,
) -> None:
    failed = [
        {
            **key,
            "of_card": each.claimed.card_id,
            "next_due": now + backoff(each.claimed.attempts, verdict.asked)
            if verdict.next is Next.AGAIN
            else None,
            "died_at": now if verdict.next is Next.GIVEN_UP else None,
            "now": now,
            "error": (verdict.error or "")[:ERROR_LONGEST],
        }
        for next_ in (Next.AGAIN, Next.GIVEN_UP)
        for each, verdict in by_next.get(next_, [])
    ]
    if failed:
        session.execute(_FAILED_ONE, failed)
    not_yet = [
        {
            **key,
            "of_card": each.claimed.card_id,
            "next_due": now + timedelta(seconds=verdict.asked or 0),
        }
        for each, verdict in by_next.get(Next.NOT_YET, [])
    ]
    if not_yet:
        session.execute(_NOT_YET, not_yet)
    paused = by_next.get(Next.PAUSED, [])
    if paused:
        # Behind those that have not been tried: the next probe is of others.
        session.execute(
            _PAUSED,
            {
                **key,
                "of_cards": [each.claimed.card_id for each, _ in paused],
                "next_due": now,
                "error": (paused[0][1].error or "")[:ERROR_LONGEST],
            },
        )


def _remove_gone(
    session: Session, batch: Batch, answered: Sequence[Answered], key: dict[str, Any]
) -> None:
    """Locks the cards; a device that the vendor knows no more has lost the card (D.7.1)."""
    gone = {
        each.claimed.card_id: devices
        for each in answered
        if (devices := told.devices_with(each, Outcome.GONE))
    }
    card_ids = [each.claimed.card_id for each in answered]
    session.execute(_LOCK_CARDS if gone else _HOLD_CARDS, {**key, "of_cards": card_ids})
    for card_id, devices in gone.items():
        card = cards.get(session, card_id, locked=True)
        for device in devices:
            installations.remove(session, card, batch.lane.wallet, device, batch.claimed_at)


def _record_events(
    session: Session,
    batch: Batch,
    by_next: dict[Next, list[tuple[Answered, Verdict]]],
    now: datetime,
) -> None:
    """A push that really told somebody is an event, and so is one that was given up."""
    happened: list[tuple[Answered, str, dict[str, Any]]] = [
        (each, events.DELIVERED, {"version": each.version, "devices": len(devices)})
        for each, _ in by_next.get(Next.DONE, [])
        if (devices := told.told_by(each))
    ]
    happened += [
        (each, events.DELIVERY_FAILED, {"error": (verdict.error or "")[:200]})
        for each, verdict in by_next.get(Next.GIVEN_UP, [])
    ]
    if happened:
        session.execute(
            insert(_events),
            [
                {
                    "merchant_id": batch.lane.merchant_id,
                    "id": ids.new_id(),
                    "card_id": each.claimed.card_id,
                    "type": type_,
                    "at": now,
                    "wallet": batch.lane.wallet,
                    "data": data,
                }
                for each, type_, data in happened
            ],
        )
