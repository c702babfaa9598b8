"""Google Wallet: classes and objects that Google keeps, save links, updates."""

from __future__ import annotations

from flask import Blueprint

from passes.wallet_port import Issuer, Wallet, WalletSettings
from wallet_google.addresses import SAVE_URL, vendor_address
from wallet_google.routes import blueprint
from wallet_google.wallet import GoogleWallet


def mount(settings: WalletSettings, issuer: Issuer) -> tuple[Wallet, Blueprint] | None:
    """The wallet and its routes. Raises WalletMisconfigured for an address that is not allowed."""
    environment = settings.environment
    wallet = GoogleWallet(
        base_url=settings.base_url,
        data_dir=settings.data_dir,
        api_base=vendor_address(environment, "TREUEPASS_GOOGLE_API_BASE"),
        save_url=vendor_address(environment, "TREUEPASS_GOOGLE_SAVE_URL") or SAVE_URL,
        clock=lambda: settings.now().timestamp(),
    )
    return wallet, blueprint()
