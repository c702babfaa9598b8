"""Google Wallet: classes and objects that Google keeps, save links, updates."""

from __future__ import annotations

from flask import Blueprint

from passes.wallet_port import Issuer, Wallet, WalletSettings
from wallet_google import root_keys
from wallet_google.addresses import SAVE_URL, vendor_address
from wallet_google.batch import together_in
from wallet_google.callbacks import Callbacks
from wallet_google.commands import add_commands
from wallet_google.pacing import pace_in
from wallet_google.routes import add_callback, add_test_wallet, blueprint
from wallet_google.wallet import GoogleWallet

__all__ = ["add_commands", "mount"]


def mount(settings: WalletSettings, issuer: Issuer) -> tuple[Wallet, Blueprint] | None:
    """The wallet and its routes. Raises WalletMisconfigured for an address that is not allowed."""
    environment = settings.environment
    pace = pace_in(environment)
    wallet = GoogleWallet(
        base_url=settings.base_url,
        data_dir=settings.data_dir,
        api_base=vendor_address(environment, "TREUEPASS_GOOGLE_API_BASE"),
        save_url=vendor_address(environment, "TREUEPASS_GOOGLE_SAVE_URL") or SAVE_URL,
        clock=lambda: settings.now().timestamp(),
        turn=lambda subject, pace, urgent: issuer.turn("google", subject, pace, urgent=urgent),
        pace=pace,
        together=together_in(environment, pace),
    )
    routes = blueprint()
    add_test_wallet(routes, wallet)
    add_callback(routes, _callbacks(settings, issuer, wallet))
    return wallet, routes


def _callbacks(settings: WalletSettings, issuer: Issuer, wallet: GoogleWallet) -> Callbacks:
    environment = settings.environment
    keys_url = vendor_address(environment, "TREUEPASS_GOOGLE_CALLBACK_KEYS_URL")
    keys = root_keys.RootKeys(
        keys_url or root_keys.KEYS_URL,
        lambda: settings.now().timestamp(),
        root_keys.refetch_seconds(environment),
    )
    # Only where a stand-in plays Google may the example keys, whose private part is beside them,
    # speak for it.
    played = keys_url is None and not vendor_address(environment, "TREUEPASS_GOOGLE_API_BASE")
    example = (lambda: root_keys.example_keys(settings.data_dir)) if played else None
    return Callbacks(wallet.kind, issuer, keys, example, settings.now)
