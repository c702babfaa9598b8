"""Keeps the pace that Google allows one service account, together with all other processes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from threading import Lock

from passes.wallet_port import NotYet, WalletMisconfigured

SETTING = "TREUEPASS_GOOGLE_PACE"
DEFAULT = 15.0
FASTEST = 20.0
"""Google: "Calls to the Google Wallet API are rate limited to 20 requests per second"."""

PATIENCE = 10.0
"""Seconds that a request waits for its turn: a visitor waits no longer, and a push of several
requests must be over before others may take the card for forgotten (its lease is a minute)."""
_LONGEST_NAP = 1.0  # seconds: a turn may come earlier than it was promised


def pace_in(environment: Mapping[str, str]) -> float:
    """Requests a second, 1 to 20. Raises WalletMisconfigured for anything else."""
    given = environment.get(SETTING, "").strip()
    if not given:
        return DEFAULT
    try:
        pace = float(given)
    except ValueError:
        pace = 0.0
    if not 1 <= pace <= FASTEST:
        raise WalletMisconfigured(
            f"{SETTING} must be a number from 1 to {FASTEST:g}: the requests a second that one"
            " service account makes of Google."
        )
    return pace


class Pacing:
    """Waits for turns; safe to use from several threads."""

    def __init__(
        self,
        turn: Callable[[str, float, bool], float],
        pace: Callable[[], float],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``turn(subject, pace, urgent)`` is the port's ``Issuer.turn``."""
        self._turn = turn
        self._pace = pace
        self._clock = clock
        self._sleep = sleep
        self._queues: defaultdict[tuple[str, bool], Lock] = defaultdict(Lock)

    def wait(self, subject: str, *, urgent: bool) -> None:
        """Returns when a request of ``subject`` may go. Raises NotYet after 10 s."""
        self._wait_until(self._clock() + PATIENCE, subject, urgent=urgent)

    def wait_for_many(self, subject: str, count: int, *, urgent: bool) -> int:
        """How many of ``count`` requests may go now, after at most 10 s. Raises NotYet for none."""
        ends_at = self._clock() + PATIENCE
        self._wait_until(ends_at, subject, urgent=urgent)
        for got in range(1, count):
            try:
                self._wait_until(ends_at, subject, urgent=urgent)
            except NotYet:
                return got
        return count

    def _wait_until(self, ends_at: float, subject: str, *, urgent: bool) -> None:
        # Only one thread of this process asks at a time: each question may cost a transaction.
        queue = self._queues[subject, urgent]
        if not queue.acquire(timeout=max(0.0, ends_at - self._clock())):
            raise _not_yet(None)
        try:
            while (wait := self._turn(subject, self._pace(), urgent)) > 0:
                left = ends_at - self._clock()
                if left <= 0:
                    raise _not_yet(wait)
                self._sleep(min(wait, left, _LONGEST_NAP))
        finally:
            queue.release()


def _not_yet(wait: float | None) -> NotYet:
    return NotYet("Google's pace: other requests of this account go first.", wait)
