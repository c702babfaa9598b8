"""The card as an app of its own in a real Chromium: installed, offline, current, forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, Response, expect

from passes.card_templates.kinds import KINDS
from tests.browser.phones import Phone, Shop, cached, codes_on, until

pytestmark = pytest.mark.browser

BOTS = [
    "facebookexternalhit/1.1 Facebot Twitterbot/1.0",
    "WhatsApp/2.23.20.0 A",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "TelegramBot (like TwitterBot)",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) SafeLinks BingPreview/1.0b",
]
FIGURE = ".figure .value"


def inspector(page: Page) -> Any:
    return page.context.new_cdp_session(page)


@pytest.mark.parametrize("language", ["de", "en", "nl"])
def test_a_card_of_every_kind_can_be_installed(shop: Shop, phone: Phone, language: str) -> None:
    """Both of Chromium's lists are empty: what stops it, and what it warns of (web.md 2.3)."""
    names = set()
    for kind in (kind.value for kind in KINDS):
        page = phone.open(shop.card(kind, language).url)
        found = inspector(page)
        assert found.send("Page.getInstallabilityErrors") == {"installabilityErrors": []}, kind
        manifest = found.send("Page.getAppManifest")
        assert manifest["errors"] == [], kind
        assert f'"lang":"{language}"' in manifest["data"].replace(" ", "")
        names.add(manifest["url"])
        assert phone.all_troubles(page) == []
        page.close()
    assert len(names) == len(KINDS) == 8


def test_two_cards_are_two_apps_side_by_side(shop: Shop, phone: Phone) -> None:
    cards = [shop.card("multipass"), shop.card("gift")]
    pages = [phone.open(card.url) for card in cards]
    for card, page in zip(cards, pages, strict=True):
        page.bring_to_front()
        inspector(page).send("PWA.install", {"manifestId": card.url})
    for card, page in zip(cards, pages, strict=True):
        page.bring_to_front()
        state = inspector(page).send("PWA.getOsAppState", {"manifestId": card.url})
        assert state["badgeCount"] == 0
        scopes = page.evaluate(
            "navigator.serviceWorker.getRegistrations().then(all => all.map(each => each.scope))"
        )
        assert sorted(scopes) == sorted(card.url for card in cards)
        assert page.evaluate("navigator.serviceWorker.controller.scriptURL") == f"{card.url}sw.js"
    assert phone.all_troubles(pages[0]) == []


def test_offline_a_card_shows_what_it_knows_and_since_when(shop: Shop, phone: Phone) -> None:
    """The server is killed, and then the browser is started anew."""
    card = shop.card()
    card.add_visits(7)
    page = phone.open(card.url)
    expect(page.locator(FIGURE)).to_have_text("7")
    expect(page.locator("#offline")).to_be_hidden()
    shop.stop()
    page.reload()
    shows_itself_offline(page, card.code)
    phone.switch_off()
    phone.switch_on()
    page = phone.open(f"{card.url}?src=hs")
    shows_itself_offline(page, card.code)
    expect(page.locator(".brand img")).to_have_js_property("complete", True)
    assert page.evaluate("document.querySelector('.brand img').naturalWidth > 0")
    assert page.evaluate("violations") == []

    shop.start()
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("#offline")).to_be_hidden()


def shows_itself_offline(page: Page, code: str) -> None:
    expect(page.locator(FIGURE)).to_have_text("7")
    expect(page.locator("#offline")).to_be_visible()
    shown = page.locator("#offline-since")
    day = page.evaluate("new Intl.DateTimeFormat('en', {dateStyle: 'medium'}).format(new Date())")
    expect(shown).to_contain_text(day)
    assert page.evaluate("Date.now() - new Date(document.querySelector('time').dateTime)") < 600_000
    assert codes_on(page) == [code]


def test_an_open_card_shows_a_new_balance_by_itself(shop: Shop, phone: Phone) -> None:
    card = shop.card()
    page = phone.open(card.url)
    page.evaluate("window.isTheSamePage = true")
    expect(page.locator(FIGURE)).to_have_text("0")
    page.get_by_text("About this card").click()
    card.add_visits(3)
    expect(page.locator(FIGURE)).to_have_text("3")
    assert page.evaluate("isTheSamePage")
    expect(page.get_by_text("Issued to")).to_be_visible()
    assert page.evaluate("Number(document.body.dataset.version)") == card.now["version"]
    assert codes_on(page) == [card.code]
    assert phone.all_troubles(page) == []


def test_an_open_card_takes_on_a_new_design_by_itself(shop: Shop, phone: Phone) -> None:
    card = shop.card("discount")
    page = phone.open(card.url)
    page.evaluate("window.isTheSamePage = true")
    template = card.now["template"]["id"]
    before = shop.call("GET", f"/templates/{template}")["definition"]["look"]
    design = page.locator(".pass")
    expect(design).not_to_have_css("background-color", "rgb(18, 52, 86)")
    shop.call("PATCH", f"/templates/{template}", {"look": {**before, "background": "#123456"}})
    expect(design).to_have_css("background-color", "rgb(18, 52, 86)", timeout=20_000)
    assert page.evaluate("isTheSamePage")
    assert phone.all_troubles(page) == []


