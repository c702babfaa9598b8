"""Makes Café Kranz: the same customers and the same history every time, counted back from today."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from passes.card_templates import pictures, templates
from passes.card_templates.kinds import Kind
from passes.card_templates.templates import Template
from passes.cards import cards, utm
from passes.cards.installations import install
from passes.cards.issue import Origin, issue
from passes.cards.models import Card, Delivery
from passes.cards.utm import Utm
from passes.customers import customers
from passes.customers.details import Details
from passes.delivery.offers import follow
from passes.demo import pictures as drawn
from passes.ledger.book import Actor, Posting
from passes.ledger.post import post
from passes.merchants import directory, merchants, staff
from passes.store import Store, merchant_of
from passes.wallet_port import PictureSize

SLUG = "cafe-kranz"
OWNER = "inhaberin@cafe-kranz.example"
CUSTOMERS = 40
DAYS = 90

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
class Demo:
    """``password`` and ``card_serial`` are set when the merchant was made just now."""

    slug: str
    templates: tuple[Template, ...]
    card_serial: str


def make(store: Store, sizes: Sequence[PictureSize], password: str, now: datetime) -> Demo:
    """The demo merchant, with an owner who signs in with ``password``."""
    merchant_id = merchants.set_up(
        store,
        name="Café Kranz",
        slug=SLUG,
        now=now - timedelta(days=DAYS + 5),
        contact_email="hallo@cafe-kranz.example",
        contact_phone="+49 30 5557 2140",
        website="https://cafe-kranz.example",
        address="Oranienstraße 21, 10999 Berlin",
        privacy_text={
            "de": "Wir brauchen Ihre Angaben, um Ihre Karte zu führen, und geben sie niemandem.",
            "en": "We need your details to run your card, and pass them on to nobody.",
            "nl": "We hebben je gegevens nodig voor je kaart en geven ze aan niemand door.",
        },
    )
    with store.write(merchant_id) as session:
        _branches(session, now)
        made = (_multipass(session, sizes, now), _stamp_card(session, sizes, now))
    with store.write_all() as session:
        account = staff.open_account(
            session, email=OWNER, name="Karla Kranz", password=password, language="de", now=now
        )
    with store.write(merchant_id) as session:
        staff.employ(session, account, "owner", now)
        serial = _history(session, made, now)
    return Demo(SLUG, made, serial)


def find(store: Store) -> Demo | None:
    """The demo merchant of an earlier run."""
    with store.read_all() as session:
        found = directory.find(session, directory.Known.MERCHANT, SLUG)
    if found is None:
        return None
    with store.read(found.merchant_id) as session:
        made = tuple(templates.all_of_merchant(session))
        oldest = cards.newest(session, limit=10_000)[-1]
        return Demo(SLUG, made, oldest.serial_number)


def _branches(session: Session, now: datetime) -> None:
    for name, address, latitude, longitude in (
        ("Kreuzberg", "Oranienstraße 21, 10999 Berlin", 52.5009, 13.4216),
        ("Prenzlauer Berg", "Kastanienallee 40, 10119 Berlin", 52.5360, 13.4075),
    ):
        merchants.add_location(
            session,
            name=name,
            address=address,
            latitude=latitude,
            longitude=longitude,
            nearby_text={
                "de": f"Café Kranz {name}: Ihre Karte ist dabei.",
                "en": f"Café Kranz {name}: your card is with you.",
                "nl": f"Café Kranz {name}: je kaart is bij je.",
            },
            now=now,
        )


def _multipass(session: Session, sizes: Sequence[PictureSize], now: datetime) -> Template:
    look = _look(session, sizes, drawn.GREEN, "#1a8f7d", drawn.SAGE, now)
    return templates.create(
        session,
        Kind.MULTIPASS,
        {
            "name": {"de": "Kaffee-Zehnerkarte", "en": "Ten-coffee card", "nl": "Tienkoffiekaart"},
            "description": {
                "de": "Zehn Kaffee im Voraus, einer davon geschenkt.",
                "en": "Ten coffees in advance, one of them on us.",
                "nl": "Tien koffie vooraf, waarvan één van ons.",
            },
            "look": look,
            "texts": _texts(
                "Zehn Besuche kosten 28,00 €.",
                "Ten visits cost €28.00.",
                "Tien bezoeken kosten € 28,00.",
            ),
            "rules": {
                "points_per_visit": 5,
                "packages": [{"visits": 10, "price": "28.00"}, {"visits": 20, "price": "52.00"}],
            },
        },
        now - timedelta(days=DAYS + 4),
    )


def _stamp_card(session: Session, sizes: Sequence[PictureSize], now: datetime) -> Template:
    look = _look(session, sizes, drawn.RUST, "#b4566c", "#f0c9c9", now)
    return templates.create(
        session,
        Kind.STAMP,
        {
            "name": {
                "de": "Kuchen-Stempelkarte",
                "en": "Cake stamp card",
                "nl": "Taartstempelkaart",
            },
            "description": {
                "de": "Das zehnte Stück Kuchen geht auf uns.",
                "en": "The tenth piece of cake is on us.",
                "nl": "Het tiende stuk taart is van ons.",
            },
            "look": look,
            "texts": _texts(
                "Ein Stempel für jedes Stück Kuchen.",
                "A stamp for every piece of cake.",
                "Een stempel voor elk stuk taart.",
            ),
            "rules": {"required": 10},
        },
        now - timedelta(days=DAYS + 4),
    )


def _look(
    session: Session,
    sizes: Sequence[PictureSize],
    background: str,
    light: str,
    label: str,
    now: datetime,
) -> dict[str, Any]:
    return {
        "background": background,
        "foreground": "#ffffff",
        "label": label,
        "icon": str(
            pictures.upload(session, "icon", drawn.wreath_icon(background, drawn.CREAM), sizes, now)
        ),
        "logo": str(pictures.upload(session, "logo", drawn.logo("#ffffff"), sizes, now)),
        "strip": str(
            pictures.upload(
                session, "strip", drawn.strip(background, light, drawn.CREAM), sizes, now
            )
        ),
    }


def _texts(de: str, en: str, nl: str) -> dict[str, Mapping[str, str]]:
    return {
        "how_to_earn": {"de": de, "en": en, "nl": nl},
        "terms": {
            "de": "Gilt in beiden Filialen. Nicht mit anderen Angeboten zu verbinden.",
            "en": "Good in both branches. Not to be combined with other offers.",
            "nl": "Geldig in beide filialen. Niet te combineren met andere acties.",
        },
    }


def _history(session: Session, made: Sequence[Template], now: datetime) -> str:
    """Customers, cards and postings; gives back the serial number of a card to try."""
    chance = random.Random(20_261_121)  # noqa: S311 - the same history every time, no secret
    first: Card | None = None
    for number in range(CUSTOMERS):
        joined = now - timedelta(
            days=DAYS - number * (DAYS - 3) / CUSTOMERS, hours=chance.uniform(0, 6)
        )
        joined = joined.replace(microsecond=0)
        source = SOURCES[number % len(SOURCES)]
        template = made[0] if number % 5 < 3 else made[1]
        card = _join(session, template, number, source, joined)
        wallet = WALLETS[chance.choices(range(4), (4, 3, 2, 3))[0]] if number else None
        if wallet:
            _install(session, card, wallet, number, joined + timedelta(minutes=3))
        _visits(session, card, template.kind, chance, joined, now)
        first = first or card
    assert first is not None  # noqa: S101 - there are forty
    _settle(session)
    return first.serial_number


def _settle(session: Session) -> None:
    """What happened in the past was delivered in the past."""
    session.execute(
        update(Delivery)
        .where(Delivery.merchant_id == merchant_of(session))
        .values(due_at=None, delivered_version=Delivery.wanted_version)
    )


def _join(session: Session, template: Template, number: int, source: Utm, joined: datetime) -> Card:
    first_name = FIRST_NAMES[number % len(FIRST_NAMES)]
    last_name = LAST_NAMES[(number * 7) % len(LAST_NAMES)]
    customer = customers.create(
        session,
        Details(
            first_name=first_name,
            last_name=last_name,
            email=f"kunde{number + 1:02}@example.com",
            phone=f"+49 30 5550 {number + 1000}",
        ),
        joined,
    )
    customers.record_consents(
        session,
        customer,
        {"push": number % 3 != 0, "email": number % 4 == 0},
        {"push": "Neuigkeiten auf die Karte", "email": "Neuigkeiten per E-Mail"},
        source="form",
        language="de",
        now=joined,
    )
    origin = Origin("link", utm.decide(source, None, "direct"), utm_raw={"demo": "1"})
    return issue(session, template, customer, origin, joined)


def _install(session: Session, card: Card, wallet: str, number: int, at: datetime) -> None:
    install(session, card, wallet, f"demo-device-{number:02}", {"demo": "1"}, at)
    follow(session, card, wallet, card.version, at)


def _visits(
    session: Session,
    card: Card,
    kind: Kind,
    chance: random.Random,
    joined: datetime,
    now: datetime,
) -> None:
    till = Actor(kind="staff", id=None, channel="scanner")
    at = joined + timedelta(minutes=10)
    available = 0
    while at < now - timedelta(hours=2):
        if kind is Kind.STAMP:
            stamps = chance.choice((1, 1, 1, 2))
            _book(session, card, till, at, Posting("add-stamps", stamps, stamps * 420))
        elif available == 0:
            _book(session, card, till, at, Posting("add-visits", 10, 2_800, "10er-Karte"))
            available = 10
        else:
            cups = min(available, chance.choice((1, 1, 2)))
            _book(session, card, till, at, Posting("redeem-visits", cups))
            available -= cups
        at += timedelta(days=chance.uniform(2, 16), hours=chance.uniform(0, 5))
    session.expire(card)


def _book(session: Session, card: Card, till: Actor, at: datetime, posting: Posting) -> None:
    post(session, str(card.id), posting, till, at.replace(microsecond=0))
