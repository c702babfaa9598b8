"""Signing up: the form, what brought somebody to it, and the card that comes of it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from passes.cards.models import Card, Touch
from passes.customers.models import Consent, Customer
from passes.store import Store
from tests.conftest import Clock, Shop
from tests.web.visiting import IPHONE, LAPTOP, Page, Person

WHATSAPP = "WhatsApp/2.23.20.0"
ANNA = {"first_name": "Anna", "last_name": "Berger", "email": "anna@example.org"}


@pytest.fixture
def template(alma: Shop) -> Any:
    return alma.template("multipass", name={"de": "Zehnerkarte", "en": "Ten visits", "nl": "Tien"})


@pytest.fixture
def join(template: Any) -> str:
    return f"/join/{template['slug']}"


@pytest.fixture
def anna(app: Flask) -> Person:
    return Person(app)


def rows(store: Store, shop: Shop, table: Any) -> list[Any]:
    with store.read(shop.merchant_id) as session:
        return list(session.scalars(select(table).where(table.merchant_id == shop.merchant_id)))


def the_card(store: Store, shop: Shop) -> Any:
    """The only card of the shop, as the API shows it."""
    [card] = rows(store, shop, Card)
    return shop.get(f"/cards/{card.id}")


# --- from a link to a card -----------------------------------------------------------------------


def test_a_form_becomes_a_card_page(store: Store, alma: Shop, anna: Person, join: str) -> None:
    page = anna.open(f"{join}?utm_source=instagram")
    assert page.status == 200
    assert "Ten visits" in page.heading
    assert "Alma" in page.text
    done = anna.send(page, **ANNA)
    assert done.status == 303
    assert re.fullmatch(r"/c/[\w-]{22}/", done.location)
    assert "Anna B." in anna.open(done.location).text
    card = the_card(store, alma)
    assert card["utm"]["source"] == "instagram"
    assert card["issue_channel"] == "link"
    assert card["status"] == "not_installed"


def test_T_UT_1_five_values_word_for_word(
    store: Store, alma: Shop, anna: Person, join: str
) -> None:
    query = "utm_source=Instagram&utm_medium=story&utm_campaign=Herbst&utm_content=a&utm_term=b"
    anna.send(anna.open(f"{join}?{query}"), **ANNA)
    assert the_card(store, alma)["utm"] == {
        "source": "Instagram", "medium": "story", "campaign": "Herbst", "term": "b", "content": "a",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "source"),
    [("?src=flyer", "flyer"), ("", "direct"), ("?utm_source=%3Cscript%3E", "<script>")],
)
def test_T_UT_1_the_source(
    store: Store, alma: Shop, anna: Person, join: str, query: str, source: str
) -> None:
    anna.send(anna.open(join + query), **ANNA)
    assert the_card(store, alma)["utm"]["source"] == source


def test_R_UTM_6_a_channel_link_brings_its_values(
    store: Store, alma: Shop, anna: Person, template: Any, join: str
) -> None:
    alma.post(
        f"/templates/{template['id']}/links",
        {"name": "Schaufenster", "source": "window", "medium": "qr"},
    )
    page = anna.open(f"{join}/schaufenster")
    assert page.status == 200
    anna.send(page, **ANNA)
    utm = the_card(store, alma)["utm"]
    assert (utm["source"], utm["medium"]) == ("window", "qr")


def test_an_unknown_channel_still_gives_a_card(
    store: Store, alma: Shop, anna: Person, join: str
) -> None:
    anna.send(anna.open(f"{join}/misspelt"), **ANNA)
    assert the_card(store, alma)["utm"]["source"] == "direct"


def test_values_cannot_be_made_up_in_the_form(
    store: Store, alma: Shop, anna: Person, join: str
) -> None:
    page = anna.open(f"{join}?utm_source=instagram")
    anna.send(page, utm_source="google", **ANNA)
    assert the_card(store, alma)["utm"]["source"] == "instagram"


@pytest.mark.parametrize("change", ["flip", "cut", "empty"])
def test_a_form_that_is_not_ours_is_asked_for_again(
    store: Store, alma: Shop, anna: Person, join: str, change: str
) -> None:
    page = anna.open(join)
    flipped = ("A" if page.token[5] != "A" else "B").join((page.token[:5], page.token[6:]))
    given = {"flip": flipped, "cut": page.token[:-3], "empty": ""}
    again = anna.post(page.action, token=given[change], **ANNA)
    assert again.status == 422
    assert 'value="anna@example.org"' in again.html
    assert rows(store, alma, Card) == []
    assert anna.send(again, **ANNA).status == 303


def test_a_form_of_another_template_is_not_this_ones(
    store: Store, alma: Shop, bruno: Shop, anna: Person, join: str
) -> None:
    other = bruno.template("stamp")
    foreign = anna.open(f"/join/{other['slug']}?utm_source=bruno")
    page = anna.open(join)
    assert anna.post(page.action, token=foreign.token, **ANNA).status == 422
    assert rows(store, alma, Card) == []


def test_a_form_of_yesterday_is_asked_for_again_and_keeps_its_source(
    now: Clock, store: Store, alma: Shop, anna: Person, join: str
) -> None:
    page = anna.open(f"{join}?utm_source=instagram")
    now.move(hours=24)
    again = anna.send(page, **ANNA)
    assert again.status == 422
    assert anna.send(again, **ANNA).status == 303
    assert the_card(store, alma)["utm"]["source"] == "instagram"


# --- the first touch -----------------------------------------------------------------------------


def remember(person: Person, page: Page) -> Page:
    action = page.one(r'action="(/join/[\w-]+/remember)"')
    return person.post(action, token=page.token, lang="en", remember="yes")


def test_T_UT_2_without_consent_the_last_link_counts(
    store: Store, alma: Shop, anna: Person, join: str
) -> None:
    first = anna.open(f"{join}?utm_source=Instagram")
    assert "Set-Cookie" not in first.response.headers
    anna.send(anna.open(f"{join}?utm_source=google"), **ANNA)
    assert the_card(store, alma)["utm"]["source"] == "google"


def test_T_UT_2_with_consent_the_first_link_counts(
    now: Clock, store: Store, alma: Shop, anna: Person, join: str
) -> None:
    kept = remember(anna, anna.open(f"{join}?utm_source=Instagram&utm_campaign=Herbst"))
    assert kept.status == 303
    cookie = kept.response.headers["Set-Cookie"]
    for word in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"):
        assert word in cookie
    assert "Instagram" not in cookie
    now.move(days=2)
    page = anna.open(f"{join}?utm_source=google")
    done = anna.send(page, **ANNA)
    utm = the_card(store, alma)["utm"]
    assert (utm["source"], utm["campaign"]) == ("Instagram", "Herbst")
    assert "Max-Age=0" in done.response.headers["Set-Cookie"], "it has done its work"


def test_T_UT_2_a_cookie_counts_for_thirty_days(
    now: Clock, store: Store, alma: Shop, anna: Person, join: str
) -> None:
    remember(anna, anna.open(f"{join}?utm_source=Instagram"))
    now.move(days=30)
    anna.send(anna.open(f"{join}?utm_source=google"), **ANNA)
    assert the_card(store, alma)["utm"]["source"] == "google"


def test_consent_can_be_taken_back_at_once(
    store: Store, alma: Shop, anna: Person, join: str
) -> None:
    remember(anna, anna.open(f"{join}?utm_source=Instagram"))
    page = anna.open(join)
    anna.post(f"{join}/remember", token=page.token, forget="yes")
    anna.send(anna.open(f"{join}?utm_source=google"), **ANNA)
    assert the_card(store, alma)["utm"]["source"] == "google"


def test_who_came_by_no_link_in_particular_is_not_asked(anna: Person, join: str) -> None:
    assert "/remember" not in anna.open(join).html


def test_the_way_back_from_the_cookie_leads_nowhere_else(anna: Person, join: str) -> None:
    page = anna.open(f"{join}?utm_source=x")
    for token in (page.token, "", "made-up"):
        answer = anna.post(f"{join}/remember", token=token, lang="//evil.example")
        assert answer.location.startswith(f"{join}?lang=")


# --- the form itself -----------------------------------------------------------------------------


def test_consents_are_asked_one_by_one_and_never_ticked(
    store: Store, alma: Shop, anna: Person, join: str
) -> None:
    page = anna.open(join)
    boxes = re.findall(r"<input type=\"checkbox\"[^>]*>", page.html)
    assert len(boxes) == 2
    assert not any("checked" in box for box in boxes)
    anna.send(page, consent_email="yes", **ANNA)
    said = {row.channel: row for row in rows(store, alma, Consent)}
    assert {channel: row.granted for channel, row in said.items()} == {"push": False, "email": True}
    assert said["email"].wording in page.text
    assert said["email"].language == "en"


def test_errors_stand_at_their_fields_and_what_was_typed_stays(
    store: Store, alma: Shop, anna: Person, join: str
) -> None:
    page = anna.send(anna.open(join), last_name="Berger", email="anna@", consent_push="yes")
    assert page.status == 422
    assert page.has(r'<input id="email"[^>]*aria-describedby="wrong-email"[^>]*>')
    assert page.has(r'<p class="error" id="wrong-email">')
    assert page.has(r'<input id="first_name"[^>]*aria-invalid="true"')
    assert page.has(r'id="errors" role="alert" tabindex="-1" autofocus')
    assert page.has(r'<a href="#email">')
    assert page.has(r'name="last_name"[^>]*value="Berger"')
    assert page.has(r'name="email"[^>]*value="anna@"')
    assert page.has(r'name="consent_push" value="yes" checked')
    assert not page.has(r'name="consent_email" value="yes" checked')
    assert rows(store, alma, Customer) == []


def test_browsers_are_told_what_to_fill_in(alma: Shop, anna: Person) -> None:
    everything = ["first_name", "last_name", "phone", "email", "birthday", "gender", "language"]
    made = alma.template(
        "stamp",
        form={
            "fields": [{"key": key, "unique": key == "email"} for key in everything],
            "custom": [
                {"key": "drink", "label": "Drink", "type": "choice", "options": ["Tea", "Coffee"]},
                {"key": "vegan", "label": "Vegan?", "type": "yes_no"},
                {"key": "cups", "label": "Cups a day", "type": "number"},
            ],
        },
    )
    page = anna.open(f"/join/{made['slug']}")
    for name, words in {
        "first_name": 'type="text" .*autocomplete="given-name"',
        "last_name": 'type="text" .*autocomplete="family-name"',
        "phone": 'type="tel" .*autocomplete="tel" inputmode="tel"',
        "email": 'type="email" .*autocomplete="email" inputmode="email"',
        "birthday": 'type="date" .*autocomplete="bday"',
        "gender": 'autocomplete="sex"',
        "cups": 'inputmode="decimal"',
    }.items():
        assert page.has(rf'<(?:input|select) id="{name}" name="{name}" {words}') or page.has(
            rf'<(?:input|select) id="{name}"[^>]*{words}'
        ), name
        assert page.has(rf'<label for="{name}">'), name
    assert page.has(r'<option value="Tea">Tea</option>')
    assert page.has(r'<option value="yes">Yes</option>')
    done = anna.send(page, email="a@example.org", drink="Tea", vegan="no", cups="3", language="nl")
    assert done.status == 303
    assert '<html lang="nl">' in anna.open(done.location).html


def test_speaks_the_visitors_language_through_to_the_card(
    app: Flask, store: Store, alma: Shop, join: str
) -> None:
    visitor = Person(app, language="nl-NL,nl;q=0.9,en;q=0.5")
    page = visitor.open(join)
    assert '<html lang="nl">' in page.html
    done = visitor.send(page, **ANNA)
    assert '<html lang="nl">' in visitor.open(done.location, Accept_Language="de").html
    assert the_card(store, alma)["customer"]["first_name"] == "Anna"


def test_a_switched_language_stays(anna: Person, join: str) -> None:
    page = anna.open(f"{join}?lang=de&utm_source=x")
    assert '<html lang="de">' in page.html
    assert '<html lang="de">' in anna.send(page, email="?").html


def test_what_people_and_links_say_stays_text(alma: Shop, anna: Person) -> None:
    attack = '"><script>alert(1)</script>'
    made = alma.template("stamp", name=attack, description=attack, texts={"terms": attack})
    address = f"/join/{made['slug']}"
    for page in (
        anna.open(f"{address}?utm_source={attack}&lang={attack}"),
        anna.send(anna.open(address), first_name=attack, email=attack),
    ):
        assert "<script" not in page.html


# --- sent twice, known already, robots -----------------------------------------------------------


def test_sent_twice_gives_one_card(store: Store, alma: Shop, anna: Person, join: str) -> None:
    page = anna.open(join)
    first, second = anna.send(page, **ANNA), anna.send(page, **ANNA)
    assert first.location == second.location != ""
    assert len(rows(store, alma, Card)) == len(rows(store, alma, Customer)) == 1


def test_sent_twice_at_once_gives_one_card(app: Flask, store: Store, alma: Shop, join: str) -> None:
    people = [Person(app, address="127.0.0.1") for _ in range(6)]
    page = people[0].open(join)
    locations: list[str] = []
    start = threading.Barrier(len(people))

    def send(person: Person) -> None:
        start.wait()
        locations.append(person.send(page, **ANNA).location)

    threads = [threading.Thread(target=send, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(locations)) == 1
    assert locations[0].startswith("/c/")
    assert len(rows(store, alma, Card)) == 1


def test_the_next_person_at_the_tablet_does_not_get_the_card_before(
    store: Store, alma: Shop, anna: Person, join: str
) -> None:
    page = anna.open(join)
    first = anna.send(page, **ANNA)
    second = anna.send(page, first_name="Ben", email="ben@example.org")
    assert second.location.startswith("/c/")
    assert second.location != first.location
    assert len(rows(store, alma, Card)) == 2


def test_R_ISS_7_a_known_contact_gets_a_page_that_tells_nothing(
    app: Flask, store: Store, alma: Shop, anna: Person, join: str
) -> None:
    anna.send(anna.open(join), **ANNA)
    stranger = Person(app, LAPTOP, "203.0.113.9")
    answers = [
        stranger.send(stranger.open(join), first_name=name, email=email)
        for name, email in (("Anna", "ANNA@example.org"), ("Eve", "anna@example.org"))
    ]
    trapped = stranger.send(
        stranger.open(join), confirm_contact="x", first_name="Bot", email="b@b.de"
    )
    assert {page.status for page in (*answers, trapped)} == {200}
    assert len({page.html for page in (*answers, trapped)}) == 1
    for word in ("Anna", "Berger", "anna@", "/c/", "/i/"):
        assert word not in answers[1].html
    assert len(rows(store, alma, Card)) == len(rows(store, alma, Customer)) == 1


# --- what is not to be had -----------------------------------------------------------------------


@pytest.mark.parametrize(("status", "answer"), [("draft", 404), ("paused", 404), ("archived", 410)])
def test_a_card_that_is_not_offered(
    store: Store, alma: Shop, anna: Person, template: Any, join: str, status: str, answer: int
) -> None:
    page = anna.open(join)
    alma.call("PATCH", f"/templates/{template['id']}", {"status": status})
    assert anna.open(join).status == answer
    assert anna.send(page, **ANNA).status == answer
    assert rows(store, alma, Card) == []


def test_R_ISS_5_when_all_are_given_out_a_friendly_page_says_so(alma: Shop, anna: Person) -> None:
    made = alma.template("stamp", limits={"max_issued": 1})
    address = f"/join/{made['slug']}"
    page = anna.open(address)
    assert anna.send(page, **ANNA).status == 303
    refused = anna.send(anna.open(address), first_name="Ben", email="ben@example.org")
    assert refused.status == 409
    assert refused.heading == "All cards have been given out"


def test_R_ISS_5_an_offer_has_its_time(now: Clock, alma: Shop, anna: Person) -> None:
    made = alma.template("stamp", limits={"issue_until": "2026-11-22T00:00:00Z"})
    page = anna.open(f"/join/{made['slug']}")
    now.set("2026-11-22T00:00:00Z")
    refused = anna.send(page, **ANNA)
    assert refused.status == 409
    assert refused.heading == "This card is not offered any more"


def test_an_unknown_link(anna: Person) -> None:
    for path in ("/join/nobody", "/join/nobody/channel", "/r/ABCDEFGH"):
        assert anna.open(path).status == 404
        assert anna.post(path, **ANNA).status == 404
    assert anna.post("/join/nobody/remember").status == 404


# --- recommended ---------------------------------------------------------------------------------


def test_R_REF_a_recommendation_leads_to_the_same_card_and_is_recorded(
    store: Store, alma: Shop, template: Any, anna: Person
) -> None:
    card = alma.card(template["id"])
    link = card["links"]["referral"].removeprefix("http://127.0.0.1:8000")
    page = anna.open(link.lower())
    assert "Ten visits" in page.heading
    assert "Anna" not in page.text
    done = anna.send(page, first_name="Ben", email="ben@example.org")
    assert done.status == 303
    [new] = [row for row in rows(store, alma, Card) if str(row.id) != card["id"]]
    assert new.issue_channel == "referral"
    assert str(new.referrer_card_id) == card["id"]
    assert (new.utm_source, new.utm_medium, new.utm_campaign) == (
        "referral", "referral", template["slug"],
    )  # fmt: skip


def test_R_REF_11_a_shared_link_may_say_more(
    store: Store, alma: Shop, template: Any, anna: Person
) -> None:
    card = alma.card(template["id"])
    link = card["links"]["referral"].removeprefix("http://127.0.0.1:8000")
    anna.send(anna.open(f"{link}?utm_source=whatsapp"), first_name="Ben", email="b@example.org")
    [new] = [row for row in rows(store, alma, Card) if str(row.id) != card["id"]]
    assert (new.utm_source, new.issue_channel) == ("whatsapp", "referral")


def test_the_link_of_a_withdrawn_card_recommends_nothing(
    store: Store, alma: Shop, template: Any, anna: Person
) -> None:
    card = alma.card(template["id"])
    link = card["links"]["referral"].removeprefix("http://127.0.0.1:8000")
    assert "recommends it to you" in anna.open(link).text
    alma.post(f"/cards/{card['id']}/status", {"status": "deleted"})
    page = anna.open(link)
    assert page.status == 200
    assert "recommends it to you" not in page.text
    assert anna.send(page, first_name="Ben", email="ben@example.org").status == 303
    [new] = [row for row in rows(store, alma, Card) if str(row.id) != card["id"]]
    assert (new.issue_channel, new.referrer_card_id, new.referral_id) == ("link", None, None)


# --- limits and defences -------------------------------------------------------------------------


def test_R_ISS_6_five_forms_a_minute(app: Flask, join: str) -> None:
    person = Person(app, address="203.0.113.5")
    page = person.open(join)
    answers = [person.send(page, email="?") for _ in range(6)]
    assert [answer.status for answer in answers] == [422] * 5 + [429]
    assert 0 < int(answers[5].response.headers["Retry-After"]) <= 60
    assert person.open(join).status == 200, "looking is free"
    assert Person(app, address="203.0.113.6").send(page, email="?").status == 422


def test_R_ISS_6_the_shops_own_machine_is_not_slowed_down(app: Flask, join: str) -> None:
    tablet = Person(app, address="127.0.0.1")
    page = tablet.open(join)
    assert [tablet.send(page, email="?").status for _ in range(8)] == [422] * 8


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_another_sites_form_is_refused(
    store: Store, alma: Shop, anna: Person, join: str, headers: dict[str, str]
) -> None:
    page = anna.open(join)
    assert anna.post(page.action, headers, token=page.token, **ANNA).status == 403
    assert anna.post(f"{join}/remember", headers, token=page.token).status == 403
    assert rows(store, alma, Card) == []


def test_our_own_form_is_recognised(anna: Person, join: str) -> None:
    page = anna.open(join)
    assert page.response.headers["Referrer-Policy"] == "same-origin"
    ours = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}
    assert anna.post(page.action, ours, token=page.token, **ANNA).status == 303


# --- openings ------------------------------------------------------------------------------------


def test_an_opening_is_noted_with_its_values(
    store: Store, alma: Shop, anna: Person, join: str
) -> None:
    anna.open(f"{join}?utm_source=instagram")
    [touch] = rows(store, alma, Touch)
    assert (touch.link, touch.utm["source"], touch.platform) == ("join", "instagram", "ios")


MACHINES: list[Callable[[Person, str], Page]] = [
    lambda person, path: person.open(path, User_Agent=WHATSAPP),
    lambda person, path: person.open(
        path, User_Agent="facebookexternalhit/1.1 Facebot Twitterbot/1.0"
    ),
    lambda person, path: person.open(path, User_Agent="Slackbot-LinkExpanding 1.0"),
    lambda person, path: person.open(path, User_Agent="Mozilla/5.0 (compatible; Googlebot/2.1)"),
    lambda person, path: person.open(path, User_Agent=IPHONE, Sec_Purpose="prefetch;prerender"),
    lambda person, path: person.open(path, User_Agent=IPHONE, Purpose="prefetch"),
    lambda person, path: person.open(path, User_Agent=IPHONE, Sec_Fetch_Site="same-origin"),
    lambda person, path: person.open(path, method="HEAD"),
]


@pytest.mark.parametrize("look", MACHINES)
def test_previews_and_turned_pages_are_no_openings(
    store: Store, alma: Shop, anna: Person, join: str, look: Callable[[Person, str], Page]
) -> None:
    assert look(anna, join).status == 200
    assert rows(store, alma, Touch) == []
