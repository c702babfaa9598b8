"""The eight card templates of Café Kranz, its bike corner and its courses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from passes import clock
from passes.card_templates import templates
from passes.card_templates.kinds import Kind
from passes.card_templates.templates import Template
from passes.demo.looks import looks_of
from passes.merchants.merchants import business
from passes.rewards import catalogue
from passes.wallet_port import PictureSize

COUPON_DAYS = 60
"""From the day on which the demo is made."""


def make(
    session: Session, sizes: Sequence[PictureSize], opened: datetime, now: datetime
) -> tuple[Template, ...]:
    """The templates in the order in which the merchant made them, a minute apart."""
    looks = looks_of(session, sizes, opened)
    made: list[Template] = []
    for kind, look, document in (
        (Kind.MULTIPASS, "coffee", _multipass()),
        (Kind.STAMP, "cake", _stamp_card()),
        (Kind.CASHBACK, "coffee", _cashback()),
        (Kind.GIFT, "beans", _gift_card()),
        (Kind.COUPON, "cake", None),
        (Kind.DISCOUNT, "bikes", _discount_card()),
        (Kind.MEMBERSHIP, "bikes", _membership()),
        (Kind.POINTS, "beans", _points_card()),
    ):
        if document is None:  # it turns into the stamp card, which has its id by now
            today = clock.day_of(now, business(session).time_zone)
            last = today + timedelta(days=COUPON_DAYS)
            document = _coupon(str(made[1].id), last.isoformat())
        at = opened + timedelta(minutes=len(made))
        made.append(templates.create(session, kind, {"look": looks[look], **document}, at))
    for reward in _rewards():
        catalogue.create(session, made[-1].id, reward, opened + timedelta(minutes=len(made)))
    return tuple(templates.get(session, template.id) for template in made)


def _in(de: str, en: str, nl: str) -> dict[str, str]:
    return {"de": de, "en": en, "nl": nl}


def _texts(de: str, en: str, nl: str) -> dict[str, Mapping[str, str]]:
    return {
        "how_to_earn": _in(de, en, nl),
        "terms": _in(
            "Gilt in beiden Filialen. Nicht mit anderen Angeboten zu verbinden.",
            "Good in both branches. Not to be combined with other offers.",
            "Geldig in beide filialen. Niet te combineren met andere acties.",
        ),
    }


def _multipass() -> dict[str, Any]:
    return {
        "name": _in("Kaffee-Zehnerkarte", "Ten-coffee card", "Tienkoffiekaart"),
        "description": _in(
            "Zehn Kaffee im Voraus, einer davon geschenkt.",
            "Ten coffees in advance, one of them on us.",
            "Tien koffie vooraf, waarvan één van ons.",
        ),
        "texts": {
            **_texts(
                "Zehn Besuche kosten 28,00 €.",
                "Ten visits cost €28.00.",
                "Tien bezoeken kosten € 28,00.",
            ),
            "referral": _in(
                "Freunde einladen: ein Kaffee für Sie beide",
                "Invite a friend: a coffee for both of you",
                "Nodig een vriend uit: koffie voor jullie allebei",
            ),
        },
        "referral": {"enabled": True, "trigger": "on_first_visit"},
        "rules": {
            "points_per_visit": 5,
            "packages": [{"visits": 10, "price": "28.00"}, {"visits": 20, "price": "52.00"}],
        },
    }


def _stamp_card() -> dict[str, Any]:
    return {
        "name": _in("Kuchen-Stempelkarte", "Cake stamp card", "Taartstempelkaart"),
        "description": _in(
            "Das zehnte Stück Kuchen geht auf uns.",
            "The tenth piece of cake is on us.",
            "Het tiende stuk taart is van ons.",
        ),
        "texts": _texts(
            "Ein Stempel für jedes Stück Kuchen.",
            "A stamp for every piece of cake.",
            "Een stempel voor elk stuk taart.",
        ),
        "rules": {"required": 10},
    }


def _cashback() -> dict[str, Any]:
    return {
        "name": _in("Kranz-Cashback", "Kranz cashback", "Kranz-cashback"),
        "description": _in(
            "Von jedem Einkauf kommt etwas zurück.",
            "A little of every purchase comes back.",
            "Van elke aankoop krijg je iets terug.",
        ),
        "texts": _texts(
            "Sie bekommen 1 % jedes Einkaufs als Punkte zurück, ab 200 € Umsatz 3 %, ab 500 € 5 %."
            " 100 Punkte sind 1 € wert.",
            "You get 1% of every purchase back as points, 3% once you have spent €200, 5% from"
            " €500. 100 points are worth €1.",
            "Je krijgt 1% van elke aankoop terug als punten, vanaf € 200 3% en vanaf € 500 5%."
            " 100 punten zijn € 1 waard.",
        ),
        "rules": {
            "levels": [
                {"from_amount": "0", "percent": "1", "name": _in("Bronze", "Bronze", "Brons")},
                {
                    "from_amount": "200.00",
                    "percent": "3",
                    "name": _in("Silber", "Silver", "Zilver"),
                },
                {"from_amount": "500.00", "percent": "5", "name": _in("Gold", "Gold", "Goud")},
            ],
            "points_per_currency": 100,
            "life": {"kind": "end_of_year", "plus_months": 12},
        },
    }


def _gift_card() -> dict[str, Any]:
    return {
        "name": _in("Geschenkkarte", "Gift card", "Cadeaukaart"),
        "description": _in(
            "Guthaben für Kaffee, Kuchen und Kurse.",
            "Credit for coffee, cake and courses.",
            "Tegoed voor koffie, taart en cursussen.",
        ),
        "texts": _texts(
            "Zahlen Sie mit dieser Karte, so oft Sie mögen; der Rest bleibt darauf.",
            "Pay with this card as often as you like; what is left stays on it.",
            "Betaal zo vaak je wilt met deze kaart; wat over is, blijft erop staan.",
        ),
        # Somebody may give several away.
        "limits": {"max_per_customer": 10},
        "rules": {"use": "multi_use"},
    }


def _coupon(stamp_card: str, last_day: str) -> dict[str, Any]:
    return {
        "name": _in("Willkommens-Coupon", "Welcome coupon", "Welkomstcoupon"),
        "description": _in(
            "Ein Cappuccino zum Kennenlernen.",
            "A cappuccino to get to know us.",
            "Een cappuccino om kennis te maken.",
        ),
        "texts": _texts(
            "Zeigen Sie den Code an der Kasse. Danach wartet eine Stempelkarte auf Sie, mit dem"
            " ersten Stempel.",
            "Show the code at the till. A stamp card with its first stamp is waiting for you then.",
            "Laat de code zien bij de kassa. Daarna staat er een stempelkaart met de eerste"
            " stempel voor je klaar.",
        ),
        "rules": {
            "offer": _in("Ein Cappuccino geschenkt", "A free cappuccino", "Een gratis cappuccino"),
            "valid_until": last_day,
            "convert_to": stamp_card,
            "convert_bonus": 1,
        },
    }


def _discount_card() -> dict[str, Any]:
    return {
        "name": _in("Radecken-Rabattkarte", "Bike corner discount card", "Kortingskaart fietshoek"),
        "description": _in(
            "Rabatt auf alles in der Radecke.",
            "A discount on everything in the bike corner.",
            "Korting op alles in de fietshoek.",
        ),
        "texts": _texts(
            "5 % Rabatt von Anfang an, 10 % ab 500 € Umsatz, 15 % ab 1.000 €.",
            "5% off from the start, 10% once you have spent €500, 15% from €1,000.",
            "Meteen 5% korting, 10% vanaf € 500 en 15% vanaf € 1.000.",
        ),
        "rules": {
            "levels": [
                {"from_amount": "0", "percent": "5"},
                {"from_amount": "500.00", "percent": "10"},
                {"from_amount": "1000.00", "percent": "15"},
            ],
            "purchase_amount_required": True,
        },
    }


def _membership() -> dict[str, Any]:
    return {
        "name": _in("Werkstatt-Mitgliedschaft", "Workshop membership", "Werkplaatslidmaatschap"),
        "description": _in(
            "Werkzeug, Montageständer und Rat in unserer Radwerkstatt.",
            "Tools, work stands and advice in our bike workshop.",
            "Gereedschap, montagestandaards en advies in onze fietswerkplaats.",
        ),
        "texts": _texts(
            "Monatlich 12,00 € für 4 Besuche, jährlich 120,00 € für 60. Die ersten 14 Tage sind"
            " kostenlos.",
            "€12.00 a month for 4 visits, €120.00 a year for 60. The first 14 days are free.",
            "€ 12,00 per maand voor 4 bezoeken, € 120,00 per jaar voor 60. De eerste 14 dagen"
            " zijn gratis.",
        ),
        "rules": {
            "plans": [
                {
                    "key": "monthly",
                    "name": _in("Monatlich", "Monthly", "Maandelijks"),
                    "price": "12.00",
                    "period": "month",
                    "trial_days": 14,
                    "visits_per_period": 4,
                    "grace_days": 7,
                },
                {
                    "key": "yearly",
                    "name": _in("Jährlich", "Yearly", "Jaarlijks"),
                    "price": "120.00",
                    "period": "year",
                    "visits_per_period": 60,
                    "grace_days": 14,
                },
            ]
        },
    }


def _points_card() -> dict[str, Any]:
    return {
        "name": _in("Kurspunkte", "Course points", "Cursuspunten"),
        "description": _in(
            "Punkte für Kurse und fürs Mitmachen.",
            "Points for courses and for lending a hand.",
            "Punten voor cursussen en voor meehelpen.",
        ),
        "texts": _texts(
            "1 Punkt für jeden Euro, 40 Punkte für Hilfe am Reparaturabend, 10 fürs"
            " Weiterempfehlen. Zum Start gibt es 20 Punkte.",
            "1 point for every euro, 40 points for helping at the repair evening, 10 for sharing a"
            " course. You start with 20 points.",
            "1 punt voor elke euro, 40 punten voor hulp op de reparatieavond, 10 voor het delen"
            " van een cursus. Je begint met 20 punten.",
        ),
        "welcome_bonus": 20,
        "rules": {
            "mechanic": "spend",
            "activities": [
                {
                    "key": "repair_evening",
                    "name": _in(
                        "Am Reparaturabend geholfen",
                        "Helped at the repair evening",
                        "Geholpen op de reparatieavond",
                    ),
                    "points": 40,
                    "proof": "staff",
                    "max_per_week": 1,
                },
                {
                    "key": "share",
                    "name": _in(
                        "Einen Kurs weiterempfohlen", "Shared a course", "Een cursus gedeeld"
                    ),
                    "points": 10,
                    "proof": "share_link",
                    "days_between": 30,
                },
            ],
        },
    }


def _rewards() -> tuple[dict[str, Any], ...]:
    return (
        {
            "name": _in("Espresso und Kuchen", "Espresso and cake", "Espresso en taart"),
            "cost": 60,
            "merchant_cost": "2.10",
        },
        {
            "name": _in("Eine Tüte Kaffeebohnen", "A bag of coffee beans", "Een zak koffiebonen"),
            "cost": 150,
            "merchant_cost": "6.50",
            "confirmation": "code",
        },
        {
            "name": _in("Ein Latte-Art-Kurs", "A latte art course", "Een cursus latte art"),
            "cost": 400,
            "merchant_cost": "18.00",
            "max_per_customer": 1,
            "confirmation": "staff",
        },
    )
