"""The composition root: settings, the wallets, the application, the command line."""

from __future__ import annotations

import sys

from flask import Blueprint, Flask

import certs_example.make
import commands
import migrations
import pwa
import wallet_apple
import wallet_google
from commands import logs
from commands.parts import Parts
from passes import clock
from passes.delivery.issuer import DomainIssuer
from passes.followers import FOLLOWERS
from passes.settings import Settings, read_settings
from passes.store import Store
from passes.vault import Vault
from passes.wallet_port import Wallet, WalletSettings
from passes.work import Worker
from web import Services
from web import create_app as create_web

WALLETS = (wallet_apple, wallet_google, pwa)
"""In the order in which they are offered. A further wallet is its folder and its entry here."""


def assemble(settings: Settings) -> Parts:
    """Puts everything together. Touches neither network nor tables."""
    certs_example.make.make_all(settings.data_dir / "certs_example")
    vault = Vault(settings.master_keys)
    store = Store(settings.database_url, vault, FOLLOWERS)
    issuer = DomainIssuer(store, settings.base_url, clock.now)
    wallet_settings = WalletSettings(
        settings.base_url, settings.data_dir, settings.environment, clock.now
    )
    wallets: dict[str, Wallet] = {}
    routes: list[Blueprint] = []
    for folder in WALLETS:
        mounted = folder.mount(wallet_settings, issuer)
        if mounted is not None:
            wallet, blueprint = mounted
            wallets[wallet.kind] = wallet
            routes.append(blueprint)
    services = Services(
        settings=settings,
        store=store,
        wallets=wallets,
        base_url=settings.base_url,
        now=clock.now,
        is_migrated=lambda: migrations.is_newest(store.engine),
    )
    app = create_web(services, routes, vault.key_for("forms and cookies"))
    return Parts(
        settings, store, wallets, app, Worker(store, wallets, settings.base_url, clock.now)
    )


def create_app() -> Flask:
    """The WSGI application, for Flask's own command and any WSGI server."""
    logs.configure()
    return assemble(read_settings()).app


def create_app_with_worker() -> Flask:
    """The application and, in a thread beside it, the worker: one process does it all."""
    logs.configure()
    parts = assemble(read_settings())
    parts.worker.start()
    return parts.app


def main() -> int:
    """The command ``treuepass``."""
    return commands.run(sys.argv[1:], assemble, WALLETS)
