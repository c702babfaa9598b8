"""The command that this wallet adds to ``treuepass``: a simulated Google Wallet."""

from __future__ import annotations

from typing import Any

from wallet_google.simulate.command import add_google


def add_commands(simulating: Any, passes: object) -> None:
    """Adds to ``treuepass simulate``, which is argparse's subparsers."""
    add_google(simulating)
