"""Pushes to Apple: from a batch of cards to its receipts, beside h2load and beside aioapns."""

from __future__ import annotations

import gc
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from time import perf_counter

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from benchmarks import peers, rounds, sample
from benchmarks.rounds import Batch
from benchmarks.table import Note, Row
from certs_example.make import make_all
from passes import clock
from passes.wallet_port import Account, Installation, PassContent, Reason
from wallet_apple.apns.sender import PUSHES_PER_CONNECTION
from wallet_apple.pushing import pem_of, read_settings
from wallet_apple.wallet import AppleWallet

TITLE = "Apple pushes over TLS to one local server with 250 streams a connection, with receipts"
OF_H2LOAD = 0.5
OF_AIOAPNS = 25.0

STREAMS = 250
H2LOAD_REQUESTS = 300_000
PEER = peers.Peer("aioapns", "aioapns==4.0")
PEER_SCRIPT = Path(__file__).with_name("apns_peer.py")

_RATE = re.compile(r"finished in .*?, ([0-9.]+) req/s")
_DONE = re.compile(r"status codes: ([0-9]+) 2xx")

Cards = list[tuple[PassContent, list[Installation], Reason]]


def run(folder: Path, seconds: float, *, with_peers: bool) -> Iterator[Row | Note]:
    """Measures for about ``seconds`` per comparison; ``folder`` keeps what peers need."""
    certificates = folder / "certs_example"
    make_all(certificates)
    server = folder / "apns"
    server.mkdir(parents=True, exist_ok=True)
    make_server_certificate(server)
    with sink(server, certificates) as port:
        bench = _Bench(port, server, certificates)
        yield from _beside_h2load(bench, seconds)
        if with_peers:
            yield from _beside_aioapns(bench, folder, seconds)


