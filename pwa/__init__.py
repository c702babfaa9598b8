"""The card as a page of its own: for every phone, and for the home screen."""

from __future__ import annotations

from flask import Blueprint

from passes.wallet_port import Issuer, Wallet, WalletSettings
from pwa.commands import add_commands
from pwa.endpoints import read_hosts
from pwa.keys import PushKeys
from pwa.routes import make_blueprint
from pwa.wallet import PwaWallet

__all__ = ["add_commands", "mount"]


def mount(settings: WalletSettings, issuer: Issuer) -> tuple[Wallet, Blueprint] | None:
    """The wallet and its routes; it needs nobody's account and no setting.

    Raises WalletMisconfigured for a setting that cannot be used.
    """
    wallet = PwaWallet(
        PushKeys(settings.data_dir, settings.environment, settings.base_url),
        read_hosts(settings.environment, settings.base_url),
        lambda: settings.now().timestamp(),
    )
    return wallet, make_blueprint(wallet, issuer, settings.now)
