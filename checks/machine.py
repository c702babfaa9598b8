"""Programs that pip cannot bring: where they are, and their installation where that is allowed.

``python -m checks.machine chromium`` installs what is missing, or says what stays undone without.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """``commands``: names it goes by, the usual one first. ``package``: Debian's name for it."""

    title: str
    commands: tuple[str, ...]
    package: str
    needed_for: str


PROGRAMS = {
    "chromium": Program(
        "Chromium",
        ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
        "chromium",
        "the tests in a real browser and Lighthouse",
    ),
    "firefox": Program(
        "Firefox", ("firefox-esr", "firefox"), "firefox-esr", "pushes to a card in a real Firefox"
    ),
    "java": Program("Java", ("java",), "default-jre-headless", "vnu, the checker of HTML"),
    "node": Program("Node", ("node",), "nodejs", "Lighthouse"),
    "npm": Program("npm", ("npm",), "npm", "vnu and Lighthouse, which it downloads"),
}


def find(name: str) -> str | None:
    """The path of a program of PROGRAMS, None where it is missing."""
    paths = (shutil.which(command) for command in PROGRAMS[name].commands)
    return next((path for path in paths if path), None)


def provide(names: list[str]) -> dict[str, str | None]:
    """The path of each program, after installing what is missing; None: it could not be had."""
    missing = [name for name in names if find(name) is None]
    apt = _apt_get()
    if missing and apt is not None:
        packages = [PROGRAMS[name].package for name in missing]
        print(f"Installing {', '.join(packages)} with the machine's package manager.", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (
            ["-qq", "update"],
            ["-qq", "install", "--yes", "--no-install-recommends", *packages],
        ):
            subprocess.run(
                [*apt, *arguments], env=environment, stdout=subprocess.DEVNULL, check=False
            )
    return {name: find(name) for name in names}


def _apt_get() -> list[str] | None:
    """How to call apt-get with the rights it needs, None where that is impossible."""
    apt = shutil.which("apt-get")
    if apt is None:
        return None
    if os.geteuid() == 0:
        return [apt]
    sudo = shutil.which("sudo")
    if sudo is None:
        return None
    asks_nothing = subprocess.run([sudo, "-n", "true"], capture_output=True, check=False)
    return [sudo, "-n", apt] if asks_nothing.returncode == 0 else None


def regret(name: str) -> str:
    """What to tell somebody on whose machine the program could not be had."""
    program = PROGRAMS[name]
    return (
        f"{program.title} is missing and could not be installed here. "
        f"Left out: {program.needed_for}. Debian's package is called {program.package}."
    )


def main() -> None:
    for name, path in provide(sys.argv[1:]).items():
        if path is None:
            print(regret(name), file=sys.stderr)


if __name__ == "__main__":
    main()
