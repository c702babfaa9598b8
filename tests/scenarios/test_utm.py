"""Sign-up links and where a customer came from, as a browser without JavaScript does it (D.10)."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import Clock, Shop


class _Form(HTMLParser):
    """The fields of the page's first POST form, with the values that a browser would send."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.ticked: list[str] = []
        self._inside = self._done = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form" and given.get("method") == "post" and not self._done:
            self._inside, self.action = True, given["action"] or ""
        if self._inside and tag in {"input", "select"} and given.get("name"):
            name = given["name"] or ""
            if given.get("type") in {"checkbox", "radio"}:
                self.ticked += [name] if "checked" in given else []
            else:
                self.fields[name] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._inside:
            self._inside, self._done = False, True


def form_of(page: str) -> _Form:
    form = _Form()
    form.feed(page)
    return form


def open_page(browser: FlaskClient, path: str) -> _Form:
    response = browser.get(path)
    assert response.status_code == 200, response.text
    return form_of(response.text)


def send(browser: FlaskClient, form: _Form, **answers: str) -> TestResponse:
    return browser.post(form.action, data={**form.fields, **answers})


def enrol(shop: Shop, browser: FlaskClient, path: str, email: str, **answers: str) -> Any:
    """Signs up through a page and gives back the card, as the API shows it."""
    response = send(browser, open_page(browser, path), first_name="Anna", email=email, **answers)
    assert response.status_code == 303, response.text
    assert browser.get(response.location).status_code == 200
    return shop.get("/cards?limit=1")["items"][0]


@pytest.fixture
def join(alma: Shop) -> str:
    """The path of a sign-up link."""
    url: str = alma.template("multipass")["sign_up_url"]
    return url.removeprefix("http://127.0.0.1:8000")


def test_T_UT_1_five_values_stand_and_stay(alma: Shop, client: FlaskClient, join: str) -> None:
    query = urlencode(
        {
            "utm_source": "Instagram",
            "utm_medium": "story",
            "utm_campaign": "Herbst",
            "utm_content": "a",
            "utm_term": "b",
        }
    )
    card = enrol(alma, client, f"{join}?{query}", "anna@example.com")
    expected = {
        "source": "Instagram", "medium": "story", "campaign": "Herbst", "content": "a", "term": "b",
    }  # fmt: skip
    assert card["utm"] == expected
    assert (card["issue_channel"], card["status"]) == ("link", "not_installed")
    install = card["links"]["install"].removeprefix("http://127.0.0.1:8000")
    assert client.get(f"{install}?utm_source=google").status_code == 200
    assert alma.get(f"/cards/{card['id']}")["utm"] == expected
    assert alma.get("/cards?utm_source=INSTAGRAM")["items"][0]["id"] == card["id"]


@pytest.mark.parametrize(
    ("query", "source"),
    [
        ("?src=flyer", "flyer"),
        ("?src=flyer&utm_source=poster", "poster"),
        ("", "direct"),
        ("?utm_source=", "direct"),
        ("?utm_source=%20%09&utm_medium=x", "direct"),
        ("?utm_source=%3Cscript%3Ealert(1)%3C/script%3E", "<script>alert(1)</script>"),
        ("?utm_source=" + "x" * 400, "x" * 150),
        ("?utm_source=a%00b%1bc", "abc"),
    ],
)
def test_T_UT_1_sources(
    alma: Shop, client: FlaskClient, join: str, query: str, source: str
) -> None:
    card = enrol(alma, client, join + query, "anna@example.com")
    assert card["utm"]["source"] == source


def test_T_UT_1_a_channel_link_brings_its_own_values(alma: Shop, client: FlaskClient) -> None:
    template = alma.template("multipass")
    link = alma.post(
        f"/templates/{template['id']}/links",
        {"name": "Herbst-Poster", "source": "poster", "campaign": "Herbst"},
    )
    path = link["url"].removeprefix("http://127.0.0.1:8000")
    assert path.endswith("/herbst-poster")
    card = enrol(alma, client, path, "anna@example.com")
    assert (card["utm"]["source"], card["utm"]["campaign"]) == ("poster", "Herbst")
    card = enrol(alma, client, f"{path}?utm_source=story", "ben@example.com")
    assert card["utm"]["source"] == "story"


