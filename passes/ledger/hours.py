"""Windows of the week on the merchant's clock: happy hours, and the hours of a reward."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from passes.card_templates.earning import HappyHour, Hours

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def is_within(hours: Hours, at: datetime, time_zone: str) -> bool:
    """Whether the merchant's clock shows a time of this window at ``at``."""
    local = at.astimezone(ZoneInfo(time_zone))
    return _DAYS[local.weekday()] in hours.days and (
        hours.since <= f"{local:%H:%M}" < hours.until  # both are written with two digits
    )


def factor_at(happy_hours: Iterable[HappyHour], at: datetime, time_zone: str) -> int:
    """The factor on what is earned at ``at``, in hundredths (R-EARN-3).

    Where windows overlap the highest applies, not the product (R-EARN-4).
    """
    factors = [
        int(Decimal(hour.factor) * 100) for hour in happy_hours if is_within(hour, at, time_zone)
    ]
    return max(factors, default=100)
