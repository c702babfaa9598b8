"""What a card's own page shows beside the pass, and what happens on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from passes.wallet_port.content import FieldValue, PassContent, Text


@dataclass(frozen=True, slots=True)
class Movement:
    """A line of the card's history: what was done, and by how much a balance changed.

    ``change`` None: nothing that is counted in numbers. ``after``: the balance then.
    """

    at: datetime
    what: Text
    change: FieldValue | None
    after: FieldValue | None


@dataclass(frozen=True, slots=True)
class PageReward:
    """A reward that the card can bring. ``missing``: how many units more it takes; 0: it waits.

    ``until``: its last moment, where it has one.
    """

    title: Text
    text: Text | None
    cost: Text
    missing: int
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Sharing:
    """The holder's own referral link: as good as their name. ``text`` is the merchant's.

    ``friends`` came by it, ``rewarded`` of them brought the holder a reward.
    """

    url: str = field(repr=False)
    text: Text
    friends: int
    rewarded: int


@dataclass(frozen=True, slots=True)
class Rating:
    """What a customer said of a visit: 1 to 5, and words or "" (D.16)."""

    stars: int
    comment: str = field(repr=False)
    given_at: datetime
    is_editable: bool


@dataclass(frozen=True, slots=True)
class CardPage:
    """The pass and all that stands around it. ``sharing`` None: there is no referral programme for
    this card, or it cannot be used now. ``rating``: the newest one."""

    content: PassContent
    history: tuple[Movement, ...] = field(repr=False)
    rewards: tuple[PageReward, ...]
    sharing: Sharing | None
    rating: Rating | None


class PageEvent(Enum):
    """What a script on a card's page may report; each counts once per card and day."""

    OPENED = "link_opened"
    """Somebody looks at the page in a browser: it is visible, and was touched or stayed so."""
    STARTED = "pwa_open"
    """It was started from the home screen."""
    INSTALLED = "pwa_installed"
    PROMPT_SHOWN = "pwa_prompt_shown"
    PROMPT_ACCEPTED = "pwa_prompt_accepted"
    PROMPT_DISMISSED = "pwa_prompt_dismissed"
    WALLETS_SHOWN = "wallet_choice_shown"
    APPLE_CLICKED = "apple_click"
    GOOGLE_CLICKED = "google_click"
    PUSH_GRANTED = "push_permission_granted"
    PUSH_DENIED = "push_permission_denied"
    PUSH_SUBSCRIBED = "push_subscribed"
    SHARED = "referral_shared"


class NotAllowed(ValueError):
    """What somebody sent from a page cannot be kept; ``field`` names the part that is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
