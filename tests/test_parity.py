"""The table of what stands names tests that exist, and leaves out nothing of the eight kinds."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TABLE = (ROOT / "docs/parity.md").read_text()
IDS = re.findall(r"^\| ([A-Z][A-Za-z0-9.-]*) \|", TABLE, re.M)

NEEDED = {
    *(f"S1.{number}" for number in (*range(1, 23), *range(27, 37))),
    *(f"S5.{number}" for number in (13, 15, *range(18, 24))),
    *("T-MP-1", "T-MP-2", "T-MP-3", "T-MP-4", "T-ST-1", "T-ST-2", "T-CB-1", "T-GC-1", "T-CO-1"),
    *("T-EX-1", "T-EX-2", "T-EX-3", "T-IN-1", "T-IN-3", "T-UT-1"),
    *("T-RF-1", "T-RF-2", "T-RF-3", "T-RF-4"),
}
"""What the issue of the eight kinds asks for by its id."""


def test_every_test_named_in_the_parity_table_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", TABLE))
    defined = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^ *def (test_\w+)", file.read_text(), re.M)
    }
    assert len(named) > 200
    assert named - defined == set()


def test_every_id_of_the_eight_kinds_has_one_row() -> None:
    assert {each for each in IDS if IDS.count(each) > 1} == set()
    assert NEEDED - set(IDS) == set()


def test_a_row_without_a_test_says_so() -> None:
    rows = [line for line in TABLE.splitlines() if re.match(r"\| [A-Z][A-Za-z0-9.-]* \|", line)]
    assert len(rows) == len(IDS)
    for row in rows:
        assert "`test_" in row or "not there yet" in row, row
