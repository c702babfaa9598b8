"""One thing is broken in a valid pass.json, and the validator says just that."""

import pytest

P256 = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEjlM7b6C/e0YluzBmfAH7YH75+LioD+9bMAYocDGH"
    "sqNz6x294DMYNm0Gn4Om9ZAAU8c2M8sEGyHFXhqGwfQAtA=="
)
CODE = {"format": "PKBarcodeFormatQR", "message": "0123", "messageEncoding": "iso-8859-1"}
PLACE = {"latitude": 52.5, "longitude": 13.4}
ACTION = {"identifier": "shop", "type": "shop", "url": "https://a.example"}
NFC = {"message": "x", "encryptionPublicKey": P256}
SHOWN_FROM_27 = ("note", "pass.json", "Shown from iOS 27")


def code(form, message, **more):
    return {**CODE, "format": f"PKBarcodeFormat{form}", "message": message, **more}


ERRORS = [
    # what every pass needs
    *[
        ({name: "GONE"}, name, "is missing")
        for name in (
            "formatVersion", "passTypeIdentifier", "teamIdentifier", "serialNumber",
            "organizationName", "description",
        )
    ],
    ({"formatVersion": 2}, "formatVersion", "must be 1"),
    ({"formatVersion": "1"}, "formatVersion", "a whole number"),
    ({"serialNumber": ""}, "serialNumber", "is empty"),
    ({"serialNumber": 12}, "serialNumber", "must be a text"),
    ({"passTypeIdentifier": "com.example"}, "passTypeIdentifier", "must look like"),
    ({"storeCard": "GONE"}, "pass.json", "has no style"),
    ({"storeCard": []}, "storeCard", "must be an object"),
    ({"storeCard.headerFields": {}}, "storeCard.headerFields", "must be a list"),
    # the web service
    ({"authenticationToken": "GONE"}, "authenticationToken", "belong together"),
    ({"webServiceURL": "GONE"}, "webServiceURL", "belong together"),
    ({"authenticationToken": "x" * 15}, "authenticationToken", "16 characters"),
    ({"webServiceURL": "cards.example"}, "webServiceURL", "begins with https://"),
    # colours and dates
    ({"backgroundColor": "brown"}, "backgroundColor", "a colour such as rgb"),
    ({"labelColor": "rgb(1, 2, 256)"}, "labelColor", "a colour such as rgb"),
    ({"labelColor": "#12345"}, "labelColor", "a colour such as rgb"),
    ({"expirationDate": "2027-01-31"}, "expirationDate", "date with time and zone"),
    ({"expirationDate": "2027-01-31T10:00:00"}, "expirationDate", "date with time and zone"),
    ({"expirationDate": "2027-01-31T10:00:00+0100"}, "expirationDate", "date with time and zone"),
    ({"expirationDate": "2027-02-31T10:00:00Z"}, "expirationDate", "date with time and zone"),
    ({"voided": "true"}, "voided", "true or false"),
    ({"associatedStoreIdentifiers": ["1"]}, "associatedStoreIdentifiers[0]", "whole number"),
    # where and when
    ({"locations": [PLACE] * 11}, "locations[10]", "10 places"),
    ({"locations": [{"latitude": 1.5}]}, "locations[0].longitude", "is missing"),
    ({"locations": [{**PLACE, "latitude": 91}]}, "locations[0].latitude", "from -90 to 90"),
    ({"locations": [{**PLACE, "latitude": "52"}]}, "locations[0].latitude", "from -90 to 90"),
    ({"beacons": [{"proximityUUID": "1-2"}]}, "beacons[0].proximityUUID", "a UUID"),
    ({"beacons": [{}]}, "beacons[0].proximityUUID", "is missing"),
    (
        {
            "beacons": [
                {"proximityUUID": "E2C56DB5-DFFB-48D2-B060-D0F5A71096E0", "major": 65_536}
            ]
        },
        "beacons[0].major",
        "0 to 65535",
    ),
    ({"relevantDates": [{}]}, "relevantDates[0]", "Add a date"),
    (
        {"relevantDates": [{"startDate": "2027-01-01T10:00Z"}]},
        "relevantDates[0].endDate",
        "Add the endDate",
    ),
    ({"relevantDate": "tomorrow"}, "relevantDate", "date with time and zone"),
    # codes
    ({"barcodes": [code("Data", "1")]}, "barcodes[0].format", "QR, PDF417, Aztec"),
    ({"barcodes": [{**CODE, "message": ""}]}, "barcodes[0].message", "is empty"),
    ({"barcodes": [{**CODE, "message": 12}]}, "barcodes[0].message", "must be a text"),
    ({"barcodes[0].messageEncoding": "GONE"}, "barcodes[0].messageEncoding", "is missing"),
    ({"barcodes[0].messageEncoding": "zip"}, "barcodes[0].messageEncoding", "iso-8859-1"),
    ({"barcodes[0].message": "€"}, "barcodes[0].message", "iso-8859-1 cannot hold"),
    ({"barcodes[0].message": "x" * 2954}, "barcodes[0].message", "2953 at most"),
    ({"barcodes": [code("Code128", "ä")]}, "barcodes[0].message", "letters of ASCII"),
    ({"barcodes": [code("Code39", "a"), CODE]}, "barcodes[0].message", "capital letters"),
    ({"barcodes": [code("Codabar", "E1"), CODE]}, "barcodes[0].message", "start and stop"),
    ({"barcodes": [code("EAN13", "12345"), CODE]}, "barcodes[0].message", "12 or 13 digits"),
    (
        {"barcodes": [code("EAN13", "4006381333932"), CODE]},
        "barcodes[0].message",
        "must end in 1",
    ),
    ({"barcodes": [code("I2of5", "123"), CODE]}, "barcodes[0].message", "even number of digits"),
    ({"barcode": code("QR", "€")}, "barcode.message", "iso-8859-1 cannot hold"),
    # near field
    ({"nfc": {**NFC, "message": "ä" * 33}}, "nfc.message", "66 bytes"),
    ({"nfc": {**NFC, "encryptionPublicKey": "x"}}, "nfc.encryptionPublicKey", "P-256"),
    (
        {"nfc": {**NFC, "encryptionPublicKey": "-----BEGIN PUBLIC KEY-----" + P256}},
        "nfc.encryptionPublicKey",
        "without the BEGIN",
    ),
    ({"nfc": {"message": "x"}}, "nfc.encryptionPublicKey", "is missing"),
    # actions
    (
        {"featuredActions": [{**ACTION, "identifier": str(number)} for number in range(3)]},
        "featuredActions[2]",
        "2 actions at most",
    ),
    ({"featuredActions": [{"identifier": "x"}]}, "featuredActions[0].type", "is missing"),
    ({"semantics": {"balance": {"amount": 12}}}, "semantics.balance.amount", "must be a text"),
    ({"semantics": []}, "semantics", "must be an object"),
]  # fmt: skip

