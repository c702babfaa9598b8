"""Sorts what a card shows into the places of its page, and says how its figure is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from passes.wallet_port import Amount, Field, PageReward, PassContent, Place, State, Style

MOST_STAMPS = 30
MOST_HOLES = 20
LONGEST_FACT = 60

_SAID_ELSEWHERE = {"sharing": {"referral"}, "rewards": {"reward_list"}}
"""Of the back, what a section of the page says better."""


@dataclass(frozen=True, slots=True)
class Stamps:
    """A row of stamps: how many are there, how many the row has, and the places of its rewards."""

    earned: int
    needed: int
    rewards: frozenset[int]


@dataclass(frozen=True, slots=True)
class Holes:
    """The visits of a pass that is punched: ``left`` whole ones, ``used`` holes before them."""

    left: int
    used: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The way to the next reward: so many units of so many."""

    have: int
    needed: int
    reward: PageReward


@dataclass(frozen=True, slots=True)
class Face:
    """The fields by the places that the page has for them.

    ``shape`` is "card", "ticket" (a coupon) or "badge" (a membership). At most one of ``stamps``
    and ``holes`` is drawn; stamps stand in place of the figure. ``units``: the points or stamps
    that rewards cost, None where the card has none. ``is_used_up``: a coupon that was redeemed, a
    gift card without money, a membership that has ended. Of the back, ``prose`` unfolds under its
    label and ``facts`` stand in one list.
    """

    shape: str
    header: tuple[Field, ...]
    primary: tuple[Field, ...]
    rows: tuple[Field, ...]
    prose: tuple[Field, ...]
    facts: tuple[Field, ...]
    stamps: Stamps | None
    holes: Holes | None
    units: int | None
    progress: Progress | None
    is_used_up: bool


def face(
    content: PassContent, rewards: Sequence[PageReward] = (), *, has_sharing: bool = False
) -> Face:
    """``rewards`` and ``has_sharing``: what the page shows beside the pass."""

    def at(*places: Place) -> tuple[Field, ...]:
        return tuple(field for field in content.fields if field.place in places)

    said = _SAID_ELSEWHERE["sharing"] if has_sharing else set()
    said = said | (_SAID_ELSEWHERE["rewards"] if rewards else set())
    back = tuple(field for field in at(Place.BACK) if field.key not in said)
    figures = {field.key: field for field in content.fields if field.place is not Place.BACK}
    stamps = _stamps(figures, rewards)
    units = _count(figures, "stamps")
    if units is None:
        units = _count(figures, "points")
    return Face(
        shape={Style.COUPON: "ticket", Style.MEMBERSHIP: "badge"}.get(content.style, "card"),
        header=at(Place.HEADER),
        primary=at(Place.PRIMARY),
        rows=at(Place.SECONDARY, Place.AUXILIARY),
        prose=tuple(field for field in back if _is_prose(field)),
        facts=tuple(field for field in back if not _is_prose(field)),
        stamps=stamps,
        holes=_holes(figures),
        units=units,
        progress=None if stamps else _progress(units, rewards),
        is_used_up=content.state is State.VALID and _is_used_up(content, figures),
    )


def initials(name: str) -> str:
    """ "Ben Jansen" -> "BJ"; "" of a name without letters."""
    letters = [word[0] for word in name.split() if word[0].isalpha()]
    return "".join(letters[:1] + letters[1:][-1:]).upper()


def _is_prose(field: Field) -> bool:
    if field.link is not None or not isinstance(field.value, Mapping):
        return False
    return any(len(words) > LONGEST_FACT or "\n" in words for words in field.value.values())


def _count(figures: Mapping[str, Field], key: str) -> int | None:
    value = figures[key].value if key in figures else None
    return value if isinstance(value, int) else None


def _stamps(figures: Mapping[str, Field], rewards: Sequence[PageReward]) -> Stamps | None:
    """The stamps of a card that shows both how many there are and how many are missing.

    The port knows figures only; these two keys are what makes a stamp card of them. A round with
    several rewards goes on behind the next one, which only the rewards tell.
    """
    earned, missing = _count(figures, "stamps"), _count(figures, "stamps_missing")
    if earned is None or missing is None or earned + missing <= 0:
        return None
    places = {earned + missing} | {
        earned + reward.missing for reward in rewards if reward.missing > 0
    }
    needed = max(places)
    return Stamps(earned, needed, frozenset(places)) if needed <= MOST_STAMPS else None


def _holes(figures: Mapping[str, Field]) -> Holes | None:
    """The visits that are left, behind those that were used while both fit on one pass.

    Who has used more has had several passes, and nobody can say any more which hole was whose.
    """
    field = figures.get("available_visits")
    left, used = _count(figures, "available_visits"), _count(figures, "redeemed_visits") or 0
    if field is None or field.place is not Place.PRIMARY or left is None:
        return None
    if not 0 < left + used <= MOST_HOLES:
        used = 0
    return Holes(left, used) if 0 < left + used <= MOST_HOLES else None


def _progress(units: int | None, rewards: Sequence[PageReward]) -> Progress | None:
    ahead = [reward for reward in rewards if reward.missing > 0]
    if units is None or not ahead:
        return None
    nearest = min(ahead, key=lambda reward: reward.missing)
    return Progress(units, units + nearest.missing, nearest)


def _is_used_up(content: PassContent, figures: Mapping[str, Field]) -> bool:
    if content.style is Style.COUPON:
        return "coupon_state" in figures and figures["coupon_state"].mark == "redeemed"
    if content.style is Style.MEMBERSHIP:
        return "membership_state" in figures and figures["membership_state"].mark == "lapsed"
    balance = figures["balance"].value if "balance" in figures else None
    return content.style is Style.GIFT and isinstance(balance, Amount) and balance.minor == 0
