"""The card's page as people see it: every kind and state, light and dark, small and large."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import zxingcpp
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Locator, Page, Response, expect
from werkzeug.serving import make_server

from passes.card_templates.kinds import Kind
from passes.wallet_port import Amount, CardPage, State
from tests.browser.conftest import Open, Site, Watched
from tests.browser.test_quality import RULES
from tests.pwa.by_hand import PAGES, Drawn, everything, with_content, with_figure
from tests.pwa.conftest import CONTENT, NOW, same, text

pytestmark = pytest.mark.browser

WINDOWS = [(width, scheme) for width in (320, 390, 1280) for scheme in ("light", "dark")]
HEAVIEST = 60 * 1024
LONG_NAME = same("Maximiliane Wolfeschlegelsteinhausenbergerdorff")


def _states() -> dict[str, CardPage]:
    used = text("eingelöst", "used", "gebruikt")
    lapsed = text("nicht aktiv", "not active", "niet actief")
    ended = {"state": State.EXPIRED, "expires_at": NOW - timedelta(days=20)}
    nothing = replace(CONTENT, fields=(), holder="", expires_at=None)
    return {
        "used": with_figure(PAGES[Kind.COUPON], "coupon_state", value=used, mark="redeemed"),
        "expired": with_content(PAGES[Kind.MULTIPASS], **ended),
        "blocked": with_content(PAGES[Kind.STAMP], state=State.EXPIRED),
        "used-up": with_figure(PAGES[Kind.GIFT], "balance", value=Amount(0, "EUR")),
        "lapsed": with_figure(
            PAGES[Kind.MEMBERSHIP], "membership_state", value=lapsed, mark="lapsed"
        ),
        "long": with_figure(PAGES[Kind.MEMBERSHIP], "customer_name", value=LONG_NAME),
        "rich": with_figure(PAGES[Kind.GIFT], "balance", value=Amount(123_456_789, "EUR")),
        "empty": replace(PAGES[Kind.CASHBACK], content=nothing),
    }


STATES = _states()


@pytest.fixture(scope="module")
def drawn() -> Iterator[str]:
    """Where the pages that were made by hand are served, by kind and state."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    pages = {kind.value: everything(page) for kind, page in PAGES.items()} | STATES
    server = make_server("127.0.0.1", 0, Drawn(pages).app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/c"
    server.shutdown()
    thread.join()
    server.server_close()


def show_everything(page: Page) -> None:
    """Unfolds what is folded and shows what a script would, as no page ever does at once."""
    page.evaluate(
        """() => {
            for (const part of document.querySelectorAll('details')) part.open = true;
            for (const part of document.querySelectorAll('main [hidden]')) part.hidden = false;
        }"""
    )


def cut_off(page: Page) -> list[str]:
    """Words of the page that are wider than what they stand in."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('main *')]
            .filter(part => part.clientWidth && part.scrollWidth > part.clientWidth + 1)
            .filter(part => !part.closest('svg, .hidden, .stars, textarea'))
            .filter(part => getComputedStyle(part).display !== 'inline')
            .map(part => `${part.className}: ${part.textContent.trim().slice(0, 40)}`)"""
    )
    return found


def look_at(window: Watched, width: int, scheme: str) -> None:
    page = window.page
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    where = f"{width} {scheme}"
    assert not window.overflows(), where
    assert cut_off(page) == [], where
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, f"{where}\n{found.generate_report()}"


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_in_every_window(drawn: str, open_browser: Open, kind: Kind) -> None:
    window = open_browser()
    page = window.go(f"{drawn}/{kind.value}/?lang=de")
    show_everything(page)
    for width, scheme in WINDOWS:
        look_at(window, width, scheme)
    assert window.all_troubles() == []


@pytest.mark.parametrize("state", list(STATES))
def test_every_state_on_the_smallest_phone(drawn: str, open_browser: Open, state: str) -> None:
    for language, scheme in (("de", "light"), ("nl", "dark")):
        window = open_browser()
        window.go(f"{drawn}/{state}/?lang={language}")
        look_at(window, 320, scheme)
        assert window.all_troubles() == []


@pytest.mark.parametrize("kind", list(Kind))
def test_large_type_overflows_nowhere(drawn: str, open_browser: Open, kind: Kind) -> None:
    """Text at 200 % (WCAG 1.4.4), on a phone."""
    window = open_browser(390)
    page = window.go(f"{drawn}/{kind.value}/?lang=de")
    show_everything(page)
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert not window.overflows()


