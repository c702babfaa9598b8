"""What the validator has to say about a pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from itertools import islice

MOST = 200
"""Nobody reads more, and a hostile file could earn any number."""


class Level(Enum):
    """How bad it is.

    ERROR: Wallet refuses the pass or part of it, or Apple's own tool would. WARNING: the pass
    opens, but not all of it works or shows as designed. NOTE: good to know.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


ERROR, WARNING, NOTE = Level.ERROR, Level.WARNING, Level.NOTE
_ORDER = {ERROR: 0, WARNING: 1, NOTE: 2}


@dataclass(frozen=True, slots=True)
class Remark:
    """One remark: how bad, where (a path in pass.json or a file name), and what to do about it."""

    level: Level
    where: str
    sentence: str


def collected(remarks: Iterable[Remark]) -> list[Remark]:
    """The first ``MOST`` of them, errors before warnings before notes, otherwise in their order."""
    taken = list(islice(remarks, MOST))
    return sorted(taken, key=lambda remark: _ORDER[remark.level])


def has_errors(remarks: Iterable[Remark]) -> bool:
    """Whether the pass must not go out."""
    return any(remark.level is ERROR for remark in remarks)


def quoted(text: object, most: int = 40) -> str:
    """A value from a foreign file as it may stand in a sentence: short and printable."""
    shown = str(text) if len(str(text)) <= most else str(text)[: most - 1] + "…"
    return '"' + "".join(c if c.isprintable() else "?" for c in shown) + '"'
