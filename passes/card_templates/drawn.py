"""Draws the icon of a template whose merchant has uploaded none: a letter on the card's colour."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont

_SIDE = 660


def letter_icon(name: str, background: str, foreground: str) -> bytes:
    """A square PNG with the first letter of ``name``."""
    picture = Image.new("RGB", (_SIDE, _SIDE), background)
    letter = next((sign for sign in name if sign.isalnum()), "T").upper()
    draw = ImageDraw.Draw(picture)
    draw.text(
        (_SIDE / 2, _SIDE / 2),
        letter,
        fill=foreground,
        font=ImageFont.load_default(size=_SIDE * 0.62),
        anchor="mm",
    )
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()
