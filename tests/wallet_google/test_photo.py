"""The picture behind the face at Google: one for the class, in all families, gone when it goes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from passes.wallet_port import (
    Installation,
    Look,
    PassContent,
    Picture,
    Reason,
    Style,
    WalletMisconfigured,
)
from tests.wallet_google.conftest import ANDROID, ISSUER_ID, PICTURES, PUBLIC, SITE, content
from wallet_google.addresses import Site
from wallet_google.objects import blank_object_body, class_body, family, object_body
from wallet_google.schema import check

PHOTO = Picture("google-photo", "0" * 64, b"", f"{PUBLIC}/media/google-photo.png")
HELD = [Installation("google", {}, datetime(2026, 11, 20, 12, tzinfo=UTC))]

every_style = pytest.mark.parametrize("style", Style)


def with_photo(card: PassContent) -> PassContent:
    return replace(card, look=replace(card.look, pictures={**PICTURES, PHOTO.name: PHOTO}))


def type_of(style: Style, what: str) -> str:
    """Google's name for a family's class or object: ``GiftCardClass``."""
    name = family(style)
    return f"{name[0].upper()}{name[1:]}{what}"


def class_at(google: Any, style: Style) -> dict[str, Any]:
    """The one class of that style that Google has."""
    prefix = f"{family(style)}Class/"
    [found] = [body for name, body in google.resources.items() if name.startswith(prefix)]
    return dict(found)


@every_style
def test_the_photo_is_one_picture_of_the_class(style: Style) -> None:
    card = with_photo(content(style=style))
    body: dict[str, Any] = class_body(card, ISSUER_ID, SITE)
    check(body, type_of(style, "Class"))
    [module] = body["imageModulesData"]
    assert module["id"] == "photo"
    assert module["mainImage"]["sourceUri"] == {"uri": PHOTO.url}
    described = module["mainImage"]["contentDescription"]
    assert described["defaultValue"] == {"language": "de", "value": "Treuekarte"}
    assert {"language": "nl", "value": "Klantenkaart"} in described["translatedValues"]


@every_style
def test_objects_repeat_no_photo(style: Style) -> None:
    """Google would show the class's and the object's one after the other."""
    card = with_photo(content(style=style))
    assert PHOTO.url not in str(object_body(card, ISSUER_ID, SITE))
    assert blank_object_body(card, ISSUER_ID, SITE) == blank_object_body(
        content(style=style), ISSUER_ID, SITE
    )


@every_style
def test_without_a_photo_there_is_no_place_for_one(style: Style) -> None:
    assert "imageModulesData" not in class_body(content(style=style), ISSUER_ID, SITE)


def test_a_photo_that_google_cannot_fetch_stops_the_pass_with_a_sentence() -> None:
    look = Look("#aa5500", "#ffffff", "#eeeeee", {PHOTO.name: replace(PHOTO, url="http://x/p.png")})
    card = content(style=Style.MEMBERSHIP, look=look)
    with pytest.raises(WalletMisconfigured, match="TREUEPASS_BASE_URL"):
        class_body(card, ISSUER_ID, Site("http://x", near=False))


@every_style
def test_a_photo_that_the_template_lost_goes_away_at_google(
    wallet: Any, google: Any, account: Any, style: Style
) -> None:
    card = content(account=account, style=style)
    wallet.offer(with_photo(card), ANDROID)
    assert class_at(google, style)["imageModulesData"][0]["id"] == "photo"
    revised = replace(card, version=card.version + 1, template_version=2)
    wallet.push(revised, HELD, Reason.CONTENT)
    kept = class_at(google, style)
    assert "imageModulesData" not in kept
    assert kept["merchantLocations"] == [{"latitude": 52.5, "longitude": 13.4}]


@every_style
def test_a_photo_that_the_template_got_reaches_google(
    wallet: Any, google: Any, account: Any, style: Style
) -> None:
    card = content(account=account, style=style)
    wallet.offer(card, ANDROID)
    assert "imageModulesData" not in class_at(google, style)
    revised = replace(with_photo(card), version=card.version + 1, template_version=2)
    wallet.push(revised, HELD, Reason.CONTENT)
    [module] = class_at(google, style)["imageModulesData"]
    assert module["mainImage"]["sourceUri"]["uri"] == PHOTO.url
