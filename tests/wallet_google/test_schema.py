"""Google's schema made strict: what Google's own samples send passes, and mistakes are named."""

import hashlib
import json
import re
import time
import zipfile
from copy import deepcopy
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # ships no types
import pytest

from passes.wallet_port import ContentRefused
from tests.wallet_google.conftest import ISSUER_ID, SITE, content
from wallet_google.objects import class_body, object_body
from wallet_google.schema import VENDORED, check, discovery
from wallet_google.schema.strict import strict_schema
from wallet_google.schema.trim import ROOTS, read_document, trim


def text(value: str) -> dict:
    return {"defaultValue": {"language": "en-US", "value": value}}


def image(uri: str) -> dict:
    return {"sourceUri": {"uri": uri}, "contentDescription": text("A picture")}


# Bodies with every feature that Google's own sample programs for these types use.
LOYALTY_CLASS = {
    "id": "3388000000022222222.sample",
    "issuerName": "Issuer",
    "reviewStatus": "UNDER_REVIEW",
    "programName": "Programme",
    "programLogo": image("http://pictures.example.com/logo.jpg"),
}
LOYALTY_OBJECT = {
    "id": "3388000000022222222.user_example.com",
    "classId": "3388000000022222222.sample",
    "state": "ACTIVE",
    "heroImage": image("https://pictures.example.com/hero.jpg"),
    "textModulesData": [{"header": "Header", "body": "Body", "id": "TEXT_MODULE_ID"}],
    "linksModuleData": {
        "uris": [
            {"uri": "http://maps.example.com/", "description": "Map", "id": "LINK_URI"},
            {"uri": "tel:6505555555", "description": "Call", "id": "LINK_TEL"},
        ]
    },
    "imageModulesData": [{"mainImage": image("http://pictures.example.com/a.jpg"), "id": "IMAGE"}],
    "barcode": {"type": "QR_CODE", "value": "QR code"},
    "locations": [{"latitude": 37.424015499999996, "longitude": -122.09259560000001}],
    "accountId": "Account id",
    "accountName": "Account name",
    "loyaltyPoints": {"label": "Points", "balance": {"int": 800}},
    "rotatingBarcode": {
        "type": "QR_CODE",
        "valuePattern": "code-{totp_value_0}",
        "totpDetails": {
            "algorithm": "TOTP_SHA1",
            "periodMillis": "30000",
            "parameters": [{"key": "3132333435363738393031323334353637383930", "valueLength": 8}],
        },
    },
    "validTimeInterval": {
        "start": {"date": "2026-01-01T00:00:00Z"},
        "end": {"date": "2027-01-01T00:00:00.5+01:00"},
    },
    "notifyPreference": "NOTIFY_ON_UPDATE",
}
GENERIC_CLASS = {
    "id": "3388000000022222222.generic",
    "classTemplateInfo": {
        "cardTemplateOverride": {
            "cardRowTemplateInfos": [
                {
                    "twoItems": {
                        "startItem": {
                            "firstValue": {"fields": [{"fieldPath": "object.textModulesData['a']"}]}
                        },
                        "endItem": {
                            "firstValue": {"fields": [{"fieldPath": "object.textModulesData['b']"}]}
                        },
                    }
                }
            ]
        }
    },
    "callbackOptions": {"url": "https://karten.example.de/wallet/google/callback"},
}
GENERIC_OBJECT = {
    "id": "3388000000022222222.generic-1",
    "classId": "3388000000022222222.generic",
    "state": "ACTIVE",
    "genericType": "GENERIC_MEMBERSHIP_CARD",
    "cardTitle": text("Card title"),
    "header": text("Header"),
    "hexBackgroundColor": "#4285f4",
    "logo": image("https://pictures.example.com/logo.jpg"),
}
OFFER_CLASS = {
    "id": "3388000000022222222.offer",
    "issuerName": "Issuer",
    "provider": "Provider",
    "title": "Title",
    "reviewStatus": "DRAFT",
    "redemptionChannel": "ONLINE",
}
OFFER_OBJECT = {
    "id": "3388000000022222222.offer-1",
    "classId": "3388000000022222222.offer",
    "state": "ACTIVE",
    "barcode": {"type": "QR_CODE", "value": "QR code"},
    "validTimeInterval": {
        "start": {"date": "2023-06-12T23:20:50.52Z"},
        "end": {"date": "2023-12-12T23:20:50.52Z"},
    },
    "appLinkData": {
        "displayText": text("Open"),
        "webAppLinkInfo": {
            "appTarget": {"targetUri": {"uri": "https://a.example/", "description": "Open"}}
        },
    },
}
GIFT_CARD_CLASS = {
    "id": "3388000000022222222.gift",
    "issuerName": "Issuer",
    "reviewStatus": "UNDER_REVIEW",
    "homepageUri": {"uri": "https://a.example/wallet", "description": "Homepage"},
    "allowBarcodeRedemption": True,
}
GIFT_CARD_OBJECT = {
    "id": "3388000000022222222.gift-1",
    "classId": "3388000000022222222.gift",
    "state": "ACTIVE",
    "cardNumber": "1234",
    "pin": "99",
    "balance": {"micros": "20000000", "currencyCode": "USD"},
    "balanceUpdateTime": {"date": "2020-04-12T16:20:50.52-04:00"},
}
MESSAGE = {"message": {"header": "Header", "body": "Body", "messageType": "TEXT_AND_NOTIFY"}}
SAMPLES: dict[str, dict] = {
    "LoyaltyClass": LOYALTY_CLASS,
    "LoyaltyObject": LOYALTY_OBJECT,
    "GenericClass": GENERIC_CLASS,
    "GenericObject": GENERIC_OBJECT,
    "OfferClass": OFFER_CLASS,
    "OfferObject": OFFER_OBJECT,
    "GiftCardClass": GIFT_CARD_CLASS,
    "GiftCardObject": GIFT_CARD_OBJECT,
    "AddMessageRequest": MESSAGE,
}


