"""A card page of each kind made by hand, and an application that draws any of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, render_template, url_for

import pwa
from passes.card_templates.kinds import KINDS, Kind, figure_of
from passes.wallet_port import (
    Amount,
    CardPage,
    Field,
    Look,
    Movement,
    PageReward,
    Place,
    Rating,
    Sharing,
    Text,
)
from pwa.shown import shown
from tests.pwa.conftest import CONTENT, NOW, PHONE, TERMS, same, text
from web import headers, language

GREEN = Look("#0f3d3e", "#ffffff", "#a9d6d2", {})
RED = Look("#5b2333", "#ffffff", "#f0c9c9", {})
BLUE = Look("#1f3a5f", "#ffffff", "#c3d9ee", {})
BROWN = Look("#46301f", "#ffffff", "#ecd9bf", {})


def _face(kind: Kind, figures: Mapping[str, Any], marks: Mapping[str, str]) -> tuple[Field, ...]:
    """The figures in the places where a template has them that says nothing of its own."""
    values = {"customer_name": same("Anna B."), **figures}
    return tuple(
        Field(
            name,
            figure_of(kind, name).label,
            values[name],
            place,
            mark=marks.get(name),
        )
        for name, place in KINDS[kind].places
        if name in values
    )


def _page(
    kind: Kind,
    look: Look,
    title: Text,
    figures: Mapping[str, Any],
    rewards: tuple[PageReward, ...] = (),
    **marks: str,
) -> CardPage:
    content = replace(
        CONTENT,
        style=KINDS[kind].style,
        look=look,
        title=title,
        fields=(*_face(kind, figures, marks), TERMS, PHONE),
    )
    return CardPage(content, (), rewards, None, None)


def reward(name: str, cost: int, missing: int, **more: Any) -> PageReward:
    fields = {"text": None, "until": None, **more}
    cost_in_words = text(f"{cost} Punkte", f"{cost} points", f"{cost} punten")
    return PageReward(title=same(name), cost=cost_in_words, missing=missing, **fields)


CAKE = same("Kuchen aufs Haus")
PAGES: Mapping[Kind, CardPage] = {
    Kind.STAMP: _page(
        Kind.STAMP,
        RED,
        text("Kuchen-Stempelkarte", "Cake stamp card", "Taartstempelkaart"),
        {"stamps": 6, "stamps_missing": 4, "rewards_unused": 1},
        (
            PageReward(CAKE, None, text("10 Stempel", "10 stamps", "10 stempels"), 0, None),
            PageReward(CAKE, None, text("10 Stempel", "10 stamps", "10 stempels"), 4, None),
        ),
    ),
    Kind.MULTIPASS: _page(
        Kind.MULTIPASS,
        GREEN,
        text("Kaffee-Zehnerkarte", "Ten-coffee card", "Tienkoffiekaart"),
        {"available_visits": 7, "redeemed_visits": 3, "bonus_balance": 15},
    ),
    Kind.CASHBACK: _page(
        Kind.CASHBACK,
        GREEN,
        text("Kranz-Cashback", "Kranz cashback", "Kranz-cashback"),
        {
            "points": 1_284,
            "percent": text("5\u00a0%", "5%", "5%"),
            "level": text("Gold", "Gold", "Goud"),
        },
    ),
    Kind.GIFT: _page(
        Kind.GIFT,
        BROWN,
        text("Geschenkkarte", "Gift card", "Cadeaukaart"),
        {"balance": Amount(4250, "EUR")},
    ),
    Kind.COUPON: _page(
        Kind.COUPON,
        RED,
        text("Willkommens-Coupon", "Welcome coupon", "Welkomstcoupon"),
        {
            "offer": text("Ein Cappuccino geschenkt", "A free cappuccino", "Een gratis cappuccino"),
            "coupon_state": text("noch einlösbar", "ready to use", "nog te gebruiken"),
            "valid_until": date(2027, 1, 20),
        },
        coupon_state="unredeemed",
    ),
    Kind.DISCOUNT: _page(
        Kind.DISCOUNT,
        BLUE,
        text("Radecken-Rabattkarte", "Bike corner discount card", "Kortingskaart fietshoek"),
        {"percent": text("15\u00a0%", "15%", "15%"), "level": text("Gold", "Gold", "Goud")},
        level="15",
    ),
    Kind.MEMBERSHIP: _page(
        Kind.MEMBERSHIP,
        BLUE,
        text("Werkstatt-Mitgliedschaft", "Workshop membership", "Werkplaatslidmaatschap"),
        {
            "membership_state": text("aktiv", "active", "actief"),
            "plan": text("Jährlich", "Yearly", "Jaarlijks"),
            "period_ends_at": date(2027, 10, 22),
            "visits_left": 56,
        },
        membership_state="active",
        plan="yearly",
    ),
    Kind.POINTS: _page(
        Kind.POINTS,
        BROWN,
        text("Kurspunkte", "Course points", "Cursuspunten"),
        {"points": 96},
        (
            reward("Espresso und Kuchen", 60, 0),
            reward("Eine Tüte Kaffeebohnen", 150, 54, text=same("Frisch geröstet.")),
            reward("Latte-Art-Kurs", 400, 304, until=datetime(2027, 3, 1, 22, tzinfo=UTC)),
        ),
    ),
}

HISTORY = tuple(
    Movement(datetime(2026, 11, 20 - day, 16, 48, tzinfo=UTC), what, change, after)
    for day, what, change, after in (
        (0, text("Besuch eingelöst", "Visit redeemed", "Bezoek gebruikt"), -1, 7),
        (3, text("Besuch eingelöst", "Visit redeemed", "Bezoek gebruikt"), -1, 8),
        (8, text("Punkte bekommen", "Points added", "Punten gekregen"), Amount(250, "EUR"), None),
        (15, text("Karte ausgestellt", "Card issued", "Kaart uitgegeven"), None, None),
        (19, text("Besuche gekauft", "Visits bought", "Bezoeken gekocht"), 10, 10),
    )
)
SHARING = Sharing(
    "https://karten.example.de/r/k4Zt9QpLw2",
    text(
        "Freunde einladen: ein Kaffee für Sie beide",
        "Invite a friend: a coffee for both of you",
        "Nodig een vriend uit: koffie voor jullie allebei",
    ),
    friends=3,
    rewarded=2,
)
RATING = Rating(4, "Der Käsekuchen!", datetime(2026, 11, 21, 9, tzinfo=UTC), is_editable=True)


def everything(page: CardPage) -> CardPage:
    """The page with all sections that it can have."""
    return replace(page, history=HISTORY, sharing=SHARING, rating=RATING)


def with_content(page: CardPage, **changes: Any) -> CardPage:
    return replace(page, content=replace(page.content, **changes))


def with_figure(page: CardPage, key: str, **changes: Any) -> CardPage:
    """The page with a field of its pass changed."""
    fields = tuple(
        replace(field, **changes) if field.key == key else field for field in page.content.fields
    )
    return with_content(page, fields=fields)


def add_figure(page: CardPage, key: str, value: Any, place: Place) -> CardPage:
    added = Field(key, same(key), value, place)
    return with_content(page, fields=(added, *page.content.fields))


@dataclass(frozen=True, slots=True)
class _Push:
    public_key: str = "B" * 87
    key_id: str = "k" * 12


@dataclass
class Drawn:
    """Draws pages as the route does; ``pages`` by the token under which they are served."""

    pages: dict[str, CardPage] = field(default_factory=dict)
    now: datetime = NOW
    more: dict[str, Any] = field(default_factory=dict)

    def app(self) -> Flask:
        """The page, its colours and its styles, and none of its other addresses."""
        app = Flask("by_hand", static_folder=None)
        house = Blueprint(
            "pages", "web", static_folder=str(Path("web/static").absolute()), static_url_path="/h"
        )
        card = Blueprint(
            "pwa",
            "pwa",
            root_path=str(Path(pwa.__file__).parent),
            template_folder="templates",
            static_folder="static",
            static_url_path="/static/pwa",
        )
        headers.init_app(app, "http://127.0.0.1")
        language.init_app(app)
        app.context_processor(lambda: {"house_css": url_for("pages.static", filename="house.css")})

        @card.get("/c/<token>/")
        def page(token: str) -> str:
            return self.draw(token)

        @card.get("/c/<token>/theme.css")
        def theme(token: str) -> Response:
            look = self.pages[token].content.look
            colours = (
                f":root{{--card:{look.background};--card-ink:{look.foreground};"
                f"--card-label:{look.label}}}"
            )
            return Response(colours, mimetype="text/css")

        @card.get("/c/<token>/manifest.webmanifest")
        def manifest(token: str) -> dict[str, str]:
            return {}

        @app.get("/favicon.ico")
        def icon() -> Response:
            return Response(status=204)

        app.register_blueprint(house)
        app.register_blueprint(card)
        return app

    def draw(self, token: str) -> str:
        page = self.pages[token]
        expires_at = page.content.expires_at
        return render_template(
            "pwa/card.html",
            **{
                **shown(page),
                "kind": "pwa",
                "language": language.page_language(page.content.language),
                "has_expired": expires_at is not None and expires_at <= self.now,
                "drawn_at": self.now,
                "push": _Push(),
                "thanks": False,
                "errors": {},
                **self.more,
            },
        )
