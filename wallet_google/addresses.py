"""Which addresses may stand for Google's, and which of ours Google can reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from passes.wallet_port import WalletMisconfigured

API_BASE = "https://walletobjects.googleapis.com/walletobjects/v1"
SAVE_URL = "https://pay.google.com/gp/v/save"
LOGO_PATH = "/wallet/google/logo.png"
CALLBACK_PATH = "/wallet/google/callback"
TEST_WALLET_PATH = "/wallet/google/test-wallet"


@dataclass(frozen=True, slots=True)
class Site:
    """Our own address as Google sees it; ``near``: "Google" is a stand-in on this machine."""

    base_url: str
    near: bool

    def is_fetchable(self, url: str) -> bool:
        """Whether Google can fetch a picture from there, which it does at every insert."""
        return self.near or (url.startswith("https://") and not is_loopback(url))


def vendor_address(environment: Mapping[str, str], name: str) -> str | None:
    """The address in the setting, without a final slash; None when it is not set.

    Raises WalletMisconfigured unless it is https, or http on this machine.
    """
    url = environment.get(name, "").rstrip("/")
    if not url:
        return None
    if not host_of(url) or not (
        url.startswith("https://") or (url.startswith("http://") and is_loopback(url))
    ):
        raise WalletMisconfigured(
            f"{name} must start with https:// (http:// only for an address on this machine)."
        )
    return url


def is_loopback(url: str) -> bool:
    """Whether the address is on this very machine."""
    host = host_of(url)
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(url: str) -> str:
    """The host's name in small letters; "" when there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
