"""Sorts what a card shows into the places of its page, and draws its code."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

import segno

from passes.wallet_port import Field, PassContent, Picture, Place

MOST_STAMPS = 30
LONGEST_FACT = 60


@dataclass(frozen=True, slots=True)
class Stamps:
    """A row of stamps: how many are there, and how many make the next reward."""

    earned: int
    needed: int


@dataclass(frozen=True, slots=True)
class Face:
    """The fields by the places that the page has for them.

    ``stamps`` are drawn instead of the figure. Of the back, ``prose`` unfolds under its label and
    ``facts`` stand in one list.
    """

    header: tuple[Field, ...]
    primary: tuple[Field, ...]
    stamps: Stamps | None
    rows: tuple[Field, ...]
    prose: tuple[Field, ...]
    facts: tuple[Field, ...]


def face(content: PassContent) -> Face:
    def at(*places: Place) -> tuple[Field, ...]:
        return tuple(field for field in content.fields if field.place in places)

    back = at(Place.BACK)
    return Face(
        header=at(Place.HEADER),
        primary=at(Place.PRIMARY),
        stamps=_stamps(content),
        rows=at(Place.SECONDARY, Place.AUXILIARY),
        prose=tuple(field for field in back if _is_prose(field)),
        facts=tuple(field for field in back if not _is_prose(field)),
    )


def code_groups(code: str) -> str:
    """The till code as people read it out: groups of four."""
    return " ".join(code[start : start + 4] for start in range(0, len(code), 4))


def code_svg(code: str) -> str:
    """The QR code as SVG: black on white in any colour scheme, quiet zone of four modules.

    A page shows QR whatever format the template asks for: a phone's screen is read by cameras.
    16 letters of Crockford's base32 fit version 1, the coarsest there is, in the alphanumeric mode.
    """
    qr = segno.make(code, error="m", micro=False)
    return qr.svg_inline(
        border=4, omitsize=True, dark="#000", light="#fff", svgclass="qr", lineclass=None
    )


def size_of(picture: Picture) -> tuple[int, int]:
    """Width and height in pixels, as the PNG's header has them (PNG, 11.2.1)."""
    width, height = struct.unpack(">II", picture.png[16:24])
    return width, height


def _is_prose(field: Field) -> bool:
    if field.link is not None or not isinstance(field.value, Mapping):
        return False
    return any(len(words) > LONGEST_FACT or "\n" in words for words in field.value.values())


def _stamps(content: PassContent) -> Stamps | None:
    """The stamps of a card that shows both how many there are and how many are missing.

    The port knows figures only; these two keys are what makes a stamp card of them.
    """
    figures = {field.key: field.value for field in content.fields}
    earned, missing = figures.get("stamps"), figures.get("stamps_missing")
    if not isinstance(earned, int) or not isinstance(missing, int):
        return None
    needed = earned + missing
    return Stamps(earned, needed) if 0 < needed <= MOST_STAMPS else None