WARNINGS = [
    ({"organizationName": " "}, "organizationName", "is empty"),
    ({"description": ""}, "description", "is empty"),
    ({"logoText": None}, "logoText", "Leave the key out"),
    ({"teamIdentifier": "abc"}, "teamIdentifier", "ten capitals and digits"),
    ({"webServiceURL": "http://cards.example/"}, "webServiceURL", "https only"),
    ({"webServiceURL": "https://cards.example/v1"}, "webServiceURL", "add /v1 by themselves"),
    ({"maxDistance": "100"}, "maxDistance", "without quotation marks"),
    ({"maxDistance": -1}, "maxDistance", "greater than 0"),
    (
        {
            "relevantDates": [
                {"startDate": "2027-01-01T10:00Z", "endDate": "2027-01-01T09:00:00.5+00:00"}
            ]
        },
        "relevantDates[0].endDate",
        "ends before it begins",
    ),
    ({"barcodes": [code("Code39", "A1")]}, "barcodes[0].format", "iOS 26 and earlier"),
    (
        {"barcodes": [CODE, code("EAN13", "4006381333931")]},
        "barcodes[1].format",
        "iOS 26 and earlier",
    ),
    ({"barcode": code("EAN13", "400638133393")}, "barcode.format", "cannot show this format"),
    ({"nfc": {**NFC, "requiresAuthentication": True}}, "sharingProhibited", "set this to true"),
    ({"featuredActions": [{**ACTION, "type": "dance"}]}, "featuredActions[0].type", "viewSchedule"),
    ({"featuredActions": [{**ACTION, "url": "shop"}]}, "featuredActions[0].url", "an address"),
    ({"featuredActions": [ACTION, ACTION]}, "featuredActions", "same identifier"),
    ({"appLaunchURL": "app://card"}, "appLaunchURL", "which app is meant"),
    ({"groupingIdentifier": "x"}, "groupingIdentifier", "eventTicket only"),
    ({"bagPolicyURL": "https://a.example"}, "bagPolicyURL", "eventTicket only"),
    ({"upgradeURL": "https://a.example"}, "upgradeURL", "boardingPass only"),
]

