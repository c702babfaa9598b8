"""The colours and pictures of Café Kranz's cards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from passes.card_templates import pictures
from passes.demo import pictures as drawn
from passes.wallet_port import PictureSize


def looks_of(
    session: Session, sizes: Sequence[PictureSize], now: datetime
) -> dict[str, dict[str, str]]:
    """By name. Icon, logo and menu are the café's, so they are drawn once for all cards.

    The bike corner serves no coffee: its cards have no photo.
    """
    icon = pictures.upload(session, "icon", drawn.wreath_icon(drawn.GREEN, drawn.CREAM), sizes, now)
    logo = pictures.upload(session, "logo", drawn.logo("#ffffff"), sizes, now)
    menu = pictures.upload(session, "photo", drawn.menu_board(drawn.CREAM), sizes, now)
    looks = {}
    for name, background, light, label, motif in (
        ("coffee", drawn.GREEN, "#1a8f7d", drawn.SAGE, "cups"),
        ("cake", drawn.RUST, "#b4566c", "#f0c9c9", "cups"),
        ("beans", "#46301f", "#9b6f43", "#ecd9bf", "cups"),
        ("bikes", "#1f3a5f", "#3d7ea6", "#c3d9ee", "wheels"),
    ):
        band = drawn.strip(background, light, drawn.CREAM, motif)
        looks[name] = {
            "background": background,
            "foreground": "#ffffff",
            "label": label,
            "icon": str(icon),
            "logo": str(logo),
            "strip": str(pictures.upload(session, "strip", band, sizes, now)),
            **({"photo": str(menu)} if motif == "cups" else {}),
        }
    return looks
