"""Turns at a vendor's quota: all processes together keep one account's pace, tills go first.

A generic cell rate (ITU-T I.371) over one moment, ``ready_at``, which each request moves on by the
interval between two. Whoever asks says what time it is; processes of several machines must go by
one clock (``AgreedClock``): one that is ahead by a second makes the others wait for a second.
"""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from passes.delivery.models import VendorTurn
from passes.store import Store, rows_changed, table_of

BURST = 5
"""In any T seconds there are never more than pace * T + BURST turns. At Google's pace of 15 that
makes 20 in the worst second, which is what Google allows (Google: 1.9)."""
_LATE = 1
"""Intervals that may be made up for when nobody came in time, so that threads that wake up a
little late do not cost pace."""
_AHEAD = BURST - 1 - _LATE
"""Intervals by which the urgent go before it is their turn; the others wait for them."""

_turns = table_of(VendorTurn)
_OWN = (
    _turns.c.wallet == bindparam("of_wallet"),
    _turns.c.subject == bindparam("of_subject"),
)
_FIND = select(_turns.c.ready_at).where(*_OWN)
_MOVE = (
    update(_turns)
    .where(*_OWN, _turns.c.ready_at == bindparam("seen", type_=_turns.c.ready_at.type))
    .values(ready_at=bindparam("next_at", type_=_turns.c.ready_at.type))
)
_BEGIN = {
    "postgresql": postgresql.insert(_turns).on_conflict_do_nothing(),
    "sqlite": sqlite.insert(_turns).on_conflict_do_nothing(),
}


def take(
    store: Store, wallet: str, subject: str, pace: float, now: datetime, *, urgent: bool
) -> float:
    """0: a request may go now, and is counted. Else: seconds to wait before asking again.

    ``pace`` in requests a second. Who is not urgent goes when nothing was borrowed, and is told to
    wait a little longer now and then, so that threads that wait do not march in step. A power cut
    may make it forget the last second.
    """
    key = {"of_wallet": wallet, "of_subject": subject}
    while True:
        with store.look_all() as connection:
            ready_at = connection.execute(_FIND, key).scalar()
        if ready_at is None:
            with store.note_all() as connection:
                _begin(connection, wallet, subject, now)
            continue
        wait = wait_for(ready_at, pace, now, urgent=urgent)
        if wait > 0:
            return wait if urgent else wait + random.uniform(0, 0.5 / pace)  # noqa: S311 - no secret
        moved = {**key, "seen": ready_at, "next_at": after(ready_at, pace, now)}
        with store.note_all() as connection:
            # Not changed: another took this turn meanwhile. So somebody always gets on.
            if rows_changed(connection.execute(_MOVE, moved)):
                return 0.0


def wait_for(ready_at: datetime, pace: float, now: datetime, *, urgent: bool) -> float:
    """Seconds until the next turn; 0: it is now."""
    may_go_at = ready_at - _AHEAD * _interval(pace) if urgent else ready_at
    return max(0.0, (may_go_at - now).total_seconds())


def after(ready_at: datetime, pace: float, now: datetime) -> datetime:
    """The next ``ready_at``, when a turn is taken ``now``."""
    interval = _interval(pace)
    return max(ready_at, now - _LATE * interval) + interval


def _begin(connection: Connection, wallet: str, subject: str, now: datetime) -> None:
    row = {"wallet": wallet, "subject": subject, "ready_at": now}
    connection.execute(_BEGIN[connection.dialect.name], row)


def _interval(pace: float) -> timedelta:
    """Rounded up to what both databases keep, so that it never gets faster than the pace."""
    return timedelta(microseconds=math.ceil(1_000_000 / pace))
