"""What a push says, in the card's language, and that it always fits (spec/web.md 6.1, 6.2)."""

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passes import i18n
from passes.wallet_port import Amount, Field, Place, Reason, State
from pwa.notice import MANNERS, body, payload, topic
from pwa.webpush import MOST_PLAINTEXT
from pwa.written import written
from tests.pwa.conftest import CONTENT, same, text

NEW_BALANCE = text("Neues Guthaben: {value}", "New balance: {value}", "Nieuw saldo: {value}")
BALANCE = Field(
    "balance",
    text("Guthaben", "Balance", "Saldo"),
    Amount(123_456, "EUR"),
    Place.HEADER,
    change=NEW_BALANCE,
)
VISITS = Field(
    "visits", same("…"), 1234, Place.PRIMARY, change=text("Noch {value}", "{value} left", "{value}")
)
CARD = replace(CONTENT, fields=(BALANCE, VISITS))


def read(content, reason=Reason.BALANCE):
    return json.loads(payload(content, reason))


def test_the_payload_is_declarative_web_push():
    assert read(CARD) == {
        "web_push": 8030,
        "notification": {
            "title": "Café Kranz",
            "body": "Neues Guthaben: 1.234,56\u00a0€",
            "lang": "de",
            "dir": "ltr",
            "navigate": CARD.page_url,
            "silent": False,
            "tag": "balance",
            "app_badge": "1",
        },
        "app_badge": 1,
    }


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("de", "Neues Guthaben: 1.234,56\u00a0€"),
        ("en", "New balance: €1,234.56"),
        ("nl", "Nieuw saldo: €\u00a01.234,56"),
    ],
)
def test_it_speaks_the_cards_language(language, said):
    notification = read(replace(CARD, language=language))["notification"]
    assert (notification["body"], notification["lang"]) == (said, language)


def test_the_first_figure_of_the_face_that_tells_its_changes_speaks():
    silent = replace(BALANCE, change=None)
    behind = replace(BALANCE, place=Place.BACK)
    wordless = replace(BALANCE, change=same(""))
    for first in (silent, behind, wordless):
        assert body(replace(CARD, fields=(first, VISITS))) == "Noch 1.234"
    assert body(replace(CARD, fields=(VISITS, BALANCE))) == "Noch 1.234"
    assert body(replace(CARD, fields=(silent,))) == "Ihre Karte hat sich geändert"


def test_signs_in_a_value_are_no_places_for_others():
    odd = Field("x", same(""), same("{value} {0} %s"), Place.PRIMARY, change=same("{value}! {x}"))
    assert body(replace(CARD, fields=(odd,))) == "{value} {0} %s! {x}"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (
            State.VOID,
            {
                "de": "Diese Karte ist nicht mehr gültig",
                "en": "This card is no longer valid",
                "nl": "Deze kaart is niet meer geldig",
            },
        ),
        (
            State.EXPIRED,
            {
                "de": "Ihre Karte ist abgelaufen",
                "en": "Your card has expired",
                "nl": "Je kaart is verlopen",
            },
        ),
    ],
)
def test_a_card_that_ended_says_so_and_nothing_of_its_balance(state, said):
    for language, words in said.items():
        assert body(replace(CARD, state=state, language=language)) == words


VALUES = [
    0, 5, -5, 1_234, 1_234_567,
    Amount(0, "EUR"), Amount(5, "EUR"), Amount(-1_250, "EUR"), Amount(123_456_789, "EUR"),
    Amount(1_250, "GBP"), Amount(1_250, "USD"), Amount(1_250, "CHF"), Amount(1_250, "JPY", 0),
    date(2026, 11, 21), date(2027, 1, 2), text("Stufe", "Level", "Niveau"),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("language", ["de", "en", "nl"])
def test_values_are_written_as_on_the_page(value, language):
    if isinstance(value, Amount):
        page = i18n.show_money(value.minor, value.currency, language)
    elif isinstance(value, int):
        page = i18n.show_number(value, language)
    elif isinstance(value, date):
        page = i18n.show_date(value, language)
    else:
        page = value[language]
    assert written(value, language) == page


@given(st.text(), st.text(), st.text(), st.sampled_from(list(MANNERS)))
def test_it_fits_into_a_push_whatever_stands_in_it(merchant, change, value, reason):
    odd = Field("x", same(""), same(value * 500), Place.PRIMARY, change=same(change + "{value}"))
    whole = payload(replace(CARD, merchant=merchant * 500, fields=(odd,)), reason)
    assert len(whole) <= MOST_PLAINTEXT
    assert json.loads(whole)["notification"]["navigate"] == CARD.page_url


@pytest.mark.parametrize("character", ["\x00", "\ud800", "🎂", '"', "\\", "\u202e", "é"])
def test_the_worst_characters_fit_too(character):
    long = Field("x", same(""), 1, Place.PRIMARY, change=same(character * 5_000))
    url = "https://karten." + "x" * 200 + ".example.de/c/Xb2-4fGhIjKlMnOpQr_tUv/"
    card = replace(CARD, merchant=character * 5_000, fields=(long,), page_url=url)
    assert len(payload(card, Reason.BALANCE)) <= MOST_PLAINTEXT
    notification = read(card)["notification"]
    assert (len(notification["title"]), len(notification["body"])) == (80, 300)


def test_how_long_and_how_urgently_a_push_service_keeps_it():
    day = 86_400
    assert {reason: (manner.ttl, manner.urgency) for reason, manner in MANNERS.items()} == {
        Reason.BALANCE: (7 * day, "high"),
        Reason.STATE: (2 * day, "normal"),
        Reason.MESSAGE: (day, "normal"),
    }


def test_topics_are_32_characters_that_do_not_name_the_card():
    topics = {
        topic(serial, manner.subject)
        for serial in ("123456789012", "210987654321")
        for manner in MANNERS.values()
    }
    assert len(topics) == 6
    for each in topics:
        assert len(each) == 32
        assert each.replace("-", "x").replace("_", "x").isalnum()
    # b64u(sha256(serial + "/balance")[:24]), reckoned by openssl
    assert topic("123456789012", "balance") == "qy2nJHbxaLA0mYiS4fVDpN8DzuAtJWO3"
