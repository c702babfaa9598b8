"""The rules of each kind of card, as far as a merchant decides them (D.4)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, field_validator, model_validator

from passes.card_templates.earning import Life, UnitLife
from passes.card_templates.kinds import Kind
from passes.card_templates.parts import (
    Count,
    Days,
    Key,
    Money,
    Name,
    Part,
    Percent,
    Prose,
    Sentence,
    ShortName,
)
from passes.i18n import text


class StampRules(Part):
    """D.4.1. ``thresholds`` such as 3, 6, 9: a reward at each, a new round after the last."""

    required: Annotated[int, Field(strict=True, ge=1, le=30)] = 10
    thresholds: list[Annotated[int, Field(strict=True, ge=1, le=30)]] = []
    mechanic: Literal["spend", "visit", "stamps"] = "stamps"
    stamps_per_visit: Annotated[int, Field(strict=True, ge=1, le=100)] = 1
    amount_per_stamp: Money | None = None
    auto_redeem: bool = False
    carry_over: bool = True
    save_remainder: bool = False
    life: Life = Life()
    purchase_amount_required: bool = False

    @field_validator("thresholds")
    @classmethod
    def _rise(cls, thresholds: list[int]) -> list[int]:
        if sorted(set(thresholds)) != thresholds:
            raise ValueError("must rise, such as [3, 6, 9]")
        return thresholds

    @model_validator(mode="after")
    def _spend_has_an_amount(self) -> Self:
        if self.mechanic == "spend" and self.amount_per_stamp is None:
            raise ValueError("amount_per_stamp is needed when stamps are given by amount")
        if self.amount_per_stamp is not None and Decimal(self.amount_per_stamp) == 0:
            raise ValueError("amount_per_stamp must be more than nothing")
        return self

    @property
    def steps(self) -> tuple[int, ...]:
        """The stamp counts that give a reward; the last one ends the round."""
        return tuple(self.thresholds) or (self.required,)


class Package(Part):
    """Visits that are sold together; ``valid_days``: and that end together."""

    visits: Annotated[int, Field(strict=True, ge=1, le=1_000)]
    price: Money
    valid_days: Days | None = None


class MultipassRules(Part):
    """D.4.2; ``multipass_subtract_rule`` is AMB-06."""

    multipass_subtract_rule: Literal["source", "correction"] = "source"
    points_per_visit: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] = 0
    packages: Annotated[list[Package], Field(max_length=20)] = []
    bonus_life: UnitLife = Life()
    purchase_amount_required: bool = False


class SpendLevel(Part):
    """A percentage from an amount spent. With a ``name`` the pass says which level it has."""

    from_amount: Money
    percent: Percent
    name: ShortName | None = None


def _levels_rise(levels: list[SpendLevel]) -> list[SpendLevel]:
    amounts = [Decimal(level.from_amount) for level in levels]
    if not levels or amounts[0] != 0 or sorted(set(amounts)) != amounts:
        raise ValueError("must begin at 0 and rise")
    return levels


Levels = Annotated[list[SpendLevel], Field(max_length=20), AfterValidator(_levels_rise)]


class CashbackRules(Part):
    """D.4.3."""

    levels: Levels = [SpendLevel(from_amount="0", percent="1")]
    points_per_currency: Annotated[int, Field(strict=True, ge=1, le=1_000)] = 1
    double_entry: bool = False
    earn_on_paid_with_points: bool = False
    life: UnitLife = Life()
    purchase_amount_required: bool = False


class GiftRules(Part):
    """D.4.4."""

    use: Literal["single_use", "multi_use"] = "multi_use"
    life: UnitLife = Life(kind="end_of_year", plus_months=36)


class CouponRules(Part):
    """D.4.5. ``max_redemptions``: over all cards of the template. Dates are the merchant's days.

    ``convert_to``: the template of the card that the coupon turns into; ``convert_bonus``: how
    many units that card is given for it.
    """

    offer: Sentence = Field(default_factory=lambda: dict(text("A treat on the house")))
    valid_from: date | None = None
    valid_until: date | None = None
    max_redemptions: Count | None = None
    convert_to: UUID | None = None
    convert_bonus: Annotated[int, Field(strict=True, ge=0, le=1_000)] = 0

    @model_validator(mode="after")
    def _says_what_can_be(self) -> Self:
        if self.valid_from and self.valid_until and self.valid_from > self.valid_until:
            raise ValueError("valid_until must not come before valid_from")
        if self.convert_bonus and self.convert_to is None:
            raise ValueError("convert_bonus belongs to convert_to")
        return self


class DiscountRules(Part):
    """D.4.6."""

    levels: Levels = [SpendLevel(from_amount="0", percent="5")]
    purchase_amount_required: bool = False


class Plan(Part):
    """D.4.7. ``months`` is for custom periods only; without ``visits_per_period`` any number."""

    key: Key
    name: Name
    price: Money = "0.00"
    period: Literal[
        "day", "week", "month", "quarter", "half_year", "year", "custom", "lifetime"
    ] = "month"
    months: Annotated[int, Field(strict=True, ge=1, le=120)] | None = None
    trial_days: Annotated[int, Field(strict=True, ge=0, le=30)] = 0
    visits_per_period: Count | None = None
    grace_days: Annotated[int, Field(strict=True, ge=0, le=90)] = 0

    @model_validator(mode="after")
    def _custom_has_months(self) -> Self:
        if (self.period == "custom") != (self.months is not None):
            raise ValueError("months belongs to the period custom, and to no other")
        return self

    @property
    def is_free(self) -> bool:
        return Decimal(self.price) == 0


class MembershipRules(Part):
    """D.4.7. New cards begin with the first plan: its trial, or itself if it is free."""

    plans: Annotated[list[Plan], Field(min_length=1, max_length=20)] = [
        Plan(key="monthly", name=dict(text("Monthly")))
    ]

    @field_validator("plans")
    @classmethod
    def _have_keys_of_their_own(cls, plans: list[Plan]) -> list[Plan]:
        if len({plan.key for plan in plans}) != len(plans):
            raise ValueError("each plan needs a key of its own")
        return plans


class Activity(Part):
    """Something that earns points without a sale (S5.15, S5.18-S5.20; proofs: AMB-32).

    The limits are per person. ``days_between`` 7: at most one in any 7 days of the calendar.
    """

    key: Key
    name: Name
    points: Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
    proof: Literal["staff", "share_link", "honour"] = "staff"
    text: Prose | None = None
    max_per_day: Count | None = None
    max_per_week: Count | None = None
    max_total: Count | None = None
    days_between: Days | None = None


class PointsRules(Part):
    """D.4.8. ``spend``: ``points_per_currency`` for each whole ``currency_step`` spent."""

    mechanic: Literal["spend", "visit", "points"] = "points"
    points_per_visit: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 1
    points_per_currency: Annotated[int, Field(strict=True, ge=1, le=1_000)] = 1
    currency_step: Money = "1"
    activities: Annotated[list[Activity], Field(max_length=50)] = []
    life: UnitLife = Life()
    purchase_amount_required: bool = False

    @field_validator("activities")
    @classmethod
    def _stand_once(cls, activities: list[Activity]) -> list[Activity]:
        if len({activity.key for activity in activities}) != len(activities):
            raise ValueError("each key may stand once")
        return activities

    @field_validator("currency_step")
    @classmethod
    def _step_is_something(cls, step: str) -> str:
        if Decimal(step) == 0:
            raise ValueError("must be more than nothing")
        return step


RULES: dict[Kind, type[Part]] = {
    Kind.STAMP: StampRules,
    Kind.MULTIPASS: MultipassRules,
    Kind.CASHBACK: CashbackRules,
    Kind.GIFT: GiftRules,
    Kind.COUPON: CouponRules,
    Kind.DISCOUNT: DiscountRules,
    Kind.MEMBERSHIP: MembershipRules,
    Kind.POINTS: PointsRules,
}
