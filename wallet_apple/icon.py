"""Draws an icon for a merchant who uploaded none: Wallet refuses a pass without icon.png."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

_FINER = 4  # drawn larger and scaled down, so that edges come out smooth


def initial(merchant: str) -> str:
    """The letter for the icon, or nothing where the built-in font has no shape for it."""
    first = next((character for character in merchant if character.isalnum()), "").upper()
    # The font that comes with Pillow covers Western European letters.
    return first if len(first) == 1 and ord(first) < 0x180 else ""


@lru_cache(maxsize=64)
def draw_icon(letter: str, background: str, foreground: str, size: int) -> bytes:
    """A square PNG of ``size`` pixels: the letter, or a ring, in the card's colours (#rrggbb)."""
    side = size * _FINER
    image = Image.new("RGB", (side, side), background)
    pen = ImageDraw.Draw(image)
    middle = side / 2
    if letter:
        font = ImageFont.load_default(size=side * 0.62)
        pen.text((middle, middle), letter, fill=foreground, font=font, anchor="mm")
    else:
        pen.circle((middle, middle), side * 0.28, outline=foreground, width=round(side * 0.1))
    file = BytesIO()
    image.resize((size, size), Image.Resampling.LANCZOS).save(file, "PNG", optimize=True)
    return file.getvalue()
