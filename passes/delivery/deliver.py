"""Drains due deliveries: claim, draw, push, record (design §4)."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import bindparam, case, func, null, select, update
from sqlalchemy.orm import Session

from passes.cards import cards, events, installations
from passes.cards.models import Card, Delivery, Installation
from passes.content.draw import draw
from passes.store import Store, merchant_of, rows_changed
from passes.wallet_port import Installation as Place
from passes.wallet_port import (
    Outcome,
    PassContent,
    Reason,
    Receipt,
    Wallet,
    WalletDown,
    WalletError,
)

BATCH = 200
LEASE = timedelta(seconds=60)
PAUSE = timedelta(seconds=2)
"""Between two pushes of one card to one wallet; phones slow down closer ones (R-UPD-1)."""
MOST_ATTEMPTS = 20
LONGEST_WAIT = timedelta(hours=1)

log = structlog.get_logger("treuepass.delivery")


@dataclass(frozen=True, slots=True)
class _Claimed:
    merchant_id: UUID
    card_id: UUID
    wanted: int
    attempts: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class _Drawn:
    claimed: _Claimed
    content: PassContent
    places: tuple[Place, ...]


_due = (
    select(Delivery.merchant_id, Delivery.card_id)
    .where(
        Delivery.shard == bindparam("of_shard"),
        Delivery.wallet == bindparam("of_wallet"),
        Delivery.due_at <= bindparam("now"),
    )
    .order_by(Delivery.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
    .cte("due")
)
_CLAIM = (
    update(Delivery)
    .where(
        Delivery.shard == bindparam("of_shard"),
        Delivery.wallet == bindparam("of_wallet"),
        Delivery.merchant_id == _due.c.merchant_id,
        Delivery.card_id == _due.c.card_id,
    )
    .values(due_at=bindparam("lease"), attempts=Delivery.attempts + 1)
    .returning(
        Delivery.merchant_id,
        Delivery.card_id,
        Delivery.wanted_version,
        Delivery.attempts,
        Delivery.reason,
    )
    .execution_options(synchronize_session=False)
)
_WAITING = (
    select(Delivery.wallet, Delivery.shard).where(Delivery.due_at <= bindparam("now")).distinct()
)
_NEXT_DUE = select(func.min(Delivery.due_at)).where(
    Delivery.due_at.is_not(None), Delivery.wallet.in_(bindparam("kinds", expanding=True))
)


def deliver_due(store: Store, wallets: Mapping[str, Wallet], base_url: str, now: datetime) -> int:
    """One batch for every shard and wallet with due rows; how many rows were claimed.

    Looks before it locks: an idle worker writes nothing.
    """
    with store.read_all() as session:
        waiting = session.execute(_WAITING, {"now": now}).all()
    return sum(
        deliver(store, wallets[kind], shard, base_url, now)
        for kind, shard in waiting
        if kind in wallets
    )


def deliver(store: Store, wallet: Wallet, shard: int, base_url: str, now: datetime) -> int:
    """Claims one batch of a wallet's due rows and brings them up to date; how many it claimed.

    The rows stay leased while the vendor is asked, in no transaction; a process that dies leaves
    them to fall due again. A push that is repeated does no harm.
    """
    lease = now + LEASE
    claimed = _claim(store, wallet.kind, shard, now, lease)
    drawn = _draw(store, wallet.kind, claimed, base_url, now)
    if drawn:
        answers = wallet.push_many(
            [(each.content, each.places, each.claimed.reason) for each in drawn]
        )
        _record(store, wallet.kind, list(zip(drawn, answers, strict=True)), now, lease)
    return len(claimed)


def next_due(store: Store, kinds: Collection[str]) -> datetime | None:
    """When the next row of these wallets falls due; rows of a wallet that is gone wait for it."""
    with store.read_all() as session:
        return session.scalar(_NEXT_DUE, {"kinds": list(kinds)})


def _claim(store: Store, kind: str, shard: int, now: datetime, lease: datetime) -> list[_Claimed]:
    with store.write_all() as session:
        rows = session.execute(
            _CLAIM,
            {"of_shard": shard, "of_wallet": kind, "now": now, "most": BATCH, "lease": lease},
        )
        return [
            _Claimed(
                row.merchant_id, row.card_id, row.wanted_version, row.attempts, Reason(row.reason)
            )
            for row in rows
        ]


def _draw(
    store: Store, kind: str, claimed: Sequence[_Claimed], base_url: str, now: datetime
) -> list[_Drawn]:
    drawn = []
    for merchant_id, rows in _by_merchant(claimed).items():
        with store.read(merchant_id) as session:
            for row in rows:
                card = session.get_one(Card, (merchant_id, row.card_id))
                try:
                    content = draw(session, card, kind, base_url, now)
                except Exception:
                    log.exception("card_not_drawn", wallet=kind, card=str(row.card_id))
                    continue  # and is tried again when its lease is over
                drawn.append(_Drawn(row, content, _places(session, row.card_id, kind)))
    return drawn


def _places(session: Session, card_id: UUID, kind: str) -> tuple[Place, ...]:
    rows = session.scalars(
        select(Installation).where(
            Installation.merchant_id == merchant_of(session),
            Installation.card_id == card_id,
            Installation.wallet == kind,
            Installation.status == "active",
        )
    )
    return tuple(
        Place(row.device, row.address, row.registered_at or row.last_seen_at) for row in rows
    )


def _record(
    store: Store,
    kind: str,
    answers: Sequence[tuple[_Drawn, Sequence[Receipt] | WalletError]],
    now: datetime,
    lease: datetime,
) -> None:
    by_merchant: dict[UUID, list[tuple[_Drawn, Sequence[Receipt] | WalletError]]] = {}
    for drawn, answer in answers:
        by_merchant.setdefault(drawn.claimed.merchant_id, []).append((drawn, answer))
    for merchant_id, part in by_merchant.items():
        with store.write(merchant_id) as session:
            for drawn, answer in part:
                _settle(session, kind, drawn, answer, now, lease)


def _settle(
    session: Session,
    kind: str,
    drawn: _Drawn,
    answer: Sequence[Receipt] | WalletError,
    now: datetime,
    lease: datetime,
) -> None:
    """Turns one answer into the row's next state; a row that is no longer ours is left alone."""
    claimed = drawn.claimed
    if not isinstance(answer, WalletError):
        _remove_gone(session, kind, drawn, answer, now)  # the card's lock comes before its row's
    if isinstance(answer, WalletError):
        retry = answer.retry_after if isinstance(answer, WalletDown) else None
        error, again = str(answer), isinstance(answer, WalletDown)
    else:
        later = [receipt for receipt in answer if receipt.outcome is Outcome.LATER]
        retry = max((receipt.retry_after or 0 for receipt in later), default=None)
        error = next(
            (r.detail for r in answer if r.outcome in {Outcome.LATER, Outcome.REFUSED}), ""
        )
        again = bool(later)
    delivered = not isinstance(answer, WalletError) and not again
    values: dict[str, object]
    if delivered:
        values = {
            "delivered_version": drawn.content.version,
            "delivered_at": now,
            "attempts": 0,
            "last_error": error or None,
            "not_before": now + PAUSE,
            "due_at": case(
                (Delivery.wanted_version > drawn.content.version, now + PAUSE), else_=null()
            ),
        }
    elif again and claimed.attempts < MOST_ATTEMPTS:
        values = {"due_at": now + backoff(claimed.attempts, retry), "last_error": error[:500]}
    else:
        values = {"due_at": None, "dead_at": now, "last_error": error[:500]}
        log.warning("delivery_given_up", wallet=kind, card=str(claimed.card_id), error=error[:200])
    settled = session.execute(
        update(Delivery)
        .where(
            Delivery.merchant_id == claimed.merchant_id,
            Delivery.card_id == claimed.card_id,
            Delivery.wallet == kind,
            Delivery.due_at == lease,
        )
        .values(values)
        .execution_options(synchronize_session=False)
    )
    if not rows_changed(settled):
        return
    if delivered and drawn.places:
        events.record(
            session,
            claimed.card_id,
            events.DELIVERED,
            now,
            wallet=kind,
            version=drawn.content.version,
            devices=len(drawn.places),
        )
    elif values.get("dead_at"):
        events.record(
            session, claimed.card_id, events.DELIVERY_FAILED, now, wallet=kind, error=error[:200]
        )


def _remove_gone(
    session: Session, kind: str, drawn: _Drawn, receipts: Sequence[Receipt], now: datetime
) -> None:
    """A device that the vendor knows no more has lost the card (D.7.1)."""
    gone = [
        place
        for place, receipt in zip(drawn.places, receipts, strict=True)
        if receipt.outcome is Outcome.GONE
    ]
    if not gone:
        return
    card = cards.get(session, drawn.claimed.card_id, locked=True)
    for place in gone:
        installations.remove(session, card, kind, place.device, now)


def backoff(attempts: int, asked: float | None) -> timedelta:
    """1 s, 2 s, 4 s … 1 h with jitter, but never sooner than the vendor asked (R-UPD-2)."""
    wait = min(2.0 ** (attempts - 1), LONGEST_WAIT.total_seconds())
    return timedelta(seconds=max(wait * random.uniform(0.75, 1.25), asked or 0))  # noqa: S311 - jitter


def _by_merchant(claimed: Sequence[_Claimed]) -> Mapping[UUID, list[_Claimed]]:
    grouped: dict[UUID, list[_Claimed]] = {}
    for row in claimed:
        grouped.setdefault(row.merchant_id, []).append(row)
    return grouped
