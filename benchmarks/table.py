"""Rows of the report: rates, what they are compared with, and whether a target held."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.rounds import undisturbed, usual


@dataclass(frozen=True, slots=True)
class Row:
    """The rates of all rounds; those of ``to`` to compare with; ``target`` is the least ratio."""

    what: str
    rates: Sequence[float]
    to: str = ""
    yardstick: Sequence[float] = ()
    target: float | None = None

    @property
    def ratio(self) -> float | None:
        return undisturbed(self.rates) / undisturbed(self.yardstick) if self.yardstick else None

    @property
    def ratio_of_medians(self) -> float | None:
        return usual(self.rates) / usual(self.yardstick) if self.yardstick else None


@dataclass(frozen=True, slots=True)
class Note:
    """Something a reader must know, e.g. what could not be measured and why."""

    text: str


HEAD = ("", "per second", "at best", "of medians", "to", "target", "")
RIGHT = {1, 2, 3, 5}


def render(title: str, lines: Iterable[Row | Note]) -> str:
    """The table as text. Notes stand beneath it."""
    everything = list(lines)
    rows = [HEAD, *(_cells(row) for row in everything if isinstance(row, Row))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    text = [title, ""]
    for row in rows:
        cells = [
            cell.rjust(width) if column in RIGHT else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        text.append("  ".join(cells).rstrip())
    text += ["", *(note.text for note in everything if isinstance(note, Note))]
    return "\n".join(text).rstrip()


def _cells(row: Row) -> tuple[str, ...]:
    rate = f"{undisturbed(row.rates):,.0f}"
    if row.ratio is None or row.ratio_of_medians is None:
        return row.what, rate, "", "", "", "", ""
    ratios = f"{row.ratio:.2f}", f"{row.ratio_of_medians:.2f}"
    if row.target is None:
        return row.what, rate, *ratios, row.to, "", ""
    held = "held" if row.ratio_of_medians >= row.target else "NOT HELD"
    return row.what, rate, *ratios, row.to, f">= {row.target:g}", held