def test_withdrawing_a_card_purges_that_one_only(shop: Shop, phone: Phone) -> None:
    gone, stays = shop.card(), shop.card("stamp")
    page, other = phone.open(gone.url), phone.open(stays.url)
    until(
        lambda: (
            {name.split(":")[1] for name in cached(page)}
            == {f"/c/{gone.token}/", f"/c/{stays.token}/"}
        )
    )
    before = {name: kept for name, kept in cached(page).items() if stays.token in name}
    assert len(before) == 2
    gone.withdraw()
    expect(page.get_by_role("heading", name="This card is no longer valid")).to_be_visible()
    assert codes_on(page) == []
    assert gone.code not in page.content()
    until(lambda: cached(page) == before)
    scopes = "navigator.serviceWorker.getRegistrations().then(all => all.map(each => each.scope))"
    until(lambda: page.evaluate(scopes) == [stays.url])
    assert codes_on(other) == [stays.code]
    again = phone.context.new_page().goto(gone.url)
    assert again is not None
    assert (again.status, again.from_service_worker) == (410, False)


def test_T_IN_five_bots_change_nothing(shop: Shop, open_phone: Callable[..., Phone]) -> None:
    card = shop.card()
    before = (card.timeline, card.now)
    for agent in BOTS:
        for path in ("", "?src=hs", "manifest.webmanifest", "sw.js", "state.json"):
            for method in ("GET", "HEAD"):
                headers = {"User-Agent": agent}
                answer = requests.request(method, card.url + path, headers=headers, timeout=30)
                assert answer.status_code == 200
    # And one that runs scripts, but neither looks for two seconds nor touches anything.
    scanner = open_phone(user_agent=BOTS[-1])
    page = scanner.context.new_page()
    page.goto(card.url)
    page.close()
    assert (card.timeline, card.now) == before


def reports(answer: Response, event: str) -> bool:
    return answer.url.endswith("/event") and answer.request.post_data_json["n"] == event


def test_somebody_who_looks_at_the_page_is_counted_as_a_visitor_only(
    shop: Shop, phone: Phone
) -> None:
    card = shop.card()
    page = phone.context.new_page()
    with (
        page.expect_response(lambda answer: reports(answer, "wallet_choice_shown")) as choice,
        page.expect_response(lambda answer: reports(answer, "link_opened")) as opened,
    ):
        page.goto(card.url)
        page.mouse.click(5, 5)
    assert (opened.value.status, choice.value.status) == (204, 204)
    assert card.now["status"] == "not_installed"
    assert "installed" not in card.timeline


def test_R_INST_2_a_start_from_the_home_screen_installs(shop: Shop, open_phone: Any) -> None:
    """``--app`` is as close as a test comes: display-mode is standalone."""
    card = shop.card()
    app = open_phone(f"--app={card.url}?src=hs")
    page = app.context.pages[0]
    page.wait_for_function("window.card?.isStandalone")
    page.wait_for_url(card.url)  # what tells openings apart is gone from the address
    until(lambda: card.now["status"] == "installed")
    [place] = card.now["installations"]
    assert (place["wallet"], place["status"]) == ("pwa", "active")
    expect(page.locator(".browser-only").first).to_be_hidden()


def test_R_INST_2_appinstalled_installs_once(shop: Shop, phone: Phone) -> None:
    card = shop.card()
    page = phone.open(card.url)
    for _ in range(2):
        with page.expect_response("**/event") as reported:
            page.evaluate("dispatchEvent(new Event('appinstalled'))")
        assert reported.value.request.post_data_json["n"] == "pwa_installed"
        assert reported.value.status == 204
    [place] = card.now["installations"]
    assert place["status"] == "active"
    assert card.now["status"] == "installed"


def test_this_device_forgets_the_card(shop: Shop, phone: Phone) -> None:
    card, other = shop.card(), shop.card("gift")
    phone.open(other.url)
    page = phone.open(card.url)
    with page.expect_response("**/event"):
        page.evaluate("dispatchEvent(new Event('appinstalled'))")
    assert card.now["status"] == "installed"
    page.get_by_role("button", name="Remove this card from this device").click()
    expect(page.get_by_role("heading", name="This device has forgotten the card")).to_be_visible()
    until(lambda: all(card.token not in name for name in cached(page)))
    assert any(other.token in name for name in cached(page))
    until(lambda: card.now["status"] == "deleted")
    mine = page.evaluate(
        "Object.keys(localStorage).filter(name => name.includes(document.body.dataset.serialHash))"
    )
    assert mine == []


def test_the_code_in_large_opens_from_the_icons_menu_and_closes(shop: Shop, phone: Phone) -> None:
    card = shop.card()
    page = phone.open(f"{card.url}?view=code")
    expect(page.locator("#code-view")).to_be_visible()
    expect(page).to_have_url(card.url)
    picture = page.locator("#code-view").screenshot()
    assert picture
    assert card.code in codes_on(page)
    page.keyboard.press("Escape")
    expect(page.locator("#code-view")).to_be_hidden()
    page.get_by_role("button", name="Show the code large").click()
    expect(page.locator("#code-view")).to_be_visible()


@pytest.mark.parametrize("with_script", [True, False])
def test_feedback_is_given_and_can_be_changed(
    shop: Shop, open_phone: Callable[..., Phone], with_script: bool
) -> None:
    card = shop.card()
    phone = open_phone(java_script_enabled=with_script)
    page = phone.context.new_page()
    page.goto(card.url)
    page.get_by_role("radio", name="4 stars").check(force=True)
    page.get_by_label("What would you like to say?").fill("Good cake")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Thank you!")).to_be_visible()
    [given] = shop.call("GET", f"/cards/{card.id}/feedback")["items"]
    assert (given["stars"], given["comment"]) == (4, "Good cake")
    words = page.get_by_label("What would you like to say?")
    # The worker shows what it has and fetches what there is.
    until(lambda: page.goto(card.url) and words.input_value() == "Good cake")
    expect(page.get_by_text("Thank you!")).to_be_hidden()
