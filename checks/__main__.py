"""``python -m checks [name …]``: runs the checks of the repository, all of them without a name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from checks import catalogues, docs, migrations

CHECKS: dict[str, Callable[[Path], list[str]]] = {
    "catalogues": catalogues.findings,
    "docs": docs.findings,
    "migrations": migrations.findings,
}
"""Each takes the root folder and gives back what is wrong, one sentence each."""


def main() -> int:
    wrong = 0
    for name in sys.argv[1:] or CHECKS:
        findings = CHECKS[name](Path.cwd())
        for finding in findings:
            print(finding)
        print(f"{name}: {'in order' if not findings else f'{len(findings)} to mend'}")
        wrong += len(findings)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
