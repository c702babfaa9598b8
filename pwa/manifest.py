"""The web app manifest: what a phone needs to put one card on its home screen.

Source: W3C, Web Application Manifest. Each card is an app of its own: its token stands in the
path, so ``id``, ``start_url`` and ``scope`` tell it from every other card of the same address.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from passes.wallet_port import PassContent, Text
from pwa.wallet import ICON_SIDES, icon

LONGEST_SHORT_NAME = 12
SHOW_CODE: Text = {"de": "Code zeigen", "en": "Show code", "nl": "Code tonen"}
"""A long press on the icon offers this; short, because a launcher cuts it off."""


def manifest(content: PassContent) -> dict[str, object]:
    """The manifest in the card's language. Icons that were not uploaded are left out."""
    page = urlsplit(content.page_url).path
    language = content.language
    pictures = content.look.pictures
    return {
        "id": page,
        # Tells openings from the home screen from all others.
        "start_url": f"{page}?src=hs",
        "scope": page,
        "name": f"{content.title[language]} · {content.merchant}",
        "short_name": short_name(content.merchant),
        "description": content.description[language],
        "lang": language,
        "dir": "ltr",
        "display": "standalone",
        "display_override": ["standalone", "minimal-ui"],
        "orientation": "portrait",
        "theme_color": content.look.background,
        "background_color": content.look.background,
        "categories": ["shopping", "lifestyle"],
        "launch_handler": {"client_mode": "navigate-existing"},
        "icons": [
            {
                "src": pictures[name].url,
                "sizes": f"{side}x{side}",
                "type": "image/png",
                "purpose": purpose,
            }
            for purpose in ("any", "maskable")
            for side in ICON_SIDES
            if (name := icon(purpose, side)) in pictures
        ],
        "shortcuts": [
            {
                "name": SHOW_CODE.get(language, SHOW_CODE["en"]),
                "url": f"{page}?view=code",
                "icons": [
                    {"src": pictures[name].url, "sizes": f"{side}x{side}", "type": "image/png"}
                    for side in ICON_SIDES
                    if (name := icon("any", side)) in pictures
                ],
            }
        ],
    }


def short_name(name: str) -> str:
    """What fits under an icon: whole words as far as they go, else the beginning."""
    if len(name) <= LONGEST_SHORT_NAME:
        return name
    cut = name[: LONGEST_SHORT_NAME + 1].rpartition(" ")[0]
    return cut.rstrip(" -–·&,") or name[:LONGEST_SHORT_NAME]
