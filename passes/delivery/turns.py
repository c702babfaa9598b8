"""Turns at a vendor's quota: all processes together keep one account's pace, tills go first."""

from __future__ import annotations

from datetime import datetime

from passes.store import Store


def take(
    store: Store, wallet: str, subject: str, pace: float, now: datetime, *, urgent: bool
) -> float:
    """0: a request may go now, and is counted. Else: seconds to wait before asking again.

    ``pace`` in requests a second.
    """
    return 0.0
