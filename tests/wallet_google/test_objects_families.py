"""Coupons, gift cards and memberships at Google, codes that rotate, and objects of nobody."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from passes.wallet_port import (
    Amount,
    CodeFormat,
    Field,
    PassContent,
    Place,
    Rotating,
    State,
    Style,
)
from tests.wallet_google.conftest import (
    CREDIT,
    ISSUER_ID,
    LEVEL,
    PHONE,
    PUBLIC,
    SITE,
    TERMS,
    VISITS,
    content,
)
from wallet_google.addresses import Site
from wallet_google.objects import blank_object_body, class_body, family, object_body
from wallet_google.schema import check
from wallet_google.texts import OPEN_CARD

# RFC 6238, appendix B: the secret of its SHA-1 vectors.
ROTATING = Rotating(b"12345678901234567890")
NAME = Field(
    "customer_name",
    {"de": "Name", "en": "Name", "nl": "Naam"},
    dict.fromkeys(("de", "en", "nl"), "Anna Beispiel"),
    Place.PRIMARY,
)
OFFER = Field(
    "offer",
    {"de": "Angebot", "en": "Offer", "nl": "Aanbieding"},
    {"de": "Ein Cappuccino", "en": "A cappuccino", "nl": "Een cappuccino"},
    Place.PRIMARY,
)
ABOUT = {"de": "Für Kaffee", "en": "For coffee", "nl": "Voor koffie"}


def the_object(**changes: Any) -> dict[str, Any]:
    return object_body(content(**changes), ISSUER_ID, SITE)


def the_class(**changes: Any) -> dict[str, Any]:
    return class_body(content(**changes), ISSUER_ID, SITE)


def shown_in(localised: dict[str, Any], language: str) -> str:
    """What a phone in that language shows of a LocalizedString."""
    default = localised["defaultValue"]
    told = {part["language"]: part["value"] for part in localised.get("translatedValues", ())}
    return str({default["language"]: default["value"], **told}[language])


def rows_of(body: dict[str, Any]) -> list[list[str]]:
    override = body["classTemplateInfo"]["cardTemplateOverride"]
    return [
        [item["firstValue"]["fields"][0]["fieldPath"] for item in shape.values()]
        for row in override["cardRowTemplateInfos"]
        for shape in row.values()
    ]


@pytest.mark.parametrize(
    ("style", "name"),
    [
        (Style.BALANCE, "loyalty"),
        (Style.COUPON, "offer"),
        (Style.GIFT, "giftCard"),
        (Style.MEMBERSHIP, "generic"),
    ],
)
def test_each_style_has_its_family(style: Style, name: str) -> None:
    assert family(style) == name


# --- coupons -------------------------------------------------------------------------------------


def test_a_coupon_is_an_offer() -> None:
    body = the_class(style=Style.COUPON, description=ABOUT)
    assert (body["provider"], body["title"]) == ("Café Kranz", "Treuekarte")
    assert shown_in(body["localizedTitle"], "nl") == "Klantenkaart"
    assert shown_in(body["localizedDetails"], "en") == "For coffee"
    assert body["redemptionChannel"] == "INSTORE"
    assert body["reviewStatus"] == "UNDER_REVIEW"
    assert body["titleImage"]["sourceUri"]["uri"] == f"{PUBLIC}/media/google-logo.png"
    assert body["hexBackgroundColor"] == "#aa5500"


def test_a_description_that_is_the_title_is_not_said_twice() -> None:
    assert "localizedDetails" not in the_class(style=Style.COUPON)


def test_what_a_coupon_is_worth_stands_first() -> None:
    fields = (LEVEL, OFFER, TERMS)
    body = the_object(style=Style.COUPON, fields=fields)
    assert [module["id"] for module in body["textModulesData"]] == ["offer", "level", "terms"]
    assert rows_of(the_class(style=Style.COUPON, fields=fields)) == [
        ["object.textModulesData['offer']", "object.textModulesData['level']"]
    ]
    assert not {"accountId", "loyaltyPoints", "cardTitle"} & set(body)


# --- gift cards ----------------------------------------------------------------------------------

BALANCE = replace(CREDIT, key="balance", place=Place.PRIMARY)


def test_a_gift_card_has_a_number_and_a_balance() -> None:
    changed_at = datetime(2026, 11, 20, 12, 0, 1, 500, tzinfo=UTC)
    body = the_object(style=Style.GIFT, fields=(BALANCE, LEVEL), changed_at=changed_at)
    assert body["cardNumber"] == "1234-5678-9012"
    assert body["balance"] == {"micros": "12340000", "currencyCode": "EUR"}
    assert body["balanceUpdateTime"] == {"date": "2026-11-20T12:00:01Z"}
    assert [module["id"] for module in body["textModulesData"]] == ["level"]
    check(body, "GiftCardObject")


def test_the_class_of_a_gift_card() -> None:
    body = the_class(style=Style.GIFT, fields=(BALANCE, LEVEL, TERMS), description=ABOUT)
    assert body["merchantName"] == "Café Kranz"
    assert body["allowBarcodeRedemption"] is True
    assert shown_in(body["localizedCardNumberLabel"], "de") == "Kartennummer"
    [about] = body["textModulesData"]
    assert shown_in(about["localizedHeader"], "en") == "Loyalty card"
    assert shown_in(about["localizedBody"], "nl") == "Voor koffie"
    assert rows_of(body) == [["object.balance"], ["object.textModulesData['level']"]]


def test_the_balance_of_a_gift_card_is_found_wherever_the_merchant_put_it() -> None:
    behind = replace(BALANCE, place=Place.BACK)
    body = the_object(style=Style.GIFT, fields=(LEVEL, behind))
    assert body["balance"]["micros"] == "12340000"
    assert [module["id"] for module in body["textModulesData"]] == ["level"]


def test_money_that_google_cannot_hold_is_a_text_module() -> None:
    huge = replace(BALANCE, value=Amount(10**15, "EUR"))
    body = the_object(style=Style.GIFT, fields=(huge,))
    assert not {"balance", "balanceUpdateTime"} & set(body)
    [shown] = body["textModulesData"]
    assert shown_in(shown["localizedBody"], "de") == "10.000.000.000.000,00\u00a0€"


# --- memberships ---------------------------------------------------------------------------------


def test_a_membership_is_about_its_member() -> None:
    body = the_object(style=Style.MEMBERSHIP, fields=(NAME, LEVEL, TERMS))
    assert body["genericType"] == "GENERIC_MEMBERSHIP_CARD"
    assert body["cardTitle"]["defaultValue"]["value"] == "Café Kranz"
    assert body["header"]["defaultValue"]["value"] == "Anna Beispiel"
    assert shown_in(body["subheader"], "nl") == "Klantenkaart"
    assert [module["id"] for module in body["textModulesData"]] == ["level", "terms"]
    rows = rows_of(the_class(style=Style.MEMBERSHIP, fields=(NAME, LEVEL, TERMS)))
    assert rows == [["object.textModulesData['level']"]]


def test_a_membership_of_nobody_known_is_about_the_card() -> None:
    body = the_object(style=Style.MEMBERSHIP, holder="", fields=(VISITS,))
    assert shown_in(body["header"], "en") == "Loyalty card"
    assert "subheader" not in body


# --- what all have -------------------------------------------------------------------------------

STYLES = pytest.mark.parametrize("style", Style)


@STYLES
def test_the_face_leads_to_the_cards_own_page(style: Style) -> None:
    link = the_object(style=style)["appLinkData"]
    target = link["webAppLinkInfo"]["appTarget"]["targetUri"]
    assert target == {"uri": f"{PUBLIC}/c/abc/", "description": "Karte im Browser öffnen"}
    assert {language: shown_in(link["displayText"], language) for language in OPEN_CARD} == dict(
        OPEN_CARD
    )


@STYLES
def test_ten_text_modules_are_displayed_so_no_more_are_sent(style: Style) -> None:
    many = tuple(replace(TERMS, key=f"back{number}") for number in range(12))
    modules = the_object(style=style, fields=(*many, LEVEL))["textModulesData"]
    assert len(modules) == 10
    assert modules[0]["id"] == "level"


@STYLES
def test_a_withdrawn_card_has_no_code_and_no_way_to_its_page(style: Style) -> None:
    body = the_object(style=style, state=State.VOID, rotating=ROTATING)
    assert not {"barcode", "rotatingBarcode", "appLinkData"} & set(body)


@STYLES
def test_a_forgotten_card_says_nothing_of_a_person(style: Style) -> None:
    card = content(style=style, fields=(NAME, VISITS, CREDIT, PHONE), rotating=ROTATING)
    body = blank_object_body(card, ISSUER_ID, Site("http://127.0.0.1", near=False))
    kind = family(style)
    check(body, f"{kind[0].upper()}{kind[1:]}Object")
    assert body["state"] == "INACTIVE"
    needed = {"generic": {"cardTitle", "header"}, "giftCard": {"cardNumber"}}.get(kind, set())
    assert set(body) == {"id", "classId", "state"} | needed
    said = str({name: value for name, value in body.items() if name not in {"id", "classId"}})
    for personal in ("Anna", "123456789012", "1234-5678", card.code, "abc", "tel:", "12,34"):
        assert personal not in said


# --- codes that change with time (RFC 6238) ------------------------------------------------------


@pytest.mark.parametrize(
    ("code_format", "expected"), [(CodeFormat.QR, "QR_CODE"), (CodeFormat.PDF417, "PDF_417")]
)
def test_a_rotating_code_is_the_code_a_dot_and_a_password_of_its_time(
    code_format: CodeFormat, expected: str
) -> None:
    body = the_object(rotating=ROTATING, code_format=code_format)
    assert "barcode" not in body
    assert body["rotatingBarcode"] == {
        "type": expected,
        "alternateText": "1234-5678-9012",
        "valuePattern": "0123456789ABCDEF.{totp_value_0}",
        "totpDetails": {
            "algorithm": "TOTP_SHA1",
            "periodMillis": "30000",
            "parameters": [{"key": "3132333435363738393031323334353637383930", "valueLength": 8}],
        },
    }
    check(body, "LoyaltyObject")


@pytest.mark.parametrize("code_format", [CodeFormat.AZTEC, CodeFormat.CODE128])
def test_a_format_that_google_does_not_rotate_stands_still(code_format: CodeFormat) -> None:
    body = the_object(rotating=ROTATING, code_format=code_format)
    assert "rotatingBarcode" not in body
    assert body["barcode"]["value"] == "0123456789ABCDEF"


def test_the_key_of_a_rotating_code_is_shown_by_no_repr() -> None:
    card: PassContent = content(rotating=ROTATING)
    assert "1234567890123" not in repr(card) + repr(card.rotating)
