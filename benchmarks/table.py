"""Rows of the report: rates, what they are compared with, and whether a target held."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks import rounds


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
        """The median of the ratios round by round: neighbours in time met the same machine."""
        return rounds.usual(self._ratios) if self.yardstick else None

    @property
    def spread(self) -> tuple[float, float]:
        """Between which ratios the middle half of the rounds lies."""
        return rounds.middle_half(self._ratios)

    @property
    def _ratios(self) -> list[float]:
        return [mine / other for mine, other in zip(self.rates, self.yardstick, strict=True)]


@dataclass(frozen=True, slots=True)
class Note:
    """Something a reader must know, e.g. what could not be measured and why."""

    text: str


HEAD = ("", "per second", "ratio", "middle half", "to", "target", "")
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
    rate = f"{rounds.usual(row.rates):,.0f}"
    if row.ratio is None:
        return row.what, rate, "", "", "", "", ""
    low, high = row.spread
    ratios = f"{row.ratio:.2f}", f"{low:.2f}-{high:.2f}"
    if row.target is None:
        return row.what, rate, *ratios, row.to, "", ""
    held = "held" if row.ratio >= row.target else "NOT HELD"
    return row.what, rate, *ratios, row.to, f">= {row.target:g}", held
