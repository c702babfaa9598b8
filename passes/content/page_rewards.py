"""The rewards that a card's page shows: what waits, and what its holder is on the way to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from passes import clock, i18n
from passes.card_templates.kinds import Kind
from passes.content.reward_list import MOST_SHOWN
from passes.content.sheet import Sheet, every
from passes.i18n import text
from passes.merchants.merchants import Business
from passes.rewards import catalogue, claims, redeem
from passes.wallet_port import PageReward, Text

LONGEST_TITLE = 60

_N = {"count": "{count}"}
_STAMPS = (text("1 stamp"), text("{count} stamps", **_N))
_POINTS = (text("1 point"), text("{count} points", **_N))
_WAITING = (
    text("1 reward is waiting for you"),
    text("{count} rewards are waiting for you", **_N),
)
_EARNED = text("Earned already")
_FREE = text("Free")
_NEXT = text("Your next reward")
_AT = text("Reward at {count} stamps", **_N)
_SHOW_CODE = text("Show this code at the counter: {code}", code="{code}")
_SHOW_NUMBER = text("Show this number at the counter: {number}", number="{number}")


def rewards_of(
    session: Session, card: Any, sheet: Sheet, merchant: Business, now: datetime
) -> tuple[PageReward, ...]:
    """What waits first, then the rest, the cheapest first. Of kinds without rewards: none."""
    if sheet.kind is Kind.STAMP:
        return tuple(_of_stamps(card, sheet))
    if sheet.kind is Kind.POINTS:
        return (
            *_claims(session, card, sheet),
            *_of_catalogue(session, card, sheet, merchant, now),
        )
    return ()


def _of_stamps(card: Any, sheet: Sheet) -> Iterator[PageReward]:
    steps = sheet.definition.rules.steps  # type: ignore[attr-defined] # the rules of this kind
    if card.rewards:
        title = _counted(_WAITING, card.rewards)
        yield PageReward(title, _prize(sheet, steps), _EARNED, 0, None)
    for step in steps:
        if step > card.stamps:
            title = _NEXT if len(steps) == 1 else _counted((_AT, _AT), step)
            cost = _counted(_STAMPS, step)
            yield PageReward(title, _prize(sheet, steps), cost, step - card.stamps, None)


def _prize(sheet: Sheet, steps: tuple[int, ...]) -> Text | None:
    """What the reward is, where the merchant said so in a line and there is one reward alone."""
    said = sheet.definition.texts.rewards
    if not said or len(steps) > 1:
        return None
    words = every(said)
    is_line = all(len(line) <= LONGEST_TITLE and "\n" not in line for line in words.values())
    return words if is_line else None


def _claims(session: Session, card: Any, sheet: Sheet) -> Iterator[PageReward]:
    """What staff has not handed out yet; the points are gone already."""
    found = claims.waiting(session, card.id)
    names = catalogue.names_of(session, {claim.reward_id for claim in found})
    for claim in found:
        words, shown = (
            (_SHOW_CODE, {"code": claim.code})
            if claim.code
            else (_SHOW_NUMBER, {"number": claim.number})
        )
        say = {language: words[language].format(**shown) for language in i18n.LANGUAGES}
        yield PageReward(every(names[claim.reward_id]), say, _points(claim.cost, sheet), 0, None)


def _of_catalogue(
    session: Session, card: Any, sheet: Sheet, merchant: Business, now: datetime
) -> Iterator[PageReward]:
    for choice in redeem.choices(session, card, now)[:MOST_SHOWN]:
        offered = choice.reward.definition
        until = offered.valid_until
        yield PageReward(
            every(offered.name),
            every(offered.text) if offered.text else None,
            _points(offered.cost, sheet),
            choice.missing,
            clock.end_of_day(until, merchant.time_zone) if until else None,
        )


def _points(count: int, sheet: Sheet) -> Text:
    if not count:
        return _FREE
    unit = sheet.rewards.unit
    if unit is None:
        return _counted(_POINTS, count)
    own = every(unit)
    return {
        language: f"{i18n.show_number(count, language)} {own[language]}"
        for language in i18n.LANGUAGES
    }


def _counted(words: tuple[Text, Text], count: int) -> Text:
    one_or_many = words[0] if count == 1 else words[1]
    return {
        language: one_or_many[language].format(count=i18n.show_number(count, language))
        for language in i18n.LANGUAGES
    }
