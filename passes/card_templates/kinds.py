"""The eight kinds of card as data: names, style, figures, and where these stand when not said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from passes.i18n import text
from passes.wallet_port import Place, Style, Text


class Kind(Enum):
    STAMP = "stamp"
    MULTIPASS = "multipass"
    CASHBACK = "cashback"
    GIFT = "gift"
    COUPON = "coupon"
    DISCOUNT = "discount"
    MEMBERSHIP = "membership"
    POINTS = "points"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that a pass can show: its name, label, and what is said when it changes."""

    label: Text
    change: Text | None = None


@dataclass(frozen=True, slots=True)
class KindFacts:
    """``places``: the figures on the face of a pass, in the order in which they stand.

    ``own``: the figures that this kind calls by a word of its own.
    """

    title: Text
    style: Style
    figures: tuple[str, ...]
    places: tuple[tuple[str, Place], ...]
    own: Mapping[str, Figure] = field(default_factory=dict)


FIGURES: Mapping[str, Figure] = {
    "available_visits": Figure(
        text("Available visits"), text("You now have {value} visits left", value="{value}")
    ),
    "redeemed_visits": Figure(
        text("Redeemed visits"), text("Visits redeemed so far: {value}", value="{value}")
    ),
    "sold_visits": Figure(text("Visits sold"), text("Visits sold: {value}", value="{value}")),
    "total_visits": Figure(text("Total visits"), text("Total visits: {value}", value="{value}")),
    "bonus_balance": Figure(
        text("Bonus balance"), text("Your bonus balance is now {value}", value="{value}")
    ),
    "stamps": Figure(text("Stamps"), text("You now have {value} stamps", value="{value}")),
    "stamps_missing": Figure(
        text("Stamps to the next reward"),
        text("Stamps to the next reward: {value}", value="{value}"),
    ),
    "rewards_unused": Figure(
        text("Rewards waiting"), text("Rewards waiting for you: {value}", value="{value}")
    ),
    "points": Figure(text("Points"), text("You now have {value} points", value="{value}")),
    "points_lifetime": Figure(
        text("Points collected in all"),
        text("Points collected in all: {value}", value="{value}"),
    ),
    "balance": Figure(text("Balance"), text("Your balance is now {value}", value="{value}")),
    "percent": Figure(text("Percent"), text("Your rate is now {value}", value="{value}")),
    "level": Figure(text("Level"), text("You are now at level {value}", value="{value}")),
    "offer": Figure(text("Offer"), text("Your offer: {value}", value="{value}")),
    "coupon_state": Figure(text("Coupon"), text("Your coupon: {value}", value="{value}")),
    "valid_from": Figure(
        text("Redeem from"), text("Your coupon is valid from {value}", value="{value}")
    ),
    "valid_until": Figure(
        text("Redeem by"), text("You can use your coupon until {value}", value="{value}")
    ),
    "membership_state": Figure(
        text("Membership"), text("Your membership: {value}", value="{value}")
    ),
    "period_ends_at": Figure(
        text("Member until"), text("Your membership now runs until {value}", value="{value}")
    ),
    "plan": Figure(text("Plan"), text("Your plan is now {value}", value="{value}")),
    "visits_left": Figure(
        text("Visits left"), text("You now have {value} visits left", value="{value}")
    ),
    "expires_at": Figure(text("Valid until"), text("Now valid until {value}", value="{value}")),
    "customer_name": Figure(text("Name")),
}
"""Everything that may stand on a pass. ``expires_at`` and ``customer_name`` go with every kind."""

KINDS: Mapping[Kind, KindFacts] = {
    Kind.STAMP: KindFacts(
        text("Stamp card"),
        Style.BALANCE,
        ("stamps", "stamps_missing", "rewards_unused", "total_visits"),
        (
            ("stamps", Place.PRIMARY),
            ("rewards_unused", Place.HEADER),
            ("stamps_missing", Place.SECONDARY),
            ("customer_name", Place.AUXILIARY),
        ),
    ),
    Kind.MULTIPASS: KindFacts(
        text("Multipass"),
        Style.BALANCE,
        ("available_visits", "redeemed_visits", "sold_visits", "total_visits", "bonus_balance"),
        (
            ("available_visits", Place.PRIMARY),
            ("bonus_balance", Place.HEADER),
            ("redeemed_visits", Place.SECONDARY),
            ("customer_name", Place.AUXILIARY),
        ),
    ),
    Kind.CASHBACK: KindFacts(
        text("Cashback card"),
        Style.BALANCE,
        ("points", "points_lifetime", "percent", "level", "total_visits"),
        (
            ("points", Place.PRIMARY),
            ("percent", Place.HEADER),
            ("level", Place.SECONDARY),
            ("customer_name", Place.SECONDARY),
        ),
        {
            "percent": Figure(
                text("Cashback"), text("You now get {value} back as points", value="{value}")
            )
        },
    ),
    Kind.GIFT: KindFacts(
        text("Gift card"),
        Style.GIFT,
        ("balance",),
        (("balance", Place.PRIMARY), ("customer_name", Place.SECONDARY)),
    ),
    Kind.COUPON: KindFacts(
        text("Coupon"),
        Style.COUPON,
        ("offer", "coupon_state", "valid_from", "valid_until"),
        (
            ("offer", Place.PRIMARY),
            ("coupon_state", Place.SECONDARY),
            ("valid_until", Place.SECONDARY),
            ("customer_name", Place.AUXILIARY),
        ),
    ),
    Kind.DISCOUNT: KindFacts(
        text("Discount card"),
        Style.BALANCE,
        ("percent", "level", "total_visits"),
        (
            ("percent", Place.PRIMARY),
            ("level", Place.SECONDARY),
            ("customer_name", Place.SECONDARY),
        ),
        {
            "percent": Figure(
                text("Your discount"), text("Your discount is now {value}", value="{value}")
            )
        },
    ),
    Kind.MEMBERSHIP: KindFacts(
        text("Membership card"),
        Style.MEMBERSHIP,
        (
            "membership_state",
            "plan",
            "period_ends_at",
            "visits_left",
            "redeemed_visits",
            "total_visits",
        ),
        (
            ("customer_name", Place.PRIMARY),
            ("membership_state", Place.HEADER),
            ("plan", Place.SECONDARY),
            ("period_ends_at", Place.SECONDARY),
            ("visits_left", Place.AUXILIARY),
        ),
    ),
    Kind.POINTS: KindFacts(
        text("Points card"),
        Style.BALANCE,
        ("points", "points_lifetime", "total_visits"),
        (("points", Place.PRIMARY), ("customer_name", Place.SECONDARY)),
    ),
}


def figure_of(kind: Kind, name: str) -> Figure:
    """How a kind calls a figure, and what is said when it changes."""
    return KINDS[kind].own.get(name) or FIGURES[name]
