"""From a sign-up link to a card in the hand, as a customer walks it in a real browser."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import select

from passes.cards.models import Card
from tests.browser.conftest import IPHONE, Open, Site

pytestmark = pytest.mark.browser

CARD_PAGE = re.compile(r"/c/[\w-]{22}/$")


def fill_in(page: Page, name: str, email: str) -> None:
    page.get_by_label("First name").fill(name)
    page.get_by_label("E-mail").first.fill(email)
    page.get_by_role("button", name="Get my card").click()


def newest_card(site: Site) -> Card:
    with site.store.read(site.merchant_id) as session:
        query = select(Card).where(Card.merchant_id == site.merchant_id)
        return session.scalars(query.order_by(Card.created_at.desc()).limit(1)).one()


def codes_on(page: Page) -> list[str]:
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    return [found.text for found in zxingcpp.read_barcodes(picture)]


def test_link_form_card_pass(site: Site, open_browser: Open, tmp_path: Path) -> None:
    phone = open_browser(user_agent=IPHONE, locale="en-GB", device_scale_factor=2)
    page = phone.go(f"{site.sign_up}?utm_source=instagram")
    fill_in(page, "Tilda", "tilda.walk@example.org")
    expect(page).to_have_url(CARD_PAGE)
    expect(page.get_by_role("heading", name="Ten-coffee card")).to_be_visible()

    content = site.content(page.url)
    assert codes_on(page) == [content.code]

    with page.expect_download() as waiting:
        page.locator('[data-wallet="apple"]').click()
    file = tmp_path / "card.pkpass"
    waiting.value.save_as(file)
    with zipfile.ZipFile(file) as archive:
        assert content.code in archive.read("pass.json").decode()

    card = newest_card(site)
    assert card.serial_number == content.serial
    assert (card.utm_source, card.issue_channel) == ("instagram", "link")
    assert card.status == "not_installed"
    assert phone.all_troubles() == []


def test_errors_take_the_focus_and_lead_to_their_fields(site: Site, open_browser: Open) -> None:
    visitor = open_browser(locale="en-GB")
    page = visitor.go(site.sign_up)
    fill_in(page, "", "not an address")
    expect(page.get_by_role("alert")).to_be_focused()
    page.get_by_role("alert").get_by_role("link", name="E-mail").click()
    expect(page.get_by_role("textbox", name="E-mail")).to_be_focused()
    expect(page.get_by_role("textbox", name="E-mail")).to_have_value("not an address")
    fill_in(page, "Mend", "mend.walk@example.org")
    expect(page).to_have_url(CARD_PAGE)


def test_everything_works_without_javascript(site: Site, open_browser: Open) -> None:
    visitor = open_browser(locale="en-GB", java_script_enabled=False)
    page = visitor.page
    page.goto(site.sign_up)
    fill_in(page, "Plain", "plain.walk@example.org")
    expect(page.get_by_role("heading", name="Ten-coffee card")).to_be_visible()
    page.get_by_text("About this card").click()
    expect(page.get_by_text("Issued to")).to_be_visible()
    page.get_by_role("link", name="Nederlands").click()
    expect(page.get_by_role("heading", name="Tienkoffiekaart")).to_be_visible()


def test_with_the_keyboard_alone(site: Site, open_browser: Open) -> None:
    visitor = open_browser(locale="en-GB")
    page = visitor.go(site.sign_up)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.get_by_label("First name").focus()
    for words in ("Keys", "Tester", "", "keys.walk@example.org"):
        page.keyboard.type(words)
        page.keyboard.press("Tab")
    boxes = page.get_by_role("checkbox")
    expect(boxes.first).to_be_focused()
    page.keyboard.press("Space")
    expect(boxes.first).to_be_checked()
    for _ in range(boxes.count()):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Get my card")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(CARD_PAGE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_code_is_read_off_the_screen(site: Site, open_browser: Open, scheme: str) -> None:
    phone = open_browser(320, 568, color_scheme=scheme)
    for address in (site.page, site.stamp_page):
        assert codes_on(phone.go(address)) == [site.content(address).code]


def test_a_computer_shows_the_way_to_the_phone(site: Site, open_browser: Open) -> None:
    computer = open_browser(1280, 800, locale="en-GB")
    page = computer.go(f"{site.page}?lang=en")
    page.get_by_role("link", name="Put it on your phone").click()
    page.wait_for_load_state("networkidle")
    assert sorted(codes_on(page)) == sorted([site.install, site.content(site.page).code])


def test_the_card_prints_with_its_code(site: Site, open_browser: Open) -> None:
    visitor = open_browser()
    page = visitor.go(site.page)
    page.emulate_media(media="print")
    assert codes_on(page) == [site.content(site.page).code]
    expect(page.locator("[data-wallet]").first).to_be_hidden()
    expect(page.locator(".tongues")).to_be_hidden()


def test_the_card_can_be_installed(site: Site, open_browser: Open) -> None:
    """Chromium finds nothing wrong with the manifest."""
    visitor = open_browser()
    page = visitor.go(site.page)
    inspector = page.context.new_cdp_session(page)
    assert inspector.send("Page.getAppManifest")["errors"] == []
    problems = inspector.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # A window without a profile of its own counts as incognito; nothing else may be wrong.
    assert [problem["errorId"] for problem in problems] == ["in-incognito"]
