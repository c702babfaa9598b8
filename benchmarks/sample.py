"""A realistic card for measuring: three languages, seven pictures of 137 KB, eleven fields."""

from __future__ import annotations

import hashlib
import random
import struct
import zlib
from datetime import UTC, date, datetime, timedelta

from passes.wallet_port import (
    Account,
    Amount,
    CodeFormat,
    Field,
    Location,
    Look,
    PassContent,
    Picture,
    Place,
    State,
    Style,
    Text,
)

# Bytes each picture should have; together 137 KB, as in the designs that merchants upload.
PICTURES = {
    "apple-icon@1x": (38, 38, 1205),
    "apple-icon@2x": (76, 76, 3956),
    "apple-icon@3x": (114, 114, 8570),
    "apple-logo@1x": (160, 50, 8608),
    "apple-logo@2x": (320, 100, 30487),
    "apple-strip@1x": (375, 144, 18174),
    "apple-strip@2x": (750, 288, 65145),
}
LANGUAGES = ("de", "en", "nl")
ISSUED = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def pictures() -> dict[str, Picture]:
    """The seven pictures by name; the same bytes in every run."""
    drawn = {name: noise(*size) for name, size in PICTURES.items()}
    return {
        name: Picture(name, hashlib.sha256(png).hexdigest(), png, f"/pictures/{name}")
        for name, png in drawn.items()
    }


def noise(width: int, height: int, size: int) -> bytes:
    """A valid grey PNG of ``size`` bytes: noise at the top, as far as it lasts, black below.

    Noise does not compress, as photographs do not. What is missing to the exact size is a comment.
    """
    source = random.Random(f"{width}x{height}")  # noqa: S311 - it only has to look like a picture
    row = 1 + width
    noisy = max(0, min(height, (size - 600) // row))
    pixels = b"".join(b"\0" + source.randbytes(width) for _ in range(noisy))
    pixels += b"\0" * row * (height - noisy)
    head = b"\x89PNG\r\n\x1a\n" + _chunk(
        b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    )
    tail = _chunk(b"IDAT", zlib.compress(pixels, 9)) + _chunk(b"IEND", b"")
    missing = size - len(head) - len(tail) - 12 - len(b"Comment\0")
    return head + _chunk(b"tEXt", b"Comment\0" + b" " * missing) + tail


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def card(
    number: int, look: Look, locations: tuple[Location, ...], account: Account | None
) -> PassContent:
    """Card ``number`` of a café's multipass, as the domain draws it.

    What a template says, the merchant's places and the account are shared, as they are there
    (passes/content/sheet.py); all else is made anew for each card.
    """
    return PassContent(
        serial=f"{100_000_000_000 + number}",
        secret=f"{number:032x}",
        page_url=f"http://127.0.0.1:8000/c/{number:032x}/",
        code=f"{number:016d}",
        code_format=CodeFormat.QR,
        version=number,
        changed_at=ISSUED + timedelta(seconds=number),
        style=Style.BALANCE,
        state=State.VALID,
        expires_at=datetime(2027, 12, 31, 22, 59, 59, tzinfo=UTC),
        time_zone="Europe/Berlin",
        merchant="Café Kranz",
        merchant_id="kranz",
        title=TITLE,
        description=DESCRIPTION,
        holder=f"Ada L. {number}",
        language="de",
        languages=LANGUAGES,
        fields=(*_front(number), *_back(number)),
        locations=locations,
        look=look,
        template="kranz-multipass",
        template_version=3,
        account=account,
    )


def look() -> Look:
    return Look(background="#3b2416", foreground="#ffffff", label="#e8c9a0", pictures=pictures())


def locations() -> tuple[Location, ...]:
    return (
        Location(52.520008, 13.404954, _text("Kaffee?", "Coffee?", "Koffie?")),
        Location(52.500001, 13.35, _text("Café Kranz West", "Café Kranz West", "Café Kranz West")),
    )


def _front(number: int) -> tuple[Field, ...]:
    return (
        Field("available_visits", VISITS, number % 10, Place.HEADER, VISITS_LEFT),
        Field("customer_name", NAME, _same(f"Ada L. {number}"), Place.SECONDARY),
        Field("bonus", BONUS, Amount(number % 5000, "EUR"), Place.AUXILIARY, BONUS_NOW),
        Field("expires_at", VALID_UNTIL, date(2027, 1 + number % 12, 28), Place.AUXILIARY),
    )


def _back(number: int) -> tuple[Field, ...]:
    referral = f"http://127.0.0.1:8000/r/{number:08d}"
    return (
        *PROSE,
        Field("referral", RECOMMEND, _same(referral), Place.BACK, link=referral),
        *CONTACT,
        Field("serial_number", CARD_NUMBER, _same(f"1000-{number:08d}"), Place.BACK),
    )


def _text(german: str, english: str, dutch: str) -> Text:
    return {"de": german, "en": english, "nl": dutch}


def _same(text: str) -> Text:
    return dict.fromkeys(LANGUAGES, text)


TITLE = _text("Kaffee-Zehner", "Coffee pass", "Koffiekaart")
DESCRIPTION = _text("Zehnerkarte des Café Kranz", "Café Kranz pass", "Kaart van Café Kranz")
VISITS = _text("Besuche", "Visits", "Bezoeken")
VISITS_LEFT = _text("Noch {value} Besuche", "{value} visits left", "Nog {value} bezoeken")
NAME = _text("Name", "Name", "Naam")
BONUS = _text("Bonus", "Bonus", "Bonus")
BONUS_NOW = _text("Bonus jetzt {value}", "Bonus now {value}", "Bonus nu {value}")
VALID_UNTIL = _text("Gültig bis", "Valid until", "Geldig tot")
RECOMMEND = _text("Empfehlen", "Recommend us", "Aanbevelen")
CARD_NUMBER = _text("Kartennummer", "Card number", "Kaartnummer")
PROSE = (
    Field(
        "how_to_earn",
        _text("So geht es", "How it works", "Zo werkt het"),
        _text(
            "Zehn Besuche kosten 28,00 €, der elfte ist geschenkt.",
            "Ten visits cost €28.00, the eleventh is on us.",
            "Tien bezoeken kosten € 28,00, het elfde is van ons.",
        ),
        Place.BACK,
    ),
    Field(
        "terms",
        _text("Bedingungen", "Terms", "Voorwaarden"),
        _text(
            "Die Karte gilt für Heißgetränke. Ein Besuch je Getränk, keine Barauszahlung. " * 5,
            "Valid for hot drinks. One visit for each drink, not redeemable for cash. " * 5,
            "Geldig voor warme dranken. Eén bezoek per drankje, geen uitbetaling. " * 5,
        ),
        Place.BACK,
    ),
)
CONTACT = (
    Field(
        "website",
        _text("Webseite", "Website", "Website"),
        _same("https://cafe-kranz.example"),
        Place.BACK,
        link="https://cafe-kranz.example",
    ),
    Field(
        "phone",
        _text("Telefon", "Telephone", "Telefoon"),
        _same("+49 30 901820"),
        Place.BACK,
        link="tel:+4930901820",
    ),
    Field(
        "address",
        _text("Adresse", "Address", "Adres"),
        _same("Oranienstraße 21, Berlin"),
        Place.BACK,
    ),
)
