"""Rows of the report: a rate, what it is compared with, and whether a target held."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """``rate`` per second; ``ratio`` to what ``to`` names; ``target`` is the least ratio."""

    what: str
    rate: float
    ratio: float | None = None
    to: str = ""
    target: float | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Something a reader must know, e.g. what could not be measured and why."""

    text: str


def render(title: str, lines: Iterable[Row | Note]) -> str:
    """The table as text. Notes stand beneath it."""
    everything = list(lines)
    cells = [("", "per second", "ratio", "to", "target", "")]
    cells += [_cells(row) for row in everything if isinstance(row, Row)]
    widths = [max(len(row[column]) for row in cells) for column in range(6)]
    text = [title, ""]
    for what, *others in cells:
        columns = [what.ljust(widths[0])]
        columns += [
            cell.rjust(width) if column in {1, 2, 4} else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(others, widths[1:], strict=True), start=1)
        ]
        text.append("  ".join(columns).rstrip())
    text += ["", *(note.text for note in everything if isinstance(note, Note))]
    return "\n".join(text).rstrip()


def _cells(row: Row) -> tuple[str, str, str, str, str, str]:
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    if row.target is None or row.ratio is None:
        return row.what, f"{row.rate:,.0f}", ratio, row.to, "", ""
    held = "held" if row.ratio >= row.target else "NOT HELD"
    return row.what, f"{row.rate:,.0f}", ratio, row.to, f">= {row.target:g}", held
