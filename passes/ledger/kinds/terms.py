"""What a membership is agreed to, and what state that is in at a moment (D.4.7).

It stands on the card and in the entry that changed it, so that a later edit of a plan changes
nothing for those who paid, and an undo finds the terms of before.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from passes.cards.expiry import has_passed


@dataclass(frozen=True, slots=True)
class Terms:
    """``ends_at`` None: for life. ``good_until`` is the end with the days of grace behind it.

    ``visits``: how many the period has; None: any number. ``anchor``: see ``periods.End``.
    Moments are last seconds, in RFC 3339 where they are stored.
    """

    plan: str
    trial: bool
    starts_at: datetime
    ends_at: datetime | None
    good_until: datetime | None
    visits: int | None
    anchor: int
    cancelled: bool = False

    @classmethod
    def of(cls, card: Any) -> Self | None:
        """Those of the card; None: its membership never began."""
        if not card.terms:
            return None
        moments = {
            name: datetime.fromisoformat(card.terms[name]) if card.terms[name] else None
            for name in ("starts_at", "ends_at", "good_until")
        }
        return cls(**{**card.terms, **moments})

    def document(self) -> dict[str, Any]:
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in asdict(self).items()
        }

    def state(self, now: datetime) -> str:
        """trial, active, past_due, cancelled (runs to its end) or lapsed (locked)."""
        if has_passed(self.good_until, now):
            return "lapsed"
        if self.cancelled:
            return "cancelled"
        if has_passed(self.ends_at, now):
            return "past_due"
        return "trial" if self.trial else "active"
