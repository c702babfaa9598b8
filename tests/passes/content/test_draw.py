"""What a pass must show: read from everything that stands below (contract §4)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from passes import i18n
from passes.card_templates import templates
from passes.card_templates.kinds import KINDS, Kind
from passes.cards import cards, links
from passes.content.draw import MOST_LOCATIONS, draw
from passes.merchants import merchants
from passes.wallet_port import Amount, CodeFormat, PassContent, Place, State, Style
from tests.passes.conftest import NOON, Shop

BASE_URL = "https://treuepass.example"
DAY = timedelta(days=1)


def drawn(shop: Shop, card_id: UUID, now: Any = NOON) -> PassContent:
    with shop.read() as session:
        return draw(session, cards.get(session, card_id), "noted", BASE_URL, now)


def values(content: PassContent) -> dict[str, Any]:
    return {field.key: field.value for field in content.fields}


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_drawn(shop: Shop, kind: Kind) -> None:
    content = drawn(shop, shop.card(shop.template(kind)))
    assert content.style is KINDS[kind].style
    assert content.languages == i18n.LANGUAGES
    keys = [field.key for field in content.fields]
    assert len(set(keys)) == len(keys)
    texts = [content.title, content.description]
    for field in content.fields:
        texts += [text for text in (field.label, field.change) if text is not None]
        if not isinstance(field.value, int | date | Amount):
            texts.append(field.value)
    assert all(set(text) == set(i18n.LANGUAGES) and all(text.values()) for text in texts)
    assert content.look.background == "#0f3d3e"
    assert isinstance(content.style, Style)


def test_the_figures_are_the_cards(alma: Shop) -> None:
    template = alma.template(rules={"points_per_visit": 5})
    card = alma.card(template, opening={"available_visits": 10})
    alma.post(card, "redeem-visits", 3)
    content = drawn(alma, card)
    shown = values(content)
    assert (shown["available_visits"], shown["redeemed_visits"]) == (7, 3)
    assert shown["bonus_balance"] == 15
    assert shown["customer_name"] == dict.fromkeys(i18n.LANGUAGES, "Anna")
    assert content.version == 3
    assert content.template == template.id.hex


def test_money_has_its_currency(shop: Shop) -> None:
    content = drawn(shop, shop.card(shop.template(Kind.GIFT)))
    assert values(content)["balance"] == Amount(0, "EUR", 2)


def test_the_merchants_own_fields_places_and_labels(shop: Shop) -> None:
    template = shop.template(
        fields=[
            {"figure": "bonus_balance", "place": "primary", "label": {"de": "Bohnen"}},
            {"figure": "available_visits", "place": "back"},
        ]
    )
    content = drawn(shop, shop.card(template))
    first, second = content.fields[:2]
    assert (first.key, first.place) == ("bonus_balance", Place.PRIMARY)
    assert first.label == dict.fromkeys(i18n.LANGUAGES, "Bohnen")
    assert (second.key, second.place) == ("available_visits", Place.BACK)


@pytest.mark.parametrize("code_format", CodeFormat)
def test_the_code_scans_at_this_merchant(shop: Shop, code_format: CodeFormat) -> None:
    content = drawn(shop, shop.card(shop.template(code_format=code_format.value)))
    assert content.code_format is code_format
    with shop.read() as session:
        assert content.code == links.till_code(session, content.serial)


def test_the_back_says_how_who_and_which_card(shop: Shop) -> None:
    merchant = merchants.set_up(
        shop.store,
        name="Café Kranz",
        now=NOON,
        contact_email="hallo@kranz.example",
        contact_phone="+49 (30) 5557-2140",
        website="https://kranz.example",
        address="Oranienstraße 21",
    )
    kranz = Shop(shop.store, merchant)
    template = kranz.template(texts={"how_to_earn": "Zehn kaufen", "terms": {"de": "Klein"}})
    content = drawn(kranz, kranz.card(template))
    back = {field.key: field for field in content.fields if field.place is Place.BACK}
    assert list(back) == [
        "how_to_earn", "terms", "referral", "website", "phone", "email", "address", "serial_number",
    ]  # fmt: skip
    assert back["phone"].link == "tel:+493055572140"
    assert back["email"].link == "mailto:hallo@kranz.example"
    assert back["referral"].link is not None
    assert back["referral"].link.startswith(f"{BASE_URL}/r/")
    assert back["terms"].value == dict.fromkeys(i18n.LANGUAGES, "Klein")


# --- state and expiry ----------------------------------------------------------------------------


def test_a_card_shows_its_state(alma: Shop) -> None:
    card = alma.card()
    assert drawn(alma, card).state is State.VALID
    with alma.write() as session:
        cards.set_expiry(session, cards.get(session, card), NOON + DAY, NOON)
    content = drawn(alma, card)
    assert (content.state, content.expires_at) == (State.VALID, NOON + DAY)
    assert values(content)["expires_at"] == date(2026, 11, 22)
    assert drawn(alma, card, NOON + DAY + timedelta(milliseconds=999)).state is State.VALID
    assert drawn(alma, card, NOON + DAY + timedelta(seconds=1)).state is State.EXPIRED
    with alma.write() as session:
        cards.delete(session, cards.get(session, card, locked=True), NOON)
    assert drawn(alma, card, NOON + 2 * DAY).state is State.VOID


def test_R_INST_6_a_card_that_the_customer_removed_stays_valid(shop: Shop) -> None:
    card = shop.card()
    with shop.write() as session:
        row = cards.get(session, card)
        row.status, row.status_cause = "deleted", "customer"
    assert drawn(shop, card).state is State.VALID


def test_an_expiry_is_shown_once_and_in_the_merchants_day(shop: Shop) -> None:
    expiry = {"kind": "fixed_date", "date": "2027-06-30"}
    for parts in ({}, {"fields": [{"figure": "expires_at", "place": "header"}]}):
        content = drawn(shop, shop.card(shop.template(expiry=expiry, **parts)))
        shown = [field for field in content.fields if field.key == "expires_at"]
        assert [field.value for field in shown] == [date(2027, 6, 30)]


# --- name and language ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        ("Anna", "Mayer", "Anna M."),
        ("Anna", None, "Anna"),
        (None, "Mayer", "Mayer"),
        ("x" * 100, "y", "x" * 60),
        ("Øyvind", "Ångström", "Øyvind Å."),
    ],
)
def test_R_GDPR_9_a_pass_shows_the_first_name_and_an_initial(
    shop: Shop, first: str | None, last: str | None, shown: str
) -> None:
    card = shop.card(customer_id=shop.customer(first_name=first, last_name=last))
    assert drawn(shop, card).holder == shown


def test_a_card_is_in_its_holders_language(shop: Shop) -> None:
    for language in i18n.LANGUAGES:
        card = shop.card(customer_id=shop.customer(language=language))
        assert drawn(shop, card).language == language


# --- what all cards of a template share ----------------------------------------------------------


def add_location(shop: Shop, name: str, **place: Any) -> UUID:
    with shop.write() as session:
        return merchants.add_location(session, name=name, now=NOON, **place).id


def test_locations_are_those_of_the_merchant_or_the_template(shop: Shop) -> None:
    at = {"latitude": 52.5, "longitude": 13.4}
    here = add_location(shop, "Kreuzberg", **at, nearby_text={"de": "Kaffee!"})
    add_location(shop, "Mitte", **at)
    add_location(shop, "Versand")  # nowhere in particular
    every = drawn(shop, shop.card())
    assert [place.text["de"] for place in every.locations] == ["Kaffee!", "Mitte ist in Ihrer Nähe"]
    some = drawn(shop, shop.card(shop.template(location_ids=[str(here)])))
    assert [place.text["en"] for place in some.locations] == ["Kaffee!"]


def test_a_location_that_was_added_later_is_shown_too(shop: Shop) -> None:
    card = shop.card()
    assert drawn(shop, card).locations == ()
    for number in range(MOST_LOCATIONS + 2):
        add_location(shop, f"Ort {number}", latitude=52.5, longitude=13.4)
    assert len(drawn(shop, card).locations) == MOST_LOCATIONS


def test_a_revised_template_shows_on_all_its_cards(shop: Shop) -> None:
    template = shop.template()
    card = shop.card(template)
    assert drawn(shop, card).template_version == 1
    with shop.write() as session:
        look = {"background": "#102030"}
        templates.revise(session, template.id, {"name": "Neu", "look": look}, NOON)
    content = drawn(shop, card)
    assert (content.template_version, content.title["de"]) == (2, "Neu")
    assert content.look.background == "#102030"


def test_two_merchants_never_share_a_design(alma: Shop, bruno: Shop) -> None:
    add_location(alma, "Alma's", latitude=1.0, longitude=1.0)
    contents = [drawn(shop, shop.card()) for shop in (alma, bruno)]
    assert [content.merchant for content in contents] == ["Alma", "Bruno"]
    assert [len(content.locations) for content in contents] == [1, 0]


def test_a_state_in_words_has_the_word_of_the_api_as_its_mark(alma: Shop) -> None:
    """What is drawn otherwise in another state must not depend on wording."""
    card = alma.card(alma.template(Kind.COUPON))
    for mark in ("unredeemed", "redeemed"):
        fields = {field.key: field for field in drawn(alma, card).fields}
        assert fields["coupon_state"].mark == mark
        assert fields["coupon_state"].value != dict.fromkeys(i18n.LANGUAGES, mark)
        assert all(field.mark is None for field in fields.values() if field.place is Place.BACK)
        if mark == "unredeemed":
            alma.post(card, "redeem-coupon")
