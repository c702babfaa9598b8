"""The demo merchant on a real port, and a real Chromium that looks at it."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    sync_playwright,
)
from werkzeug.serving import make_server

from app import assemble
from checks import machine
from passes import clock
from passes.cards import cards, links
from passes.content.draw import draw
from passes.demo import kranz
from passes.merchants import directory
from passes.merchants.directory import Known
from passes.settings import read_settings
from passes.store import Store
from passes.wallet_port import PassContent
from tests.browser.phones import Phone, Shop
from tests.conftest import MASTER_KEY

# A new profile each time, and none of the calls home that Chromium makes by itself.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)
WATCH_POLICY = """
window.violations = [];
document.addEventListener('securitypolicyviolation', event =>
    window.violations.push(event.violatedDirective + ' ' + event.blockedURI));
"""


@dataclass(frozen=True, slots=True)
class Site:
    """The demo merchant as the world sees it. ``store`` is its database."""

    url: str
    store: Store
    merchant_id: Any
    sign_up: str
    stamp_sign_up: str
    install: str
    page: str
    stamp_page: str

    def content(self, page: str) -> PassContent:
        """What the card behind a page's address must show."""
        token = page.rstrip("/").rpartition("/")[2]
        with self.store.read_all() as session:
            found = directory.find(session, Known.PAGE_TOKEN, token)
        assert found is not None
        with self.store.read(found.merchant_id) as session:
            return draw(session, cards.get(session, found.subject_id), "pwa", self.url, clock.now())


@pytest.fixture(scope="session")
def site(
    _sqlite_master: Path, certificates: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Serves the demo merchant until the last test is done."""
    data_dir = tmp_path_factory.mktemp("site")
    shutil.copytree(certificates, data_dir / "certs_example")
    database = shutil.copy(_sqlite_master, data_dir / "treuepass.db")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    parts = assemble(
        read_settings(
            {
                "TREUEPASS_DATA_DIR": str(data_dir),
                "TREUEPASS_DATABASE_URL": f"sqlite:///{database}",
                "TREUEPASS_MASTER_KEY": MASTER_KEY,
                "TREUEPASS_BASE_URL": url,
            }
        )
    )
    sizes = parts.app.extensions["treuepass"].picture_sizes
    demo = kranz.make(parts.store, sizes, "correct horse battery", clock.now())
    server = make_server("127.0.0.1", port, parts.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield _described(url, parts.store, demo)
    server.shutdown()
    thread.join()
    server.server_close()
    parts.store.close()


def _described(url: str, store: Store, demo: kranz.Demo) -> Site:
    with store.read_all() as session:
        found = directory.find(session, Known.MERCHANT, demo.slug)
    assert found is not None
    multipass, stamp, *_ = demo.templates
    with store.read(found.merchant_id) as session:
        visits = links.links_of(session, cards.get(session, demo.card_serial), url)
        [collected, *_] = cards.newest(session, template_id=stamp.id, limit=100)[::-1]
        stamps = links.links_of(session, collected, url)
    return Site(
        url=url,
        store=store,
        merchant_id=found.merchant_id,
        sign_up=f"{url}/join/{multipass.slug}",
        stamp_sign_up=f"{url}/join/{stamp.slug}",
        install=visits.install,
        page=visits.page,
        stamp_page=stamps.page,
    )


@pytest.fixture(scope="session")
def browsers() -> Iterator[Playwright]:
    """One for all: a second one in the same process is refused."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = machine.find("chromium")
    if path is None:
        pytest.skip(machine.regret("chromium"))
    return path


@pytest.fixture(scope="session")
def chromium(browsers: Playwright, chromium_path: str) -> Iterator[Browser]:
    browser = browsers.chromium.launch(executable_path=chromium_path, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The demo merchant behind a server that can be killed."""
    opened = Shop(tmp_path_factory.mktemp("shop") / "var")
    yield opened
    opened.stop()


@pytest.fixture
def open_phone(browsers: Playwright, chromium_path: str) -> Iterator[Callable[..., Phone]]:
    """Switches new phones on; ``flags`` of Chromium, options as Playwright's contexts have them."""
    with ExitStack() as phones:

        def open_(*flags: str, **options: Any) -> Phone:
            chosen = {"locale": "en-GB", **options}
            started = Phone(browsers, chromium_path, chosen, (*FLAGS, *flags), WATCH_POLICY)
            return phones.enter_context(started)

        yield open_


@pytest.fixture
def phone(open_phone: Callable[..., Phone]) -> Phone:
    return open_phone()


@dataclass
class Watched:
    """A page, and whatever went wrong on it."""

    page: Page
    troubles: list[str] = field(default_factory=list)

    def go(self, url: str) -> Page:
        self.page.goto(url)
        self.page.wait_for_load_state("networkidle")
        return self.page

    def all_troubles(self) -> list[str]:
        """Errors of the console, failed scripts, and what the security policy had to stop."""
        return self.troubles + list(self.page.evaluate("window.violations"))

    def overflows(self) -> bool:
        """Whether one would have to scroll sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > innerWidth"))


Open = Callable[..., Watched]


@pytest.fixture
def open_browser(chromium: Browser) -> Iterator[Open]:
    """Opens windows of new visitors; options are those of Playwright's contexts."""
    contexts: list[BrowserContext] = []

    def open_(width: int = 390, height: int = 844, **options: Any) -> Watched:
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        context.add_init_script(WATCH_POLICY)
        watched = Watched(context.new_page())

        def note(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"}:
                watched.troubles.append(f"{message.type}: {message.text}")

        watched.page.on("console", note)
        watched.page.on("pageerror", lambda error: watched.troubles.append(str(error)))
        return watched

    yield open_
    for context in contexts:
        context.close()
