"""The gift link: a page that anybody may look at, and that one person can take the gift from."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask

from tests.conftest import Clock, Shop
from tests.web.visiting import Page, Person

BEN = {"first_name": "Ben", "last_name": "Berger", "email": "ben@example.org"}
CLARA = {"first_name": "Clara", "email": "clara@example.org"}


@pytest.fixture
def card(alma: Shop) -> Any:
    """A gift card that Anna has bought."""
    template = alma.template("gift", name={"de": "Gutschein", "en": "Voucher", "nl": "Bon"})
    made = alma.card(template["id"], customer={"first_name": "Anna", "email": "anna@example.org"})
    alma.post(f"/cards/{made['id']}/add-money", {"value": "30.00", "purchase_amount": "30.00"})
    return made


@pytest.fixture
def ben(app: Flask) -> Person:
    return Person(app)


def link_of(shop: Shop, card: Any) -> str:
    answer = shop.post(f"/cards/{card['id']}/gift-link")
    assert answer["card_id"] == card["id"]
    return urlsplit(answer["url"]).path


def cards_of(shop: Shop) -> list[Any]:
    return list(shop.get("/cards")["items"])


def test_D_4_4_whoever_completes_the_link_becomes_the_holder(
    alma: Shop, ben: Person, card: Any
) -> None:
    page = ben.open(link_of(alma, card))
    assert page.status == 200
    assert page.heading == "A gift for you: €30.00"
    assert "Voucher" in page.text
    assert "Anna" not in page.html
    done = ben.send(page, **BEN)
    assert done.status == 303
    own = ben.open(done.location)
    assert "Ben B." in own.text
    assert "€30.00" in own.text
    new, old = cards_of(alma)
    assert (new["customer"]["first_name"], new["figures"]["balance"]) == ("Ben", "30.00")
    assert new["figures"]["ltv"] == "0.00"
    assert (old["figures"]["balance"], old["figures"]["ltv"]) == ("0.00", "30.00")
    assert (old["status"], old["status_cause"]) == ("deleted", "transferred")


def test_D_4_4_the_givers_links_lead_nowhere_any_more(alma: Shop, ben: Person, card: Any) -> None:
    done = ben.send(ben.open(link_of(alma, card)), **BEN)
    new = cards_of(alma)[0]
    for link in ("install", "pwa"):
        page = ben.open(urlsplit(card["links"][link]).path)
        assert new["serial_number"] not in page.html
        assert new["links"]["install"] not in page.html
        assert done.location not in page.html
    assert ben.open(urlsplit(card["links"]["install"]).path).status == 410


def test_looking_at_a_gift_changes_nothing(alma: Shop, ben: Person, card: Any) -> None:
    link = link_of(alma, card)
    before = alma.get(f"/cards/{card['id']}")
    for _ in range(2):
        ben.open(link)
    ben.open(link, method="HEAD")
    assert alma.get(f"/cards/{card['id']}") == before
    assert len(cards_of(alma)) == 1


def test_D_4_4_the_second_one_learns_that_it_is_taken(alma: Shop, app: Flask, card: Any) -> None:
    link = link_of(alma, card)
    ben, clara = Person(app), Person(app, address="198.51.100.8")
    opened = clara.open(link)
    ben.send(ben.open(link), **BEN)
    late = clara.send(opened, **CLARA)
    assert late.status == 410
    assert late.heading == "Somebody was faster: this gift has been taken"
    assert clara.open(link).status == 410
    assert len(cards_of(alma)) == 2
    assert alma.get("/customers?email=clara@example.org")["items"] == []


def test_D_4_4_of_two_at_the_same_moment_one_gets_it(alma: Shop, app: Flask, card: Any) -> None:
    link = link_of(alma, card)
    people = [Person(app, address=f"198.51.100.{number}") for number in range(4)]
    opened = [person.open(link) for person in people]
    answers: list[Page] = []

    def take(number: int) -> None:
        given = {"first_name": f"P{number}", "email": f"p{number}@example.org"}
        answers.append(people[number].send(opened[number], **given))

    threads = [threading.Thread(target=take, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [303, 410, 410, 410]
    assert [card["figures"]["balance"] for card in cards_of(alma)] == ["30.00", "0.00"]


def test_a_form_that_is_sent_twice_leads_to_the_same_card(
    alma: Shop, ben: Person, card: Any
) -> None:
    page = ben.open(link_of(alma, card))
    assert ben.send(page, **BEN).location == ben.send(page, **BEN).location
    assert len(cards_of(alma)) == 2


def test_R_ISS_7_a_known_contact_gets_the_neutral_page(alma: Shop, ben: Person, card: Any) -> None:
    link = link_of(alma, card)
    known = ben.send(ben.open(link), first_name="Anna", email="anna@example.org")
    trapped = ben.send(ben.open(link), **BEN, confirm_contact="x")
    assert known.status == trapped.status == 200
    assert known.text == trapped.text
    assert "show this link at the counter" in known.text
    assert cards_of(alma)[0]["figures"]["balance"] == "30.00"


def test_R_ID_2_a_new_link_ends_the_old_one(alma: Shop, ben: Person, card: Any) -> None:
    old = link_of(alma, card)
    opened = ben.open(old)
    new = link_of(alma, card)
    assert new != old
    assert ben.open(old).status == 404
    assert ben.send(opened, **BEN).status == 404
    assert ben.send(ben.open(new), **BEN).status == 303


def test_the_token_says_nothing_and_is_not_the_cards_other_ones(alma: Shop, card: Any) -> None:
    token = link_of(alma, card).rpartition("/")[2]
    assert len(token) == 22
    for link in card["links"].values():
        assert token not in link


def test_errors_stand_at_their_fields(alma: Shop, ben: Person, card: Any) -> None:
    page = ben.send(ben.open(link_of(alma, card)), last_name="Berger", email="ben@")
    assert page.status == 422
    assert page.has(r'<p class="error" id="wrong-email">')
    assert page.has(r'name="last_name"[^>]*value="Berger"')
    assert ben.send(page, **BEN).status == 303


def test_a_form_of_yesterday_is_asked_for_again(
    now: Clock, alma: Shop, ben: Person, card: Any
) -> None:
    page = ben.open(link_of(alma, card))
    now.move(hours=24)
    again = ben.send(page, **BEN)
    assert again.status == 422
    assert ben.send(again, **BEN).status == 303


def test_another_sites_form_is_refused(alma: Shop, ben: Person, card: Any) -> None:
    page = ben.open(link_of(alma, card))
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert ben.post(page.action, foreign, token=page.token, **BEN).status == 403
    assert len(cards_of(alma)) == 1


@pytest.mark.parametrize("state", ["paused", "archived"])
def test_a_paused_template_gives_no_new_cards_but_hands_gifts_on(
    alma: Shop, ben: Person, card: Any, state: str
) -> None:
    link = link_of(alma, card)
    alma.call("PATCH", f"/templates/{card['template']['id']}", {"status": state})
    page = ben.open(link)
    assert page.status == (200 if state == "paused" else 410)
    if state == "paused":
        assert ben.send(page, **BEN).status == 303


def test_a_limit_of_cards_does_not_hold_a_gift_back(alma: Shop, ben: Person) -> None:
    template = alma.template("gift", limits={"max_issued": 1})
    card = alma.card(template["id"], opening={"balance": "5.00"})
    assert ben.send(ben.open(link_of(alma, card)), **BEN).status == 303


def test_a_welcome_bonus_is_not_given_again_for_a_gift(alma: Shop, ben: Person) -> None:
    card = alma.card(alma.template("gift", welcome_bonus=500)["id"])
    ben.send(ben.open(link_of(alma, card)), **BEN)
    assert cards_of(alma)[0]["figures"]["balance"] == "5.00"


@pytest.mark.parametrize(
    ("language", "words"), [("de", "Gutschein"), ("en", "Voucher"), ("nl", "Bon")]
)
def test_the_page_speaks_three_languages(
    alma: Shop, app: Flask, card: Any, language: str, words: str
) -> None:
    person = Person(app, language=language)
    page = person.open(link_of(alma, card))
    assert page.has(f'<html lang="{language}">')
    assert words in page.text
