"""Signing up through a link: answers, consents, and people who are known already (D.6)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from passes import i18n
from passes.card_templates import templates
from passes.card_templates.templates import Template
from passes.cards import cards
from passes.cards.models import Card, CardEvent, Touch
from passes.cards.sign_up import Arrival, KnownAlready, open_link, referrer, sign_up
from passes.cards.utm import Utm
from passes.customers import customers
from passes.customers.models import Consent, Customer
from passes.errors import Conflict, Invalid
from tests.passes.conftest import NOON, Shop

ANNA = {"first_name": "Anna", "email": "anna@example.com"}


def sign(
    shop: Shop,
    template: Template,
    arrival: Arrival | None = None,
    language: str = "en",
    **more: str,
) -> Card:
    with shop.write() as session:
        answers = ANNA | more
        return sign_up(
            session, template, answers, arrival or Arrival(), language=language, now=NOON
        )


def refused(shop: Shop, template: Template, language: str = "en", **more: str) -> dict[str, str]:
    """The message for each wrong field."""
    with pytest.raises(Invalid) as refusal:
        sign(shop, template, language=language, **more)
    with shop.read() as session:
        own = Customer.merchant_id == shop.merchant_id
        assert session.scalars(select(Customer.id).where(own)).all() == []
    return {wrong.field: wrong.message for wrong in refusal.value.fields}


def test_a_customer_and_a_card_are_made(alma: Shop) -> None:
    card = sign(alma, alma.template(), last_name=" Mayer\x00 ", nonsense="x", merchant_id="y")
    assert (card.status, card.issue_channel, card.utm_source) == ("not_installed", "link", "direct")
    assert card.issued_data == {"first_name": "Anna", "last_name": "Mayer"}
    with alma.read() as session:
        customer = cards.holder_of(session, card)
        assert (customer.email, customer.language) == ("anna@example.com", "en")


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_what_is_wrong_is_said_in_the_visitors_language(shop: Shop, language: str) -> None:
    template = shop.template()
    wrong = {"first_name": "\x00 ", "email": "anna", "phone": "abc", "last_name": "x" * 101}
    said = refused(shop, template, language, **wrong)
    assert set(said) == {"first_name", "email", "last_name"}
    assert said["first_name"] == i18n.translate(language, "Please fill this in.")
    assert said["email"] == i18n.translate(language, "This is not an e-mail address.")
    assert said["last_name"] == i18n.translate(language, "This is too long.")
    phone = refused(shop, template, language, phone="abc")
    assert phone == {"phone": i18n.translate(language, "This is not a phone number.")}


CUSTOM = [
    {"key": "size", "label": "Größe", "type": "number"},
    {"key": "cup", "label": "Tasse", "type": "choice", "options": [{"de": "klein", "en": "small"}]},
    {"key": "since", "label": "Seit", "type": "date"},
    {"key": "vegan", "label": "Vegan?", "type": "yes_no"},
    {"key": "note", "label": "Notiz", "required": True},
]


@pytest.mark.parametrize(
    ("answers", "kept"),
    [
        ({"note": " x "}, {"note": "x"}),
        ({"note": "x", "size": "42"}, {"note": "x", "size": 42}),
        ({"note": "x", "size": "-1,5"}, {"note": "x", "size": -1.5}),
        ({"note": "x", "cup": "klein"}, {"note": "x", "cup": "klein"}),
        ({"note": "x", "since": "2024-02-29"}, {"note": "x", "since": "2024-02-29"}),
        ({"note": "x", "vegan": "on"}, {"note": "x", "vegan": True}),
        ({"note": "x", "vegan": "no"}, {"note": "x", "vegan": False}),
        ({"note": "x", "vegan": ""}, {"note": "x"}),
    ],
)
def test_questions_of_the_merchants_own(
    shop: Shop, answers: dict[str, str], kept: dict[str, Any]
) -> None:
    form = {"fields": [{"key": "first_name"}], "custom": CUSTOM, "anonymous": True}
    card = sign(shop, shop.template(form=form), **answers)
    with shop.read() as session:
        assert cards.holder_of(session, card).custom_fields == kept


@pytest.mark.parametrize(
    ("field", "answer"),
    [
        ("note", ""),
        ("note", "\x00"),
        ("note", "x" * 501),
        ("size", "large"),
        ("size", "nan"),
        ("size", "inf"),
        ("size", "1_000"),
        ("size", "1e400"),
        ("size", "9" * 30),
        ("size", "--1"),
        ("cup", "huge"),
        ("since", "2023-02-29"),
        ("since", "yesterday"),
    ],
)
def test_wrong_answers_name_their_question(shop: Shop, field: str, answer: str) -> None:
    form = {"fields": [{"key": "first_name"}], "custom": CUSTOM, "anonymous": True}
    said = refused(shop, shop.template(form=form), **({"note": "x"} | {field: answer}))
    assert list(said) == [field]


def test_somebody_must_be_found_again_unless_the_card_is_anonymous(shop: Shop) -> None:
    fields = [{"key": "email", "unique": True}, {"key": "first_name"}]
    template = shop.template(form={"fields": fields})
    assert list(refused(shop, template, email="")) == ["email"]
    anonymous = shop.template(form={"fields": [], "anonymous": True})
    assert sign(shop, anonymous).issued_data == {"first_name": None, "last_name": None}


# --- who is known already ------------------------------------------------------------------------


def test_R_ISS_7_a_known_contact_makes_neither_customer_nor_card(alma: Shop, bruno: Shop) -> None:
    template = alma.template()
    known = sign(alma, template).customer_id
    with pytest.raises(KnownAlready) as refusal:
        sign(alma, template, first_name="Berta", email="ANNA@example.com")
    assert refusal.value.customer_id == known
    assert "anna" not in str(refusal.value).lower()
    assert sign(bruno, bruno.template())  # another merchant's customer is nobody here
    with alma.read() as session:
        assert len(customers.search(session)) == len(cards.newest(session)) == 1


def test_R_ISS_7_of_many_at_once_one_signs_up(alma: Shop) -> None:
    template = alma.template()

    def try_to_sign(_: int) -> bool:
        try:
            sign(alma, template)
        except KnownAlready:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(try_to_sign, range(8))) == 1


def test_a_form_that_cannot_be_finished_leaves_nobody_behind(shop: Shop) -> None:
    template = shop.template(limits={"max_issued": 1})
    sign(shop, template)
    with pytest.raises(Conflict, match="given out"):
        sign(shop, template, email="berta@example.com")
    with shop.read() as session:
        assert len(customers.search(session)) == 1


# --- consents ------------------------------------------------------------------------------------


def test_R_GDPR_3_each_question_is_kept_with_its_words(alma: Shop) -> None:
    template = alma.template(form={"fields": [{"key": "email", "unique": True}]})
    card = sign(alma, template, language="nl", consent_email="on", consent_sms="on")
    with alma.read() as session:
        rows = session.scalars(
            select(Consent).where(Consent.merchant_id == alma.merchant_id).order_by(Consent.channel)
        ).all()
    assert {row.channel: row.granted for row in rows} == {"email": True, "push": False}
    assert {(row.customer_id, row.language, row.source, row.at) for row in rows} == {
        (card.customer_id, "nl", "form", NOON)
    }
    assert all("Alma" in row.wording for row in rows)


# --- where they came from ------------------------------------------------------------------------


def test_R_UTM_3_a_channel_link_speaks_when_the_address_does_not(shop: Shop) -> None:
    template = shop.template()
    flyer = {"source": "flyer", "medium": "print", "campaign": None, "term": None, "content": None}
    with shop.write() as session:
        link = templates.add_channel_link(session, template.id, name="x", utm=flyer, now=NOON)
    plain = sign(shop, template, Arrival(channel_link=link))
    assert (plain.utm_source, plain.utm_medium, plain.channel_link_id) == (
        "flyer",
        "print",
        link.id,
    )
    given = Arrival(Utm("Instagram"), {"utm_source": "Instagram"}, link)
    said = sign(shop, template, given, email="berta@example.com")
    assert (said.utm_source, said.utm_medium, said.utm_raw) == (
        "Instagram", None, {"utm_source": "Instagram"},
    )  # fmt: skip


def test_R_REF_11_a_friend_comes_from_a_referral(shop: Shop) -> None:
    template = shop.template()
    first = sign(shop, template)
    friend = sign(shop, template, Arrival(referrer_card_id=first.id), email="berta@example.com")
    assert (friend.issue_channel, friend.referrer_card_id) == ("referral", first.id)
    assert (friend.utm_source, friend.utm_medium) == ("referral", "referral")
    assert friend.utm_campaign == template.slug


@pytest.mark.parametrize(
    ("cause", "recommends"), [(None, True), ("customer", True), ("merchant", False)]
)
def test_who_may_recommend(shop: Shop, cause: str | None, recommends: bool) -> None:
    card = shop.card()
    with shop.write() as session:
        row = cards.get(session, card)
        if cause:
            row.status, row.status_cause = "deleted", cause
            session.flush()
        if recommends:
            assert referrer(session, card, NOON).id == card
        else:
            with pytest.raises(Conflict) as refusal:
                referrer(session, card, NOON)
            assert refusal.value.code == "REFERRER_INVALID"


def test_R_INST_2_opening_a_link_is_noted_and_installs_nothing(alma: Shop) -> None:
    template = alma.template()
    card = alma.card(template)
    with alma.write() as session:
        row = cards.get(session, card)
        for source in ("first", "second"):
            open_link(session, "install", template.id, Utm(source), "ios", NOON, card=row)
        open_link(session, "join", template.id, Utm("third"), "other", NOON)
    with alma.read() as session:
        touches = session.scalars(
            select(Touch).where(Touch.merchant_id == alma.merchant_id).order_by(Touch.id)
        ).all()
        events = session.scalars(
            select(CardEvent.type).where(CardEvent.merchant_id == alma.merchant_id)
        ).all()
        row = cards.get(session, card)
    assert [touch.utm["source"] for touch in touches] == ["first", "second", "third"]
    assert [touch.card_id for touch in touches] == [card, card, None]
    assert sorted(events) == ["issued", "link_opened"]  # once, however often it is opened
    assert (row.status, row.link_opened_at, row.version) == ("not_installed", NOON, 1)
    assert row.utm_source == "api"  # R-UTM-5
