"""The card's own page over HTTP, as far as the merchant sees what happened there (D.7, D.16)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from tests.conftest import Clock, Shop

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
APP, TAB = "A" * 22, "B" * 22


class Page:
    """The page of a card, in the browser of its holder."""

    def __init__(self, shop: Shop, client: FlaskClient, card: Any) -> None:
        self.shop, self.client, self.card = shop, client, card
        self.path = urlsplit(card["links"]["pwa"]).path

    def report(self, name: str, mode: str = "browser", device: str = TAB) -> None:
        said = {"n": name, "mode": mode, "device": device}
        answer = self.client.post(f"{self.path}event", json=said, headers=SAME_ORIGIN)
        assert answer.status_code == 204, answer.text

    def rate(self, stars: int, comment: str = "") -> None:
        form = {"stars": str(stars), "comment": comment}
        answer = self.client.post(f"{self.path}feedback", data=form, headers=SAME_ORIGIN)
        assert answer.status_code == 303, answer.text

    @property
    def seen(self) -> Any:
        return self.shop.get(f"/cards/{self.card['id']}")

    def feedback(self, **asked: Any) -> list[tuple[int, str | None]]:
        """Of the card's holder, through the API."""
        query = "&".join(f"{name.rstrip('_')}={value}" for name, value in asked.items())
        items = self.shop.get(f"/cards/{self.card['id']}/feedback?{query}")["items"]
        return [(each["stars"], each["comment"]) for each in items]


@pytest.fixture
def anna(alma: Shop, client: FlaskClient) -> Page:
    return Page(alma, client, alma.card(alma.template("multipass")["id"]))


# --- installed by proof only ---------------------------------------------------------------------


def test_T_IN_looking_at_the_page_installs_nothing_and_starting_it_does(anna: Page) -> None:
    for _ in range(3):
        assert anna.client.get(anna.path).status_code == 200
    anna.report("link_opened")
    card = anna.seen
    assert (card["status"], card["installations"], card["listeners"]) == ("not_installed", [], 0)
    anna.report("pwa_open", "standalone", APP)
    anna.report("pwa_open", "standalone", APP)
    card = anna.seen
    assert card["status"] == "installed"
    (place,) = card["installations"]
    assert (place["wallet"], place["status"], place["push_address"]) == ("pwa", "active", False)
    events = anna.shop.get(f"/cards/{card['id']}/events")["items"]
    assert [each["type"] for each in reversed(events)] == ["issued", "link_opened", "installed"]


def test_removing_the_card_from_the_only_device_deletes_it(anna: Page) -> None:
    anna.report("pwa_installed", device=APP)
    anna.report("removed", device=APP)
    card = anna.seen
    assert (card["status"], card["status_cause"]) == ("deleted", "customer")
    anna.report("pwa_open", "standalone", APP)
    assert anna.seen["status"] == "installed"


# --- feedback ------------------------------------------------------------------------------------


def test_T_FB_1_periods_and_comments(now: Clock, anna: Page) -> None:
    now.set("2025-12-31T12:00:00+01:00")
    anna.rate(5, "Happy new year")
    now.set("2026-11-14T12:00:00+01:00")  # a Saturday
    anna.rate(4)
    now.set("2026-11-21T12:00:00+01:00")
    anna.rate(3, "Warm coffee")
    assert anna.feedback(period="day") == [(3, "Warm coffee")]
    assert anna.feedback(period="week") == [(3, "Warm coffee")]
    assert anna.feedback(period="month") == [(3, "Warm coffee"), (4, None)]
    assert anna.feedback(period="year") == [(3, "Warm coffee"), (4, None)]
    assert anna.feedback(only_comments="true") == [(3, "Warm coffee"), (5, "Happy new year")]
    assert len(anna.feedback(only_comments="false")) == len(anna.feedback()) == 3
    assert len(anna.shop.get("/feedback?period=year")["items"]) == 2
    assert len(anna.shop.get("/feedback")["items"]) == 3


