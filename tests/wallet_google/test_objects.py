"""What a card becomes at Google: bodies that Google takes and that say what the card says."""

import re
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passes.wallet_port import (
    Amount,
    CodeFormat,
    Field,
    Location,
    Place,
    State,
    Style,
    WalletMisconfigured,
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
from wallet_google.objects import (
    class_body,
    object_body,
    resource_id,
)
from wallet_google.schema import check

LANGUAGES = ("de", "en", "nl")
NAMED = {"de": "Name", "en": "Name", "nl": "Naam"}


def the_object(**changes) -> dict[str, Any]:
    return object_body(content(**changes), ISSUER_ID, SITE)


def the_class(**changes) -> dict[str, Any]:
    return class_body(content(**changes), ISSUER_ID, SITE)


def rows_of(body: dict) -> list[list[str]]:
    """The paths in each row of the class's template."""
    override = body.get("classTemplateInfo", {}).get("cardTemplateOverride", {})
    return [
        [item["firstValue"]["fields"][0]["fieldPath"] for item in shape.values()]
        for row in override.get("cardRowTemplateInfos", ())
        for shape in row.values()
    ]


# --- ids -----------------------------------------------------------------------------------------


def test_ids_are_the_issuers_number_and_our_own_name():
    assert resource_id(ISSUER_ID, "123456789012") == f"{ISSUER_ID}.123456789012"
    body = the_object()
    assert body["id"] == f"{ISSUER_ID}.123456789012"
    assert body["classId"] == the_class()["id"]


@given(st.text(min_size=1), st.text(min_size=1))
def test_names_that_google_does_not_take_get_ids_of_their_own(one, other):
    first, second = resource_id("1", one), resource_id("1", other)
    assert re.fullmatch(r"1\.[A-Za-z0-9._-]{1,64}", first)
    assert (first == second) == (one == other)


# --- balances ------------------------------------------------------------------------------------


def balance_of(value) -> dict:
    field = Field("balance", {"de": "Stand"}, value, Place.PRIMARY)
    return the_object(fields=(field,))["loyaltyPoints"]["balance"]


@pytest.mark.parametrize("number", [0, 7, -3, 2**31 - 1, -(2**31)])
def test_a_count_is_a_number(number):
    assert balance_of(number) == {"int": number}


@pytest.mark.parametrize(
    ("number", "shown"), [(2**31, "2.147.483.648"), (-(2**31) - 1, "-2.147.483.649")]
)
def test_a_count_beyond_32_bits_is_text_in_the_cards_language(number, shown):
    assert balance_of(number) == {"string": shown}


@pytest.mark.parametrize(
    ("amount", "micros"),
    [
        (Amount(1234, "EUR"), "12340000"),
        (Amount(1, "EUR"), "10000"),
        (Amount(-50, "EUR"), "-500000"),
        (Amount(1500, "JPY", 0), "1500000000"),
        (Amount(1234, "KWD", 3), "1234000"),
        (Amount(900_719_925_474_099, "EUR"), "9007199254740990000"),
    ],
)
def test_money_is_exact_to_the_millionth(amount, micros):
    assert balance_of(amount) == {"money": {"micros": micros, "currencyCode": amount.currency}}


def test_money_beyond_64_bits_of_millionths_is_text():
    assert balance_of(Amount(10**15, "EUR")) == {"string": "10.000.000.000.000,00\u00a0€"}


@given(st.integers(-(10**12), 10**12), st.integers(0, 4))
def test_money_keeps_its_value(minor, places):
    micros = int(balance_of(Amount(minor, "EUR", places))["money"]["micros"])
    assert micros * 10**places == minor * 10**6


def test_a_date_or_a_word_is_a_balance_too():
    assert balance_of(date(2027, 11, 21)) == {"string": "21.11.2027"}
    assert balance_of({"de": "Gold"}) == {"string": "Gold"}
    assert balance_of({"de": ""}) == {"string": "–"}


def test_the_face_of_a_loyalty_card():
    body = the_object()
    assert body["loyaltyPoints"]["balance"] == {"int": 7}
    assert body["loyaltyPoints"]["label"] == "Besuche"
    assert body["loyaltyPoints"]["localizedLabel"]["translatedValues"] == [
        {"language": "en", "value": "Visits"},
        {"language": "nl", "value": "Bezoeken"},
    ]
    assert body["secondaryLoyaltyPoints"]["balance"]["money"]["micros"] == "12340000"
    assert [module["id"] for module in body["textModulesData"]] == ["level", "terms"]
    assert body["linksModuleData"]["uris"][0]["uri"] == "tel:+4930123"
    assert (body["accountId"], body["accountName"]) == ("123456789012", "Anna Beispiel")
    assert body["barcode"] == {
        "type": "QR_CODE",
        "value": "0123456789ABCDEF",
        "alternateText": "1234-5678-9012",
    }
    assert "notifyPreference" not in body


def test_a_second_primary_field_is_not_lost():
    twin = replace(VISITS, key="more", value=8)
    body = the_object(fields=(VISITS, twin, CREDIT))
    assert body["secondaryLoyaltyPoints"]["balance"] == {"int": 8}
    assert [module["id"] for module in body["textModulesData"]] == ["credit"]


def test_the_second_balance_is_the_weightiest_figure_and_never_a_word():
    """A balance has no translations, and a name is no balance."""
    name = Field("name", NAMED, dict.fromkeys(LANGUAGES, "Anna Beispiel"), Place.PRIMARY)
    level = replace(LEVEL, place=Place.HEADER)
    body = the_object(fields=(name, VISITS, level, CREDIT))
    assert body["loyaltyPoints"]["balance"] == {"int": 7}
    assert body["secondaryLoyaltyPoints"]["label"] == "Guthaben"
    assert [module["id"] for module in body["textModulesData"]] == ["name", "level"]
    assert "loyaltyPoints" not in the_object(fields=(name, level, CREDIT))


def test_without_a_first_balance_there_is_no_second():
    body = the_object(fields=(CREDIT, LEVEL))
    assert "secondaryLoyaltyPoints" not in body
    assert [module["id"] for module in body["textModulesData"]] == ["credit", "level"]


def test_a_module_is_written_in_every_language():
    deadline = Field("until", {"de": "Bis", "en": "Until"}, date(2027, 11, 21), Place.AUXILIARY)
    [module] = the_object(fields=(deadline,), language="en")["textModulesData"]
    assert module["localizedBody"] == {
        "defaultValue": {"language": "en", "value": "21 Nov 2027"},
        "translatedValues": [
            {"language": "de", "value": "21.11.2027"},
            {"language": "nl", "value": "21-11-2027"},
        ],
    }


@pytest.mark.parametrize(
    ("code_format", "expected"),
    [
        (CodeFormat.QR, "QR_CODE"),
        (CodeFormat.PDF417, "PDF_417"),
        (CodeFormat.AZTEC, "AZTEC"),
        (CodeFormat.CODE128, "CODE_128"),
    ],
)
def test_the_till_code_in_each_format(code_format, expected):
    assert the_object(code_format=code_format)["barcode"]["type"] == expected


# --- state and expiry ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "expected"),
    [(State.VALID, "ACTIVE"), (State.EXPIRED, "EXPIRED"), (State.VOID, "INACTIVE")],
)
@pytest.mark.parametrize("style", Style)
def test_the_state_of_a_card(style, state, expected):
    assert the_object(style=style, state=state)["state"] == expected


