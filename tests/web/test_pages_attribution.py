"""What rides through a form or in a cookie: signed, bounded, and bound to one template."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask, Request, Response
from flask.testing import EnvironBuilder

from passes.cards.utm import Utm
from web import attribution
from web.attribution import FirstTouch

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
TEMPLATE, OTHER = uuid.uuid4(), uuid.uuid4()
TOUCH = FirstTouch(
    Utm("Instagram", "story", None, None, "ä"), {"utm_source": " Instagram "}, "window", "ABCDEFGH"
)


@pytest.fixture(autouse=True)
def app() -> Iterator[Flask]:
    app = Flask("bare")
    app.secret_key = "a" * 32
    with app.app_context():
        yield app


def request_with(cookie: str) -> Request:
    return Request(EnvironBuilder(Flask("bare"), headers={"Cookie": cookie}).get_environ())


def cookie_of(response: Response) -> str:
    return response.headers["Set-Cookie"].partition(";")[0]


def test_a_form_carries_the_touch() -> None:
    token = attribution.unseal(attribution.seal(TOUCH, TEMPLATE, NOW), TEMPLATE, NOW)
    assert token is not None
    assert token.touch == TOUCH
    assert token.is_fresh


def test_every_opened_form_is_one_of_its_own() -> None:
    sealed = [attribution.seal(TOUCH, TEMPLATE, NOW) for _ in range(2)]
    tokens = [attribution.unseal(each, TEMPLATE, NOW) for each in sealed]
    assert tokens[0] is not None
    assert tokens[1] is not None
    assert tokens[0].nonce != tokens[1].nonce


@pytest.mark.parametrize(
    ("later", "is_fresh"),
    [(timedelta(hours=23, minutes=59), True), (timedelta(hours=24), False), (timedelta(-1), False)],
)
def test_a_form_lives_for_a_day(later: timedelta, is_fresh: bool) -> None:
    token = attribution.unseal(attribution.seal(TOUCH, TEMPLATE, NOW), TEMPLATE, NOW + later)
    assert token is not None
    assert token.is_fresh is is_fresh
    assert token.touch == TOUCH, "who it was does not grow old"


def test_belongs_to_its_template_its_purpose_and_its_key(app: Flask) -> None:
    sealed = attribution.seal(TOUCH, TEMPLATE, NOW)
    assert attribution.unseal(sealed, OTHER, NOW) is None
    as_cookie = f"first-touch-{TEMPLATE.hex}={sealed}"
    assert attribution.remembered(request_with(as_cookie), TEMPLATE, NOW, secure=False) is None
    app.secret_key = "b" * 32
    assert attribution.unseal(sealed, TEMPLATE, NOW) is None


def test_a_cookie_of_https_cannot_be_set_by_a_neighbour() -> None:
    response = Response()
    attribution.remember(response, TOUCH, TEMPLATE, NOW, secure=True)
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("__Host-")
    for word in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
        assert word in cookie
    assert "Domain" not in cookie
    request = request_with(cookie_of(response))
    assert attribution.remembered(request, TEMPLATE, NOW, secure=True) == TOUCH
    assert attribution.remembered(request, OTHER, NOW, secure=True) is None


def test_a_touch_too_large_for_a_cookie_is_not_kept() -> None:
    """A browser would drop it without a word; better that nobody relies on it."""
    letters = random.Random(7)
    raw = {
        f"utm_{name}": "".join(chr(letters.randrange(0x4E00, 0x9FA5)) for _ in range(500))
        for name in ("source", "medium", "term")
    }
    huge = FirstTouch(Utm("x"), raw)
    response = Response()
    attribution.remember(response, huge, TEMPLATE, NOW, secure=False)
    assert "Set-Cookie" not in response.headers
