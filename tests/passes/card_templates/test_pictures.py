"""Uploaded pictures: every size that a wallet may ask for, and nothing hostile (ASVS 5.2.x)."""

from __future__ import annotations

import io
import random
import resource
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat, PngImagePlugin
from sqlalchemy import select

from passes import ids
from passes.card_templates import pictures
from passes.card_templates.models import UploadedPicture
from passes.errors import Invalid, NotFound
from passes.wallet_port import Crop, PictureSize
from tests.passes.conftest import NOON, Shop

RED, BLUE, CLEAR = (200, 30, 40, 255), (20, 40, 180, 255), (0, 0, 0, 0)

SIZES = (
    PictureSize("contain", "icon", 90, 60, Crop.CONTAIN),
    PictureSize("shrink", "icon", 90, 60, Crop.SHRINK),
    PictureSize("cover", "icon", 90, 60, Crop.COVER),
    PictureSize("maskable", "icon", 100, 100, Crop.MASKABLE),
    PictureSize("of-another-role", "strip", 10, 10, Crop.COVER),
)


def upload(
    shop: Shop, data: bytes, sizes: tuple[PictureSize, ...] = SIZES
) -> dict[str, Image.Image]:
    """The renditions, opened, by the name of the size."""
    with shop.write() as session:
        picture_id = pictures.upload(session, "icon", data, sizes, NOON)
        kept = pictures.renditions_of(session, picture_id)
    return {name: opened(png) for name, (_, png) in kept.items()}


def opened(png: bytes) -> Image.Image:
    """A picture with a palette as the colours that it shows."""
    picture = Image.open(io.BytesIO(png))
    if picture.mode != "P":
        return picture
    shown = picture.convert("RGB")
    shown.format = picture.format
    return shown


