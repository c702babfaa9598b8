"""Credentials of wallets: requests for certificates, files that come back, the example ones."""

from __future__ import annotations

import argparse
import base64
import getpass
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

import migrations
from certs_example.make import make_all
from commands.keys import merchant_named
from commands.parts import Assemble, Parts
from passes import clock
from passes.delivery.pauses import revive
from passes.errors import Invalid, NotFound
from passes.merchants import accounts
from passes.merchants.models import Merchant
from passes.settings import Settings
from passes.wallet_port import Wallet

USUAL = "apple"
"""The wallet that works with certificates; ``--wallet`` names another one."""

_WITH_PASSWORD = {".p12", ".pfx"}


def add_parsers(certificates: Any) -> None:
    """``treuepass certs csr``, ``import``, ``google``, ``list`` and ``example``."""
    asking = certificates.add_parser("csr", help="makes a request for a certificate")
    asking.add_argument("--merchant", required=True, metavar="SLUG")
    asking.add_argument("--common-name", required=True, metavar="NAME")
    asking.add_argument("--email")
    asking.add_argument("--wallet", default=USUAL, metavar="KIND")
    asking.add_argument("--out", type=Path, metavar="FILE", help="instead of standard output")
    asking.set_defaults(command=csr)

    bringing = certificates.add_parser(
        "import", help="takes in .cer, .pem and .p12 files, and a private key where there is one"
    )
    bringing.add_argument("files", nargs="+", type=Path, metavar="FILE")
    bringing.add_argument("--merchant", required=True, metavar="SLUG")
    bringing.add_argument("--wallet", default=USUAL, metavar="KIND")
    bringing.add_argument("--password-file", type=Path, metavar="FILE")
    bringing.add_argument(
        "--wwdr", type=Path, metavar="FILE", help="the intermediate that issued the certificate"
    )
    bringing.set_defaults(command=bring)

    service = certificates.add_parser(
        "google", help="takes in a Google service account, and asks Google whether it may work"
    )
    service.add_argument("file", type=Path, metavar="KEY_FILE.json")
    service.add_argument("--merchant", required=True, metavar="SLUG")
    service.add_argument(
        "--issuer", required=True, metavar="ID", help="the number that Google's console shows"
    )
    service.set_defaults(command=bring_google)

    listing = certificates.add_parser("list", help="shows accounts, requests and their ends")
    listing.add_argument("--merchant", metavar="SLUG", help="one merchant; otherwise all")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(command=show)

    making = certificates.add_parser("example", help="makes the example certificates")
    making.set_defaults(command=example)


def csr(parsed: argparse.Namespace, settings: Settings, assemble: Assemble) -> int:
    """Prints a request to be given to the vendor; its key stays in the database, sealed."""
    parts = assemble(settings)
    migrations.upgrade(parts.store.engine)
    wallet = _wallet(parts, parsed.wallet)
    given = {"common_name": parsed.common_name}
    if parsed.email:
        given["email"] = parsed.email
    merchant_id = merchant_named(parts.store, parsed.merchant)
    pem, made = accounts.make_request(wallet, given, clock.now())
    with parts.store.write(merchant_id) as session:
        waiting = accounts.keep_request(session, wallet, made, clock.now())
    if parsed.out is None:
        print(pem, end="")
    else:
        parsed.out.write_text(pem)
        print(f"{parsed.out}: request {waiting.id}. Its key stays here, sealed.")
    return 0


def bring(parsed: argparse.Namespace, settings: Settings, assemble: Assemble) -> int:
    """Takes in what the vendor issued, and says what it is and how long it holds."""
    given = read_files(parsed.files, parsed.wwdr)
    if parsed.password_file is not None:
        given["password"] = _read(parsed.password_file).decode(errors="replace").rstrip("\r\n")
    parts = assemble(settings)
    try:
        return _enter(parts, parsed.merchant, parsed.wallet, given)
    except Invalid as error:
        wants_password = [wrong.field for wrong in error.fields] == ["password"]
        if not wants_password or "password" in given or not sys.stdin.isatty():
            raise
        given["password"] = getpass.getpass("Password of the file: ")
        return _enter(parts, parsed.merchant, parsed.wallet, given)


def bring_google(parsed: argparse.Namespace, settings: Settings, assemble: Assemble) -> int:
    """Takes in an issuer id and the key file of a service account, and asks Google about them."""
    file = _read(parsed.file).decode(errors="replace")
    given = {"issuer_id": parsed.issuer, "service_account": file}
    return _enter(assemble(settings), parsed.merchant, "google", given)


