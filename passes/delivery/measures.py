"""What a process counts about its own pushes, for Prometheus; web/metrics.py serves it."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import Counter, Histogram

from passes.wallet_port import (
    ContentRefused,
    NotYet,
    Receipt,
    WalletDown,
    WalletError,
    WalletMisconfigured,
)

PUSHES = Counter(
    "treuepass_pushes",
    "Answers of vendors: one for each installation, or for a card that was refused as a whole.",
    ["wallet", "outcome"],
)
PUSH_SECONDS = Histogram(
    "treuepass_push_seconds",
    "Seconds that a vendor took for one batch of cards.",
    ["wallet"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
_NAMES: tuple[tuple[type[WalletError], str], ...] = (
    (NotYet, "not_yet"),
    (WalletDown, "vendor_down"),
    (WalletMisconfigured, "misconfigured"),
    (ContentRefused, "content_refused"),
)


def count(wallet: str, answers: Iterable[Iterable[Receipt] | WalletError]) -> None:
    """Adds a batch's answers; ``untold``: nothing left the machine, as in test mode."""
    for answer in answers:
        if isinstance(answer, WalletError):
            name = next((name for kind, name in _NAMES if isinstance(answer, kind)), "failed")
            PUSHES.labels(wallet, name).inc()
            continue
        for receipt in answer:
            outcome = receipt.outcome.value if receipt.told else "untold"
            PUSHES.labels(wallet, outcome).inc()
