"""The child process that decodes an uploaded picture: little memory, little time, no mercy.

Reads from standard input: 4 bytes length, the sizes as JSON, then the picture. Writes frames of
4 bytes length and a PNG: the picture itself first, then each size. A refusal is exit code 1 and a
line ``refused: …`` that a merchant may read.
"""

from __future__ import annotations

import io
import json
import resource
import struct
import sys
import warnings

from PIL import Image, ImageChops, ImageOps, ImageStat

MEMORY = 512 * 1024 * 1024
MOST_PIXELS = 4_000_000
LONGEST_SIDE = 2_048
SAFE_PART = 0.8
MOST_DRAWN = 16_384
"""Colours; a picture with more is a photograph, which a palette would spoil."""
MOST_APART = 40
"""Of 255: how far a single pixel may be off in a channel, such as one at the edge of a line."""
MEAN_APART = 0.25
"""And all of them on average: where this is small, a gradient keeps its steps."""


class Refused(Exception):
    """The picture is no good; the text says why."""


def main() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (8, 8))
    warnings.simplefilter("error")
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    given = sys.stdin.buffer.read()
    (length,) = struct.unpack_from(">I", given)
    sizes = json.loads(given[4 : 4 + length])
    try:
        picture = _open(given[4 + length :])
        _write(picture)
        for size in sizes:
            _write(_with_palette(_fit(picture, size["width"], size["height"], size["crop"])))
    except Refused as refusal:
        print(f"refused: {refusal}", file=sys.stderr)
        return 1
    except MemoryError:
        print("refused: needs too much memory", file=sys.stderr)
        return 1
    except Exception:  # noqa: BLE001 - whatever a decoder throws at a hostile file
        print("refused: cannot be read", file=sys.stderr)
        return 1
    return 0


def _open(data: bytes) -> Image.Image:
    try:
        picture = Image.open(io.BytesIO(data), formats=["PNG", "JPEG"])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refused("must not have more than 4 million pixels") from None
    if picture.width * picture.height > MOST_PIXELS:
        raise Refused("must not have more than 4 million pixels")
    if min(picture.size) < 16:
        raise Refused("must be at least 16 pixels wide and high")
    # Phones save a JPEG with several pictures, such as a photo and its depth map: the first counts.
    if picture.format == "PNG" and getattr(picture, "n_frames", 1) > 1:
        raise Refused("must not be animated")
    picture.load()
    upright = ImageOps.exif_transpose(picture)
    clean = Image.new("RGBA", upright.size)  # a new picture carries no metadata along
    clean.paste(upright.convert("RGBA"))
    clean.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    return clean


def _fit(picture: Image.Image, width: int, height: int, crop: str) -> Image.Image:
    if crop == "cover":
        return ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
    if crop == "shrink":
        return _inside(picture, width, height)
    if crop == "contain":
        canvas, inner = Image.new("RGBA", (width, height)), _inside(picture, width, height)
    elif crop == "maskable":
        canvas = Image.new("RGBA", (width, height), _corner_colour(picture))
        inner = _inside(picture, round(width * SAFE_PART), round(height * SAFE_PART))
    else:
        raise ValueError(crop)
    at = ((width - inner.width) // 2, (height - inner.height) // 2)
    canvas.alpha_composite(inner, at)
    return canvas


def _inside(picture: Image.Image, width: int, height: int) -> Image.Image:
    factor = min(width / picture.width, height / picture.height)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _corner_colour(picture: Image.Image) -> tuple[int, int, int, int]:
    corner = picture.getpixel((0, 0))
    if not isinstance(corner, tuple) or corner[3] < 255:
        return (255, 255, 255, 255)
    return (int(corner[0]), int(corner[1]), int(corner[2]), 255)


def _with_palette(picture: Image.Image) -> Image.Image:
    """The picture in 256 colours where it is a drawing and nobody sees the difference.

    A phone on the road fetches half as much then, or less.
    """
    if not _is_opaque(picture) or picture.getcolors(MOST_DRAWN) is None:
        return picture
    drawing = picture.convert("RGB")
    reduced = drawing.quantize(256, dither=Image.Dither.NONE)
    apart = ImageStat.Stat(ImageChops.difference(drawing, reduced.convert("RGB")))
    is_alike = max(most for _, most in apart.extrema) <= MOST_APART
    return reduced if is_alike and max(apart.mean) <= MEAN_APART else picture


def _is_opaque(picture: Image.Image) -> bool:
    return picture.mode == "P" or picture.getchannel("A").getextrema() == (255, 255)


def _write(picture: Image.Image) -> None:
    file = io.BytesIO()
    in_colour = picture.mode == "RGBA" and _is_opaque(picture)
    (picture.convert("RGB") if in_colour else picture).save(file, "PNG", optimize=True)
    frame = file.getvalue()
    sys.stdout.buffer.write(struct.pack(">I", len(frame)) + frame)


if __name__ == "__main__":
    sys.exit(main())
