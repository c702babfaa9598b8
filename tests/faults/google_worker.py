"""``python -m tests.faults.google_worker PACE``: a worker whose only wallet is Google's, at PACE.

A process of its own, so that it can be killed. Leases end sooner than in earnest: what a killed
worker had in hand falls due again after five seconds.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from types import SimpleNamespace

from flask import Blueprint

import app
import wallet_google
from passes.delivery import claim, pauses
from passes.wallet_port import Issuer, Wallet, WalletSettings

LEASE = timedelta(seconds=5)


def main() -> int:
    claim.LEASE = pauses.PROBE_LEASE = LEASE
    pace = float(sys.argv[1])

    def mount(settings: WalletSettings, issuer: Issuer) -> tuple[Wallet, Blueprint] | None:
        mounted = wallet_google.mount(settings, issuer)
        assert mounted is not None
        mounted[0].pace = pace
        return mounted

    app.WALLETS = (SimpleNamespace(mount=mount),)
    sys.argv = ["treuepass", "worker"]
    return app.main()


if __name__ == "__main__":
    sys.exit(main())
