"""Every public page in every language, light and dark, on a small phone, a phone and a screen."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import IPHONE, Open, Site

pytestmark = pytest.mark.browser

RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}
PAGES = ("home", "dashboard", "sign-up", "install", "card", "stamps", "missing", "API")
WINDOWS = [
    pytest.param(320, "de", "dark", id="320-de-dark"),
    pytest.param(390, "nl", "light", id="390-nl-light"),
    pytest.param(390, "en", "dark", id="390-en-dark"),
    pytest.param(1280, "de", "light", id="1280-de-light"),
    pytest.param(1280, "nl", "dark", id="1280-nl-dark"),
]


def address(site: Site, name: str, language: str) -> str:
    known = {
        "home": f"{site.url}/",
        "dashboard": f"{site.url}/dashboard/",
        "sign-up": f"{site.sign_up}?utm_source=instagram",
        "install": site.install,
        "card": site.page,
        "stamps": site.stamp_page,
        "missing": f"{site.url}/nothing",
        "API": f"{site.url}/api/docs",
    }[name]
    return f"{known}{'&' if '?' in known else '?'}lang={language}"


@pytest.mark.parametrize(("width", "language", "scheme"), WINDOWS)
@pytest.mark.parametrize("name", PAGES)
def test_page(
    site: Site, open_browser: Open, name: str, width: int, language: str, scheme: str
) -> None:
    options: dict[str, Any] = {"color_scheme": scheme, "reduced_motion": "reduce"}
    if width < 1000:
        options["user_agent"] = IPHONE
    window = open_browser(width, **options)
    page = window.go(address(site, name, language))
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert not window.overflows()
    expected = ["error: Failed to load resource"] if name == "missing" else []
    assert [text[:30] for text in window.all_troubles()] == [text[:30] for text in expected]
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()


def test_a_form_with_errors(site: Site, open_browser: Open) -> None:
    for scheme in ("light", "dark"):
        window = open_browser(320, color_scheme=scheme)
        page = window.go(f"{site.sign_up}?lang=en")
        page.get_by_role("button", name="Get my card").click()
        page.wait_for_load_state("networkidle")
        assert page.get_by_role("alert").is_visible()
        assert not window.overflows()
        found = Axe().run(page, options=RULES)
        assert found.violations_count == 0, found.generate_report()


def test_nothing_is_fetched_from_elsewhere(site: Site, open_browser: Open) -> None:
    window = open_browser()
    fetched: list[str] = []
    window.page.on("request", lambda request: fetched.append(request.url))
    for name in PAGES:
        window.go(address(site, name, "en"))
    assert fetched
    assert [url for url in fetched if not url.startswith(f"{site.url}/")] == []


def test_large_type_does_not_break_the_card(site: Site, open_browser: Open) -> None:
    """Text at 200 % (WCAG 1.4.4), on a phone."""
    window = open_browser(390)
    for name in ("card", "stamps", "install", "sign-up"):
        page = window.go(address(site, name, "de"))
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert not window.overflows(), name
