"""Web Push: what a push costs before it leaves, beside pywebpush."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any, cast

import http_ece
import pywebpush
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from benchmarks import rounds
from benchmarks.rounds import Batch
from benchmarks.table import Row
from pwa import base64url
from pwa.vapid import Headers, KeyPair
from pwa.webpush import encrypt

TITLE = "Web Push: messages of 128 bytes, encrypted for one browser each, with their VAPID header"
READY = 2.0

SUBSCRIPTIONS = 200
IN_A_ROUND = 50
MESSAGE = b"x" * 128
ORIGIN = "https://fcm.googleapis.com"
SUBJECT = "mailto:till@cafe-kranz.de"

Subscription = tuple[bytes, bytes, dict[str, Any]]
"""Public key and secret of a browser, and both as pywebpush wants them."""


def run(folder: Path, seconds: float, *, with_peers: bool) -> Iterator[Row]:
    """Measures for about ``seconds``, in CPU time; nothing is left in ``folder``."""
    pair, headers = KeyPair.generate(), Headers()
    private, subscriptions = _browser(), [_subscription(_browser()) for _ in range(SUBSCRIPTIONS)]
    _assert_right(private)
    peer = ec.generate_private_key(ec.SECP256R1()).public_key()
    session = cast(requests.Session, _Nowhere())

    def bare(_: Subscription) -> None:
        ec.generate_private_key(ec.SECP256R1()).exchange(ec.ECDH(), peer)

    def alone(each: Subscription) -> None:
        encrypt(MESSAGE, each[0], each[1])

    def ready(each: Subscription) -> None:
        encrypt(MESSAGE, each[0], each[1])
        headers.header(pair, SUBJECT, ORIGIN, time.time())

    def theirs_alone(each: Subscription) -> None:
        pywebpush.WebPusher(each[2]).encode(MESSAGE)

    def theirs(each: Subscription) -> None:
        pywebpush.webpush(
            each[2],
            MESSAGE,
            vapid_private_key=pair.scalar,
            vapid_claims={"sub": SUBJECT},
            requests_session=session,
        )

    works = {"bare": bare, "alone": alone, "ready": ready}
    if with_peers:
        works |= {"theirs alone": theirs_alone, "theirs": theirs}
    batches = {name: _batch(work, subscriptions) for name, work in works.items()}
    for batch in batches.values():
        batch()
    rates = rounds.interleave(batches, seconds)
    yield Row("a key pair and ECDH, which no encryption can do without", rates["bare"])
    yield Row("encryption alone", rates["alone"], "the bare ECDH", rates["bare"])
    if with_peers:
        yield Row("encryption alone", rates["alone"], "pywebpush encode", rates["theirs alone"])
        yield Row("encryption and header", rates["ready"], "pywebpush", rates["theirs"], READY)


def _batch(work: Callable[[Subscription], None], subscriptions: list[Subscription]) -> Batch:
    """In CPU time, which what else the machine does leaves alone. Each message is for another
    browser than the one before."""
    turns = cycle(subscriptions)

    def run() -> float:
        start = time.process_time()
        for _ in range(IN_A_ROUND):
            work(next(turns))
        return IN_A_ROUND / (time.process_time() - start)

    return run


def _browser() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _subscription(private: ec.EllipticCurvePrivateKey) -> Subscription:
    point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    secret = os.urandom(16)
    keys = {"p256dh": base64url.encoded(point), "auth": base64url.encoded(secret)}
    return point, secret, {"endpoint": f"{ORIGIN}/fcm/send/x", "keys": keys}


def _assert_right(private: ec.EllipticCurvePrivateKey) -> None:
    """What is measured is right: an independent reader opens both."""
    point, secret, wanted = _subscription(private)
    for body in (
        encrypt(MESSAGE, point, secret),
        pywebpush.WebPusher(wanted).encode(MESSAGE)["body"],
    ):
        opened = http_ece.decrypt(
            body, private_key=private, auth_secret=secret, version="aes128gcm"
        )
        assert opened == MESSAGE


class _Nowhere:
    """Stands where pywebpush keeps its connections, and takes every push without any."""

    def post(self, *_: object, **__: object) -> requests.Response:
        taken = requests.Response()
        taken.status_code = 201
        taken._content = b""
        return taken
