"""Until when a card is valid (D.8.1, R-EXP-1)."""

from __future__ import annotations

from datetime import datetime, timedelta

from passes import clock
from passes.card_templates.definition import Expiry

LAST_SECOND = timedelta(seconds=1)
"""What follows ``expires_at`` and still counts: a card ends with its last second, not before."""


def by_rule(
    rule: Expiry, *, issued_at: datetime, last_visit_at: datetime | None, time_zone: str
) -> datetime | None:
    """The last second of validity by the template's rule; None: unlimited."""
    if rule.kind == "fixed_date":
        assert rule.date is not None  # noqa: S101 - the rule is checked when it is made
        return clock.end_of_day(rule.date, time_zone)
    if rule.kind == "unlimited":
        return None
    assert rule.days is not None  # noqa: S101 - the rule is checked when it is made
    start = issued_at
    if rule.kind == "days_after_last_visit" and last_visit_at is not None:
        start = last_visit_at
    return clock.end_of_day(clock.day_of(start, time_zone) + timedelta(days=rule.days), time_zone)


def has_passed(expires_at: datetime | None, now: datetime) -> bool:
    """Whether the card is expired: valid through the very last second of the day."""
    return expires_at is not None and now >= expires_at + LAST_SECOND
