"""The command that this wallet adds to ``treuepass``: a simulated browser."""

from __future__ import annotations

from typing import Any

from pwa.simulate.command import add_browser


def add_commands(simulating: Any, passes: object) -> None:
    """Adds to ``treuepass simulate``, which is argparse's subparsers."""
    add_browser(simulating)
