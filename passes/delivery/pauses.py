"""Pauses: while a vendor refuses a merchant as a whole, nothing is sent there (design §3).

A pause stops one wallet of one merchant; everybody else's deliveries go on. When it is over a
single small batch probes, and its success ends the pause. The rows keep their attempts: whatever
befalls the vendor, they stay due, and are delivered when it is mended.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import bindparam, delete, func, insert, null, select, update
from sqlalchemy.orm import Session

from passes.cards.models import Delivery, WalletPause
from passes.store import lock_name, merchant_of, rows_changed, table_of

LONGEST_PAUSE = 30.0
"""Seconds. Short enough that all is delivered within a minute after a vendor has come back."""
PROBE_LEASE = timedelta(seconds=60)
"""How long others leave the probing to the one who began it."""
SENTENCE_LONGEST = 500

_table = table_of(WalletPause)
_deliveries = table_of(Delivery)
_OWN = (
    _table.c.merchant_id == bindparam("of_merchant"),
    _table.c.wallet == bindparam("of_wallet"),
)
_BEGIN_PROBE = (
    update(_table).where(*_OWN, _table.c.until <= bindparam("now")).values(until=bindparam("lease"))
)
_FIND = select(_table.c.attempts).where(*_OWN)
_MOVE = (
    update(_table)
    .where(*_OWN)
    .values(
        until=bindparam("new_until"),
        attempts=bindparam("new_attempts"),
        sentence=bindparam("new_sentence"),
    )
)
_END = delete(_table).where(*_OWN)
_REVIVE = (
    update(_deliveries)
    .where(
        _deliveries.c.merchant_id == bindparam("of_merchant"),
        _deliveries.c.wallet == bindparam("of_wallet"),
        _deliveries.c.dead_at.is_not(None),
    )
    .values(
        due_at=bindparam("now", type_=_deliveries.c.due_at.type),
        attempts=0,
        failing_since=null(),
        dead_at=null(),
    )
)

log = structlog.get_logger("treuepass.delivery")


def begin_probe(session: Session, wallet: str, now: datetime) -> bool:
    """Takes on the probing after a pause; False: it is not over, or another does it already."""
    begun = session.execute(
        _BEGIN_PROBE, {**_key(session, wallet), "now": now, "lease": now + PROBE_LEASE}
    )
    return rows_changed(begun) == 1


def leave_probe(session: Session, wallet: str, now: datetime) -> None:
    """The probe told nothing about the vendor; another may probe at once."""
    session.execute(
        update(_table).where(*_OWN).values(until=bindparam("new_until")),
        {**_key(session, wallet), "new_until": now},
    )


def pause(
    session: Session,
    wallet: str,
    sentence: str,
    asked: float | None,
    now: datetime,
    *,
    probed: bool,
) -> datetime:
    """Stops the wallet for the merchant, longer each time that a probe fails; until when.

    ``asked`` is what the vendor asked for, in seconds. What was on its way when another batch
    brought the pause about (not ``probed``) does not make it longer.
    """
    lock_name(session, "pause", wallet)
    key = _key(session, wallet)
    known = session.scalar(_FIND, key)
    attempts = (known or 0) + (1 if probed or known is None else 0)
    until = now + wait_after(attempts, asked, LONGEST_PAUSE)
    if known is None:
        session.execute(
            insert(_table),
            {
                "merchant_id": key["of_merchant"],
                "wallet": wallet,
                "since": now,
                "until": until,
                "attempts": attempts,
                "sentence": sentence[:SENTENCE_LONGEST],
            },
        )
        log.warning("wallet_paused", wallet=wallet, merchant=str(key["of_merchant"]), why=sentence)
    else:
        moved = {"new_until": until, "new_attempts": attempts}
        session.execute(_MOVE, {**key, **moved, "new_sentence": sentence[:SENTENCE_LONGEST]})
    return until


def resume(session: Session, wallet: str) -> None:
    """Ends the merchant's pause: the vendor serves again."""
    if rows_changed(session.execute(_END, _key(session, wallet))):
        log.info("wallet_resumed", wallet=wallet, merchant=str(merchant_of(session)))


def revive(session: Session, wallet: str, now: datetime) -> int:
    """After new credentials: ends the pause, and what was given up is due again; how many rows.

    Called in the transaction that stores the credentials.
    """
    session.execute(_END, _key(session, wallet))
    revived = rows_changed(session.execute(_REVIVE, {**_key(session, wallet), "now": now}))
    session.info["wakes_worker"] = True
    return revived


def pauses(session: Session) -> Sequence[WalletPause]:
    """What is paused at the session's merchant, with a sentence that says why."""
    return session.scalars(
        select(WalletPause)
        .where(WalletPause.merchant_id == merchant_of(session))
        .order_by(WalletPause.wallet)
    ).all()


def pauses_by_wallet(session: Session) -> dict[str, int]:
    """How many merchants are paused in each wallet. In a session of the system."""
    counted = session.execute(
        select(_table.c.wallet, func.count().label("merchants")).group_by(_table.c.wallet)
    )
    return {row.wallet: row.merchants for row in counted}


def wait_after(attempts: int, asked: float | None, longest: float) -> timedelta:
    """1 s, 2 s, 4 s … ``longest`` s with jitter, but never less than the vendor asked for."""
    wait = min(2.0 ** min(attempts - 1, 60), longest)
    jitter = random.uniform(0.75, 1.25)  # noqa: S311 - so that not all come back at once
    return timedelta(seconds=max(wait * jitter, asked or 0))


def _key(session: Session, wallet: str) -> dict[str, Any]:
    return {"of_merchant": merchant_of(session), "of_wallet": wallet}
