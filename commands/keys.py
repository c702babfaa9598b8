"""Makes API keys."""

from __future__ import annotations

import argparse
from uuid import UUID

import migrations
from commands.parts import Assemble
from passes import clock
from passes.errors import NotFound
from passes.merchants import api_keys, directory
from passes.settings import Settings
from passes.store import Store


def create(parsed: argparse.Namespace, settings: Settings, assemble: Assemble) -> int:
    """Prints a new key; it cannot be shown again."""
    parts = assemble(settings)
    migrations.upgrade(parts.store.engine)
    merchant_id = merchant_named(parts.store, parsed.merchant)
    scopes = [scope.strip() for scope in parsed.scopes.split(",") if scope.strip()]
    with parts.store.write(merchant_id) as session:
        key = api_keys.create(session, name=parsed.name, scopes=scopes, now=clock.now())
    print(key)
    return 0


def merchant_named(store: Store, slug: str) -> UUID:
    """The merchant with this slug. Raises NotFound."""
    with store.read_all() as session:
        found = directory.find(session, directory.Known.MERCHANT, slug)
    if found is None:
        raise NotFound(f"merchant {slug!r}")
    return found.merchant_id