FINE = [
    {"expirationDate": "2027-01-31T18:00Z"},
    {"expirationDate": "2027-01-31T18:00:00.123-05:30"},
    {"labelColor": "#ABC", "foregroundColor": "rgb(0,0,0)", "stripColor": "#a0b1c2"},
    {"locations": [{**PLACE, "altitude": 12.5, "relevantText": "Coffee?"}] * 10},
    {"maxDistance": 250.5},
    {"barcodes": [code("PDF417", "ß"), code("Aztec", "€", messageEncoding="utf-8")]},
    {"nfc": {**NFC, "requiresAuthentication": True}, "sharingProhibited": True},
    {"userInfo": {"anything": [1, None, {"x": True}]}},
    {"appLaunchURL": "app://card", "associatedStoreIdentifiers": [123]},
    {
        "semantics": {
            "balance": {"amount": "12.00", "currencyCode": "EUR"},
            "silenceRequested": True,
        }
    },
]

NEW_CODES = [
    [code("Code39", "A-1"), CODE],
    [code("Codabar", "A123B"), CODE],
    [code("EAN13", "4006381333931"), CODE],
    [code("EAN13", "400638133393"), code("Code128", "4006381333931")],
    [code("I2of5", "1234"), CODE],
]


def told(level, rows):
    return [pytest.param(level, *row, id=f"{level} {row[1]} {row[2]}") for row in rows]


@pytest.mark.parametrize(
    ("level", "changes", "where", "words"), told("error", ERRORS) + told("warning", WARNINGS)
)
def test_one_thing_broken(remarks_on, gone, level, changes, where, words):
    found = [remark for remark in remarks_on(gone(changes)) if remark[0] != "note"]
    assert [remark[:2] for remark in found] == [(level, where)]
    assert words in found[0][2]


@pytest.mark.parametrize("changes", [{}, *FINE])
def test_nothing_to_remark(remarks_on, changes):
    assert remarks_on(changes) == []


@pytest.mark.parametrize("codes", NEW_CODES)
def test_a_new_code_with_an_older_one_behind_it(remarks_on, codes):
    [note] = remarks_on({"barcodes": codes})
    assert note[:2] == SHOWN_FROM_27[:2]
    assert SHOWN_FROM_27[2] in note[2]


@pytest.mark.parametrize(
    ("changes", "where", "words"),
    [
        ({"seatMap": {"rows": 3}}, "seatMap", "it stays as it is"),
        ({"LogoText": "x"}, "LogoText", "Did you mean logoText?"),
        ({"webServiceURL": "http://127.0.0.1:8000/x"}, "webServiceURL", "No phone reaches"),
        ({"barcodes": [code("Code128", "1")]}, "barcodes[0].format", "watch"),
        ({"barcodes": "GONE", "barcode": CODE}, "barcode", "outdated"),
        ({"featuredActions": [ACTION]}, "pass.json", "Shown from iOS 27"),
    ],
)
def test_notes(remarks_on, gone, changes, where, words):
    [(level, at, sentence)] = remarks_on(gone(changes))
    assert (level, at) == ("note", where)
    assert words in sentence


def test_errors_come_first_and_are_not_endless(remarks_on):
    found = remarks_on({"locations": [{}] * 500, "unknown": 1})
    assert len(found) == 200
    assert found[0][0] == "error"
