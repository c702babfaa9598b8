"""``make screens``: takes the pictures of the pages that README and documentation show."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Browser, Page, sync_playwright

from checks import machine
from checks.demo_server import demo_server
from checks.quality import CHROMIUM_FLAGS

FOLDER = Path("docs/screens")
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like"
    " Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)
OWN_TYPE = "body.own-type { font-family: Inter !important; }"
"""A card's page is set in the device's own type; Inter stands in for an iPhone's."""
KINDS = {
    "stamp": "stamps",
    "multipass": "redeemed_visits",
    "cashback": "points",
    "gift": "total_visits",
    "coupon": "coupon_state",
    "discount": "total_visits",
    "membership": "redeemed_visits",
    "points": "points",
}
"""The figure of each kind by which its card is chosen."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture: of which page, and what is done there before."""

    name: str
    address: str
    scheme: str = "light"
    act: Callable[[Page], object] = lambda page: None


class Api:
    """The demo merchant's cards."""

    def __init__(self, demo: dict[str, Any]) -> None:
        self._demo = demo
        self._base = demo["dashboard"]["url"].removesuffix("dashboard/") + "api/v1/"
        self._headers = {"Authorization": f"Bearer {demo['api_key']}"}

    def card(self, kind: str, figure: str) -> dict[str, Any]:
        """The card of a kind on which a figure is the greatest: there is most to see."""
        template = next(known for known in self._demo["templates"] if known["kind"] == kind)
        answer = self._call("GET", f"cards?template_id={template['id']}")
        cards = [card for card in answer["items"] if card["status"] != "deleted"]
        best: dict[str, Any] = max(cards, key=lambda card: card["figures"][figure])
        return best

    def expired(self) -> dict[str, Any]:
        """A new card whose time is over, to show what that looks like."""
        template = self._demo["templates"][0]
        end = datetime.now(UTC) + timedelta(seconds=2)
        customer = {"first_name": "Emil", "last_name": "Ende", "email": "emil@example.org"}
        card = self._call(
            "POST",
            "cards",
            {
                "template_id": template["id"],
                "customer": customer,
                "opening": {"available_visits": 4},
                "expires_at": end.isoformat(),
            },
        )
        time.sleep(3)
        return card

    def withdraw(self, card: dict[str, Any]) -> None:
        self._call("POST", f"cards/{card['id']}/status", {"status": "deleted"})

    def used_coupon(self) -> dict[str, Any]:
        card = self.card("coupon", "coupon_state")  # as words: "unredeemed" is the greater
        if card["figures"]["coupon_state"] != "redeemed":
            self._call("POST", f"cards/{card['id']}/redeem-coupon", {})
        return card

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        answer = requests.request(
            method, f"{self._base}{path}", json=body, headers=self._headers, timeout=10
        )
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        return content


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
        for shot in _shots(demo):
            _take(browser, shot)
        browser.close()
    return 0


def _shots(demo: dict[str, Any]) -> Iterator[Shot]:
    api, links = Api(demo), demo["card"]["links"]
    yield Shot("join", f"{demo['templates'][0]['sign_up_url']}?lang=en")
    yield Shot("install", f"{links['install']}?lang=en")
    pages = {kind: api.card(kind, figure)["links"]["pwa"] for kind, figure in KINDS.items()}
    for kind, page in pages.items():
        name = "card" if kind == "multipass" else kind  # what README shows
        yield Shot(name, f"{page}?lang=en")
        yield Shot(f"{name}-dark", f"{page}?lang=de", "dark")
    visits = pages["multipass"]
    yield Shot("code", f"{visits}?lang=en", act=lambda page: page.click("#code-open"))
    yield Shot("rewards", f"{pages['points']}?lang=en", act=_scroll_to("#rewards"))
    yield Shot("history", f"{visits}?lang=en", act=_scroll_to("#history"))
    yield Shot("recommend", f"{visits}?lang=en", act=_scroll_to("#sharing"))
    yield Shot("feedback", f"{visits}?lang=en", act=_give_feedback)
    yield Shot("coupon-used", f"{api.used_coupon()['links']['pwa']}?lang=en")
    yield Shot("offline", f"{visits}?lang=en", act=_go_offline)
    ended = api.expired()
    yield Shot("expired", f"{ended['links']['pwa']}?lang=en")
    api.withdraw(ended)
    yield Shot("withdrawn", f"{ended['links']['pwa']}?lang=en")


def _scroll_to(heading: str) -> Callable[[Page], object]:
    return lambda page: page.evaluate(
        "heading => document.querySelector(heading).parentElement.scrollIntoView()", heading
    )


def _give_feedback(page: Page) -> None:
    page.check("input[name=stars][value='5']", force=True)
    page.fill("textarea", "The cheesecake!")
    page.click("#feedback button")
    page.wait_for_selector("#feedback [role=status]")


def _go_offline(page: Page) -> None:
    page.evaluate("navigator.serviceWorker.ready")
    page.wait_for_timeout(1_500)
    page.context.set_offline(True)
    page.reload()
    page.wait_for_selector("#offline:not([hidden])")


def _take(browser: Browser, shot: Shot) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        device_scale_factor=2,
        color_scheme=shot.scheme,  # type: ignore[arg-type]  # one of Playwright's words
        user_agent=IPHONE,
        bypass_csp=True,
    )
    page = context.new_page()
    page.goto(shot.address)
    page.wait_for_timeout(1_000)  # an open page has a stream, so the network is never idle
    page.add_style_tag(content=OWN_TYPE)
    shot.act(page)
    if page.locator("style").count() == 0:
        page.add_style_tag(content=OWN_TYPE)
    page.wait_for_timeout(500)
    page.screenshot(path=FOLDER / f"{shot.name}-390.png")
    context.close()


if __name__ == "__main__":
    raise SystemExit(main())
