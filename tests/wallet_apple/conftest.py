"""Contents made by hand, and a wallet that signs them with certificates of its own making."""

import hashlib
import io
import json
import re
import struct
import subprocess
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from certs_example.make import make_all
from passes.wallet_port import (
    Account,
    CodeFormat,
    Field,
    Look,
    PassContent,
    Picture,
    Place,
    State,
    Style,
)
from wallet_apple.wallet import AppleWallet

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LINE = re.compile(r'"((?:[^"\\]|\\.)*)" = "((?:[^"\\]|\\.)*)";\n')
ESCAPES = {'\\"': '"', "\\\\": "\\", "\\n": "\n", "\\t": "\t"}


@pytest.fixture(scope="session")
def now():
    return NOW


@pytest.fixture(scope="session")
def certificates(tmp_path_factory) -> Path:
    """The folder of example credentials, made once."""
    folder = tmp_path_factory.mktemp("certs_example")
    make_all(folder, now=NOW)
    return folder


@pytest.fixture(scope="session")
def account(certificates):
    """The example certificates as if a merchant had brought them."""
    names = {"certificate": "pass.pem", "private_key": "pass.key", "wwdr": "wwdr.pem"}
    stored = {name: (certificates / file).read_text() for name, file in names.items()}
    return Account(id="alma", version=1, data=json.dumps(stored))


@pytest.fixture(scope="session")
def wallet(certificates):
    return AppleWallet("https://cards.example", certificates, lambda: NOW)


@pytest.fixture(scope="session")
def make_field():
    def make(key="visits", value=7, place=Place.HEADER, label=None, change=None, link=None):
        return Field(key, label or same("Besuche"), value, place, change, link)

    return make


@pytest.fixture(scope="session")
def make_picture():
    def make(name: str, width: int = 2, height: int = 2) -> Picture:
        png = tiny_png(width, height)
        return Picture(name, hashlib.sha256(png).hexdigest(), png, f"https://cards.example/{name}")

    return make


@pytest.fixture(scope="session")
def make_content(make_field):
    """A valid content; keyword arguments replace its parts (pictures: the look's pictures)."""

    def make(pictures=None, **changes) -> PassContent:
        parts = {
            "serial": "123456789015",
            "secret": "0123456789abcdef0123456789abcdef",
            "page_url": "https://cards.example/c/secret/",
            "code": "0123456789ABCDEF",
            "code_format": CodeFormat.QR,
            "version": 1,
            "changed_at": NOW,
            "style": Style.BALANCE,
            "state": State.VALID,
            "expires_at": None,
            "time_zone": "Europe/Berlin",
            "merchant": "Café Kranz",
            "merchant_id": "alma",
            "title": {"de": "Kaffeekarte", "en": "Coffee card", "nl": "Koffiekaart"},
            "description": {"de": "Zehnerkarte", "en": "Ten visits", "nl": "Tien bezoeken"},
            "holder": "Ada Lovelace",
            "language": "de",
            "languages": ("de", "en", "nl"),
            "fields": (make_field(),),
            "locations": (),
            "look": Look("#3b2416", "#ffffff", "#e8c9a0", pictures or {}),
            "template": "kranz",
            "template_version": 1,
        }
        return PassContent(**{**parts, **changes})

    return make


@pytest.fixture(scope="session")
def draw(wallet):
    """Signs a content and unpacks it: the files of the pass by name."""
    return lambda content: unpack(wallet.signed_pass(content))


@pytest.fixture(scope="session")
def read_json(draw):
    """The pass.json of a content."""
    return lambda content: json.loads(draw(content)["pass.json"])


@pytest.fixture(scope="session")
def read_face(draw):
    """The pass.json of a content as a device of that language shows it: keys replaced by texts."""

    def read(content, language):
        files = draw(content)
        strings = parse_strings(files[f"{language}.lproj/pass.strings"])
        return localise(json.loads(files["pass.json"]), strings)

    return read


@pytest.fixture(scope="session")
def strings_of(draw):
    def read(content, language):
        return parse_strings(draw(content)[f"{language}.lproj/pass.strings"])

    return read


@pytest.fixture(scope="session")
def is_accepted(certificates):
    """Whether a device that trusts the example root would accept these files."""

    def check(files: dict[str, bytes], folder: Path) -> bool:
        manifest = json.loads(files["manifest.json"])
        hashes = {
            name: hashlib.sha1(body, usedforsecurity=False).hexdigest()
            for name, body in files.items()
            if name not in {"manifest.json", "signature"}
        }
        return manifest == hashes and verifies(files, certificates / "root.pem", folder)

    return check


def same(text: str) -> dict[str, str]:
    return {"de": text, "en": text, "nl": text}


def unpack(pkpass: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(pkpass)) as package:
        assert package.testzip() is None
        names = package.namelist()
        assert len(names) == len(set(names))
        return {name: package.read(name) for name in names}


def parse_strings(file: bytes) -> dict[str, str]:
    """Reads a pass.strings strictly: UTF-16 LE with its mark, nothing between the lines."""
    assert file[:2] == b"\xff\xfe"
    text = file[2:].decode("utf-16-le")
    entries = LINE.findall(text)
    assert LINE.sub("", text) == ""
    assert len(dict(entries)) == len(entries)
    return {unescape(key): unescape(value) for key, value in entries}


def unescape(text: str) -> str:
    return re.sub(r"\\.", lambda found: ESCAPES[found[0]], text)


def localise(face, strings):
    if isinstance(face, dict):
        return {name: localise(value, strings) for name, value in face.items()}
    if isinstance(face, list):
        return [localise(value, strings) for value in face]
    return strings.get(face, face) if isinstance(face, str) else face


def verifies(files: dict[str, bytes], root: Path, folder: Path) -> bool:
    (folder / "manifest.json").write_bytes(files["manifest.json"])
    (folder / "signature").write_bytes(files["signature"])
    run = subprocess.run(
        ["openssl", "cms", "-verify", "-purpose", "any", "-binary", "-inform", "DER",
         "-in", folder / "signature", "-content", folder / "manifest.json",
         "-CAfile", root, "-attime", str(int(NOW.timestamp())), "-out", folder / "out"],
        capture_output=True, check=False,
    )  # fmt: skip
    return run.returncode == 0


def tiny_png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    pixels = (b"\0" + b"\x7f" * width) * height
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
