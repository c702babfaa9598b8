"""A valid pass of every style, and what breaks one thing in it."""

import copy
import json
import re
from dataclasses import replace

import pytest
from cryptography import x509

from passes.wallet_port import Place, State, Style
from wallet_apple import signing
from wallet_apple.format.check import check_document, check_package
from wallet_apple.format.signature import Roots
from wallet_apple.format.template import packed

GONE = object()
FIELD = {"key": "balance", "label": "Balance", "value": 12}
BASE = {
    "formatVersion": 1,
    "passTypeIdentifier": "pass.example.treuepass",
    "teamIdentifier": "EXAMPLE123",
    "serialNumber": "1",
    "organizationName": "Café Kranz",
    "description": "Ten visits",
    "backgroundColor": "rgb(59, 36, 22)",
    "webServiceURL": "https://cards.example/wallet/apple/pass.example.treuepass",
    "authenticationToken": "0123456789abcdef",
    "barcodes": [
        {"format": "PKBarcodeFormatQR", "message": "0123", "messageEncoding": "iso-8859-1"}
    ],
    "storeCard": {
        "primaryFields": [{**FIELD, "changeMessage": "Now %@"}],
        "backFields": [{"key": "terms", "label": "Terms", "value": "None."}],
    },
}


@pytest.fixture(scope="session")
def base():
    """A pass.json without fault; every call gives a new one."""
    return lambda: copy.deepcopy(BASE)


@pytest.fixture(scope="session")
def base_files(make_picture):
    """The pictures that belong to it."""
    names = {"icon.png": 38, "icon@2x.png": 76, "icon@3x.png": 114}
    return {name: make_picture("icon", side, side).png for name, side in names.items()}


@pytest.fixture(scope="session")
def change(base):
    """The base with values put at their paths; GONE removes what is there."""

    def make(changes):
        document = base()
        for path, value in changes.items():
            put(document, path, value if value is GONE else copy.deepcopy(value))
        return document

    return make


@pytest.fixture(scope="session")
def gone():
    """The changes with GONE where a table says "GONE"."""
    return lambda changes: {
        path: GONE if value == "GONE" else value for path, value in changes.items()
    }


@pytest.fixture(scope="session")
def remarks_on(change, base_files):
    """What the validator says of a changed base, as (level, where, sentence)."""

    def check(changes, files=None):
        found = check_document(change(changes), {**base_files, **(files or {})})
        return [(remark.level.value, remark.where, remark.sentence) for remark in found]

    return check


@pytest.fixture(scope="session")
def credentials(certificates):
    return signing.read_folder(certificates)


@pytest.fixture(scope="session")
def roots(certificates):
    root = x509.load_pem_x509_certificate((certificates / "root.pem").read_bytes())
    return Roots((root,), are_all=True)


@pytest.fixture(scope="session")
def sign(credentials, now):
    """Lists and signs files; returns the .pkpass."""
    return lambda files: packed(files, lambda manifest: credentials.sign(manifest, now))


@pytest.fixture(scope="session")
def signed(base, base_files, sign):
    """A valid pass, signed by the example certificate."""
    return sign({**base_files, "pass.json": json.dumps(base()).encode()})


@pytest.fixture(scope="session")
def remarks_on_package(roots):
    """What the validator says of a file, as (level, where, sentence)."""

    def check(body):
        found = check_package(body, roots)
        return [(remark.level.value, remark.where, remark.sentence) for remark in found]

    return check


@pytest.fixture(scope="session")
def contents(make_content, make_field, make_picture):
    """Our own passes: every style and state, in three languages, with and without pictures."""
    pictures = {
        f"apple-{role}@{scale}x": make_picture(f"apple-{role}@{scale}x", wide * scale, high * scale)
        for role, wide, high in (("icon", 38, 38), ("logo", 160, 50), ("strip", 375, 144))
        for scale in (1, 2, 3)
    }
    fields = (
        make_field(change={"de": "Noch {value} %", "en": "{value} left", "nl": "Nog {value}"}),
        make_field("terms", {"de": "Ä", "en": "B", "nl": "C"}, Place.BACK),
        make_field("link", {"de": "x", "en": "x", "nl": "x"}, Place.BACK, link="https://a.example"),
    )
    return [
        replace(make_content(given), style=style, state=state, fields=fields)
        for given in (None, pictures)
        for style in Style
        for state in State
    ]


def put(document, path, value):
    """Puts a value at a path such as ``storeCard.primaryFields[0].key``."""
    *steps, last = [
        int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", path)
    ]
    for step in steps:
        if isinstance(document, dict):
            document = document.setdefault(step, {})
        else:
            document = document[step]
    if value is GONE:
        document.pop(last, None)
    else:
        document[last] = value
