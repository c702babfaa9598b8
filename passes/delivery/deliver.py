"""Brings one batch of cards up to date: claim, draw, push, settle (design §4)."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import structlog

from passes.cards.change import Urgency
from passes.delivery import measures
from passes.delivery.claim import Batch, claim, overtaken
from passes.delivery.drawing import Drawn, draw_batch
from passes.delivery.judge import Answered, PushFailed
from passes.delivery.lanes import Lane, look
from passes.delivery.settle import settle
from passes.store import Store
from passes.wallet_port import NotYet, Receipt, Wallet, WalletError

BATCH = 200

Now = Callable[[], datetime]
Answer = Sequence[Receipt] | WalletError

log = structlog.get_logger("treuepass.delivery")


def deliver_due(store: Store, wallets: Mapping[str, Wallet], base_url: str, now: Now) -> int:
    """One batch for every lane with due rows, one after the other; how many rows were claimed.

    Looks before it locks: who has nothing to do writes nothing.
    """
    seen = look(store, wallets, now())
    return sum(
        deliver(store, wallets[lane.wallet], lane, base_url, now, probes=lane in seen.probing)
        for lane in seen.due
    )


def deliver(
    store: Store,
    wallet: Wallet,
    lane: Lane,
    base_url: str,
    now: Now,
    *,
    most: int = BATCH,
    probes: bool = False,
    when_claimed: Callable[[int], None] | None = None,
) -> int:
    """Claims one batch of a lane's due rows and brings them up to date; how many it claimed.

    The rows stay leased while the vendor is asked, in no transaction; a process that dies leaves
    them to fall due again. A push that is repeated does no harm. ``when_claimed`` hears at once
    how many rows were claimed; ``probes``: see ``pauses``.
    """
    batch = claim(store, lane, now(), most, probes=probes)
    if when_claimed is not None:
        when_claimed(len(batch.rows))
    if not batch.rows:
        return 0
    drawn, failed = draw_batch(store, batch, base_url, batch.claimed_at, wallet.loud_a_day)
    answers = _push_timed(store, wallet, batch, drawn, now) if drawn else []
    measures.count(lane.wallet, answers)
    not_drawn = PushFailed("The pass could not be drawn.")
    settle(
        store,
        batch,
        [
            *(
                Answered(each.claimed, each.content.version, each.places, answer)
                for each, answer in zip(drawn, answers, strict=True)
            ),
            *(Answered(row, 0, (), not_drawn) for row in failed),
        ],
        now(),
    )
    return len(batch.rows)


def _push_timed(
    store: Store, wallet: Wallet, batch: Batch, drawn: Sequence[Drawn], now: Now
) -> Sequence[Answer]:
    began = time.perf_counter()
    if wallet.pace is None:
        answers = _push(wallet, drawn, urgent=batch.lane.urgency == Urgency.TILL)
    else:
        answers = _push_in_turn(store, wallet, batch, drawn, now)
    measures.PUSH_SECONDS.labels(wallet.kind).observe(time.perf_counter() - began)
    return answers


def _push_in_turn(
    store: Store, wallet: Wallet, batch: Batch, drawn: Sequence[Drawn], now: Now
) -> list[Answer]:
    """One request's cards after the other, for each waits for its turn at the vendor. Ends early,
    and leaves the rest due, before the lease runs out, when there are no turns to be had, and when
    somebody at a counter changed one of the cards."""
    urgent = batch.lane.urgency == Urgency.TILL
    size = 1 if urgent else wallet.together
    answers: list[Answer] = []
    while len(answers) < len(drawn):
        if now() > batch.last_begin or (not urgent and overtaken(store, batch)):
            break
        answers += _push(wallet, drawn[len(answers) : len(answers) + size], urgent=urgent)
        if isinstance(answers[-1], NotYet):
            break
    return answers + [NotYet("The rest of the batch had no turn.") for _ in drawn[len(answers) :]]


def _push(wallet: Wallet, drawn: Sequence[Drawn], *, urgent: bool) -> Sequence[Answer]:
    """The vendor's answers, one for each card. An error of ours in one leaves the others alone."""
    try:
        answers = wallet.push_many(
            [(each.content, each.places, each.reason) for each in drawn], urgent=urgent
        )
        if not _is_complete(drawn, answers):
            raise RuntimeError("a wallet must answer for each card and installation")
    except Exception as error:  # noqa: BLE001 - told in the log, and tried one by one
        _report(wallet, error)
        answers = [_push_alone(wallet, each) for each in drawn]
    return answers


def _push_alone(wallet: Wallet, each: Drawn) -> Answer:
    try:
        receipts = wallet.push(each.content, each.places, each.reason)
    except WalletError as error:
        return error
    except Exception as error:  # noqa: BLE001 - told in the log, and tried again later
        _report(wallet, error)
        return PushFailed("The push ended in an error; the log says more.")
    if not _is_complete([each], [receipts]):
        return PushFailed("The wallet did not answer for every installation.")
    return receipts


def _is_complete(drawn: Sequence[Drawn], answers: Sequence[Answer]) -> bool:
    return len(answers) == len(drawn) and all(
        isinstance(answer, WalletError) or len(answer) == len(each.places)
        for each, answer in zip(drawn, answers, strict=True)
    )


def _report(wallet: Wallet, error: Exception) -> None:
    # Not its text: nobody knows whether an address of a device stands in it.
    where = traceback.extract_tb(error.__traceback__)[-1]
    log.error(
        "push_broke",
        wallet=wallet.kind,
        error=type(error).__name__,
        where=f"{where.filename}:{where.lineno}",
    )
