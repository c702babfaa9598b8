"""A server that can be killed, its till, and phones that keep what they know between starts."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import requests
import zxingcpp
from PIL import Image
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Playwright

from tests.running import PATIENCE, Running, free_port, treuepass, wait_until_ready

PHONE = {"width": 390, "height": 844}


class Shop:
    """The demo merchant behind ``treuepass serve``, a process of its own."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "TREUEPASS_DATA_DIR": str(data_dir),
            "TREUEPASS_BASE_URL": self.url,
            "PORT": str(self.port),
            **settings,
        }
        self._running = ExitStack()
        self.start("--demo")
        self.demo = json.loads(treuepass("demo", "--json", environment=self.environment))

    def start(self, *more: str) -> None:
        command = ["serve", "--port", str(self.port), *more]
        self.process = self._running.enter_context(Running(command, self.environment))
        wait_until_ready(self.url)

    def stop(self) -> None:
        """Nobody answers at its address any more."""
        self._running.close()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.demo['api_key']}"}
        answer = requests.request(
            method, f"{self.url}/api/v1{path}", json=body, headers=headers, timeout=30
        )
        assert answer.ok, answer.text
        return answer.json()

    def card(self, kind: str = "multipass", language: str = "en") -> IssuedCard:
        [template] = [each for each in self.demo["templates"] if each["kind"] == kind]
        holder = {"first_name": "Mila", "last_name": "Brandt", "language": language}
        issued = self.call("POST", "/cards", {"template_id": template["id"], "customer": holder})
        return IssuedCard(self, issued["id"], issued["code"], issued["links"]["pwa"])


@dataclass
class IssuedCard:
    """A card of the demo merchant. ``url`` is its page."""

    shop: Shop
    id: str
    code: str
    url: str

    @property
    def token(self) -> str:
        return self.url.rstrip("/").rpartition("/")[2]

    @property
    def now(self) -> Any:
        """As the API has it."""
        return self.shop.call("GET", f"/cards/{self.id}")

    @property
    def timeline(self) -> list[str]:
        return [each["type"] for each in self.shop.call("GET", f"/cards/{self.id}/events")["items"]]

    def add_visits(self, value: int) -> None:
        self.shop.call("POST", f"/cards/{self.id}/add-visits", {"value": value})

    def withdraw(self) -> None:
        self.shop.call("POST", f"/cards/{self.id}/status", {"status": "deleted"})


@dataclass
class Phone:
    """Chromium with a profile of its own, which it keeps when it is switched off and on.

    ``script`` runs in each page before its own.
    """

    playwright: Playwright
    path: str
    options: dict[str, Any]
    flags: tuple[str, ...]
    script: str
    profile: str = field(default_factory=tempfile.mkdtemp)
    troubles: list[str] = field(default_factory=list)
    context: BrowserContext = field(init=False)

    def __post_init__(self) -> None:
        self.switch_on()

    def switch_on(self) -> None:
        self.context = self.playwright.chromium.launch_persistent_context(
            self.profile,
            executable_path=self.path,
            args=self.flags,
            viewport=PHONE,
            **self.options,
        )
        self.context.add_init_script(self.script)
        self.context.on("console", self._note)
        self.context.on("weberror", lambda error: self.troubles.append(str(error.error)))

    def switch_off(self) -> None:
        self.context.close()

    def open(self, url: str) -> Page:
        """The page in a tab of its own, when its script and its worker have done their work."""
        page = self.context.new_page()
        page.goto(url)
        page.evaluate("card.ready.then(() => null)")
        return page

    def all_troubles(self, page: Page) -> list[str]:
        """Errors of the console and of scripts, and what the security policy had to stop."""
        return self.troubles + list(page.evaluate("violations"))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.troubles.append(f"{message.type}: {message.text} {message.location['url']}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.switch_off()
        shutil.rmtree(self.profile, ignore_errors=True)


def codes_on(page: Page) -> list[str]:
    """What a camera reads off the screen."""
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    return [found.text for found in zxingcpp.read_barcodes(picture)]


def cached(page: Page) -> dict[str, list[str]]:
    """The addresses that workers keep, by the name of the cache."""
    return dict(
        page.evaluate(
            """async () => Object.fromEntries(await Promise.all((await caches.keys()).map(
                async name => [name, (await (await caches.open(name)).keys()).map(r => r.url)])))"""
        )
    )


def until(is_so: Callable[[], object], page: Page | None = None) -> None:
    """Waits for something that must happen; with ``page`` for something that Chromium tells of."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, "it never happened"
        if page is None:
            time.sleep(0.1)
        else:
            page.wait_for_timeout(100)
