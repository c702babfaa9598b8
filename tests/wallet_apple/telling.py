"""Cards, devices and wallets for the tests of pushes."""

from __future__ import annotations

import atexit
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from certs_example.make import issue_pass_certificate, make_all
from passes.wallet_port import (
    Account,
    CodeFormat,
    Installation,
    Look,
    Outcome,
    PassContent,
    Reason,
    Receipt,
    State,
    Style,
    WalletError,
)
from tests.fakes.apns import FakeApns
from wallet_apple.pushing import PushSettings, read_settings
from wallet_apple.wallet import AppleWallet

TOPIC = "pass.example.treuepass"
SAME = {"de": "Karte", "en": "Card", "nl": "Kaart"}


@cache
def certificates() -> Path:
    """The folder of example credentials, valid today: TLS goes by the real clock."""
    folder = tempfile.TemporaryDirectory(prefix="certs-")
    atexit.register(folder.cleanup)
    made = Path(folder.name) / "certs_example"
    make_all(made)
    return made


@cache
def account(pass_type_id: str, identity: str = "own", version: int = 1, days: int = 395) -> Account:
    """A merchant's own certificate, from the example authority; ``days`` until it ends."""
    folder = certificates()
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    certificate = issue_pass_certificate(
        key.public_key(),
        x509.load_pem_x509_certificate((folder / "wwdr.pem").read_bytes()),
        cast(RSAPrivateKey, load_pem_private_key((folder / "wwdr.key").read_bytes(), None)),
        datetime.now(UTC) - timedelta(days=395 - days),
        pass_type_id=pass_type_id,
        life=timedelta(days=395),
    )
    stored = {
        "certificate": certificate.public_bytes(Encoding.PEM).decode(),
        "private_key": key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ).decode(),
        "wwdr": (folder / "wwdr.pem").read_text(),
    }
    return Account(identity, version, json.dumps(stored), pass_type_id)


def now() -> datetime:
    return datetime.now(UTC)


def token(number: int) -> str:
    """A push token as iPhones have them: 32 bytes in hex."""
    return f"{number:064x}"


def content(number: int = 0, **changes: Any) -> PassContent:
    parts: dict[str, Any] = {
        "serial": f"{100_000_000_000 + number}", "secret": "0123456789abcdef" * 2,
        "page_url": "https://cards.example/c/secret/", "code": "0123456789ABCDEF",
        "code_format": CodeFormat.QR, "version": 1, "changed_at": datetime.now(UTC),
        "style": Style.BALANCE, "state": State.VALID, "expires_at": None,
        "time_zone": "Europe/Berlin", "merchant": "Alma", "merchant_id": "alma",
        "title": SAME, "description": SAME, "holder": "Ada", "language": "de",
        "languages": ("de", "en", "nl"), "fields": (), "locations": (),
        "look": Look("#000000", "#ffffff", "#ffffff", {}), "template": "one",
        "template_version": 1,
    }  # fmt: skip
    return PassContent(**{**parts, **changes})


def device(push_token: str, days_ago: float = 1.0, **address: str) -> Installation:
    return Installation(
        f"device of {push_token}",
        {"token": push_token, "topic": TOPIC, "scheme": "ApplePass", **address},
        datetime.now(UTC) - timedelta(days=days_ago),
    )


def cards(numbers: Sequence[int]) -> list[tuple[PassContent, list[Installation], Reason]]:
    """A card with one device for each number."""
    return [(content(number), [device(token(number))], Reason.BALANCE) for number in numbers]


def settings_for(apns: FakeApns, **more: str) -> PushSettings:
    """What a wallet needs to push there; ``more`` are further settings by name."""
    address = {"TREUEPASS_APNS_URL": apns.url, "TREUEPASS_APNS_CA": str(apns.ca_file)}
    return read_settings({**address, **more})


def wallet_for(settings: PushSettings, clock: Callable[[], datetime] = now) -> AppleWallet:
    return AppleWallet("https://cards.example", certificates(), clock, settings)


def outcomes(answers: Sequence[Sequence[Receipt] | WalletError]) -> list[Outcome | type]:
    """One for each card with one device."""
    return [
        type(answer) if isinstance(answer, WalletError) else answer[0].outcome for answer in answers
    ]


def until(true: Any, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def said_by_us(caplog: pytest.LogCaptureFixture) -> str:
    """What the product logged; the stand-in's libraries log every header that they read."""
    ours = [each for each in caplog.records if each.name.startswith(("wallet_apple", "root"))]
    return "\n".join(each.getMessage() for each in ours)
