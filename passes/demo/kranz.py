"""Makes Café Kranz: the same customers and the same history every time, counted back from today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from passes.card_templates import templates
from passes.card_templates.templates import Template
from passes.cards import cards
from passes.demo import designs, history
from passes.demo.history import DAYS
from passes.merchants import directory, merchants, staff
from passes.store import Store
from passes.wallet_port import PictureSize

SLUG = "cafe-kranz"
OWNER = "inhaberin@cafe-kranz.example"


@dataclass(frozen=True, slots=True)
class Demo:
    """``card_serial``: the card to try, which nobody has installed yet."""

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
        made = designs.make(session, sizes, now - timedelta(days=DAYS + 4), now)
    with store.write_all() as session:
        account = staff.open_account(
            session, email=OWNER, name="Karla Kranz", password=password, language="de", now=now
        )
    with store.write(merchant_id) as session:
        staff.employ(session, account, "owner", now)
        serial = history.make(session, made, now)
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
