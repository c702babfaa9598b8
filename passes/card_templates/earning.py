"""Limits of earning, happy hours, the life of what was earned, and the referral programme."""

from __future__ import annotations

from datetime import date as Day
from datetime import time
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from passes.card_templates.parts import Count, Days, Money, Part

Units = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Factor = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]?(\.[0-9]{1,2})?$")]


class Hours(Part):
    """A window of the week, in the merchant's time: ``since`` up to, not including, ``until``."""

    days: Annotated[list[Weekday], Field(min_length=1, max_length=7)]
    since: Clock
    until: Clock

    @model_validator(mode="after")
    def _until_follows_since(self) -> Self:
        if time.fromisoformat(self.since) >= time.fromisoformat(self.until):
            raise ValueError("until must come after since, on the same day")
        return self


class HappyHour(Hours):
    """What visits and purchases earn in these hours is multiplied (R-EARN-3)."""

    factor: Factor


class Earning(Part):
    """R-EARN-2, R-EARN-3. ``max_per_scan`` and ``max_per_day`` count units given to one card.

    ``work_when_removed``: earning goes on when the customer took the card off the phone
    (R-INST-6). ``staff_may_subtract``: not only managers may (D.22).
    """

    max_per_scan: Count | None = None
    max_per_day: Count | None = None
    min_minutes_between: Annotated[int, Field(strict=True, ge=1, le=10_080)] | None = None
    min_purchase_amount: Money | None = None
    happy_hours: Annotated[list[HappyHour], Field(max_length=20)] = []
    work_when_removed: bool = True
    staff_may_subtract: bool = False


class Life(Part):
    """How long what was earned is good (D.8.3).

    ``end_of_…``: of the month, quarter or year of earning, ``plus_months`` later.
    ``days_after_last_stamp``: every new stamp renews all of them.
    """

    kind: Literal[
        "unlimited",
        "days_after_earned",
        "fixed_date",
        "end_of_month",
        "end_of_quarter",
        "end_of_year",
        "days_after_last_stamp",
    ] = "unlimited"
    days: Days | None = None
    date: Day | None = None
    plus_months: Annotated[int, Field(strict=True, ge=0, le=120)] = 0

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if (self.kind == "fixed_date") != (self.date is not None):
            raise ValueError("date belongs to the kind fixed_date, and to no other")
        if self.kind.startswith("days_after") != (self.days is not None):
            raise ValueError("days belongs to the kinds that count days, and to no other")
        if self.plus_months and not self.kind.startswith("end_of"):
            raise ValueError("plus_months belongs to the kinds that end with a period")
        return self


def _renewed_by_nothing(life: Life) -> Life:
    if life.kind == "days_after_last_stamp":
        raise ValueError("days_after_last_stamp is for stamps alone")
    return life


UnitLife = Annotated[Life, AfterValidator(_renewed_by_nothing)]
"""The life of anything but stamps."""


class ReferralRules(Part):
    """D.9.1. Units are the card's own; 0 for one side pays the other alone."""

    enabled: bool = False
    trigger: Literal["on_install", "on_first_visit", "on_first_purchase"] = "on_first_visit"
    min_amount: Money | None = None
    referrer_units: Units = 1
    referee_units: Units = 1
    window_days: Days = 30
    pending_days: Days = 180
    hold_hours: Annotated[int, Field(strict=True, ge=0, le=720)] = 0
    max_rewarded_per_month: Count | None = 10
    max_rewarded_total: Count | None = None

    @model_validator(mode="after")
    def _amount_belongs_to_purchases(self) -> Self:
        if self.min_amount is not None and self.trigger != "on_first_purchase":
            raise ValueError("min_amount belongs to the trigger on_first_purchase")
        return self
