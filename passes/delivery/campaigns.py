"""Says in the log how far campaigns are that a vendor's pace makes wait, and when they end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import Select, func, literal, select

from passes.cards.change import Urgency
from passes.cards.models import Delivery
from passes.delivery.lanes import Lane, waiting_lanes
from passes.store import Store
from passes.wallet_port import Wallet

EVERY = timedelta(seconds=30)
LOOK = timedelta(seconds=1)
"""Between two looks for one that begins."""
MOST = 1_000_000
"""Rows are counted so far; the log says no greater number."""

log = structlog.get_logger("treuepass.delivery")


@dataclass(frozen=True, slots=True)
class Campaign:
    """Cards of one merchant that wait in a paced wallet, behind what happens at tills.

    ``done_at`` is the earliest moment: what shares the account, tills first, comes on top.
    """

    wallet: str
    merchant_id: UUID
    waiting: int
    pace: float
    done_at: datetime


def campaigns(store: Store, wallets: Mapping[str, Wallet], now: datetime) -> Sequence[Campaign]:
    """All that wait now; nothing is asked where no wallet is paced."""
    if all(wallet.pace is None for wallet in wallets.values()):
        return []
    found = []
    with store.read_all() as session:
        for lane, _ in waiting_lanes(session):
            wallet = wallets.get(lane.wallet)
            pace = wallet.pace if wallet else None
            if pace is None or lane.urgency != Urgency.BULK:
                continue
            waiting = session.scalar(_count(lane)) or 0
            done_at = now + timedelta(seconds=waiting / pace)
            found.append(Campaign(lane.wallet, lane.merchant_id, waiting, pace, done_at))
    return found


class CampaignLog:
    """One line ``campaign`` for each, when it begins to wait and every 30 seconds from then on."""

    def __init__(self, store: Store, wallets: Mapping[str, Wallet]) -> None:
        self._store = store
        self._wallets = wallets
        self._next_at: datetime | None = None

    def tell_when_due(self, now: datetime) -> None:
        if self._next_at is not None and now < self._next_at:
            return
        found = campaigns(self._store, self._wallets, now)
        self._next_at = now + (EVERY if found else LOOK)
        for each in found:
            log.info(
                "campaign",
                wallet=each.wallet,
                merchant=str(each.merchant_id),
                waiting=each.waiting,
                pace=each.pace,
                done_at=each.done_at.isoformat(timespec="seconds"),
            )


def _count(lane: Lane) -> Select[int]:
    rows = (
        select(literal(1))
        .select_from(Delivery)
        .where(
            Delivery.shard == lane.shard,
            Delivery.wallet == lane.wallet,
            Delivery.merchant_id == lane.merchant_id,
            Delivery.urgency == lane.urgency,
            Delivery.due_at.is_not(None),
        )
        .limit(MOST)
        .subquery()
    )
    return select(func.count()).select_from(rows)
