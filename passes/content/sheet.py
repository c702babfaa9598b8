"""What all cards of one version of a template show alike on their passes, made once.

Cards share these very objects, so whoever draws many of them sees at once that nothing differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from passes import i18n
from passes.card_templates.definition import Definition
from passes.card_templates.kinds import FIGURES, KINDS, Kind, figure_of
from passes.card_templates.pictures import ROLES, pictures_of
from passes.card_templates.templates import definition_of
from passes.content.reward_list import RewardList, reward_list
from passes.ledger.kinds import KINDS as LEDGER_KINDS
from passes.ledger.kinds.base import Words
from passes.store import merchant_of
from passes.wallet_port import Field, Look, Personalisation, Place, Text

MOST_KEPT = 256


@dataclass(frozen=True, slots=True)
class Spot:
    """A figure's place on the pass."""

    figure: str
    label: Text
    place: Place
    change: Text | None


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """``face`` in its order; ``prose`` are the texts that open the back.

    ``words``: how figures say values that are words, by figure and value.
    """

    kind: Kind
    version: int
    definition: Definition
    title: Text
    description: Text
    look: Look
    face: tuple[Spot, ...]
    prose: tuple[Field, ...]
    rewards: RewardList
    referral: Text
    personalisation: Personalisation | None
    words: Words


_known: dict[tuple[UUID, UUID, int, str], Sheet] = {}
"""By merchant, template, version and base URL: a version never changes."""


def sheet_of(session: Session, template: Any, base_url: str) -> Sheet:
    """What the cards of ``template`` (its row: id, kind, version) share in its newest version."""
    key = (merchant_of(session), template.id, template.version, base_url)
    sheet = _known.get(key)
    if sheet is None:
        if len(_known) >= MOST_KEPT:
            _known.clear()
        sheet = _known[key] = _sheet(session, template, base_url)
    return sheet


def _sheet(session: Session, template: Any, base_url: str) -> Sheet:
    kind = Kind(template.kind)
    definition = definition_of(session, template.id, template.version, kind)
    texts = definition.texts
    return Sheet(
        kind=kind,
        version=template.version,
        definition=definition,
        title=every(definition.name),
        description=every(definition.description or definition.name),
        look=_look(session, definition, base_url),
        face=_face(definition, kind),
        prose=tuple(
            Field(key, label, every(words), Place.BACK)
            for key, label, words in (
                ("how_to_earn", i18n.text("How it works"), texts.how_to_earn),
                ("rewards", i18n.text("Rewards"), texts.rewards),
                ("terms", i18n.text("Terms"), texts.terms),
            )
            if words
        ),
        rewards=reward_list(session, template.id, kind, definition),
        referral=every(texts.referral) if texts.referral else i18n.text("Recommend us to a friend"),
        personalisation=_personalisation(definition),
        words=_words(definition, kind),
    )


def _words(definition: Definition, kind: Kind) -> Words:
    said = LEDGER_KINDS[kind].words(definition.rules)
    return {
        figure: {value: every(words) for value, words in by_value.items()}
        for figure, by_value in said.items()
    }


def _personalisation(definition: Definition) -> Personalisation | None:
    asked = definition.personalisation
    if asked is None:
        return None
    return Personalisation(
        tuple(asked.details), every(asked.description), every(asked.terms) if asked.terms else None
    )


def _face(definition: Definition, kind: Kind) -> tuple[Spot, ...]:
    """The figures where the merchant put them, or where they stand when nothing was said."""
    placed = definition.fields
    chosen = (
        [(figure, place, None) for figure, place in KINDS[kind].places]
        if placed is None
        else [(field.figure, Place(field.place), field.label) for field in placed]
    )
    face = [
        Spot(
            figure,
            every(label) if label else figure_of(kind, figure).label,
            place,
            figure_of(kind, figure).change,
        )
        for figure, place, label in chosen
    ]
    if not any(spot.figure == "expires_at" for spot in face):
        end = FIGURES["expires_at"]
        face.append(Spot("expires_at", end.label, Place.AUXILIARY, end.change))
    return tuple(face)


def _look(session: Session, definition: Definition, base_url: str) -> Look:
    look = definition.look
    return Look(
        background=look.background,
        foreground=look.foreground,
        label=look.label,
        pictures=pictures_of(session, base_url, [getattr(look, role) for role in ROLES]),
    )


def every(words: Text) -> Text:
    """Words in all languages; where the merchant wrote none, those of another language."""
    return {language: i18n.pick(words, language) for language in i18n.LANGUAGES}