def oracle(kind: str) -> jsonschema.Draft202012Validator:
    """A second opinion by a validator that reads the schema instead of compiling it."""
    return jsonschema.Draft202012Validator(strict_schema(discovery()["schemas"], kind))


@pytest.mark.parametrize("kind", SAMPLES)
def test_what_googles_samples_send_is_taken(kind):
    check(SAMPLES[kind], kind)
    oracle(kind).validate(SAMPLES[kind])


@pytest.mark.parametrize("kind", ROOTS)
def test_every_type_becomes_a_valid_json_schema(kind):
    jsonschema.Draft202012Validator.check_schema(strict_schema(discovery()["schemas"], kind))


PLACES = [{"latitude": 52.5, "longitude": 13.4}] * 11
ROW = {"oneItem": {"item": {"firstValue": {"fields": [{"fieldPath": "object.accountId"}]}}}}
TWO_KINDS = {**ROW, "twoItems": {}}
TARGET = "appLinkData.webAppLinkInfo.appTarget"
ROWS_PATH = "classTemplateInfo.cardTemplateOverride.cardRowTemplateInfos"

# Where in the sample, what is put there (None: taken away), and the field that must be named.
MISTAKES = [
    ("LoyaltyObject", "points", 5, "points"),
    ("LoyaltyObject", "loyaltyPoints.balance", {"micros": "1"}, "loyaltyPoints.balance.micros"),
    ("LoyaltyObject", "loyaltyPoints.balance", {"int": 1, "string": "1"}, "loyaltyPoints.balance"),
    ("LoyaltyObject", "loyaltyPoints.balance", {}, "loyaltyPoints.balance"),
    ("LoyaltyObject", "loyaltyPoints.balance", None, "loyaltyPoints.balance"),
    ("LoyaltyObject", "loyaltyPoints.balance.int", 2**31, "loyaltyPoints.balance.int"),
    ("LoyaltyObject", "loyaltyPoints.balance.int", "800", "loyaltyPoints.balance.int"),
    ("GiftCardObject", "balance.micros", 20000000, "balance.micros"),
    ("GiftCardObject", "balance.currencyCode", "euro", "balance.currencyCode"),
    ("LoyaltyObject", "hexBackgroundColor", "#aabbcc", "hexBackgroundColor"),
    ("GenericObject", "hexBackgroundColor", "red", "hexBackgroundColor"),
    ("GenericClass", "issuerName", "Issuer", "issuerName"),
    ("GenericObject", "header", "Header", "header"),
    ("GenericObject", "cardTitle.defaultValue.language", None, "cardTitle.defaultValue.language"),
    ("GenericObject", "cardTitle", None, "cardTitle"),
    ("LoyaltyObject", "state", "active", "state"),
    ("LoyaltyObject", "state", "STATE_UNSPECIFIED", "state"),
    ("LoyaltyObject", "classId", None, "classId"),
    ("LoyaltyObject", "id", "cafe.123", "id"),
    ("LoyaltyObject", "id", "3388000000022222222.a b", "id"),
    ("LoyaltyClass", "reviewStatus", "APPROVED", "reviewStatus"),
    ("LoyaltyClass", "programLogo", None, "programLogo"),
    ("LoyaltyClass", "programLogo.sourceUri", None, "programLogo"),
    ("LoyaltyClass", "programLogo.sourceUri.uri", "/logo.png", "programLogo.sourceUri.uri"),
    ("LoyaltyClass", "merchantLocations", PLACES, "merchantLocations"),
    ("LoyaltyClass", "merchantLocations", [{"latitude": 91, "longitude": 0}],
     "merchantLocations[0].latitude"),
    ("LoyaltyClass", "messages", [{}] * 11, "messages"),
    ("LoyaltyClass", "issuerName", "", "issuerName"),
    ("GenericClass", "callbackOptions.url", "http://a.example/", "callbackOptions.url"),
    ("GenericClass", ROWS_PATH, [ROW] * 4, ROWS_PATH),
    ("GenericClass", ROWS_PATH, [TWO_KINDS], f"{ROWS_PATH}[0]"),
    ("LoyaltyObject", "textModulesData.0.id", "a.b", "textModulesData[0].id"),
    ("LoyaltyObject", "linksModuleData.uris.0.uri", "javascript:alert(1)",
     "linksModuleData.uris[0].uri"),
    ("LoyaltyObject", "barcode.type", "qrCode", "barcode.type"),
    ("LoyaltyObject", "barcode", {"type": "AZTEC", "value": "x", "renderEncoding": "UTF_8"},
     "barcode.type"),
    ("LoyaltyObject", "barcode", {"type": "TEXT_ONLY", "value": "x", "alternateText": "y"},
     "barcode.type"),
    ("LoyaltyObject", "rotatingBarcode.type", "AZTEC", "rotatingBarcode.type"),
    ("LoyaltyObject", "rotatingBarcode.totpDetails.parameters.0.key", "xyz",
     "rotatingBarcode.totpDetails.parameters[0].key"),
    ("LoyaltyObject", "validTimeInterval.end.date", "2027-01-01", "validTimeInterval.end.date"),
    ("LoyaltyObject", "validTimeInterval.end.date", "2027-01-01T00:00:00", "validTimeInterval"),
    ("LoyaltyObject", "hasUsers", True, "hasUsers"),
    ("LoyaltyObject", "rotatingBarcode.valuePattern", None, "rotatingBarcode.valuePattern"),
    ("LoyaltyObject", "rotatingBarcode.totpDetails.parameters", [],
     "rotatingBarcode.totpDetails.parameters"),
    ("LoyaltyObject", "rotatingBarcode.totpDetails.algorithm", "TOTP_SHA256",
     "rotatingBarcode.totpDetails.algorithm"),
    ("OfferClass", "provider", None, "provider"),
    ("OfferClass", "title", "", "title"),
    ("OfferClass", "redemptionChannel", None, "redemptionChannel"),
    ("OfferClass", "redemptionChannel", "inStore", "redemptionChannel"),
    ("OfferClass", "reviewStatus", "REJECTED", "reviewStatus"),
    ("OfferClass", "programName", "Programme", "programName"),
    ("OfferObject", "state", None, "state"),
    ("OfferObject", "loyaltyPoints", {"balance": {"int": 1}}, "loyaltyPoints"),
    ("OfferObject", f"{TARGET}.targetUri.description", None, f"{TARGET}.targetUri.description"),
    ("OfferObject", f"{TARGET}.packageName", "com.example", TARGET),
    ("OfferObject", "appLinkData.displayText.defaultValue.value", "x" * 31,
     "appLinkData.displayText.defaultValue.value"),
    ("OfferObject", "appLinkData.displayText.translatedValues",
     [{"language": "de", "value": "x" * 31}],
     "appLinkData.displayText.translatedValues[0].value"),
    ("GiftCardClass", "reviewStatus", "APPROVED", "reviewStatus"),
    ("GiftCardClass", "programName", "Programme", "programName"),
    ("GiftCardObject", "cardNumber", None, "cardNumber"),
    ("GiftCardObject", "cardNumber", "", "cardNumber"),
    ("GiftCardObject", "balance.currencyCode", None, "balance.currencyCode"),
    ("GiftCardObject", "balanceUpdateTime.date", "2020-04-12T16:20:50", "balanceUpdateTime.date"),
    ("AddMessageRequest", "message.messageType", "SHOUT", "message.messageType"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "place", "value", "named"), MISTAKES)