def test_T_UT_2_first_touch_only_with_consent_to_a_cookie(
    now: Clock, alma: Shop, app: Any, join: str
) -> None:
    with_cookie, without = app.test_client(), app.test_client()
    for browser in (with_cookie, without):
        open_page(browser, f"{join}?utm_source=Instagram")
    page = with_cookie.get(f"{join}?utm_source=Instagram").text
    cookie_form = form_of(page[page.index('class="cookie') - 20 :])
    assert send(with_cookie, cookie_form, remember="yes").status_code == 303
    now.move(days=2)
    card = enrol(alma, with_cookie, f"{join}?utm_source=google", "with@example.com")
    assert card["utm"]["source"] == "Instagram"
    card = enrol(alma, without, f"{join}?utm_source=google", "without@example.com")
    assert card["utm"]["source"] == "google"


def test_T_UT_2_no_cookie_is_set_without_consent(client: FlaskClient, join: str) -> None:
    response = client.get(f"{join}?utm_source=Instagram")
    assert "Set-Cookie" not in response.headers


def test_R_UTM_5_a_later_link_changes_nothing(alma: Shop, client: FlaskClient) -> None:
    card = alma.card(alma.template("multipass")["id"])
    install = card["links"]["install"].removeprefix("http://127.0.0.1:8000")
    client.get(f"{install}?utm_source=newsletter")
    assert alma.get(f"/cards/{card['id']}")["utm"]["source"] == "api"


def test_R_REF_11_a_referral_link_names_itself(alma: Shop, client: FlaskClient) -> None:
    template = alma.template("multipass")
    friend_of = alma.card(template["id"])
    path = friend_of["links"]["referral"].removeprefix("http://127.0.0.1:8000")
    card = enrol(alma, client, path.lower(), "friend@example.com")
    assert card["issue_channel"] == "referral"
    assert (card["utm"]["source"], card["utm"]["medium"]) == ("referral", "referral")
    assert card["utm"]["campaign"] == template["slug"]


def test_R_GDPR_3_consents_are_unticked_and_kept_as_answered(
    alma: Shop, client: FlaskClient, join: str
) -> None:
    form = open_page(client, join)
    assert form.ticked == []
    enrol(alma, client, join, "anna@example.com", consent_push="yes")
    consents = alma.get("/customers?email=anna@example.com")["items"][0]["consents"]
    assert consents == {"push": True, "email": False}


def test_T_SEC_1_a_known_contact_is_never_told_whose(
    alma: Shop, client: FlaskClient, join: str
) -> None:
    enrol(alma, client, join, "anna@example.com")
    again = send(client, open_page(client, join), first_name="Eve", email="ANNA@example.com ")
    assert again.status_code == 200
    assert "Anna" not in again.text
    assert "/c/" not in again.text
    assert "/i/" not in again.text
    assert len(alma.get("/customers")["items"]) == 1
    assert len(alma.get("/cards")["items"]) == 1


def test_the_same_form_sent_twice_is_one_card(alma: Shop, client: FlaskClient, join: str) -> None:
    form = open_page(client, join)
    sent = [send(client, form, first_name="Anna", email="anna@example.com") for _ in range(2)]
    assert sent[0].location == sent[1].location
    assert len(alma.get("/cards")["items"]) == 1


def test_R_UTM_4_first_utm_of_the_customer(alma: Shop, client: FlaskClient, join: str) -> None:
    enrol(alma, client, f"{join}?utm_source=flyer", "anna@example.com")
    customer = alma.get("/customers?email=anna@example.com")["items"][0]
    assert customer["first_utm"]["source"] == "flyer"


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ({"first_name": "", "email": "a@example.com"}, "first_name"),
        ({"first_name": "A", "email": ""}, "email"),
        ({"first_name": "A", "email": "nonsense"}, "email"),
        ({"first_name": "A", "email": "a@example.com", "phone": "abc"}, "phone"),
        ({"first_name": "A" * 101, "email": "a@example.com"}, "first_name"),
    ],
)
def test_wrong_answers_are_named_and_kept(
    alma: Shop, client: FlaskClient, join: str, answers: dict[str, str], field: str
) -> None:
    response = send(client, open_page(client, join), **answers)
    assert response.status_code == 422
    assert f'id="wrong-{field}"' in response.text
    assert form_of(response.text).fields["email"] == answers["email"]
    assert alma.get("/customers")["items"] == []


def test_a_form_that_was_not_opened_here_counts_its_own_link(
    alma: Shop, client: FlaskClient, join: str
) -> None:
    sent = client.post(
        f"{join}?utm_source=kiosk", data={"first_name": "Anna", "email": "anna@example.com"}
    )
    assert sent.status_code == 303
    assert alma.get("/cards?limit=1")["items"][0]["utm"]["source"] == "kiosk"
    forged = client.post(join, data={"first_name": "B", "email": "b@example.com", "token": "x"})
    assert forged.status_code == 422
