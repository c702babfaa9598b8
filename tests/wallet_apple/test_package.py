"""What is packed is a pass that a device accepts, and nothing else is."""

import json
import random
import shutil
import subprocess
from contextlib import suppress
from dataclasses import replace

import pytest

from passes.wallet_port import Place

ICONS = {"icon.png", "icon@2x.png", "icon@3x.png"}
OWN = {"pass.json", "manifest.json", "signature"}
STRINGS = {f"{language}.lproj/pass.strings" for language in ("de", "en", "nl")}
SIZES = [
    "apple-icon@1x", "apple-icon@2x", "apple-icon@3x", "apple-logo@1x", "apple-logo@2x",
    "apple-strip@1x", "apple-strip@2x",
]  # fmt: skip


@pytest.fixture(scope="session")
def pictures(make_picture):
    return {name: make_picture(name, 8 + n, 8) for n, name in enumerate(SIZES)}


def test_the_files_of_a_pass(draw, make_content, pictures):
    files = draw(make_content(pictures))
    names = {name.removeprefix("apple-").replace("@1x", "") + ".png" for name in SIZES}
    assert set(files) == names | OWN | STRINGS
    for name, picture in pictures.items():
        assert files[name.removeprefix("apple-").replace("@1x", "") + ".png"] == picture.png


def test_the_manifest_is_one_flat_object_of_sha1(
    draw, make_content, pictures, is_accepted, tmp_path
):
    files = draw(make_content(pictures))
    manifest = json.loads(files["manifest.json"])
    assert set(manifest) == set(files) - {"manifest.json", "signature"}
    assert all(len(sha1) == 40 for sha1 in manifest.values())
    assert is_accepted(files, tmp_path)


@pytest.mark.skipif(shutil.which("unzip") is None, reason="unzip is not installed")
def test_unzip_finds_nothing_wrong(wallet, make_content, pictures, tmp_path):
    path = tmp_path / "card.pkpass"
    path.write_bytes(wallet.signed_pass(make_content(pictures)))
    run = subprocess.run(["unzip", "-t", path], capture_output=True, text=True, check=False)
    assert run.returncode == 0
    assert "No errors detected" in run.stdout


def test_nothing_is_deflated(wallet, make_content, pictures):
    body = wallet.signed_pass(make_content(pictures))
    assert all(picture.png in body for picture in pictures.values())


def test_two_hundred_passes_are_accepted_and_two_hundred_changes_refused(
    draw, make_content, make_field, pictures, is_accepted, tmp_path
):
    dice = random.Random(2)
    for number in range(200):
        content = make_content(
            pictures if number % 3 else None,
            serial=f"{number:012d}",
            version=number,
            fields=(
                make_field(value=number),
                make_field("name", {"de": f"Ä{number}", "en": f"A{number}", "nl": "x"}, Place.BACK),
            ),
        )
        files = draw(content)
        assert is_accepted(files, tmp_path), number

        name = dice.choice(sorted(set(files)))
        body = bytearray(files[name])
        # Of the signature, its last 256 bytes are what the key made of all the rest.
        at = len(body) - 1 - dice.randrange(256 if name == "signature" else len(body))
        body[at] ^= 1 << dice.randrange(8)
        # A change of the manifest may leave something that is not even JSON.
        with suppress(json.JSONDecodeError, UnicodeDecodeError):
            assert not is_accepted({**files, name: bytes(body)}, tmp_path), (number, name, at)


def test_a_file_more_or_less_is_refused(draw, make_content, is_accepted, tmp_path):
    files = draw(make_content())
    assert not is_accepted({**files, "logo.png": b"x"}, tmp_path)
    del files["icon.png"]
    assert not is_accepted(files, tmp_path)


def test_the_same_content_gives_the_same_bytes(wallet, make_content, pictures):
    assert wallet.signed_pass(make_content(pictures)) == wallet.signed_pass(make_content(pictures))


def test_a_merchant_without_pictures_gets_an_icon(draw, make_content):
    files = draw(make_content())
    assert set(files) == ICONS | OWN | STRINGS
    for name, size in (("icon.png", 38), ("icon@2x.png", 76), ("icon@3x.png", 114)):
        assert files[name][:8] == b"\x89PNG\r\n\x1a\n"
        assert int.from_bytes(files[name][16:20]) == int.from_bytes(files[name][20:24]) == size


def test_the_drawn_icon_follows_name_and_colours(draw, make_content):
    kranz = make_content()
    other_name = make_content(merchant="Bäckerei")
    other_colour = make_content(look=replace(kranz.look, background="#004488"))
    nothing_to_read = make_content(merchant="☕ 咖啡")
    icons = [draw(c)["icon.png"] for c in (kranz, other_name, other_colour, nothing_to_read)]
    assert len(set(icons)) == 4


def test_an_incomplete_icon_is_replaced_whole(draw, make_content, make_picture):
    one = {"apple-icon@2x": make_picture("apple-icon@2x")}
    files = draw(make_content(one))
    assert files["icon@2x.png"] == draw(make_content())["icon@2x.png"]


def test_a_new_picture_is_taken_up(draw, make_content, pictures, make_picture):
    before = draw(make_content(pictures))
    fresh = make_picture("apple-logo@1x", 31, 9)
    after = draw(make_content({**pictures, "apple-logo@1x": fresh}))
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"logo.png", "manifest.json", "signature"}
    assert after["logo.png"] == fresh.png


def test_other_wallets_pictures_stay_out(draw, make_content, make_picture):
    files = draw(make_content({"google-hero": make_picture("google-hero")}))
    assert set(files) == ICONS | OWN | STRINGS
