"""What happened at Café Kranz in its first ninety days, the same every time."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from passes.card_templates.kinds import Kind
from passes.card_templates.templates import Template
from passes.cards.issue import Origin, issue
from passes.cards.models import Card, Delivery
from passes.cards.utm import Utm
from passes.demo.people import Person, meet, put_on_device, take_card, wallet_of
from passes.demo.stories import FRIEND, GIFT, RECOMMENDER, STORIES, Step
from passes.ledger import transfer
from passes.ledger.book import Actor, Posting
from passes.referrals.enrol import Recommendation, enrol
from passes.rewards import catalogue
from passes.rewards.redeem import post
from passes.store import merchant_of

CUSTOMERS = 40
DAYS = 90
TILL = Actor(kind="staff", id=None, channel="scanner")


def make(session: Session, made: Sequence[Template], now: datetime) -> str:
    """Customers, cards and postings; gives back the serial number of a card to try."""
    now = now.replace(microsecond=0)
    by_kind = {template.kind: template for template in made}
    people, cards = _regulars(session, by_kind, now)
    for kind, stories in STORIES.items():
        for number, steps in stories.items():
            _tell(session, people[number], by_kind[kind], steps, now)
    _give_away(session, people, by_kind[Kind.GIFT], now)
    _recommend(session, cards[RECOMMENDER], by_kind[Kind.MULTIPASS], now)
    _settle(session)
    return cards[0].serial_number


def _regulars(
    session: Session, by_kind: Mapping[Kind, Template], now: datetime
) -> tuple[list[Person], list[Card]]:
    """Who came for coffee or for cake, one after the other, the last one three days ago."""
    chance = random.Random(20_261_121)  # noqa: S311 - the same history every time, no secret
    people, cards = [], []
    for number in range(CUSTOMERS):
        joined = now - timedelta(
            days=DAYS - number * (DAYS - 3) / CUSTOMERS, hours=chance.uniform(0, 6)
        )
        joined = joined.replace(microsecond=0)
        person = meet(session, number, wallet_of(number, chance), joined)
        kind = Kind.MULTIPASS if number % 5 < 3 else Kind.STAMP
        card = take_card(session, person, by_kind[kind], joined)
        _visits(session, card, kind, chance, joined, now)
        people.append(person)
        cards.append(card)
    return people, cards


def _visits(
    session: Session,
    card: Card,
    kind: Kind,
    chance: random.Random,
    joined: datetime,
    now: datetime,
) -> None:
    at = joined + timedelta(minutes=10)
    available = 0
    while at < now - timedelta(hours=2):
        if kind is Kind.STAMP:
            stamps = chance.choice((1, 1, 1, 2))
            _book(session, card, at, Posting("add-stamps", stamps, stamps * 420))
        elif available == 0:
            _book(session, card, at, Posting("add-visits", 10, 2_800, "10er-Karte"))
            available = 10
        else:
            cups = min(available, chance.choice((1, 1, 2)))
            _book(session, card, at, Posting("redeem-visits", cups))
            available -= cups
        at += timedelta(days=chance.uniform(2, 16), hours=chance.uniform(0, 5))
    session.expire(card)


def _tell(
    session: Session, person: Person, template: Template, steps: Sequence[Step], now: datetime
) -> Card:
    """A further card of somebody, and all that happened on it since its first step."""
    card = take_card(session, person, template, now - timedelta(days=steps[0].days_ago, minutes=9))
    for step in steps:
        reward_id = None
        if step.reward is not None:
            reward_id = catalogue.of_template(session, template.id)[step.reward].id
        posting = Posting(
            step.verb,
            step.value,
            step.purchase,
            step.comment,
            options=step.options,
            reward_id=reward_id,
        )
        if step.verb:
            _book(session, card, now - timedelta(days=step.days_ago), posting)
    session.expire(card)
    return card


def _give_away(
    session: Session, people: Sequence[Person], template: Template, now: datetime
) -> None:
    """Somebody buys a gift card, and a friend takes it by its link and has a first coffee."""
    bought = _tell(session, people[GIFT.giver], template, GIFT.before, now)
    at = now - timedelta(days=GIFT.taken_days_ago)
    friend = meet(session, CUSTOMERS, "apple", at)
    taken = transfer.hand_over(
        session, bought.id, friend.customer, Actor("customer", None, "portal"), at
    )
    put_on_device(session, friend, taken, at + timedelta(minutes=2))
    for step in GIFT.after:
        at = now - timedelta(days=step.days_ago)
        _book(session, taken, at, Posting(step.verb, step.value))


def _recommend(session: Session, referrer: Card, template: Template, now: datetime) -> None:
    """A friend comes by a link and buys a first card: both are given a visit (R-REF-6).

    It is the latest that happened, since it goes to the referrer's card as well.
    """
    at = now - timedelta(days=FRIEND.came_days_ago)
    friend = meet(session, CUSTOMERS + 1, "apple", at)
    origin = Origin(
        "referral",
        Utm("referral", "referral", template.slug),
        utm_raw={"demo": "1"},
        referrer_card_id=referrer.id,
    )
    card = issue(session, template, friend.customer, origin, at)
    opened = Recommendation(referrer.id, at - timedelta(minutes=4))
    enrol(session, template, card, opened, at, is_new=True)
    put_on_device(session, friend, card, at + timedelta(minutes=2))
    _book(
        session,
        card,
        now - timedelta(minutes=FRIEND.bought_minutes_ago),
        Posting("add-visits", 10, 2_800, "10er-Karte"),
    )


def _book(session: Session, card: Card, at: datetime, posting: Posting) -> None:
    post(session, str(card.id), posting, TILL, at.replace(microsecond=0))


def _settle(session: Session) -> None:
    """What happened in the past was delivered in the past."""
    session.execute(
        update(Delivery)
        .where(Delivery.merchant_id == merchant_of(session))
        .values(due_at=None, delivered_version=Delivery.wanted_version)
    )
