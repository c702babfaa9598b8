"""``make quality``: the public pages as the HTML checker vnu, Lighthouse and Firefox see them.

Has a real Firefox take pushes (``tests/firefox``). Then serves the demo merchant from an empty data
folder on loopback, checks the pages in every language with vnu (no errors) and measures them with
Lighthouse. These two come from npm, pinned with hashes in ``checks/npm``, and live in
``var/quality``; what this machine cannot run is said by name.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from checks import machine
from checks.demo_server import demo_server

LANGUAGES = ("de", "en", "nl")
CATEGORIES = ("accessibility", "best-practices", "performance")
LEAST_SCORE = 0.95

# A new profile each time, and none of the calls home that Chromium makes by itself.
CHROMIUM_FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
)


@dataclass(frozen=True, slots=True)
class Page:
    """``weighed``: Lighthouse measures it, too."""

    name: str
    url: str
    weighed: bool = False


def main() -> int:
    programs = machine.provide(["node", "npm", "java", "chromium", "firefox"])
    left_out = [machine.regret(name) for name, path in programs.items() if path is None]
    folder = Path("var/quality").absolute()
    node, npm, java, chromium, firefox = programs.values()
    installed = bool(node and npm and _install(folder, npm))
    if node and npm and not installed:
        left_out.append("npm could not install vnu and Lighthouse. Left out: both.")
    misses = _push_to(firefox) if firefox else 0
    if installed and (java or chromium):
        with (
            tempfile.TemporaryDirectory(prefix="treuepass-quality-") as data,
            demo_server(data) as demo,
        ):
            pages = _pages(demo)
            if java:
                misses += _validate(folder, java, pages, Path(data) / "pages")
            if node and chromium:
                misses += _weigh(folder, node, chromium, pages)
    for sentence in left_out:
        print(f"NOT RUN: {sentence}")
    verdict = f"{misses} to mend" if misses else "in order"
    print(f"quality: {verdict}{', as far as it ran' if left_out else ''}")
    return 1 if misses else 0


def _install(folder: Path, npm: str) -> bool:
    """Brings the pinned packages into ``folder``; their own install scripts never run."""
    folder.mkdir(parents=True, exist_ok=True)
    lock, installed = Path("checks/npm/package-lock.json"), folder / "package-lock.json"
    done = folder / "node_modules" / ".package-lock.json"
    if done.exists() and installed.exists() and installed.read_bytes() == lock.read_bytes():
        return True
    print("Installing vnu and Lighthouse into var/quality; this takes half a minute, once.")
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(Path("checks/npm") / name, folder / name)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    return subprocess.run(command, cwd=folder, check=False).returncode == 0


def _pages(demo: dict[str, Any]) -> list[Page]:
    links = demo["card"]["links"]
    base_url = demo["dashboard"]["url"].removesuffix("/dashboard/")
    return [
        Page("home", f"{base_url}/"),
        Page("sign-up", demo["templates"][0]["sign_up_url"], weighed=True),
        Page("install", links["install"], weighed=True),
        Page("card", links["pwa"], weighed=True),
        Page("API", f"{base_url}/api/docs"),
    ]


# --- Firefox -------------------------------------------------------------------------------------


def _push_to(firefox: str) -> int:
    """Runs the tests in a real Firefox, which ``make test`` leaves out; 1 when one failed."""
    command = [sys.executable, "-m", "pytest", "-q", "tests/firefox"]
    environment = {**os.environ, "TREUEPASS_FIREFOX": firefox}
    has_failed = subprocess.run(command, env=environment, check=False).returncode != 0
    print(f"Firefox: {'a test failed' if has_failed else 'pushes arrive'}")
    return int(has_failed)


# --- vnu -----------------------------------------------------------------------------------------


def _validate(folder: Path, java: str, pages: list[Page], store: Path) -> int:
    """Has vnu read every page in every language; prints its errors and says how many."""
    store.mkdir()
    for page in pages:
        for language in LANGUAGES:
            response = requests.get(page.url, headers={"Accept-Language": language}, timeout=20)
            response.raise_for_status()
            (store / f"{page.name}.{language}.html").write_bytes(response.content)
    jar = folder / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
    command = [java, "-jar", str(jar), "--format", "json", "--exit-zero-always", str(store)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    messages = json.loads(answer.stderr or answer.stdout or "{}").get("messages", [])
    errors = [message for message in messages if message["type"] != "info"]
    for error in errors:
        place = f"{Path(error.get('url', '')).name}:{error.get('lastLine', '')}"
        print(f"vnu: {place}: {error['message']}")
    print(f"vnu: {len(pages)} pages in {len(LANGUAGES)} languages, {len(errors)} errors")
    return len(errors)


# --- Lighthouse ----------------------------------------------------------------------------------


def _weigh(folder: Path, node: str, chromium: str, pages: list[Page]) -> int:
    """Prints a table of Lighthouse's scores; how many fell short."""
    print(f"{'Lighthouse':<12}" + "".join(f"{category:>16}" for category in CATEGORIES))
    misses = 0
    for page in (page for page in pages if page.weighed):
        runs = [_scores(folder, node, chromium, page.url)]
        if min(runs[0].values()) < LEAST_SCORE:
            # A busy machine costs points of performance; the middle one of three runs counts.
            runs += [_scores(folder, node, chromium, page.url) for _ in range(2)]
        scores = {name: statistics.median(run[name] for run in runs) for name in CATEGORIES}
        print(f"{page.name:<12}" + "".join(f"{scores[name]:>16.2f}" for name in CATEGORIES))
        misses += sum(score < LEAST_SCORE for score in scores.values())
    return misses


def _scores(folder: Path, node: str, chromium: str, url: str) -> dict[str, float]:
    command = [
        node,
        str(folder / "node_modules" / "lighthouse" / "cli" / "index.js"),
        url,
        "--quiet",
        "--output=json",
        "--no-enable-error-reporting",
        f"--only-categories={','.join(CATEGORIES)}",
        f"--chrome-flags={CHROMIUM_FLAGS}",
    ]
    environment = {**os.environ, "CHROME_PATH": chromium}
    answer = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    report = json.loads(answer.stdout)
    for audit in _failed_audits(report):
        print(f"  {audit}")
    return {name: float(report["categories"][name]["score"] or 0) for name in CATEGORIES}


def _failed_audits(report: dict[str, Any]) -> Iterator[str]:
    """What costs points in a category that falls short."""
    for name, category in report["categories"].items():
        if (category["score"] or 0) >= LEAST_SCORE:
            continue
        for reference in category["auditRefs"]:
            audit = report["audits"][reference["id"]]
            if reference["weight"] and (audit["score"] or 0) < LEAST_SCORE:
                yield f"{name}: {audit['title']}"


if __name__ == "__main__":
    sys.exit(main())
