"""What a command works with: everything, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import Flask

from passes.settings import Settings
from passes.store import Store
from passes.wallet_port import Wallet
from passes.work import Worker


@dataclass(frozen=True, slots=True)
class Parts:
    """One process's worth of Treuepass."""

    settings: Settings
    store: Store
    wallets: Mapping[str, Wallet]
    app: Flask
    worker: Worker


Assemble = Callable[[Settings], Parts]
