"""The card as a page of its own: for every phone, and for the home screen."""

from __future__ import annotations

from flask import Blueprint

from passes.wallet_port import Issuer, Wallet, WalletSettings
from pwa.routes import make_blueprint
from pwa.wallet import PwaWallet


def mount(settings: WalletSettings, issuer: Issuer) -> tuple[Wallet, Blueprint] | None:
    """The wallet and its routes. It needs nobody's account and no setting."""
    wallet = PwaWallet()
    return wallet, make_blueprint(wallet.kind, issuer, settings.now)