def saved(picture: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def two_halves(width: int, height: int) -> Image.Image:
    """Red on the left, blue on the right."""
    picture = Image.new("RGBA", (width, height), RED)
    picture.paste(BLUE, (width // 2, 0, width, height))
    return picture


def near(one: Any, other: tuple[int, ...]) -> bool:
    return all(abs(a - b) <= 6 for a, b in zip(one, other, strict=False))


# --- sizes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(300, 100), (100, 300), (20, 20), (90, 60), (800, 600)])
def test_every_crop_has_its_size(shop: Shop, size: tuple[int, int]) -> None:
    made = upload(shop, saved(two_halves(*size)))
    assert set(made) == {"contain", "shrink", "cover", "maskable"}
    assert made["contain"].size == made["cover"].size == (90, 60)
    assert made["maskable"].size == (100, 100)
    width, height = made["shrink"].size
    assert width == 90 or height == 60
    assert width <= 90
    assert height <= 60
    assert width / height == pytest.approx(size[0] / size[1], rel=0.05)
    assert all(picture.format == "PNG" for picture in made.values())


def test_contain_is_transparent_around_the_whole_picture(shop: Shop) -> None:
    made = upload(shop, saved(two_halves(300, 100)))["contain"].convert("RGBA")
    assert made.getpixel((45, 2)) == CLEAR
    assert made.getpixel((45, 57)) == CLEAR
    assert near(made.getpixel((10, 30)), RED)
    assert near(made.getpixel((80, 30)), BLUE)


def test_cover_cuts_the_overhang_off_and_leaves_no_hole(shop: Shop) -> None:
    made = upload(shop, saved(two_halves(300, 100)))["cover"]
    assert made.mode == "RGB"
    assert near(made.getpixel((0, 0)), RED)
    assert near(made.getpixel((89, 59)), BLUE)


def test_maskable_keeps_to_the_middle_on_its_own_corner_colour(shop: Shop) -> None:
    picture = two_halves(400, 400)
    made = upload(shop, saved(picture))["maskable"]
    assert made.mode == "RGB"
    assert near(made.getpixel((99, 0)), RED)  # outside the middle: the corner's colour
    assert near(made.getpixel((85, 50)), BLUE)
    assert near(made.getpixel((95, 50)), RED)


def test_maskable_is_opaque_even_if_the_picture_is_not(shop: Shop) -> None:
    picture = Image.new("RGBA", (100, 100), CLEAR)
    picture.paste(BLUE, (25, 25, 75, 75))
    made = upload(shop, saved(picture))["maskable"]
    assert made.mode == "RGB"
    assert made.getpixel((0, 0)) == (255, 255, 255)
    assert near(made.getpixel((50, 50)), BLUE)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_every_mode_of_picture_is_read(shop: Shop, mode: str) -> None:
    picture = two_halves(100, 100).convert("RGB").convert(mode)
    form = "JPEG" if mode == "CMYK" else "PNG"
    assert upload(shop, saved(picture, form))["cover"].size == (90, 60)


def test_a_photo_as_large_as_may_be_is_kept_smaller(shop: Shop) -> None:
    photo = Image.radial_gradient("L").resize((2_200, 1_408)).convert("RGB")
    with shop.write() as session:
        picture_id = pictures.upload(session, "strip", saved(photo, "JPEG"), SIZES[:1], NOON)
        row = session.get_one(UploadedPicture, (shop.merchant_id, picture_id))
        assert (row.width, row.height) == (2_048, 1_311)


def test_a_camera_that_puts_several_pictures_into_one_file_gives_the_first(shop: Shop) -> None:
    """Phones save a photo with its depth map so: a JPEG that says it has two frames (MPO)."""
    first, second = two_halves(100, 60).convert("RGB"), Image.new("RGB", (100, 60), "green")
    data = saved(first, "MPO", save_all=True, append_images=[second])
    assert data.startswith(b"\xff\xd8\xff")
    made = upload(shop, data)["cover"]
    assert near(made.getpixel((10, 30)), RED)
    assert near(made.getpixel((80, 30)), BLUE)


# --- what is not kept ----------------------------------------------------------------------------


def test_orientation_is_applied_and_metadata_is_gone(shop: Shop) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned right by a quarter
    exif[0x010E] = "taken at Oranienstr. 21"
    exif[0x9286] = "a comment of the camera"
    photo = two_halves(200, 100).convert("RGB")
    data = saved(photo, "JPEG", exif=exif, comment=b"Oranienstr. 21", quality=95)
    assert b"Oranienstr. 21" in data
    with shop.write() as session:
        picture_id = pictures.upload(session, "icon", data, SIZES, NOON)
        row = session.get_one(UploadedPicture, (shop.merchant_id, picture_id))
        kept = [row.png, *(png for _, png in pictures.renditions_of(session, picture_id).values())]
    assert (row.width, row.height) == (100, 200)
    upright = Image.open(io.BytesIO(kept[0]))
    assert near(upright.getpixel((50, 10)), RED)
    assert near(upright.getpixel((50, 190)), BLUE)
    for png in kept:
        assert b"Oranienstr" not in png
        assert not Image.open(io.BytesIO(png)).getexif()


def test_texts_profiles_and_what_hangs_behind_are_gone(shop: Shop) -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Author", "Karla Kranz")
    data = saved(two_halves(100, 100), pnginfo=notes, icc_profile=b"a profile of Karla's") + (
        b"<?php echo 'Karla'; ?>"
    )
    with shop.write() as session:
        picture_id = pictures.upload(session, "icon", data, SIZES, NOON)
        kept = [png for _, png in pictures.renditions_of(session, picture_id).values()]
        row = session.get_one(UploadedPicture, (shop.merchant_id, picture_id))
        kept.append(row.png)
    assert not any(b"Karla" in png for png in kept)
    assert {chunk for png in kept for chunk in chunks(png)} == {
        b"IHDR",
        b"PLTE",
        b"IDAT",
        b"IEND",
    }


def chunks(png: bytes) -> list[bytes]:
    found, at = [], 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        found.append(png[at + 4 : at + 8])
        at += 12 + length
    return found


# --- hostile -------------------------------------------------------------------------------------


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def bare_png(width: int, height: int, *extra: bytes, colour: int = 0) -> bytes:
    """A black PNG in few bytes, with further chunks before its picture."""
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    body = zlib.compress(bytes((1 + width * (3 if colour == 2 else 1)) * height), 1)
    parts = (chunk(b"IHDR", header), *extra, chunk(b"IDAT", body), chunk(b"IEND", b""))
    return pictures._PNG + b"".join(parts)


def packed(length: int) -> bytes:
    return zlib.compress(bytes(length), 1)


def jpeg(width: int, height: int) -> bytes:
    return saved(two_halves(width, height).convert("RGB"), "JPEG")


def animated() -> bytes:
    frames = [two_halves(100, 100), Image.new("RGBA", (100, 100), BLUE)]
    return saved(frames[0], save_all=True, append_images=frames[1:])


def noise(length: int) -> bytes:
    return random.Random(1).randbytes(length)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "text": lambda: b"hello",
    "81 million pixels": lambda: bare_png(9_000, 9_000),
    "12 million pixels in colour": lambda: bare_png(4_000, 3_000, colour=2),
    "a little over 4 million pixels": lambda: bare_png(2_001, 2_000),
    "one enormous row": lambda: bare_png(4_100_000, 1),
    "a header that lies": lambda: bare_png(100, 100).replace(
        struct.pack(">II", 100, 100), struct.pack(">II", 2**31 - 1, 2**31 - 1)
    ),
    "a size of nothing": lambda: bare_png(0, 0),
    "one pixel": lambda: bare_png(1, 1),
    "fifteen pixels": lambda: bare_png(15, 100),
    "SVG": lambda: b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "SVG with a declaration": lambda: b'<?xml version="1.0"?><svg/>',
    "GIF": lambda: saved(two_halves(100, 100), "GIF"),
    "WebP": lambda: saved(two_halves(100, 100), "WEBP"),
    "BMP": lambda: saved(two_halves(100, 100).convert("RGB"), "BMP"),
    "TIFF": lambda: saved(two_halves(100, 100), "TIFF"),
    "PDF": lambda: b"%PDF-1.7\n",
    "GIF under a PNG's name": lambda: pictures._PNG + saved(two_halves(100, 100), "GIF"),
    "PNG cut short": lambda: saved(two_halves(100, 100))[:-200],
    "PNG without a picture": lambda: pictures._PNG + chunk(b"IEND", b""),
    "PNG with a wrong checksum": lambda: saved(two_halves(100, 100)).replace(b"IDAT", b"IDAT\x00"),
    "PNG header alone": lambda: pictures._PNG,
    "PNG, animated": animated,
    "PNG with 60 MB of packed text": lambda: bare_png(
        100, 100, chunk(b"zTXt", b"note\x00\x00" + packed(60_000_000))
    ),
    "PNG with packed text in Unicode": lambda: bare_png(
        100,
        100,
        chunk(b"iTXt", b"note\x00\x01\x00\x00\x00" + packed(60_000_000)),
    ),
    "PNG with a packed profile": lambda: bare_png(
        100, 100, chunk(b"iCCP", b"p\x00\x00" + packed(60_000_000))
    ),
    "JPEG cut short": lambda: jpeg(400, 400)[:900],
    "JPEG header alone": lambda: b"\xff\xd8\xff",
    "JPEG full of noise": lambda: b"\xff\xd8\xff" + noise(100_000),
    "JPEG with a size that lies": lambda: jpeg(100, 100).replace(
        struct.pack(">HH", 100, 100), struct.pack(">HH", 65_000, 65_000)
    ),
    "a byte too many": lambda: jpeg(100, 100).ljust(pictures.LARGEST_UPLOAD + 1, b"\0"),
}


@pytest.fixture(scope="module")
def hostile() -> dict[str, bytes]:
    """Made beforehand: making a bomb takes memory, too."""
    return {name: make() for name, make in HOSTILE.items()}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_picture_is_refused_quickly_and_cheaply(
    shop: Shop, hostile: dict[str, bytes], name: str
) -> None:
    data = hostile[name]
    assert name == "a byte too many" or len(data) <= pictures.LARGEST_UPLOAD
    memory = resident_memory()
    before, began = cpu_of_children(), time.monotonic()
    with pytest.raises(Invalid) as refusal, shop.write() as session:
        pictures.upload(session, "icon", data, SIZES, NOON)
    assert cpu_of_children() - before < 2
    assert time.monotonic() - began < 10
    assert resident_memory() - memory < 150 * 1024 * 1024
    [wrong] = refusal.value.fields
    assert wrong.field == "picture"
    assert wrong.message[0].islower()
    assert "Error" not in wrong.message
    own = UploadedPicture.merchant_id == shop.merchant_id
    with shop.read() as session:
        assert session.scalars(select(UploadedPicture.id).where(own)).all() == []


def resident_memory() -> int:
    """Bytes that this process holds at the moment (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("length", [8, 20, 33, 60, 120, 160])
def test_a_file_that_was_cut_is_refused(shop: Shop, length: int) -> None:
    data = saved(two_halves(64, 64))
    assert length < len(data) * 0.8
    with pytest.raises(Invalid):
        upload(shop, data[:length])


def test_2_mb_to_the_byte_are_taken(shop: Shop) -> None:
    full = saved(two_halves(100, 100)).ljust(pictures.LARGEST_UPLOAD, b"\0")
    assert upload(shop, full)["cover"].size == (90, 60)


# --- kept and found ------------------------------------------------------------------------------


def test_a_role_that_does_not_exist(shop: Shop) -> None:
    with pytest.raises(Invalid, match="role"), shop.write() as session:
        pictures.upload(session, "background", saved(two_halves(50, 50)), SIZES, NOON)


def test_renditions_are_the_merchants_own(alma: Shop, bruno: Shop) -> None:
    with alma.write() as session:
        picture_id = pictures.upload(session, "icon", saved(two_halves(50, 50)), SIZES, NOON)
        kept = pictures.pictures_of(session, "https://a.example", (None, picture_id))
        assert set(kept) == {"contain", "shrink", "cover", "maskable"}
        cover = kept["cover"]
        assert pictures.rendition(session, picture_id, "cover") == cover.png
        assert cover.url == (
            f"https://a.example/pictures/{alma.merchant_id.hex}/{picture_id.hex}/cover.png"
            f"?v={cover.sha256[:12]}"
        )
        for name in ("nothing", "", "../cover"):
            with pytest.raises(NotFound):
                pictures.rendition(session, picture_id, name)
    with bruno.read() as session:
        assert pictures.pictures_of(session, "", (picture_id, ids.new_id())) == {}
        with pytest.raises(NotFound):
            pictures.rendition(session, picture_id, "cover")


def test_a_wallet_that_was_added_gets_its_sizes_of_old_pictures(shop: Shop) -> None:
    added = PictureSize("added", "icon", 33, 44, Crop.COVER)
    with shop.write() as session:
        picture_id = pictures.upload(session, "icon", saved(two_halves(50, 50)), SIZES[:1], NOON)
        pictures.upload(session, "logo", saved(two_halves(50, 50)), SIZES[:1], NOON)
        before = pictures.renditions_of(session, picture_id)
        assert pictures.complete(session, (*SIZES[:1], added)) == 1
        assert pictures.complete(session, (*SIZES[:1], added)) == 0
        after = pictures.renditions_of(session, picture_id)
    assert after["contain"] == before["contain"]
    assert Image.open(io.BytesIO(after["added"][1])).size == (33, 44)


def test_a_size_of_another_role_leaves_old_pictures_alone(shop: Shop) -> None:
    photo = PictureSize("added", "photo", 33, 44, Crop.SHRINK)
    with shop.write() as session:
        old = [
            pictures.upload(session, role, saved(two_halves(50, 50)), SIZES, NOON)
            for role in pictures.ROLES
            if role != "photo"
        ]
        before = [pictures.renditions_of(session, picture_id) for picture_id in old]
        assert pictures.complete(session, (*SIZES, photo)) == 0
        assert [pictures.renditions_of(session, picture_id) for picture_id in old] == before
        new = pictures.upload(session, "photo", saved(two_halves(50, 20)), SIZES, NOON)
        assert pictures.complete(session, (*SIZES, photo)) == 1
        [(_, made)] = pictures.renditions_of(session, new).values()
    assert Image.open(io.BytesIO(made)).size == (33, 13)


def test_a_drawing_gets_a_palette_and_a_photograph_keeps_its_colours(shop: Shop) -> None:
    """A palette is for what looks the same with it, and weighs less than half."""
    drawing = Image.linear_gradient("L").resize((900, 600)).convert("RGBA")
    photograph = Image.merge("RGB", [Image.effect_noise((900, 600), 90) for _ in range(3)])
    cover = (PictureSize("cover", "icon", 900, 600, Crop.COVER),)
    made = {}
    for name, picture in (("drawing", drawing), ("photograph", photograph)):
        with shop.write() as session:
            picture_id = pictures.upload(session, "icon", saved(picture), cover, NOON)
            made[name] = pictures.renditions_of(session, picture_id)["cover"][1]
    assert [Image.open(io.BytesIO(made[name])).mode for name in made] == ["P", "RGB"]
    for name, picture in (("drawing", drawing), ("photograph", photograph)):
        apart = ImageChops.difference(opened(made[name]), picture.convert("RGB"))
        assert max(ImageStat.Stat(apart).mean) <= 0.25, name
