"""The table of what stands names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_test_named_in_the_parity_table_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/parity.md").read_text()))
    defined = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^ *def (test_\w+)", file.read_text(), re.M)
    }
    assert len(named) > 25
    assert named - defined == set()