def test_S1_43_from_and_to_are_days_of_the_merchant_and_inclusive(now: Clock, anna: Page) -> None:
    moments = {
        1: "2026-11-19T23:59:59+01:00",
        2: "2026-11-20T00:00:00+01:00",
        3: "2026-11-21T23:59:59+01:00",
        4: "2026-11-22T00:00:00+01:00",
    }
    for stars, moment in moments.items():
        now.set(moment)
        Page(anna.shop, anna.client, anna.shop.card(anna.card["template"]["id"])).rate(stars)

    def stars_in(query: str) -> list[int]:
        return [each["stars"] for each in anna.shop.get(f"/feedback?{query}")["items"]]

    assert stars_in("from=2026-11-20&to=2026-11-21") == [3, 2]
    assert stars_in("from=2026-11-21") == [4, 3]
    assert stars_in("to=2026-11-19") == [1]
    assert stars_in("from=2026-11-20&to=2026-11-20") == [2]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-11-22&to=2026-11-21", "to"),
        ("period=day&from=2026-11-21", "period"),
        ("period=decade", "period"),
        ("from=yesterday", "from"),
        ("from=2026-02-30", "from"),
        ("to=1700000000", "to"),
        ("from=1999-12-31", "from"),
        ("from=9999-12-31", "from"),
        ("only_comments=perhaps", "only_comments"),
        ("stars=5", "stars"),
        ("cursor=x", "cursor"),
        ("limit=0", "limit"),
    ],
)
def test_S1_43_what_cannot_be_asked(anna: Page, query: str, field: str) -> None:
    for path in ("/feedback", f"/cards/{anna.card['id']}/feedback"):
        problem = anna.shop.refused("GET", f"{path}?{query}")
        assert [wrong["field"] for wrong in problem["fields"]] == [field]


def test_S1_42_a_card_lists_its_holders_feedback_and_nobody_elses(
    now: Clock, alma: Shop, client: FlaskClient, anna: Page
) -> None:
    berta = Page(alma, client, alma.card(anna.card["template"]["id"]))
    stamps = alma.template("stamp")["id"]
    same = Page(alma, client, alma.card(stamps, customer_id=anna.card["customer"]["id"]))
    for page, stars in ((anna, 5), (berta, 1), (same, 4)):
        now.move(minutes=1)
        page.rate(stars)
    assert anna.feedback() == same.feedback() == [(4, None), (5, None)]
    assert berta.feedback() == [(1, None)]
    by_serial = alma.get(f"/cards/{anna.card['serial_number']}/feedback")
    assert {each["card_id"] for each in by_serial["items"]} == {anna.card["id"], same.card["id"]}


def test_S1_12_the_card_shows_its_holders_rating(now: Clock, anna: Page) -> None:
    assert anna.card["rating"] is None
    anna.rate(5)
    now.move(days=1)
    anna.rate(4)
    assert anna.seen["rating"] == {"mean": "4.5", "count": 2}
    posted = anna.shop.post(f"/cards/{anna.card['id']}/add-visits", {"value": 1})
    assert posted["card"]["rating"] == {"mean": "4.5", "count": 2}


def test_S1_44_spaces_are_no_comment_and_a_later_word_replaces(now: Clock, anna: Page) -> None:
    anna.rate(2, "   ")
    assert anna.feedback() == [(2, None)]
    assert anna.feedback(only_comments="true") == []
    now.move(hours=23)
    anna.rate(5, " Sorry! ")
    assert anna.feedback(only_comments="true") == [(5, "Sorry!")]
    events = anna.shop.get(f"/cards/{anna.card['id']}/events")["items"]
    assert [each["data"] for each in events if each["type"] == "feedback_given"] == [
        {"stars": 5, "edited": True},
        {"stars": 2, "edited": False},
    ]


def test_feedback_is_paged(now: Clock, anna: Page) -> None:
    for stars in range(1, 6):
        now.move(days=1)
        anna.rate(stars)
    seen: list[int] = []
    cursor = ""
    while True:
        page = anna.shop.get(f"/feedback?limit=2{cursor}")
        seen += [each["stars"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == [5, 4, 3, 2, 1]