def test_an_expiry_is_a_moment_in_utc():
    berlin = timezone(timedelta(hours=1))
    body = the_object(expires_at=datetime(2027, 11, 21, 23, 59, 59, 999, berlin))
    assert body["validTimeInterval"] == {"end": {"date": "2027-11-21T22:59:59Z"}}
    assert "validTimeInterval" not in the_object(expires_at=None)


# --- classes -------------------------------------------------------------------------------------


def test_the_class_of_a_loyalty_card():
    body = the_class()
    assert body["issuerName"] == "Café Kranz"
    assert body["programName"] == "Treuekarte"
    assert body["reviewStatus"] == "UNDER_REVIEW"
    assert body["multipleDevicesAndHoldersAllowedStatus"] == "ONE_USER_ALL_DEVICES"
    assert body["hexBackgroundColor"] == "#aa5500"
    assert body["programLogo"]["sourceUri"]["uri"] == f"{PUBLIC}/media/google-logo.png"
    assert body["heroImage"]["sourceUri"]["uri"] == f"{PUBLIC}/media/google-hero.png"
    assert body["merchantLocations"] == [{"latitude": 52.5, "longitude": 13.4}]
    assert body["callbackOptions"] == {"url": f"{PUBLIC}/wallet/google/callback"}


def test_the_class_does_not_speak_the_cards_language():
    assert the_class(language="nl") == the_class(language="de")


def test_rows_hold_the_balances_and_then_the_face():
    more = tuple(replace(LEVEL, key=f"f{number}") for number in range(5))
    info = the_class(fields=(VISITS, CREDIT, *more, TERMS, PHONE))["classTemplateInfo"]
    rows = info["cardTemplateOverride"]["cardRowTemplateInfos"]
    assert rows_of({"classTemplateInfo": info}) == [
        ["object.loyaltyPoints.balance", "object.secondaryLoyaltyPoints.balance"],
        [f"object.textModulesData['f{number}']" for number in range(3)],
        [f"object.textModulesData['f{number}']" for number in range(3, 5)],
    ]
    assert [next(iter(row)) for row in rows] == ["twoItems", "threeItems", "twoItems"]


def test_eleven_locations_are_cut_to_ten():
    place = Location(1.0, 2.0, {"de": "Hier"})
    assert len(the_class(locations=(place,) * 11)["merchantLocations"]) == 10


def test_no_callbacks_to_an_address_without_https():
    near = Site("http://127.0.0.1:8000", near=True)
    assert "callbackOptions" not in class_body(content(), ISSUER_ID, near)


# --- pictures ------------------------------------------------------------------------------------


def test_without_a_logo_google_gets_our_neutral_one():
    look = replace(content().look, pictures={})
    body = the_class(look=look)
    assert body["programLogo"]["sourceUri"]["uri"] == f"{PUBLIC}/wallet/google/logo.png"
    assert "heroImage" not in body


@pytest.mark.parametrize(
    "base_url", ["http://127.0.0.1:8000", "https://localhost", "http://karten.example.de"]
)
def test_google_itself_cannot_fetch_pictures_from_everywhere(base_url):
    look = replace(content().look, pictures={})
    with pytest.raises(WalletMisconfigured, match="TREUEPASS_BASE_URL"):
        class_body(content(look=look), ISSUER_ID, Site(base_url, near=False))
    check(class_body(content(look=look), ISSUER_ID, Site(base_url, near=True)), "LoyaltyClass")
