"""Apple Wallet: builds and signs passes and serves them to the devices that hold them."""

from __future__ import annotations

from flask import Blueprint

from passes.wallet_port import Issuer, Wallet, WalletSettings
from wallet_apple.routes import make_blueprint
from wallet_apple.wallet import AppleWallet


def mount(settings: WalletSettings, issuer: Issuer) -> tuple[Wallet, Blueprint] | None:
    """The wallet and its routes. Without a merchant's own certificates it signs with the example
    ones in ``data_dir/certs_example``."""
    wallet = AppleWallet(settings.base_url, settings.data_dir / "certs_example", settings.now)
    return wallet, make_blueprint(wallet, issuer)
