"""``python -m tests.faults.toy_worker ADDRESS``: a worker whose only wallet posts to a toy vendor.

A process of its own, so that it can be killed. Leases end sooner than in earnest: what a killed
worker had in hand falls due again after two seconds.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace

from flask import Blueprint

import app
from passes.delivery import claim, pauses
from passes.wallet_port import Installation, Outcome, PassContent, Reason, Receipt, WalletDown
from tests.passes.delivery.conftest import NotedWallet

LEASE = timedelta(seconds=2)


@dataclass
class PostingWallet(NotedWallet):
    """Tells the vendor at ``address`` each version."""

    kind: str = "toy"
    address: str = ""

    def push(
        self, content: PassContent, installations: Sequence[Installation], reason: Reason
    ) -> Sequence[Receipt]:
        told = {"serial": content.serial, "version": content.version}
        request = urllib.request.Request(self.address, json.dumps(told).encode())
        try:
            urllib.request.urlopen(request, timeout=10).close()
        except OSError as error:
            raise WalletDown("the toy vendor is away") from error
        return [Receipt(Outcome.DELIVERED) for _ in installations]


def main() -> int:
    claim.LEASE = pauses.PROBE_LEASE = LEASE
    toy = PostingWallet(address=sys.argv[1])
    folder = SimpleNamespace(mount=lambda settings, issuer: (toy, Blueprint("toy", __name__)))
    app.WALLETS = (folder,)
    sys.argv = ["treuepass", "worker"]
    return app.main()


if __name__ == "__main__":
    sys.exit(main())
