"""Draws the pictures of the demo merchant, so that none need be kept."""

from __future__ import annotations

import io
import math

from PIL import Image, ImageDraw, ImageFont

GREEN = "#0f3d3e"
CREAM = "#f6ead7"
SAGE = "#a9d6d2"
RUST = "#5b2333"
WOOD = "#8a5a34"
SLATE = "#22302f"

_MENU = (
    ("Espresso", "2.20"),
    ("Cappuccino", "3.20"),
    ("Flat White", "3.60"),
    ("Chai Latte", "3.90"),
    ("Croissant", "2.40"),
    ("Brownie", "3.40"),
    ("Cheesecake", "4.20"),
)


def wreath_icon(background: str, colour: str) -> bytes:
    """A square with a wreath of leaves."""
    picture = Image.new("RGB", (1_024, 1_024), background)
    _wreath(ImageDraw.Draw(picture), 512, 512, 300, colour)
    return _png(picture)


def logo(colour: str) -> bytes:
    """The café's name beside its wreath, on nothing."""
    picture = Image.new("RGBA", (890, 300), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    _wreath(draw, 150, 150, 92, colour)
    font = ImageFont.load_default(size=118)
    draw.text((300, 150), "Cafe Kranz", fill=colour, font=font, anchor="lm")
    # The built-in font has no é: its accent is a stroke.
    middle = 300 + font.getlength("Caf") + font.getlength("e") / 2
    draw.line([(middle - 3, 115), (middle + 15, 93)], fill=colour, width=11)
    return _png(picture)


def strip(left: str, right: str, colour: str, motif: str = "cups") -> bytes:
    """A wide band: one colour runs into the other, with ``cups`` or ``wheels`` along it."""
    width, height = 1_500, 576
    picture = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(picture)
    start, end = _rgb(left), _rgb(right)
    for x in range(width):
        part = x / (width - 1)
        shade = tuple(round(a + (b - a) * part) for a, b in zip(start, end, strict=True))
        draw.line([(x, 0), (x, height)], fill=shade)
    one = {"cups": _cup, "wheels": _wheel}[motif]
    for number in range(4):
        one(draw, 900 + number * 180, 300 + (number % 2) * 70, 58 + number * 12, colour)
    return _png(picture)


def menu_board(chalk: str) -> bytes:
    """What there is to drink and eat, in chalk on a board with a wooden frame.

    In words that read the same in all our languages.
    """
    width, height = 832, 1_040
    picture = Image.new("RGB", (width, height), WOOD)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((28, 28, width - 29, height - 29), fill=SLATE)
    _wreath(draw, width / 2, 160, 78, SAGE)
    draw.text((width / 2, 308), "MENU", fill=chalk, font=ImageFont.load_default(76), anchor="mm")
    font = ImageFont.load_default(44)
    for number, (name, price) in enumerate(_MENU):
        y = 420 + number * 84
        draw.text((104, y), name, fill=chalk, font=font, anchor="ls")
        draw.text((width - 104, y), price, fill=chalk, font=font, anchor="rs")
        first = round(104 + font.getlength(name)) + 20
        last = round(width - 104 - font.getlength(price)) - 20
        for x in range(first, last, 16):
            draw.ellipse((x, y - 5, x + 4, y - 1), fill=SAGE)
    return _png(picture)


def _wreath(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, colour: str) -> None:
    leaf = radius * 0.34
    for number in range(14):
        angle = math.tau * number / 14
        at_x, at_y = x + math.cos(angle) * radius, y + math.sin(angle) * radius
        points = []
        for step in range(24):
            turn = math.tau * step / 24
            along, across = math.cos(turn) * leaf, math.sin(turn) * leaf * 0.42
            tilt = angle + math.pi / 2 + 0.5
            points.append(
                (
                    at_x + along * math.cos(tilt) - across * math.sin(tilt),
                    at_y + along * math.sin(tilt) + across * math.cos(tilt),
                )
            )
        draw.polygon(points, fill=colour)


def _cup(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, colour: str) -> None:
    thick = max(3, round(size / 9))
    draw.arc((x - size, y - size, x + size, y + size), 0, 180, fill=colour, width=thick)
    draw.line([(x - size, y), (x + size, y)], fill=colour, width=thick)
    draw.arc(
        (x + size * 0.75, y, x + size * 1.45, y + size * 0.6), 270, 110, fill=colour, width=thick
    )
    for shift in (-0.35, 0.15):
        draw.arc(
            (x + size * (shift - 0.2), y - size, x + size * (shift + 0.2), y - size * 0.45),
            90,
            270,
            fill=colour,
            width=thick,
        )
        draw.arc(
            (x + size * (shift - 0.2), y - size * 0.6, x + size * (shift + 0.2), y - size * 0.1),
            270,
            90,
            fill=colour,
            width=thick,
        )


def _wheel(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, colour: str) -> None:
    thick = max(3, round(size / 9))
    draw.ellipse((x - size, y - size, x + size, y + size), outline=colour, width=thick)
    for number in range(8):
        angle = math.tau * number / 8
        reach = size - thick
        end = (x + math.cos(angle) * reach, y + math.sin(angle) * reach)
        draw.line([(x, y), end], fill=colour, width=max(2, thick // 3))
    draw.ellipse((x - thick, y - thick, x + thick, y + thick), fill=colour)


def _rgb(colour: str) -> tuple[int, int, int]:
    return (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16))


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()