class _Bench:
    """A wallet that pushes to the sink, and a card for each of many devices."""

    def __init__(self, port: int, server: Path, certificates: Path) -> None:
        self.port, self.server = port, server
        settings = {
            "TREUEPASS_APNS_URL": f"https://127.0.0.1:{port}",
            "TREUEPASS_APNS_CA": str(server / "server.pem"),
        }
        self.wallet = AppleWallet(
            "http://127.0.0.1:8000", certificates, clock.now, read_settings(settings)
        )
        self.topic = self.wallet.credentials(None).pass_type_id
        self.certificate = server / "client.pem"
        self.certificate.touch(mode=0o600)
        self.certificate.write_bytes(pem_of(self.wallet.credentials(None)))
        stored = {
            "certificate": (certificates / "pass.pem").read_text(),
            "private_key": (certificates / "pass.key").read_text(),
            "wwdr": (certificates / "wwdr.pem").read_text(),
        }
        self._account = Account("kranz", 1, json.dumps(stored), self.topic)
        self._look, self._locations = sample.look(), sample.locations()

    def cards(self, count: int) -> Cards:
        return [
            (
                sample.card(number, self._look, self._locations, self._account),
                [Installation(f"{number:032x}", self._address(number), sample.ISSUED)],
                Reason.BALANCE,
            )
            for number in range(1, count + 1)
        ]

    def _address(self, number: int) -> dict[str, str]:
        return {"token": f"{number:064x}", "topic": self.topic, "scheme": "ApplePass"}

    def pushes(self, cards: Cards, times: int) -> Batch:
        """So many batches of the same cards, one after the other."""

        def run() -> float:
            start = perf_counter()
            answers = [self.wallet.push_many(cards) for _ in range(times)]
            took = perf_counter() - start
            for each in answers:
                assert all(receipts[0].detail == "" for receipts in each)  # type: ignore[index] # an error would fail here
            return times * len(cards) / took

        return run

    def h2load(self, connections: int) -> float:
        """The same request, with the same headers, to one device."""
        body = self.server / "body.json"
        body.write_text("{}")
        headers = {
            "apns-topic": self.topic,
            "apns-push-type": "background",
            "apns-priority": "5",
            "apns-expiration": "1795388173",
        }
        named = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
        said = subprocess.run(
            ["h2load", "-n", str(H2LOAD_REQUESTS), "-c", str(connections), "-t", "1",
             "-m", str(STREAMS), "-d", body, *named,
             f"https://127.0.0.1:{self.port}/3/device/{1:064x}"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        rate, done = _RATE.search(said), _DONE.search(said)
        assert rate is not None
        assert done is not None
        assert int(done[1]) == H2LOAD_REQUESTS
        return float(rate[1])

    def aioapns(self, folder: Path) -> float:
        """Raises PeerFailed with the last line that it wrote."""
        run = subprocess.run(
            [peers.python_of(PEER, folder), PEER_SCRIPT, str(self.port), self.server / "server.pem",
             self.certificate, self.topic, str(STREAMS), "1.0"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if run.returncode:
            raise peers.PeerFailed((run.stderr.strip() or "it said nothing").splitlines()[-1])
        return float(json.loads(run.stdout)["per_second"])


def _beside_h2load(bench: _Bench, seconds: float) -> Iterator[Row | Note]:
    usual = bench.cards(200)
    for connections in (1, 4):
        cards = bench.cards(connections * PUSHES_PER_CONNECTION)
        # They stand for what the database gives a worker batch by batch, and are never garbage.
        gc.freeze()
        ours = bench.pushes(cards, 100_000 // len(cards))
        ours()
        batches: dict[str, Batch] = {"ours": ours}
        if shutil.which("h2load"):
            batches["h2load"] = partial(bench.h2load, connections)
        rates = rounds.interleave(batches, seconds)
        name = f"{len(cards):,} devices, {connections} connection{'s' if connections > 1 else ''}"
        if "h2load" in rates:
            yield Row(f"h2load, {connections} of them", rates["h2load"])
            yield Row(name, rates["ours"], "h2load", rates["h2load"], OF_H2LOAD)
        else:
            yield Row(name, rates["ours"])
    if not shutil.which("h2load"):
        yield Note("h2load is not there (Debian: apt-get install nghttp2-client); not compared.")
    yield Row(
        "200 devices a batch", rounds.interleave({"": bench.pushes(usual, 50)}, seconds / 4)[""]
    )


def _beside_aioapns(bench: _Bench, folder: Path, seconds: float) -> Iterator[Row | Note]:
    trouble = peers.install(PEER, folder)
    if trouble is not None:
        yield Note(f"{PEER.distribution} could not be installed: {trouble}")
        return
    cards = bench.cards(PUSHES_PER_CONNECTION)
    batches: dict[str, Batch] = {
        "ours": bench.pushes(cards, 20),
        "theirs": partial(bench.aioapns, folder),
    }
    try:
        rates = rounds.interleave(batches, seconds)
    except peers.PeerFailed as failure:
        yield Note(f"{PEER.distribution} made no pushes: {failure}")
        return
    yield Row(f"{PEER.distribution}, 1 connection", rates["theirs"])
    yield Row("5,000 devices, 1 connection", rates["ours"], PEER.name, rates["theirs"], OF_AIOAPNS)


@contextmanager
def sink(server: Path, certificates: Path) -> Iterator[int]:
    command = (
        sys.executable,
        "-m",
        "benchmarks.apns_sink",
        str(server / "server.both"),
        str(certificates / "root.pem"),
        str(STREAMS),
    )
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()  # and with it the process ends


def make_server_certificate(folder: Path) -> None:
    """server.pem for 127.0.0.1, which is its own authority, and server.both with the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.now() - timedelta(hours=1))
        .not_valid_after(clock.now() + timedelta(days=2))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    ).public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.pem").write_bytes(certificate)
    both = folder / "server.both"
    both.touch(mode=0o600)
    both.write_bytes(secret + certificate)
