"""``python -m tests.passes.delivery.turn_taker DATABASE PACE``: asks for turns when it is told to.

A process of its own. Each line that comes in is a time, in seconds; it asks five times at that
moment, and says how many turns it got. The first line that it says is that it is there.
"""

from __future__ import annotations

import sys

from passes.delivery import turns
from passes.store import Store
from passes.vault import Vault
from tests.passes.conftest import KEY, NOON
from tests.passes.delivery.conftest import seconds


def main() -> None:
    store, pace = Store(sys.argv[1], Vault([KEY])), float(sys.argv[2])
    say(0)
    for line in sys.stdin:
        now = NOON + seconds(float(line))
        say(sum(turns.take(store, "toy", "one", pace, now, urgent=True) == 0 for _ in range(5)))
    store.close()


def say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
