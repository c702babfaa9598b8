"""The catalogue on the back of a pass: what points are worth, the same for all cards of a version.

A change of the catalogue makes a new version of the template, so it is read once per version; only
the days on which a reward begins and ends are looked at when a card is drawn (D.17).
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from passes import clock, i18n
from passes.card_templates.definition import Definition
from passes.card_templates.kinds import Kind
from passes.rewards import catalogue
from passes.rewards.catalogue import Offered
from passes.rewards.visibility import is_on
from passes.wallet_port import Field, Place, Text

MOST_SHOWN = 30
"""Who has more of them shows the cheapest."""


class RewardList:
    """The active rewards, and the fields that were made of them, by day where that matters.

    ``unit``: the merchant's own word for points.
    """

    def __init__(self, rewards: list[Offered], unit: Text | None) -> None:
        self._rewards = rewards
        self.unit = unit
        self._is_dated = any(
            reward.definition.valid_from or reward.definition.valid_until for reward in rewards
        )
        self._made: tuple[date | None, tuple[Field, ...]] | None = None

    def fields(self, now: datetime, time_zone: str) -> tuple[Field, ...]:
        """One field, or none without rewards; the same object for all cards of a day."""
        if not self._rewards:
            return ()
        day = clock.day_of(now, time_zone) if self._is_dated else None
        if self._made is None or self._made[0] != day:
            self._made = (day, self._fields(day))
        return self._made[1]

    def _fields(self, day: date | None) -> tuple[Field, ...]:
        shown = [reward for reward in self._rewards if day is None or is_on(reward, day)]
        if not shown:
            return ()
        lines = {
            language: "\n".join(self._line(reward, language) for reward in shown[:MOST_SHOWN])
            for language in i18n.LANGUAGES
        }
        return (Field("reward_list", i18n.text("What your points are worth"), lines, Place.BACK),)

    def _line(self, reward: Offered, language: str) -> str:
        said = reward.definition
        cost, name = i18n.show_number(said.cost, language), i18n.pick(said.name, language)
        if self.unit is not None:
            line = f"{cost} {i18n.pick(self.unit, language)}: {name}"
        elif said.cost == 1:
            line = i18n.translate(language, "1 point: {name}", name=name)
        else:
            line = i18n.translate(language, "{cost} points: {name}", cost=cost, name=name)
        if said.valid_until is None:
            return line
        until = i18n.show_date(said.valid_until, language)
        return i18n.translate(language, "{reward} (until {date})", reward=line, date=until)


def reward_list(
    session: Session, template_id: UUID, kind: Kind, definition: Definition
) -> RewardList:
    """What the cards of a template show of its catalogue; points have the merchant's own word."""
    if kind is not Kind.POINTS:
        return RewardList([], None)
    unit = next(
        (place.label for place in definition.fields or () if place.figure == "points"), None
    )
    return RewardList(catalogue.of_template(session, template_id, ("active",)), unit)