def _enter(parts: Parts, slug: str, kind: str, given: Mapping[str, object]) -> int:
    """Keeps the credentials, says what they are and what is found about them. Raises Invalid."""
    migrations.upgrade(parts.store.engine)
    wallet = _wallet(parts, kind)
    merchant_id = merchant_named(parts.store, slug)
    examined = accounts.examine(parts.store, merchant_id, wallet, given, clock.now())
    with parts.store.write(merchant_id) as session:
        account = accounts.enter(session, wallet, examined, clock.now())
        revive(session, wallet.kind, clock.now())
    for line in _described(account.name, wallet.facts(account)):
        print(line)
    for finding in (*wallet.check(clock.now(), [account]), *examined.findings):
        print(finding.sentence)
    return 0


def show(parsed: argparse.Namespace, settings: Settings, assemble: Assemble) -> int:
    """Every account and every request that waits, without anything secret."""
    parts = assemble(settings)
    migrations.upgrade(parts.store.engine)
    rows = list(_listed(parts, parsed.merchant))
    if parsed.json:
        print(orjson.dumps(rows, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())
        return 0
    for row in rows:
        state = "waits for its certificate" if row["pending"] else ""
        for line in _described(f"{row['merchant']}  {row['wallet']}  {row['name']}", row, state):
            print(line)
        for sentence in row["findings"]:
            print(f"    {sentence}")
    if not rows:
        print("No credentials yet: everything works in test mode, with the example ones.")
    return 0


def example(parsed: argparse.Namespace, settings: Settings, assemble: Assemble) -> int:
    """Makes the example certificates where they are missing or old, and says where they are."""
    folder = settings.data_dir / "certs_example"
    make_all(folder)
    for file in sorted(folder.iterdir()):
        if not file.name.startswith("."):
            print(file)
    return 0


def read_files(files: Sequence[Path], wwdr: Path | None) -> dict[str, object]:
    """The files as the parts of what is entered: told apart by what is in them, PKCS #12 by name.

    Raises Invalid.
    """
    given: dict[str, object] = {}
    for file in files:
        content = _read(file)
        is_pem = b"-----BEGIN" in content
        if file.suffix.lower() in _WITH_PASSWORD:
            part = "p12"
        elif is_pem and b"PRIVATE KEY-----" in content and b"BEGIN CERTIFICATE-----" not in content:
            part = "private_key"
        else:
            part = "certificate"
        if part in given:
            raise Invalid.field(part, f"{file} is the second file of this kind")
        given[part] = _text(content)
    if wwdr is not None:
        given["wwdr"] = _text(_read(wwdr))
    return given


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Invalid.field(str(file), f"cannot be read: {error.strerror}") from None


def _wallet(parts: Parts, kind: str) -> Wallet:
    wallet = parts.wallets.get(kind)
    if wallet is None:
        raise NotFound(f"wallet {kind!r}; there are {', '.join(parts.wallets)}")
    return wallet


def _listed(parts: Parts, slug: str | None) -> Iterator[dict[str, Any]]:
    wanted = merchant_named(parts.store, slug) if slug is not None else None
    with parts.store.read_all() as session:
        merchants = [
            (row.id, row.slug)
            for row in session.query(Merchant).order_by(Merchant.created_at)
            if wanted in {None, row.id}
        ]
    now = clock.now()
    for merchant_id, merchant in merchants:
        with parts.store.read(merchant_id) as session:
            for wallet in parts.wallets.values():
                for pending in (False, True):
                    for account in accounts.wallet_accounts(session, wallet.kind, pending=pending):
                        found = () if pending else wallet.check(now, [account])
                        yield {
                            **wallet.facts(account),
                            "merchant": merchant,
                            "wallet": wallet.kind,
                            "id": account.id,
                            "name": account.name,
                            "pending": pending,
                            "findings": [finding.sentence for finding in found],
                        }


def _described(name: str, facts: Mapping[str, Any], state: str = "") -> Iterator[str]:
    words = [name]
    if facts.get("team"):
        words.append(f"team {facts['team']}")
    if facts.get("service_account"):
        words.append(str(facts["service_account"]))
    if facts.get("nfc"):
        words.append("with NFC")
    if facts.get("expires_at"):
        words.append(f"until {facts['expires_at']:%Y-%m-%d}")
    if state:
        words.append(state)
    yield "  ".join(words)
