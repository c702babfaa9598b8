"""Runs the web server and the worker, and migrates the database before."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import threading
from functools import partial

from granian import Granian
from granian.constants import Interfaces
from sqlalchemy import select

import migrations
from commands import demo, serving
from commands.parts import Assemble, Parts
from passes.card_templates import pictures
from passes.merchants.models import Merchant
from passes.settings import Settings, WrongSetting
from passes.store import lasting_faults

STREAMS = 24
"""Threads for answers that go on for long: as many as pages may listen to (pwa/stream.py)."""


def serve(parsed: argparse.Namespace, settings: Settings, assemble: Assemble) -> int:
    """Serves until it is told to stop."""
    parts = assemble(settings)
    prepare(parts)
    if parsed.demo:
        demo.print_for_people(demo.make_or_find(parts))
    parts.store.close()
    # The server's process reads the settings for itself, and cannot know the address.
    os.environ["TREUEPASS_BASE_URL"] = settings.base_url
    # There are many threads on purpose: nearly all of them wait.
    logging.getLogger("_granian").addFilter(lambda said: "Python threads" not in said.getMessage())
    target = "app:create_app" if parsed.no_worker else "app:create_app_with_worker"
    at_once = 2 if settings.uses_sqlite else 8
    Granian(
        target,
        address=parsed.host,
        port=parsed.port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=at_once + STREAMS,
        websockets=False,
        log_access=False,
    ).serve(target_loader=partial(serving.load, target, at_once), wrap_loader=False)
    return 0


def work(parsed: argparse.Namespace, settings: Settings, assemble: Assemble) -> int:
    """Works off what is due until SIGTERM or SIGINT; the batch in hand is finished."""
    parts = assemble(settings)
    prepare(parts)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    thread = parts.worker.start()
    stopped.wait()
    parts.worker.stop()
    thread.join(timeout=60)
    return 0


def migrate(parsed: argparse.Namespace, settings: Settings, assemble: Assemble) -> int:
    """Brings the database up to date, and every picture into every size."""
    prepare(assemble(settings))
    print("The database is up to date.")
    return 0


def prepare(parts: Parts) -> None:
    """Migrates, checks that the database keeps what it is told, and draws missing pictures."""
    migrations.upgrade(parts.store.engine)
    faults = lasting_faults(parts.store) if parts.store.is_sqlite else []
    if faults:
        raise WrongSetting("; ".join(faults))
    sizes = tuple(size for wallet in parts.wallets.values() for size in wallet.pictures)
    with parts.store.read_all() as session:
        merchant_ids = session.scalars(select(Merchant.id)).all()
    for merchant_id in merchant_ids:
        with parts.store.write(merchant_id) as session:
            pictures.complete(session, sizes)
