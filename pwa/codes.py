"""The pictures of a page: codes that a camera reads, and how large an uploaded one is."""

from __future__ import annotations

import struct

import segno

from passes.wallet_port import Picture


def code_groups(code: str) -> str:
    """The till code as people read it out: groups of four."""
    return " ".join(code[start : start + 4] for start in range(0, len(code), 4))


def code_svg(said: str) -> str:
    """A QR code as SVG: black on white in any colour scheme, quiet zone of four modules.

    A page shows QR whatever format the template asks for: a phone's screen is read by cameras.
    16 letters of Crockford's base32 fit version 1, the coarsest there is, in the alphanumeric mode.
    """
    qr = segno.make(said, error="m", micro=False)
    return qr.svg_inline(
        border=4, omitsize=True, dark="#000", light="#fff", svgclass="qr", lineclass=None
    )


def size_of(picture: Picture) -> tuple[int, int]:
    """Width and height in pixels, as the PNG's header has them (PNG, 11.2.1)."""
    width, height = struct.unpack(">II", picture.png[16:24])
    return width, height
