"""A shop whose customers bring friends, for the scenarios of referrals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient

from tests.apple_device import Device
from tests.conftest import Shop
from tests.scenarios.test_utm import open_page, send


@dataclass
class Circle:
    """Anna's card A recommends; whom she brings has a phone of their own."""

    shop: Shop
    client: FlaskClient
    template: Any
    a: Any
    browser: str | None = None
    """Of everybody; None: each has their own."""

    def link(self, card: Any | None = None) -> str:
        return urlsplit((card or self.a)["links"]["referral"]).path

    def comes(self, name: str, card: Any | None = None, **answers: str) -> Any:
        """A friend signs up through the link; their card."""
        answers = {"email": f"{name}@example.com", "first_name": name} | answers
        self.client.environ_base["HTTP_USER_AGENT"] = self.browser or f"browser of {name}"
        form = open_page(self.client, self.link(card))
        sent = send(self.client, form, **answers)
        assert sent.status_code == 303, sent.text
        return self.shop.get("/cards?limit=1")["items"][0]

    def tries(self, card: Any | None = None, **answers: str) -> Any:
        """Somebody is sent away; the row that this left."""
        self.client.environ_base["HTTP_USER_AGENT"] = self.browser or f"browser of {answers}"
        sent = send(self.client, open_page(self.client, self.link(card)), **answers)
        assert sent.status_code == 200
        assert "/c/" not in sent.text
        return self.newest()

    def installs(self, card: Any, device: str = "") -> Device:
        phone = Device(self.client, device or f"phone-of-{card['id']}")
        phone.add(card)
        return phone

    def comes_and_installs(self, name: str, card: Any | None = None, **answers: str) -> Any:
        friend = self.comes(name, card, **answers)
        self.installs(friend)
        return friend

    def newest(self) -> Any:
        return self.shop.get("/referrals?limit=1")["items"][0]

    def of(self, card: Any) -> Any:
        """The referral of a friend's card."""
        found = self.shop.get(f"/referrals?card={card['id']}")["items"]
        return next(each for each in found if each["friend_card_id"] == card["id"])

    def state(self, card: Any) -> tuple[str, str | None]:
        found = self.of(card)
        return found["state"], found["reason"]

    def figures(self, card: Any) -> Any:
        return self.shop.get(f"/cards/{card['id']}")["figures"]

    def visits(self, card: Any) -> tuple[int, int, int, str]:
        """Available, sold, by referral, LTV."""
        shown = self.figures(card)
        names = ("available_visits", "sold_visits", "visits_by_referral", "ltv")
        found: Any = tuple(shown[name] for name in names)
        return found

    def entries(self, card: Any, type_: str) -> list[Any]:
        items = self.shop.get(f"/cards/{card['id']}/transactions")["items"]
        return [each for each in items if each["type"] == type_]


def circle(shop: Shop, client: FlaskClient, kind: str = "multipass", **rules: Any) -> Circle:
    """``rules`` of the referral programme. A has 4 visits."""
    template = shop.template(kind, referral={"enabled": True, **rules})
    opening = {"opening": {"available_visits": 4}} if kind == "multipass" else {}
    holder = {"first_name": "Anna", "last_name": "Berger", "email": "ab@gmail.com"}
    return Circle(shop, client, template, shop.card(template["id"], customer=holder, **opening))
