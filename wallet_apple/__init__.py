"""Apple Wallet: builds and signs passes and serves them to the devices that hold them."""

from __future__ import annotations

from flask import Blueprint

from passes.wallet_port import Issuer, Wallet, WalletSettings
from wallet_apple.commands import add_commands
from wallet_apple.pushing import read_settings
from wallet_apple.routes import make_blueprint
from wallet_apple.wallet import AppleWallet

__all__ = ["add_commands", "mount"]


def mount(settings: WalletSettings, issuer: Issuer) -> tuple[Wallet, Blueprint] | None:
    """The wallet and its routes. Without a merchant's own certificates it signs with the example
    ones in ``data_dir/certs_example``. Raises WalletMisconfigured for settings of the push service
    (TREUEPASS_APNS_…) that cannot be used."""
    wallet = AppleWallet(
        settings.base_url,
        settings.data_dir / "certs_example",
        settings.now,
        read_settings(settings.environment),
    )
    return wallet, make_blueprint(wallet, issuer)
