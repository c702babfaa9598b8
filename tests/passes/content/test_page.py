"""A card's page: its history in words, what it can bring, and the link to recommend it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from passes.card_templates import templates
from passes.card_templates.kinds import Kind
from passes.cards import cards, links
from passes.cards.models import UNITS
from passes.content import history_words
from passes.delivery.issuer import DomainIssuer
from passes.ledger.book import Actor, Posting
from passes.merchants.merchants import business
from passes.rewards import catalogue, redeem
from passes.rewards.models import RewardClaim
from passes.wallet_port import Amount, CardPage, Movement
from tests.passes.conftest import NOON, TILL, Shop

BASE_URL = "https://treuepass.example"
DAY = timedelta(days=1)
FURTHER_TYPES = {"redeem_coupon", "check_in", "redeem_visits", "renew", "change_plan"}
"""Those that their operations name in another way."""
STAFF = Actor(kind="staff", id="berta", channel="scanner", role="owner")


def page(shop: Shop, card: UUID, now: datetime = NOON) -> CardPage:
    with shop.read() as session:
        token = links.page_token(business(session).token_key, card, 1)
    return DomainIssuer(shop.store, BASE_URL, lambda: now).card_page("pwa", token)


def lines(shop: Shop, card: UUID, language: str = "en") -> list[tuple[str, Any, Any]]:
    return [(each.what[language], each.change, each.after) for each in page(shop, card).history]


def reward(shop: Shop, template_id: UUID, **document: Any) -> UUID:
    with shop.write() as session:
        return catalogue.create(session, template_id, document, NOON).id


def claim(shop: Shop, card: UUID, reward_id: UUID) -> None:
    with shop.write() as session:
        posting = Posting("redeem-reward", reward_id=reward_id)
        redeem.post(session, str(card), posting, TILL, NOON)


# --- history -------------------------------------------------------------------------------------


def test_history_of_a_multipass(alma: Shop) -> None:
    card = alma.card()
    alma.post(card, "add-visits", 10, purchase=10_000, comment="secret of the house")
    alma.post(card, "redeem-visits", 1, actor=STAFF)
    alma.post(card, "subtract-visits", 2)
    alma.post(card, "add-bonus", 1)
    alma.post(card, "purchase", purchase=500)
    assert lines(alma, card) == [
        ("Purchase", None, None),
        ("1 bonus point added", 1, 1),
        ("2 visits taken off", -2, 7),
        ("1 visit used", -1, 9),
        ("10 visits added", 10, 10),
    ]
    shown = str([(dict(each.what), each) for each in page(alma, card).history])
    assert "secret of the house" not in shown
    assert "berta" not in shown
    assert all(each.at == NOON for each in page(alma, card).history)


def test_history_says_what_was_undone(alma: Shop) -> None:
    card = alma.card()
    wrong = alma.post(card, "add-visits", 1)
    for _ in range(20):
        alma.post(card, "add-visits", 2)
    alma.undo(wrong.entry.id)
    newest = lines(alma, card)
    assert newest[:2] == [("Undone: 1 visit added", -1, 40), ("2 visits added", 2, 41)]
    assert len(newest) == 20


def test_history_of_stamps(alma: Shop) -> None:
    template = alma.template(Kind.STAMP, rules={"required": 5})
    card = alma.card(template)
    alma.post(card, "add-stamps", 4)
    alma.post(card, "add-stamps", 3)
    alma.post(card, "subtract-stamps", 1)
    alma.post(card, "redeem-reward")
    alma.post(card, "add-reward", 2)
    assert lines(alma, card) == [
        ("2 rewards added", 2, 2),
        ("Reward redeemed", -1, 0),
        ("1 stamp taken off", -1, 1),
        ("3 stamps added", 3, 2),
        ("4 stamps added", 4, 4),
    ]


def test_history_of_money(alma: Shop) -> None:
    card = alma.card(alma.template(Kind.GIFT))
    alma.post(card, "add-money", 5_000)
    alma.post(card, "redeem-money", 1_250)
    assert lines(alma, card) == [
        ("Paid with this card", Amount(-1_250, "EUR"), Amount(3_750, "EUR")),
        ("Money loaded", Amount(5_000, "EUR"), Amount(5_000, "EUR")),
    ]


def test_history_of_points_in_the_merchants_own_word(alma: Shop) -> None:
    fields = [{"figure": "points", "place": "primary", "label": "Kranzel"}]
    template = alma.template(
        Kind.POINTS,
        fields=fields,
        rules={"activities": [{"key": "tidy", "name": "Aufgeräumt", "points": 5}]},
    )
    card = alma.card(template)
    coffee = reward(alma, template.id, name={"de": "Ein Kaffee", "en": "A coffee"}, cost=3)
    alma.post(card, "accrue", 1_234)
    alma.post(card, "activity", options={"activity": "tidy"})
    alma.post(card, "redeem-points", 1)
    claim(alma, card, coffee)
    assert lines(alma, card) == [
        ("Reward redeemed: A coffee", -3, 1_235),
        ("1 Kranzel redeemed", -1, 1_238),
        ("Aufgeräumt", 5, 1_239),
        ("1,234 Kranzel added", 1_234, 1_234),
    ]
    (claimed, *_) = page(alma, card).history
    assert claimed.what["de"].endswith("Ein Kaffee")


def test_history_of_cashback_tells_what_was_paid_and_what_is_left(alma: Shop) -> None:
    card = alma.card(alma.template(Kind.CASHBACK, rules={"levels": [
        {"from_amount": "0", "percent": "10"}
    ]}))  # fmt: skip
    alma.post(card, "purchase", purchase=50)
    alma.post(card, "purchase", purchase=10_000)
    alma.post(card, "redeem-points", 4, purchase=3_400)
    assert lines(alma, card) == [
        ("4 points redeemed", -1, 9),
        ("10 points added", 10, 10),
        ("Purchase", None, None),
    ]


@pytest.mark.parametrize(
    ("kind", "verb", "said"),
    [
        (Kind.COUPON, "redeem-coupon", ("Coupon redeemed", None, None)),
        (Kind.DISCOUNT, "purchase", ("Purchase", None, None)),
    ],
)
def test_history_of_kinds_without_a_balance(
    shop: Shop, kind: Kind, verb: str, said: tuple[str, Any, Any]
) -> None:
    card = shop.card(shop.template(kind))
    shop.post(card, verb, purchase=None if kind is Kind.COUPON else 1_000)
    assert lines(shop, card) == [said]


def test_history_of_a_membership(shop: Shop) -> None:
    plans = [{"key": "ten", "name": "Ten", "price": "10.00", "visits_per_period": 10}]
    card = shop.card(shop.template(Kind.MEMBERSHIP, rules={"plans": plans}))
    shop.post(card, "renew", purchase=1_000)
    shop.post(card, "check-in")
    shop.post(card, "cancel-membership")
    assert lines(shop, card) == [
        ("Membership cancelled", None, None),
        ("Checked in", -1, 9),
        ("Membership renewed", 10, 10),
    ]


def test_history_of_what_was_brought_along(shop: Shop) -> None:
    brought = shop.card(opening={"available_visits": 3})
    assert lines(shop, brought) == [("Brought along from before", 3, 3)]


def test_every_type_of_entry_has_words() -> None:
    sources = "".join(file.read_text() for file in Path("passes").rglob("*.py"))
    types = {*re.findall(r'Booking\(\s*"(\w+)"', sources), *FURTHER_TYPES}
    assert len(types) > 25
    for type_ in types - {"reverse", "referral_reward"}:  # said by what they are about
        said = {history_words.said(type_, unit, 1, None, None)["en"] for unit in UNITS}
        assert said - {"Card changed"}, type_


def test_every_line_is_said_in_every_language(shop: Shop) -> None:
    card = shop.card()
    shop.post(card, "add-visits", 2)
    (line,) = page(shop, card).history
    assert isinstance(line, Movement)
    assert set(line.what) == {"de", "en", "nl"}
    assert all(line.what.values())


# --- rewards -------------------------------------------------------------------------------------


def rewards(shop: Shop, card: UUID, now: datetime = NOON) -> list[tuple[str, str, int]]:
    found = page(shop, card, now).rewards
    return [(each.title["en"], each.cost["en"], each.missing) for each in found]


def test_stamps_lead_to_the_next_reward(alma: Shop) -> None:
    template = alma.template(
        Kind.STAMP, rules={"required": 5}, texts={"rewards": "Ein Kaffee geht aufs Haus"}
    )
    card = alma.card(template)
    alma.post(card, "add-stamps", 2)
    (next_one,) = page(alma, card).rewards
    assert (next_one.title["en"], next_one.cost["en"]) == ("Your next reward", "5 stamps")
    assert (next_one.missing, next_one.text["de"]) == (3, "Ein Kaffee geht aufs Haus")
    alma.post(card, "add-stamps", 9)
    assert rewards(alma, card) == [
        ("2 rewards are waiting for you", "Earned already", 0),
        ("Your next reward", "5 stamps", 4),
    ]


def test_each_threshold_that_is_still_ahead_is_a_reward(shop: Shop) -> None:
    card = shop.card(shop.template(Kind.STAMP, rules={"thresholds": [3, 6, 9]}))
    shop.post(card, "add-stamps", 4)
    assert rewards(shop, card) == [
        ("1 reward is waiting for you", "Earned already", 0),
        ("Reward at 6 stamps", "6 stamps", 2),
        ("Reward at 9 stamps", "9 stamps", 5),
    ]


def test_points_show_the_catalogue_and_what_is_missing(alma: Shop, bruno: Shop) -> None:
    template, foreign = alma.template(Kind.POINTS), bruno.template(Kind.POINTS)
    card = alma.card(template)
    alma.post(card, "accrue", 12)
    last_day = date(2026, 11, 30)
    reward(alma, template.id, name="Cake", cost=20, text="Any", valid_until=last_day.isoformat())
    reward(alma, template.id, name="Water", cost=0)
    reward(alma, template.id, name="Coffee", cost=1)
    reward(bruno, foreign.id, name="Bread", cost=1)
    reward(alma, template.id, name="Past", cost=1, valid_until="2026-11-20")
    assert rewards(alma, card) == [
        ("Water", "Free", 0),
        ("Coffee", "1 point", 0),
        ("Cake", "20 points", 8),
    ]
    cake = page(alma, card).rewards[-1]
    assert cake.until == datetime(2026, 11, 30, 22, 59, 59, tzinfo=UTC)
    assert cake.text["nl"] == "Any"
    assert rewards(alma, card, NOON + 20 * DAY)[-1][0] == "Coffee"


def test_what_staff_has_not_handed_out_yet_waits_with_its_code(alma: Shop) -> None:
    template = alma.template(Kind.POINTS)
    card = alma.card(template)
    alma.post(card, "accrue", 50)
    by_code = reward(alma, template.id, name="Cake", cost=20, confirmation="code")
    by_staff = reward(alma, template.id, name="Coffee", cost=10, confirmation="staff")
    claim(alma, card, by_code)
    claim(alma, card, by_staff)
    with alma.read() as session:
        rows = {
            row.reward_id: row
            for row in session.query(RewardClaim).where(RewardClaim.merchant_id == alma.merchant_id)
        }
    waiting = {each.title["en"]: each for each in page(alma, card).rewards[:2]}
    assert waiting["Cake"].text["en"].endswith(f": {rows[by_code].code}")
    assert waiting["Coffee"].text["en"].endswith(f": {rows[by_staff].number}")
    assert [each.missing for each in waiting.values()] == [0, 0]
    assert waiting["Cake"].cost["en"] == "20 points"


@pytest.mark.parametrize("kind", [Kind.MULTIPASS, Kind.GIFT, Kind.COUPON, Kind.DISCOUNT])
def test_other_kinds_have_no_rewards(shop: Shop, kind: Kind) -> None:
    assert page(shop, shop.card(shop.template(kind))).rewards == ()


# --- recommending --------------------------------------------------------------------------------


def test_the_link_to_recommend_with_the_merchants_text(alma: Shop) -> None:
    template = alma.template(referral={"enabled": True}, texts={"referral": "Bring wen mit!"})
    card = alma.card(template)
    sharing = page(alma, card).sharing
    with alma.read() as session:
        code = cards.get(session, card).referral_code
    assert sharing.url == f"{BASE_URL}/r/{code}"
    assert sharing.text["de"] == "Bring wen mit!"
    assert (sharing.friends, sharing.rewarded) == (0, 0)
    assert code not in repr(page(alma, card).sharing)


def test_nobody_recommends_what_is_not_to_be_had(alma: Shop) -> None:
    assert page(alma, alma.card()).sharing is None
    template = alma.template(referral={"enabled": True})
    card = alma.card(template)
    with alma.write() as session:
        cards.set_expiry(session, cards.get(session, card, locked=True), NOON + DAY, NOON)
    assert page(alma, card, NOON).sharing is not None
    assert page(alma, card, NOON + 2 * DAY).sharing is None
    with alma.write() as session:
        templates.set_status(session, template.id, "paused")
    assert page(alma, card, NOON).sharing is None
