"""``python -m benchmarks``: runs the benchmarks and prints a table with ratios."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from benchmarks import apns, campaign, delivery, devices, google, passes, postings, webpush
from benchmarks.table import render


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0, help="per comparison (default: 15)")
    parser.add_argument("--no-peers", action="store_true", help="leave the peers out")
    arguments = parser.parse_args()
    folder = Path(os.environ.get("TREUEPASS_DATA_DIR", "var")) / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    for benchmark in (passes, google, webpush, postings, apns, delivery, campaign, devices):
        lines = benchmark.run(folder, arguments.seconds, with_peers=not arguments.no_peers)
        print(render(benchmark.TITLE, lines), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