def test_a_mistake_is_refused_and_its_field_named(kind, place, value, named):
    body = with_change(SAMPLES[kind], place.split("."), value)
    with pytest.raises(ContentRefused, match=f"^{re.escape(f'{kind}.{named}')} "):
        check(body, kind)
    assert not oracle(kind).is_valid(body)


def with_change(body: dict, steps: list[str], value: object) -> dict:
    changed = deepcopy(body)
    inner: Any = changed
    for step in steps[:-1]:
        inner = inner[int(step)] if isinstance(inner, list) else inner[step]
    if value is None:
        del inner[steps[-1]]
    else:
        inner[steps[-1]] = value
    return changed


def test_a_refusal_does_not_quote_what_it_refuses():
    body = with_change(LOYALTY_OBJECT, ["barcode", "value"], ["SECRET-TILL-CODE"])
    with pytest.raises(ContentRefused) as refused:
        check(body, "LoyaltyObject")
    assert "SECRET" not in str(refused.value)


def test_the_vendored_part_says_where_it_is_from():
    part = discovery()
    assert re.fullmatch("20[0-9]{6}", part["revision"])
    assert re.fullmatch("[0-9a-f]{64}", part["sha256"])
    assert part["package"].startswith("google-api-python-client ")
    notice = VENDORED.with_name("NOTICE.txt").read_text()
    assert part["package"].split()[1] in notice
    assert "Apache License" in VENDORED.with_name("LICENSE.txt").read_text()


def test_trimming_keeps_what_the_roots_refer_to_and_nothing_else(tmp_path):
    extra = {"Unused": {"properties": {"other": {"$ref": "LoyaltyClass"}}}}
    document = json.dumps(
        {**discovery(), "schemas": {**discovery()["schemas"], **extra}, "resources": {"a": 1}}
    ).encode()
    wheel = tmp_path / "google_api_python_client-9.8.7-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("googleapiclient/discovery_cache/documents/walletobjects.v1.json", document)

    read, package = read_document(wheel)
    part = trim(read, package=package)

    assert part["schemas"] == discovery()["schemas"]
    assert part["package"] == "google-api-python-client 9.8.7"
    assert part["sha256"] == hashlib.sha256(document).hexdigest()
    assert "resources" not in part


def test_building_and_checking_an_update_costs_less_than_a_millisecond():
    def update():
        check(object_body(content(), ISSUER_ID, SITE), "LoyaltyObject")

    check(class_body(content(), ISSUER_ID, SITE), "LoyaltyClass")
    update()
    costs = []
    for _ in range(50):
        start = time.process_time()
        for _ in range(10):
            update()
        costs.append((time.process_time() - start) / 10)
    assert sorted(costs)[len(costs) // 2] < 0.001
