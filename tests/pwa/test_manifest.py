"""The web app manifest of a card."""

from dataclasses import replace
from typing import Any, cast

import pytest

from passes.wallet_port import Look
from pwa.manifest import manifest, short_name
from tests.pwa.conftest import CONTENT, TOKEN, pictures

ICONS = ("pwa-any-192", "pwa-any-512", "pwa-maskable-192", "pwa-maskable-512")


def test_each_card_is_an_app_of_its_own():
    document = manifest(CONTENT)
    assert document["id"] == document["scope"] == f"/c/{TOKEN}/"
    assert document["start_url"] == f"/c/{TOKEN}/?src=hs"


def test_wears_the_merchants_name_and_colour():
    document = manifest(CONTENT)
    assert document["short_name"] == "Café Kranz"
    assert document["name"] == "Treuekarte · Café Kranz"
    assert document["theme_color"] == document["background_color"] == "#0f3d3e"
    assert document["lang"] == "de"


def test_names_every_icon_once_with_its_purpose(browser):
    look = Look("#0f3d3e", "#ffffff", "#a9d6d2", pictures(*ICONS))
    response = browser.get("manifest.webmanifest", look=look)
    assert response.mimetype == "application/manifest+json"
    icons = [(icon["purpose"], icon["sizes"]) for icon in response.json["icons"]]
    assert icons == [
        ("any", "192x192"),
        ("any", "512x512"),
        ("maskable", "192x192"),
        ("maskable", "512x512"),
    ]
    assert response.json["icons"][0]["src"] == look.pictures["pwa-any-192"].url


def test_icons_that_were_not_uploaded_are_left_out():
    assert manifest(CONTENT)["icons"] == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Café Kranz", "Café Kranz"),
        ("Bäckerei Sommerfeld", "Bäckerei"),
        ("Kaffee & Kuchen Berlin", "Kaffee"),
        ("Donaudampfschifffahrt", "Donaudampfsc"),
    ],
)
def test_the_name_under_the_icon_is_short(name, shown):
    assert short_name(name) == shown


@pytest.mark.parametrize(
    ("language", "words"), [("de", "Code zeigen"), ("en", "Show code"), ("nl", "Code tonen")]
)
def test_a_long_press_on_the_icon_shows_the_code(language, words):
    look = Look("#0f3d3e", "#ffffff", "#a9d6d2", pictures(*ICONS))
    [shortcut] = cast(Any, manifest(replace(CONTENT, language=language, look=look)))["shortcuts"]
    assert (shortcut["name"], shortcut["url"]) == (words, f"/c/{TOKEN}/?view=code")
    assert [icon["sizes"] for icon in shortcut["icons"]] == ["192x192", "512x512"]
