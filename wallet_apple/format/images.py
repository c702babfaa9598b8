"""The pictures of a pass: which there are, where they show, and how large they should be.

Sizes in points; @2x and @3x have two and three times as many pixels. Source: Apple, Pass Builder
(PassPackage) and Human Interface Guidelines, Wallet; the older sizes still work.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from struct import Struct

from wallet_apple.format import styles
from wallet_apple.format.remarks import ERROR, NOTE, WARNING, Remark

_NAME = re.compile(r"(?P<name>[A-Za-z]+)(?:@(?P<scale>[123])x)?\.(?P<ending>[A-Za-z]+)")
_PNG = b"\x89PNG\r\n\x1a\n"
_HEAD = Struct(">I4sII5sI")
_CHUNK = Struct(">I4s")


@dataclass(frozen=True, slots=True)
class Image:
    """A picture's place: ``sizes`` (width, height) that fit, or else what it must stay within.

    ``styles``: where it shows; none named: everywhere.
    """

    sizes: tuple[tuple[int, int], ...]
    is_limit: bool = False
    styles: tuple[str, ...] = ()


IMAGES = {
    "icon": Image(((38, 38), (29, 29))),
    "logo": Image(((160, 50),), is_limit=True, styles=styles.CLASSIC),
    "primaryLogo": Image(
        ((126, 30),), is_limit=True, styles=("eventTicket", "boardingPass", "posterGeneric")
    ),
    "secondaryLogo": Image(((135, 12),), is_limit=True, styles=("eventTicket",)),
    "strip": Image(
        ((375, 144), (375, 123), (375, 98)), styles=("coupon", "storeCard", "eventTicket")
    ),
    "thumbnail": Image(((90, 90),), is_limit=True, styles=("eventTicket", "generic")),
    "background": Image(((345, 505), (180, 220)), styles=("eventTicket", "posterGeneric")),
    "artwork": Image(((358, 448),), styles=("eventTicket", "posterGeneric")),
    "footer": Image(((286, 15),), is_limit=True, styles=("boardingPass",)),
    "venueMap": Image((), styles=("eventTicket",)),
    "personalizationLogo": Image(((150, 40),), is_limit=True),
}


def base_names(files: Mapping[str, bytes]) -> set[str]:
    """The names of all pictures without language, scale and ending: icon, strip …"""
    return {found["name"] for name in files if (found := _NAME.fullmatch(_leaf(name))) is not None}


def check_images(document: Mapping[str, object], files: Mapping[str, bytes]) -> Iterator[Remark]:
    """Remarks on the pictures among the files."""
    has = set(styles.styles_of(document))
    yield from _check_icon(files)
    for name, body in files.items():
        found = _NAME.fullmatch(_leaf(name))
        if found is None or found["ending"].lower() not in {"png", "pdf", "jpg", "jpeg", "gif"}:
            continue
        image = IMAGES.get(found["name"])
        if found["ending"] == "pdf":
            continue  # Pass Builder takes these too; their size is not in pixels.
        if found["ending"] != "png":
            yield Remark(ERROR, name, "Wallet shows PNG pictures only. Save it as .png.")
            continue
        size = png_size(body)
        if size is None:
            sentence = "The file is no whole PNG picture. Export it again."
            yield Remark(ERROR, name, sentence)
        elif image is None:
            yield Remark(NOTE, name, "Wallet knows no picture of this name and does not show it.")
        else:
            yield from _check_size(name, size, image, int(found["scale"] or 1))
    for base in sorted(base_names(files)):
        image = IMAGES.get(base)
        if image is not None and image.styles and has and not has & set(image.styles):
            sentence = f"The style {', '.join(sorted(has))} does not show this picture."
            yield Remark(WARNING, f"{base}.png", sentence)
    yield from _check_strip(document, files)


def _check_icon(files: Mapping[str, bytes]) -> Iterator[Remark]:
    leaves = {_leaf(name) for name in files}
    if not any(leaf in leaves for leaf in ("icon.png", "icon@2x.png", "icon@3x.png", "icon.pdf")):
        sentence = (
            "The pass has no icon, and Wallet refuses it without a word. Add icon.png (38 x 38 "
            "pixels), icon@2x.png and icon@3x.png."
        )
        yield Remark(ERROR, "icon.png", sentence)
        return
    for scale, leaf in ((1, "icon.png"), (2, "icon@2x.png"), (3, "icon@3x.png")):
        if leaf not in leaves and "icon.pdf" not in leaves:
            side = 38 * scale
            sentence = f"The icon is missing in this size: add it with {side} x {side} pixels."
            yield Remark(WARNING, leaf, sentence)


def _check_strip(document: Mapping[str, object], files: Mapping[str, bytes]) -> Iterator[Remark]:
    names = base_names(files)
    if "eventTicket" in document and {"strip", "background"} <= names:
        sentence = "An event ticket shows either strip or background. Leave one out."
        yield Remark(WARNING, "strip.png", sentence)


def _check_size(name: str, size: tuple[int, int], image: Image, scale: int) -> Iterator[Remark]:
    wanted = [(width * scale, height * scale) for width, height in image.sizes]
    if image.is_limit:
        fits = any(size[0] <= width and size[1] <= height for width, height in wanted)
    else:
        fits = not wanted or size in wanted
    if not fits:
        width, height = wanted[0]
        words = "have at most" if image.is_limit else "have"
        sentence = (
            f"The picture has {size[0]} x {size[1]} pixels and should {words} {width} x {height}. "
            "Wallet scales or cuts it otherwise."
        )
        yield Remark(WARNING, name, sentence)


def png_size(body: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG in pixels, or None if its frame is not whole.

    Reads the heads of the chunks; nothing is unpacked (W3C, PNG, section 5).
    """
    if not body.startswith(_PNG) or len(body) < len(_PNG) + _HEAD.size:
        return None
    length, kind, width, height, _, crc = _HEAD.unpack_from(body, len(_PNG))
    if (length, kind) != (13, b"IHDR") or crc != zlib.crc32(body[12:29]) or not width * height:
        return None
    at, has_data = len(_PNG) + _HEAD.size, False
    while at + 12 <= len(body):
        length, kind = _CHUNK.unpack_from(body, at)
        if kind == b"IEND":
            return (width, height) if has_data and length == 0 else None
        has_data = has_data or kind == b"IDAT"
        at += 12 + length
    return None


def _leaf(name: str) -> str:
    return name.rpartition("/")[2]
