"""Writes constraints.txt and constraints-dev.txt: every package, its version and its hashes.

``python -m checks.pins`` asks the package index for the newest versions that pyproject.toml allows
and that have been out for a week, so that a hijacked release is found by others first. The files
name no index; the hashes are those of every wheel of a version, whatever the machine.
"""

from __future__ import annotations

import subprocess
import tomllib
import venv
from pathlib import Path

RESOLVER = "uv==0.13.9"
COOL_DOWN = "7 days"

HEADER = """\
# {what}
# Written by `make pins`; installed with pip's --require-hashes.
"""


def main() -> None:
    root = Path.cwd()
    resolver = _resolver(root / "var" / "pins")
    project = tomllib.loads((root / "pyproject.toml").read_text())
    # The editable install builds with the build system's own requirements: pinned like the rest.
    run = _resolve(resolver, root, project["build-system"]["requires"], [])
    (root / "constraints.txt").write_text(
        HEADER.format(what="What Treuepass runs on.") + "".join(run.values())
    )
    everything = _resolve(
        resolver, root, project["build-system"]["requires"], ["--extra", "dev"], "constraints.txt"
    )
    extra = "".join(text for name, text in everything.items() if name not in run)
    (root / "constraints-dev.txt").write_text(
        HEADER.format(what="What its tests and checks need besides.")
        + "-r constraints.txt\n"
        + extra
    )


def _resolver(folder: Path) -> Path:
    """The program that resolves, in a scratch environment of its own."""
    program = folder / "bin" / "uv"
    if not program.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", RESOLVER], check=True)
    return program


def _resolve(
    resolver: Path, root: Path, more: list[str], options: list[str], constraint: str | None = None
) -> dict[str, str]:
    """One entry of the constraints file by the line that it begins with."""
    command: list[str | Path] = [resolver, "pip", "compile", "--quiet", "--universal"]
    command += ["--python-version", "3.11", "--generate-hashes", "--no-annotate", "--no-header"]
    command += ["--exclude-newer", COOL_DOWN, "--system-certs", *options]
    if constraint is not None:
        command += ["--constraint", constraint]
    command += ["pyproject.toml", "-"]
    answer = subprocess.run(
        command, cwd=root, input="\n".join(more), check=True, capture_output=True, text=True
    )
    entries: dict[str, str] = {}
    first = ""
    for line in answer.stdout.splitlines(keepends=True):
        if not line.startswith(" "):
            first = line
        entries[first] = entries.get(first, "") + line
    return entries


if __name__ == "__main__":
    main()
