"""Says what a vendor's answers mean: done, again later, given up, or a pause of the wallet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID

from sqlalchemy.orm import Session

from passes.delivery import pauses
from passes.delivery.claim import Batch, Claimed
from passes.wallet_port import Installation as Place
from passes.wallet_port import (
    NotYet,
    Outcome,
    Receipt,
    WalletDown,
    WalletError,
    WalletMisconfigured,
)

LONGEST_WAIT = 3_600.0
GIVEN_UP_AFTER = timedelta(hours=24)
"""Trouble of one card is waited out for so long (R-UPD-2)."""


class PushFailed(WalletError):
    """An error of our own; the log says more."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A claimed row, the version that was sent, to whom, and the answer."""

    claimed: Claimed
    version: int
    places: tuple[Place, ...]
    answer: Sequence[Receipt] | WalletError


class Next(Enum):
    """What becomes of a row."""

    DONE = 1
    AGAIN = 2
    GIVEN_UP = 3
    PAUSED = 4
    NOT_YET = 5
    """It had no turn at the vendor; nothing was tried, so nothing failed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``asked``: the least seconds to wait, with AGAIN and NOT_YET."""

    next: Next
    error: str | None = None
    asked: float | None = None


def judge(
    session: Session, batch: Batch, answered: Sequence[Answered], now: datetime
) -> dict[UUID, Verdict]:
    """A verdict for each card; pauses the merchant's wallet, or ends its pause.

    Trouble with the vendor that met every card of the batch is the vendor's, and the cards only
    wait. Where others got through, it is the card's own: one that a vendor always fails on must
    not stop the rest. Who only had no turn says nothing about the vendor.
    """
    wallet = batch.lane.wallet
    trouble = [
        each.answer
        for each in answered
        if isinstance(each.answer, WalletDown | WalletMisconfigured)
        and not isinstance(each.answer, NotYet)
    ]
    got_through = any(not isinstance(each.answer, WalletError) and each.answer for each in answered)
    all_stopped = bool(trouble) and not got_through
    verdicts = {
        each.claimed.card_id: _verdict(each, all_stopped=all_stopped, now=now) for each in answered
    }
    if all_stopped:
        asked = [error.retry_after or 0 for error in trouble if isinstance(error, WalletDown)]
        pauses.pause(
            session,
            wallet,
            str(trouble[0]),
            max(asked, default=None),
            now,
            probed=batch.probes,
        )
    elif batch.probes and got_through:
        pauses.resume(session, wallet)
    elif batch.probes:
        pauses.leave_probe(session, wallet, now)
    return verdicts


def _verdict(each: Answered, *, all_stopped: bool, now: datetime) -> Verdict:
    answer = each.answer
    if not isinstance(answer, WalletError):
        later = [receipt for receipt in answer if receipt.outcome is Outcome.LATER]
        if later:
            longest = max(receipt.retry_after or 0 for receipt in later)
            return _again(each, later[0].detail, longest, now)
        refused = [r.detail for r in answer if r.outcome is Outcome.REFUSED]
        return Verdict(Next.DONE, (refused[0] or "refused") if refused else None)
    if isinstance(answer, NotYet):
        return Verdict(Next.NOT_YET, asked=answer.retry_after)
    if isinstance(answer, WalletDown | WalletMisconfigured):
        if all_stopped:
            return Verdict(Next.PAUSED, str(answer))
        asked = answer.retry_after if isinstance(answer, WalletDown) else None
        return _again(each, str(answer), asked, now)
    if isinstance(answer, PushFailed):
        return _again(each, str(answer), None, now)
    return Verdict(Next.GIVEN_UP, str(answer))


def _again(each: Answered, error: str, asked: float | None, now: datetime) -> Verdict:
    since = each.claimed.failing_since
    if since is not None and now - since >= GIVEN_UP_AFTER:
        return Verdict(Next.GIVEN_UP, error)
    return Verdict(Next.AGAIN, error, asked)


def backoff(attempts: int, asked: float | None) -> timedelta:
    """1 s, 2 s, 4 s … 1 h with jitter, but never sooner than the vendor asked (R-UPD-2)."""
    return pauses.wait_after(attempts, asked, LONGEST_WAIT)
