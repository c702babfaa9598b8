"""Checks what must be right before customers come, and says in a sentence what to do about it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

import migrations
from commands.parts import Assemble, Parts
from passes import clock
from passes.delivery.pauses import pauses
from passes.delivery.reports import RECENT, reports
from passes.ledger.figures import disagreements
from passes.merchants import accounts
from passes.merchants.models import Merchant
from passes.settings import Settings
from passes.store import lasting_faults
from passes.vault import CannotOpen
from passes.wallet_port import Finding, Wallet


@dataclass(frozen=True, slots=True)
class Line:
    """One finding. ``state``: ok, note (works, but look at it) or broken."""

    state: str
    subject: str
    sentence: str


def run(parsed: argparse.Namespace, settings: Settings, assemble: Assemble) -> int:
    """Exit code 1 when something is broken. ``--online`` asks the vendors about each account."""
    lines = list(_examine(assemble(settings), online=parsed.online))
    if parsed.json:
        print(json.dumps([asdict(line) for line in lines]))
    else:
        for line in lines:
            print(f"{line.state:<7} {line.subject:<14} {line.sentence}")
    return 1 if any(line.state == "broken" for line in lines) else 0


def _examine(parts: Parts, *, online: bool) -> Iterator[Line]:
    settings = parts.settings
    yield Line("ok", "data folder", str(settings.data_dir))
    if settings.base_url.startswith("https://"):
        yield Line("ok", "address", settings.base_url)
    else:
        yield Line(
            "note",
            "address",
            f"{settings.base_url} is for trials: phones need https (TREUEPASS_BASE_URL)",
        )
    merchants = yield from _database(parts)
    now = clock.now()
    for wallet in parts.wallets.values():
        yield from _lines(wallet, wallet.check(now), "ready")
        for merchant_id, name in merchants:
            yield from _accounts(parts, wallet, merchant_id, name, now, online=online)
    yield from _complaints(parts, now)


def _complaints(parts: Parts, now: datetime) -> Iterator[Line]:
    """What devices told the web service lately."""
    with parts.store.read_all() as session:
        lately = reports(session, now - RECENT)
    for report in lately:
        title = parts.wallets[report.wallet].title if report.wallet in parts.wallets else "devices"
        sentence = f"{report.sentence['en']} ({report.subject}: {report.times})"
        yield Line("note", title, sentence)


def _accounts(
    parts: Parts, wallet: Wallet, merchant_id: UUID, merchant: str, now: datetime, *, online: bool
) -> Iterator[Line]:
    """What a merchant's own credentials are good for; nothing is said of one in test mode.

    ``online``: the vendor is asked, too.
    """
    try:
        with parts.store.read(merchant_id) as session:
            entered = accounts.wallet_accounts(session, wallet.kind)
            stopped = [row.sentence for row in pauses(session) if row.wallet == wallet.kind]
    except CannotOpen as error:
        yield Line("broken", wallet.title, f"{merchant}: credentials do not open: {error}")
        return
    for sentence in stopped:
        yield Line("broken", wallet.title, f"{merchant}: deliveries are paused: {sentence}")
    for account in entered:
        end = wallet.facts(account).get("expires_at")
        until = f", until {end:%Y-%m-%d}" if isinstance(end, datetime) else ""
        found = [*wallet.check(now, [account])]
        if online:
            told = wallet.try_out(account)
            found += [replace(each, sentence=f"{account.name}: {each.sentence}") for each in told]
        yield from _lines(wallet, found, f"{account.name}{until}", f"{merchant}: ")


def _lines(
    wallet: Wallet, findings: Sequence[Finding], ready: str, prefix: str = ""
) -> Iterator[Line]:
    for finding in findings:
        state = "broken" if finding.stops else "note"
        yield Line(state, wallet.title, f"{prefix}{finding.sentence}")
    if not findings:
        yield Line("ok", wallet.title, f"{prefix}{ready}")


def _database(parts: Parts) -> Generator[Line, None, list[tuple[UUID, str]]]:
    """Says how the database is; the merchants in it, by id and name."""
    store = parts.store
    try:
        newest = migrations.is_newest(store.engine)
    except DBAPIError as error:
        yield Line("broken", "database", f"cannot be reached: {type(error.orig).__name__}")
        return []
    if not newest:
        yield Line("broken", "database", "is not up to date: run treuepass migrate")
        return []
    yield Line("ok", "database", f"{store.engine.dialect.name}, up to date")
    for fault in lasting_faults(store):
        yield Line("broken", "database", fault)
    with store.read_all() as session:
        merchants = [
            (row.id, row.name) for row in session.execute(select(Merchant.id, Merchant.name))
        ]
    agree = True
    for merchant_id, name in merchants:
        with store.read(merchant_id) as session:
            wrong = disagreements(session)
        if wrong:
            agree = False
            yield Line(
                "broken",
                "ledger",
                f"{len(wrong)} cards of {name} do not show what their entries add up to",
            )
    if merchants and agree:
        yield Line("ok", "ledger", f"figures equal entries at {len(merchants)} merchants")
    return merchants
