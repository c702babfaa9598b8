"""The pictures in a pass: their sizes, their names in the package, and an icon where there is none.

Sizes: Apple, Human Interface Guidelines, Wallet (points; each at one, two and three pixels).
"""

from __future__ import annotations

from passes.wallet_port import Crop, Look, PassContent, PictureSize, Style
from wallet_apple.icon import draw_icon, initial


def _scales(role: str, width: int, height: int, crop: Crop) -> tuple[PictureSize, ...]:
    return tuple(
        PictureSize(f"apple-{role}@{scale}x", role, width * scale, height * scale, crop)
        for scale in (1, 2, 3)
    )


_ICONS = _scales("icon", 38, 38, Crop.CONTAIN)
_LOGOS = _scales("logo", 160, 50, Crop.SHRINK)
_STRIPS = _scales("strip", 375, 144, Crop.COVER)
SIZES = _ICONS + _LOGOS + _STRIPS

_NAMES = tuple(size.name for size in SIZES)
_ICON_NAMES = tuple(size.name for size in _ICONS)
_LOGO_NAMES = tuple(size.name for size in _LOGOS)
_NAMES_OF_STYLE = {
    Style.BALANCE: _NAMES,
    Style.COUPON: _NAMES,
    Style.GIFT: _NAMES,
    Style.MEMBERSHIP: _ICON_NAMES + _LOGO_NAMES,  # a generic pass has no strip
}


def has_logo(look: Look) -> bool:
    """Whether the pass shows a logo picture."""
    return any(name in look.pictures for name in _LOGO_NAMES)


def picture_files(content: PassContent) -> dict[str, bytes]:
    """The pictures of the pass as ``icon@2x.png`` -> PNG; the icon is always among them."""
    look = content.look
    chosen = {
        _file_name(name): look.pictures[name].png
        for name in _NAMES_OF_STYLE[content.style]
        if name in look.pictures
    }
    if not all(name in look.pictures for name in _ICON_NAMES):
        letter = initial(content.merchant)
        for size in _ICONS:
            chosen[_file_name(size.name)] = draw_icon(
                letter, look.background, look.foreground, size.width
            )
    return chosen


def _file_name(name: str) -> str:
    return name.removeprefix("apple-").replace("@1x", "") + ".png"
