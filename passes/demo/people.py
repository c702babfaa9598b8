"""The customers of Café Kranz: who they are, how they came, and on what their cards are."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from passes.card_templates.templates import Template
from passes.cards import utm
from passes.cards.installations import install
from passes.cards.issue import Origin, issue
from passes.cards.models import Card
from passes.cards.utm import Utm
from passes.customers import customers
from passes.customers.details import Details
from passes.customers.models import Customer
from passes.delivery.offers import follow

SOURCES = (
    Utm("instagram", "story", "herbst", None, "kaffee"),
    Utm("flyer", "print", "eroeffnung", None, None),
    Utm("newsletter", "email", "oktober", None, "kopf"),
    Utm("google", "cpc", "kaffee-berlin", "kaffee kreuzberg", None),
    Utm("direct"),
)
WALLETS = ("apple", "google", "pwa", None)

FIRST_NAMES = (
    "Anna", "Ben", "Clara", "David", "Elif", "Finn", "Greta", "Hassan", "Ida", "Jonas",
    "Katharina", "Leon", "Mia", "Noah", "Olga", "Paul", "Romy", "Samuel", "Tilda", "Yusuf",
)  # fmt: skip
LAST_NAMES = (
    "Berger", "Çelik", "Dietrich", "Engel", "Fuchs", "Günther", "Hoffmann", "Jäger", "Krämer",
    "Lindner", "Möller", "Neumann", "Özdemir", "Peters", "Richter", "Schäfer", "Vogel", "Weiß",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """A customer with one device; ``wallet`` None: they never put a card on it."""

    number: int
    customer: Customer
    wallet: str | None


def meet(session: Session, number: int, wallet: str | None, at: datetime) -> Person:
    """A new customer; the same number is the same person every time."""
    customer = customers.create(
        session,
        Details(
            first_name=FIRST_NAMES[number % len(FIRST_NAMES)],
            last_name=LAST_NAMES[(number * 7) % len(LAST_NAMES)],
            email=f"kunde{number + 1:02}@example.com",
            phone=f"+49 30 5550 {number + 1000}",
        ),
        at,
    )
    customers.record_consents(
        session,
        customer,
        {"push": number % 3 != 0, "email": number % 4 == 0},
        {"push": "Neuigkeiten auf die Karte", "email": "Neuigkeiten per E-Mail"},
        source="form",
        language="de",
        now=at,
    )
    return Person(number, customer, wallet)


def wallet_of(number: int, chance: random.Random) -> str | None:
    """The first one installs nothing: that card is there to be tried out."""
    return WALLETS[chance.choices(range(4), (4, 3, 2, 3))[0]] if number else None


def take_card(session: Session, person: Person, template: Template, at: datetime) -> Card:
    """A card by the sign-up link, from the source that this person came by, and installed."""
    source = SOURCES[person.number % len(SOURCES)]
    origin = Origin("link", utm.decide(source, None, "direct"), utm_raw={"demo": "1"})
    card = issue(session, template, person.customer, origin, at)
    put_on_device(session, person, card, at + timedelta(minutes=3))
    return card


def put_on_device(session: Session, person: Person, card: Card, at: datetime) -> None:
    if person.wallet is None:
        return
    device = f"demo-device-{person.number:02}"
    install(session, card, person.wallet, device, {"demo": "1"}, at)
    follow(session, card, person.wallet, card.version, at)
