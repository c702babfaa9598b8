"""Google Wallet: save links beside the bare RSA signature, and what an update costs the CPU."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from benchmarks import rounds, sample
from benchmarks.rounds import Batch
from benchmarks.table import Note, Row
from passes.wallet_port import PassContent, Picture, Style
from wallet_google.addresses import SAVE_URL, Site
from wallet_google.credentials import Credentials
from wallet_google.objects import HERO, LOGO, family, object_body, resource_id
from wallet_google.save_link import save_link
from wallet_google.schema import check

TITLE = "Google Wallet: save links, and updates from content to JSON that Google's schema takes"
LINKS = 0.8
BUDGET = 0.001
"""Seconds of CPU that an update may take."""

LINKS_IN_A_ROUND = 10
UPDATES_IN_A_ROUND = 50

BASE_URL = "https://karten.example.de"
ISSUER_ID = "3388000000022222222"
NOW = 1_795_000_000
_PADDING, _HASH = PKCS1v15(), SHA256()


def run(folder: Path, seconds: float, *, with_peers: bool) -> Iterator[Row | Note]:
    """Measures for about ``seconds`` per comparison; nothing is left in ``folder``."""
    yield from _save_links(seconds)
    yield from _updates(seconds)


def _save_links(seconds: float) -> Iterator[Row | Note]:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    email = "treuepass@kranz-cards.iam.gserviceaccount.com"
    credentials = Credentials(
        ISSUER_ID, email, "0" * 40, key, "https://oauth2.googleapis.com/token"
    )
    serials = count(100_000_000_000)

    def link(serial: int) -> str:
        object_id = resource_id(ISSUER_ID, f"{serial}")
        return save_link(
            credentials, "loyalty", object_id, save_url=SAVE_URL, origin=BASE_URL, now=NOW
        )

    token = link(next(serials)).rpartition("/")[2]
    signed = token.rpartition(".")[0].encode()
    jwt.decode(token, key.public_key(), ["RS256"], audience="google")  # what is measured is right

    batches: dict[str, Batch] = {
        "raw": rounds.batch_of(
            LINKS_IN_A_ROUND, lambda: None, lambda _: key.sign(signed, _PADDING, _HASH)
        ),
        "link": rounds.batch_of(LINKS_IN_A_ROUND, lambda: next(serials), link),
    }
    for batch in batches.values():
        batch()
    rates = rounds.interleave(batches, seconds)
    yield Row("raw RSA-2048 signature", rates["raw"])
    yield Row("save link", rates["link"], "raw", rates["raw"], LINKS)


def _updates(seconds: float) -> Iterator[Row | Note]:
    """In CPU time, which what else the machine does leaves alone."""
    cards = _Cards()
    batches: dict[str, Batch] = {family(style): cards.updates(style) for style in Style}
    for batch in batches.values():
        batch()  # the first one compiles the schema
    gc.collect()
    gc.freeze()
    rates = rounds.interleave(batches, seconds)
    gc.unfreeze()
    for name, found in rates.items():
        yield Row(f"update, {name}", found, "1 ms of CPU", [1 / BUDGET] * len(found), 1)
    told = ", ".join(f"{1000 / rounds.usual(found):.2f} {name}" for name, found in rates.items())
    yield Note(f"Milliseconds of CPU for an update: {told}.")


class _Cards:
    """Cards without end, each of which nobody has seen."""

    def __init__(self) -> None:
        pictures = {
            name: Picture(name, "0" * 64, b"", f"{BASE_URL}/media/{name}.png")
            for name in (LOGO, HERO)
        }
        self._look = replace(sample.look(), pictures=pictures)
        self._locations = sample.locations()
        self._numbers = count(1)
        self._site = Site(BASE_URL, near=False)

    def card(self, style: Style) -> PassContent:
        made = sample.card(next(self._numbers), self._look, self._locations, None)
        return replace(made, style=style)

    def updates(self, style: Style) -> Batch:
        """Draws, checks and writes bodies; how many in a second of CPU."""
        name = family(style)
        kind = f"{name[0].upper()}{name[1:]}Object"

        def run() -> float:
            prepared = [self.card(style) for _ in range(UPDATES_IN_A_ROUND)]
            start = time.process_time()
            for content in prepared:
                body = object_body(content, ISSUER_ID, self._site)
                check(body, kind)
                json.dumps(body, separators=(",", ":")).encode()
            return len(prepared) / (time.process_time() - start)

        return run