NAMES = {
    "de": {
        Kind.STAMP: "6 von 10 Stempeln",
        Kind.MULTIPASS: "7 von 10 Besuchen übrig",
        Kind.CASHBACK: "Punkte: 1.284",
        Kind.GIFT: "Guthaben: 42,50\u00a0€",
        Kind.COUPON: "Angebot: Ein Cappuccino geschenkt",
        Kind.DISCOUNT: "Ihr Rabatt: 15\u00a0%",
        Kind.MEMBERSHIP: "Name: Anna B.",
        Kind.POINTS: "Punkte: 96",
    },
    "en": {
        Kind.STAMP: "6 of 10 stamps",
        Kind.MULTIPASS: "7 of 10 visits left",
        Kind.CASHBACK: "Points: 1,284",
        Kind.GIFT: "Balance: €42.50",
        Kind.COUPON: "Offer: A free cappuccino",
        Kind.DISCOUNT: "Your discount: 15%",
        Kind.MEMBERSHIP: "Name: Anna B.",
        Kind.POINTS: "Points: 96",
    },
    "nl": {
        Kind.STAMP: "6 van 10 stempels",
        Kind.MULTIPASS: "7 van 10 bezoeken over",
        Kind.CASHBACK: "Punten: 1.284",
        Kind.GIFT: "Saldo: €\u00a042,50",
        Kind.COUPON: "Aanbieding: Een gratis cappuccino",
        Kind.DISCOUNT: "Je korting: 15%",
        Kind.MEMBERSHIP: "Naam: Anna B.",
        Kind.POINTS: "Punten: 96",
    },
}


@pytest.mark.parametrize("language", list(NAMES))
def test_a_screen_reader_says_the_figure_as_one(
    drawn: str, open_browser: Open, language: str
) -> None:
    window = open_browser()
    for kind, name in NAMES[language].items():
        page = window.go(f"{drawn}/{kind.value}/?lang={language}")
        figure = page.locator(".pass").get_by_role("img", name=name, exact=True)
        expect(figure).to_be_visible()


def read(part: Locator | Page) -> list[str]:
    picture = Image.open(io.BytesIO(part.screenshot()))
    return [found.text for found in zxingcpp.read_barcodes(picture)]


@pytest.mark.parametrize("kind", list(Kind))
def test_the_code_is_read_off_every_kind(drawn: str, open_browser: Open, kind: Kind) -> None:
    for width, scheme in ((320, "light"), (390, "dark")):
        page = open_browser(width, color_scheme=scheme).go(f"{drawn}/{kind.value}/")
        assert read(page.locator(".pass")) == [CONTENT.code]


@pytest.mark.parametrize(("width", "height"), [(320, 568), (390, 844), (844, 390), (1280, 800)])
def test_the_large_code_fits_and_is_read(
    drawn: str, open_browser: Open, width: int, height: int
) -> None:
    page = open_browser(width, height, color_scheme="dark").go(f"{drawn}/gift/?lang=de")
    page.evaluate("document.querySelector('#code-view').showModal()")
    code = page.locator("#code-view .qr")
    place = code.bounding_box()
    assert place is not None
    assert place["width"] == place["height"]
    assert place["width"] >= 0.55 * min(width, height)
    assert place["x"] >= 0
    assert place["y"] >= 0
    assert place["y"] + place["height"] <= height
    assert read(page) == [CONTENT.code]
    page.get_by_role("button", name="Schließen").click()
    expect(code).to_be_hidden()


def test_stars_are_chosen_by_keyboard(drawn: str, open_browser: Open) -> None:
    page = open_browser().go(f"{drawn}/used/?lang=en")
    page.get_by_role("radio", name="1 star", exact=True).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="3 stars")).to_be_checked()
    expect(page.get_by_role("radio", name="3 stars")).to_be_focused()


def test_without_javascript_nothing_is_offered_that_needs_it(
    drawn: str, open_browser: Open
) -> None:
    page = open_browser(java_script_enabled=False).page
    page.goto(f"{drawn}/gift/?lang=en")
    for name in ("Show the code large", "Share", "Copy the link", "Install app", "Turn off"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    page.get_by_text("Put this card on your home screen", exact=True).click()
    for platform in ("iPhone, iPad", "Android", "Computer"):
        expect(page.get_by_role("heading", name=platform)).to_be_visible()


def test_the_page_of_the_demo_is_light(site: Site, open_browser: Open) -> None:
    """All that a phone fetches to show the card: page, styles, scripts, pictures."""
    for address in (site.page, site.stamp_page):
        window = open_browser(service_workers="block")
        sizes: dict[str, int] = {}

        def weigh(response: Response, sizes: dict[str, int] = sizes) -> None:
            path = response.url.split("?")[0].rpartition("/")[2]
            if path not in {"events", "event", "state.json"}:
                size = response.request.sizes()
                sizes[path] = size["responseBodySize"] + size["responseHeadersSize"]

        window.page.on("response", weigh)
        window.page.goto(address)
        window.page.wait_for_timeout(1_500)
        assert {"", "card.css", "card.js", "pwa-strip.png"} <= set(sizes)
        assert sum(sizes.values()) <= HEAVIEST, sizes
        assert not any("woff2" in name or "photo" in name for name in sizes)
