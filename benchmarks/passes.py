"""Apple passes: from content to signed bytes, beside the bare RSA signature and beside peers."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from benchmarks import peers, rounds, sample
from benchmarks.rounds import Batch
from benchmarks.table import Note, Row
from certs_example.make import make_all
from passes import clock
from passes.wallet_port import Account, PassContent
from wallet_apple.wallet import AppleWallet

TITLE = "Apple passes with seven pictures of 137 KB, from content to signed bytes"
ONE_THREAD = 0.85
TWO_THREADS = 1.5
PY_PKPASS = 50.0

# A round is short, so that whatever else the machine does meets both sides of a comparison.
PASSES_IN_A_ROUND = 10
PASSES_OF_A_THREAD = 100
SIGNED_ATTRIBUTES = bytes(150)  # as many bytes as a pass has signed

_PADDING, _HASH = PKCS1v15(), SHA256()


def run(folder: Path, seconds: float, *, with_peers: bool) -> Iterator[Row | Note]:
    """Measures for about ``seconds`` per comparison; ``folder`` keeps what peers need."""
    certificates = folder / "certs_example"
    make_all(certificates)
    bench = _Bench(certificates)
    bench.check(certificates / "root.pem")
    yield from _one_thread(bench, seconds)
    yield from _two_threads(bench, seconds)
    if with_peers:
        yield from _peers(bench, folder, seconds)


class _Bench:
    """One wallet, its key, and cards without end, each of which it has never seen."""

    def __init__(self, certificates: Path) -> None:
        names = {"certificate": "pass.pem", "private_key": "pass.key", "wwdr": "wwdr.pem"}
        stored = {name: (certificates / file).read_text() for name, file in names.items()}
        self._account = Account(id="kranz", version=1, data=json.dumps(stored))
        self._wallet = AppleWallet("http://127.0.0.1:8000", certificates, clock.now)
        self._key = self._wallet.credentials(self._account).key
        self._look, self._locations = sample.look(), sample.locations()
        self._numbers = count(1)

    def card(self) -> PassContent:
        return sample.card(next(self._numbers), self._look, self._locations, self._account)

    def sign_pass(self, content: PassContent) -> bytes:
        return self._wallet.signed_pass(content)

    def sign_raw(self, _: object) -> bytes:
        return self._key.sign(SIGNED_ATTRIBUTES, _PADDING, _HASH)

    def one_thread(self) -> dict[str, Batch]:
        many = PASSES_IN_A_ROUND
        return {
            "raw": rounds.batch_of(many, lambda: None, self.sign_raw),
            "pass": rounds.batch_of(many, self.card, self.sign_pass),
        }

    def threads(self) -> dict[str, Batch]:
        many = PASSES_OF_A_THREAD
        return {
            f"{name} {threads}": rounds.threaded(threads, many, prepare, work)
            for threads in (1, 2)
            for name, prepare, work in (
                ("raw", lambda: None, self.sign_raw),
                ("pass", self.card, self.sign_pass),
            )
        }

    def check(self, root: Path) -> None:
        """What is measured must be right: every hash, and the signature where openssl is there."""
        body = self.sign_pass(self.card())
        assert body != self.sign_pass(self.card())
        with zipfile.ZipFile(io.BytesIO(body)) as package:
            files = {name: package.read(name) for name in package.namelist()}
        manifest, signature = files.pop("manifest.json"), files.pop("signature")
        hashes = {
            name: hashlib.sha1(file, usedforsecurity=False).hexdigest()
            for name, file in files.items()
        }
        assert json.loads(manifest) == hashes
        assert sum(len(file) for name, file in files.items() if name.endswith(".png")) > 135_000
        if shutil.which("openssl"):
            folder = root.parent
            (folder / "manifest.json").write_bytes(manifest)
            subprocess.run(
                ["openssl", "cms", "-verify", "-purpose", "any", "-binary", "-inform", "DER",
                 "-content", folder / "manifest.json", "-CAfile", root, "-out", folder / "checked"],
                input=signature, check=True, capture_output=True,
            )  # fmt: skip


def _one_thread(bench: _Bench, seconds: float) -> Iterator[Row | Note]:
    for batch in bench.one_thread().values():
        batch()
    rates = rounds.interleave(bench.one_thread(), seconds)
    yield Row("raw RSA-2048 signature", rates["raw"])
    yield Row("pass, one thread", rates["pass"], "raw", rates["raw"], ONE_THREAD)


def _two_threads(bench: _Bench, seconds: float) -> Iterator[Row | Note]:
    rates = rounds.interleave(bench.threads(), seconds)
    raw = Row("raw signature, two threads", rates["raw 2"], "raw in one thread", rates["raw 1"])
    yield raw
    yield Row(
        "pass, two threads", rates["pass 2"], "pass in one thread", rates["pass 1"], TWO_THREADS
    )
    if raw.ratio is not None and raw.ratio < TWO_THREADS:
        yield Note(
            f"Two threads signed bare only {raw.ratio:.2f} times as fast as one:"
            " this machine had no two cores free."
        )


def _peers(bench: _Bench, folder: Path, seconds: float) -> Iterator[Row | Note]:
    pictures = folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    for name, picture in sample.pictures().items():
        file = name.removeprefix("apple-").replace("@1x", "")
        (pictures / f"{file}.png").write_bytes(picture.png)

    ours_alone = bench.one_thread()["pass"]
    for peer in peers.PEERS:
        trouble = peers.install(peer, folder)
        if trouble is not None:
            yield Note(f"{peer.distribution} could not be installed: {trouble}")
            continue
        # Each round of the peer lies between two of ours.
        batches: dict[str, Batch] = {
            "ours": ours_alone,
            "theirs": partial(peers.rate, peer, folder, pictures, 1.0),
        }
        try:
            rates = rounds.interleave(batches, seconds / 2)
        except peers.PeerFailed as failure:
            yield Note(f"{peer.distribution} made no passes: {failure}")
            continue
        target = PY_PKPASS if peer.name == "py-pkpass" else None
        yield Row(peer.distribution, rates["theirs"])
        yield Row("pass, one thread", rates["ours"], peer.name, rates["theirs"], target)
