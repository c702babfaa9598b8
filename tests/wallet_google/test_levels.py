"""The level of a card at Google: a text of the object, on the face, changed with the balance."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from passes.wallet_port import Field, Installation, PassContent, Place, Reason, Text
from tests.wallet_google.conftest import ANDROID, ISSUER_ID, SITE, VISITS, content
from wallet_google.objects import class_body, object_body
from wallet_google.schema import check

SILVER = {"de": "Silber", "en": "Silver", "nl": "Zilver"}
GOLD = {"de": "Gold", "en": "Gold", "nl": "Goud"}
PERCENT = Field("percent", dict.fromkeys(GOLD, "Cashback"), dict.fromkeys(GOLD, "3%"), Place.HEADER)
NAME = Field("customer_name", dict.fromkeys(GOLD, "Name"), dict.fromkeys(GOLD, "Anna"),
             Place.SECONDARY)  # fmt: skip
HELD = [Installation("google", {}, datetime(2026, 11, 20, 12, tzinfo=UTC))]


def at(level: Text | None, card: PassContent | None = None, **changes: Any) -> PassContent:
    """A cashback card as the domain draws it, at a level or at one that has no name."""
    stands = Field("level", {"de": "Stufe", "en": "Level", "nl": "Niveau"}, level or {},
                   Place.SECONDARY)  # fmt: skip
    fields = (VISITS, PERCENT, *((stands,) if level else ()), NAME)
    return replace(card or content(), fields=fields, **changes)


@pytest.fixture
def card(account: Any) -> PassContent:
    return at(SILVER, content(account=account))


def level_of(body: Any) -> dict[str, Any]:
    [shown] = [module for module in body["textModulesData"] if module["id"] == "level"]
    return dict(shown)


def test_the_level_stands_on_the_face_before_the_name() -> None:
    body: dict[str, Any] = class_body(at(SILVER), ISSUER_ID, SITE)
    check(body, "LoyaltyClass")
    assert not {name for name in body if "rewardsTier" in name}
    [_, row, last] = body["classTemplateInfo"]["cardTemplateOverride"]["cardRowTemplateInfos"]
    paths = [
        item["firstValue"]["fields"][0]["fieldPath"]
        for shape in (row, last)
        for items in shape.values()
        for item in items.values()
    ]
    assert paths == [
        f"object.textModulesData['{key}']" for key in ("percent", "level", "customer_name")
    ]


def test_the_level_is_written_in_every_language() -> None:
    body = object_body(at(SILVER), ISSUER_ID, SITE)
    check(body, "LoyaltyObject")
    told = level_of(body)["localizedBody"]
    assert told["defaultValue"] == {"language": "de", "value": "Silber"}
    assert told["translatedValues"] == [
        {"language": "en", "value": "Silver"},
        {"language": "nl", "value": "Zilver"},
    ]


def test_a_new_level_is_one_request_and_an_undo_another(
    wallet: Any, google: Any, card: PassContent
) -> None:
    wallet.offer(card, ANDROID)
    [name] = [name for name in google.resources if name.startswith("loyaltyObject/")]
    google.requests.clear()
    for number, level in enumerate((GOLD, SILVER), start=1):
        version = card.version + number
        wallet.push(at(level, card, version=version), HELD, Reason.BALANCE)
        shown = level_of(google.resources[name])["localizedBody"]["defaultValue"]["value"]
        assert shown == level["de"]
        assert google.calls() == ["PATCH loyaltyObject"] * number


def test_a_level_without_a_name_takes_the_old_one_off(
    wallet: Any, google: Any, card: PassContent
) -> None:
    wallet.offer(card, ANDROID)
    wallet.push(at(None, card, version=card.version + 1), HELD, Reason.BALANCE)
    [body] = [kept for name, kept in google.resources.items() if name.startswith("loyaltyObject/")]
    assert "level" not in [module["id"] for module in body["textModulesData"]]
