"""``make screens``: takes the pictures of the pages that README and documentation show."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Browser, sync_playwright

from checks import machine
from checks.demo_server import demo_server
from checks.quality import CHROMIUM_FLAGS

FOLDER = Path("docs/screens")
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like"
    " Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)


def main() -> int:
    chromium = machine.provide(["chromium"])["chromium"]
    if chromium is None:
        print(f"NOT RUN: {machine.regret('chromium')}")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="treuepass-screens-") as data,
        demo_server(data) as demo,
        sync_playwright() as player,
    ):
        browser = player.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS.split()[1:])
        for name, address, scheme in _pages(demo):
            _take(browser, name, address, scheme)
        browser.close()
    return 0


def _pages(demo: dict[str, Any]) -> list[tuple[str, str, str]]:
    links = demo["card"]["links"]
    return [
        ("join", f"{demo['templates'][0]['sign_up_url']}?lang=en", "light"),
        ("install", f"{links['install']}?lang=en", "light"),
        ("card", f"{links['pwa']}?lang=en", "light"),
        ("card-dark", f"{links['pwa']}?lang=de", "dark"),
        ("stamp", f"{_card_page(demo, 'stamp', 'stamps')}?lang=en", "light"),
        ("cashback", f"{_card_page(demo, 'cashback', 'points')}?lang=en", "light"),
        ("gift", f"{_card_page(demo, 'gift', 'total_visits')}?lang=en", "light"),
        ("coupon", f"{_card_page(demo, 'coupon', 'coupon_state')}?lang=en", "light"),
        ("discount", f"{_card_page(demo, 'discount', 'total_visits')}?lang=en", "light"),
        ("membership", f"{_card_page(demo, 'membership', 'redeemed_visits')}?lang=en", "light"),
        ("points", f"{_card_page(demo, 'points', 'points')}?lang=en", "light"),
    ]


def _card_page(demo: dict[str, Any], kind: str, figure: str) -> str:
    """The page of the card of a kind on which a figure is the greatest: there is most to see."""
    base_url = demo["dashboard"]["url"].removesuffix("dashboard/")
    template = next(known for known in demo["templates"] if known["kind"] == kind)
    answer = requests.get(
        f"{base_url}api/v1/cards",
        params={"template_id": template["id"]},
        headers={"Authorization": f"Bearer {demo['api_key']}"},
        timeout=10,
    )
    answer.raise_for_status()
    cards = [card for card in answer.json()["items"] if card["status"] != "deleted"]
    return str(max(cards, key=lambda card: card["figures"][figure])["links"]["pwa"])


def _take(browser: Browser, name: str, address: str, scheme: Any) -> None:
    page = browser.new_page(
        viewport={"width": 390, "height": 844},
        device_scale_factor=2,
        color_scheme=scheme,
        user_agent=IPHONE,
    )
    page.goto(address, wait_until="networkidle")
    page.screenshot(path=FOLDER / f"{name}-390.png")
    page.close()


if __name__ == "__main__":
    raise SystemExit(main())
