"""Checks what must be right before customers come, and says in a sentence what to do about it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from sqlalchemy.exc import DBAPIError

import migrations
from commands.parts import Assemble, Parts
from passes import clock
from passes.ledger.figures import disagreements
from passes.merchants.models import Merchant
from passes.settings import Settings
from passes.store import lasting_faults


@dataclass(frozen=True, slots=True)
class Line:
    """One finding. ``state``: ok, note (works, but look at it) or broken."""

    state: str
    subject: str
    sentence: str


def run(parsed: argparse.Namespace, settings: Settings, assemble: Assemble) -> int:
    """Exit code 1 when something is broken."""
    lines = list(_examine(assemble(settings)))
    if parsed.json:
        print(json.dumps([asdict(line) for line in lines]))
    else:
        for line in lines:
            print(f"{line.state:<7} {line.subject:<14} {line.sentence}")
    return 1 if any(line.state == "broken" for line in lines) else 0


def _examine(parts: Parts) -> Iterator[Line]:
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
    yield from _database(parts)
    now = clock.now()
    for wallet in parts.wallets.values():
        findings = wallet.check(now)
        for finding in findings:
            yield Line("broken" if finding.stops else "note", wallet.title, finding.sentence)
        if not findings:
            yield Line("ok", wallet.title, "ready")


def _database(parts: Parts) -> Iterator[Line]:
    store = parts.store
    try:
        newest = migrations.is_newest(store.engine)
    except DBAPIError as error:
        yield Line("broken", "database", f"cannot be reached: {type(error.orig).__name__}")
        return
    if not newest:
        yield Line("broken", "database", "is not up to date: run treuepass migrate")
        return
    yield Line("ok", "database", f"{store.engine.dialect.name}, up to date")
    for fault in lasting_faults(store):
        yield Line("broken", "database", fault)
    with store.read_all() as session:
        merchants = [(merchant.id, merchant.name) for merchant in session.query(Merchant)]
    for merchant_id, name in merchants:
        with store.read(merchant_id) as session:
            wrong = disagreements(session)
        if wrong:
            yield Line(
                "broken",
                "ledger",
                f"{len(wrong)} cards of {name} do not show what their entries add up to",
            )
    if merchants:
        yield Line("ok", "ledger", f"figures equal entries at {len(merchants)} merchants")
