"""One thing is broken in the fields or the style of a valid pass, and the validator says it."""

import pytest

FIRST = "storeCard.primaryFields[0]"
BACK = "storeCard.backFields[0]"


def fields(count, start=0):
    return [{"key": f"k{start + number}", "value": number} for number in range(count)]


ERRORS = [
    ({f"{FIRST}.key": "GONE"}, f"{FIRST}.key", "is missing"),
    ({f"{FIRST}.key": ""}, f"{FIRST}.key", "is empty"),
    ({f"{FIRST}.value": "GONE"}, f"{FIRST}.value", "is missing"),
    ({f"{FIRST}.value": True}, f"{FIRST}.value", "a text or a number"),
    ({f"{FIRST}.label": 3}, f"{FIRST}.label", "must be a text"),
    ({f"{BACK}.key": "balance"}, f"{BACK}.key", "Give each its own"),
    ({f"{FIRST}.changeMessage": "%@ or %@"}, f"{FIRST}.changeMessage", "2 times %@"),
    ({f"{FIRST}.currencyCode": "Euro"}, f"{FIRST}.currencyCode", "three capitals"),
    ({f"{FIRST}.numberStyle": "Percent"}, f"{FIRST}.numberStyle", "PKNumberStylePercent"),
    (
        {f"{BACK}.dataDetectorTypes": ["Link"]},
        f"{BACK}.dataDetectorTypes[0]",
        "PKDataDetectorTypeLink",
    ),
    ({f"{BACK}.attributedValue": "<b>x</b>"}, f"{BACK}.attributedValue", "links only"),
    ({f"{BACK}.attributedValue": "1 < 2"}, f"{BACK}.attributedValue", "links only"),
    (
        {f"{BACK}.attributedValue": "<a href='https://a.example'>x"},
        f"{BACK}.attributedValue",
        "not closed",
    ),
    (
        {f"{BACK}.attributedValue": "<a class='y' href='https://a.example'>x</a>"},
        f"{BACK}.attributedValue",
        "links only",
    ),
    ({f"{FIRST}.semantics": {"seats": {}}}, f"{FIRST}.semantics.seats", "must be a list"),
    ({"coupon": {}}, "storeCard", "2 styles: coupon, storeCard"),
    ({"storeCard": "GONE", "boardingPass": {}}, "boardingPass.transitType", "is missing"),
    (
        {"storeCard": "GONE", "boardingPass": {"transitType": "Air"}},
        "boardingPass.transitType",
        "PKTransitTypeAir",
    ),
    (
        {"storeCard": "GONE", "eventTicket": {"auxiliaryFields": [{**fields(1)[0], "row": 2}]}},
        "eventTicket.auxiliaryFields[0].row",
        "must be 0 or 1",
    ),
]

WARNINGS = [
    ({f"{FIRST}.changeMessage": "New balance"}, f"{FIRST}.changeMessage", "has no %@"),
    ({f"{FIRST}.changeMessage": "%@: 5 % off"}, f"{FIRST}.changeMessage", "per cent sign"),
    ({f"{FIRST}.textAlignment": "PKTextAlignmentLeft"}, f"{FIRST}.textAlignment", "be aligned"),
    ({f"{BACK}.textAlignment": "PKTextAlignmentLeft"}, f"{BACK}.textAlignment", "be aligned"),
    ({f"{FIRST}.dateStyle": "PKDateStyleShort"}, f"{FIRST}.dateStyle", "for dates"),
    ({f"{BACK}.isRelative": True}, f"{BACK}.isRelative", "for dates"),
    ({f"{BACK}.numberStyle": "PKNumberStyleDecimal"}, f"{BACK}.numberStyle", "for numbers"),
    ({f"{BACK}.currencyCode": "EUR"}, f"{BACK}.currencyCode", "for numbers"),
    (
        {f"{FIRST}.currencyCode": "EUR", f"{FIRST}.numberStyle": "PKNumberStyleDecimal"},
        f"{FIRST}.currencyCode",
        "exclude each other",
    ),
    (
        {f"{FIRST}.dataDetectorTypes": ["PKDataDetectorTypeLink"]},
        f"{FIRST}.dataDetectorTypes",
        "on the back only",
    ),
    ({f"{FIRST}.row": 0}, f"{FIRST}.row", "have rows"),
    (
        {f"{BACK}.attributedValue": '<a href="https://a.example?a=1&b=2">x</a>'},
        f"{BACK}.attributedValue",
        "&amp;",
    ),
    (
        {f"{BACK}.attributedValue": '<a href="a.example">x</a>'},
        f"{BACK}.attributedValue",
        "is no address",
    ),
    ({"storeCard.transitType": "PKTransitTypeAir"}, "storeCard.transitType", "Only boarding"),
    ({"storeCard.footerFields": fields(1)}, "storeCard.footerFields", "does not show"),
    # what the front has room for
    ({"storeCard.headerFields": fields(4)}, "storeCard.headerFields[3]", "room for 3"),
    ({"storeCard.primaryFields": fields(2)}, "storeCard.primaryFields[1]", "room for 1"),
    (
        {"storeCard.secondaryFields": fields(3), "storeCard.auxiliaryFields": fields(2, 3)},
        "storeCard.auxiliaryFields",
        "a row of 4",
    ),
    ({"storeCard.secondaryFields": fields(5)}, "storeCard.secondaryFields[4]", "room for 4"),
    (
        {"storeCard": "GONE", "boardingPass": {"transitType": "PKTransitTypeBus",
                                               "primaryFields": fields(3)}},
        "boardingPass.primaryFields[2]",
        "room for 2",
    ),
    (
        {"storeCard": "GONE", "generic": {"auxiliaryFields": fields(5)}},
        "generic.auxiliaryFields[4]",
        "room for 4",
    ),
    ({"posterGeneric": {"headerFields": fields(2)}}, "posterGeneric.headerFields[1]", "room for 1"),
    ({"posterGeneric": {"primaryFields": fields(5)}}, "posterGeneric.primaryFields[4]", "for 4"),
    ({"posterGeneric": {"footerFields": fields(3)}}, "posterGeneric.footerFields[2]", "room for 2"),
    (
        {"posterGeneric": {"secondaryFields": fields(1)}},
        "posterGeneric.secondaryFields",
        "does not show",
    ),
    ({"storeCard": "GONE", "posterGeneric": {}}, "posterGeneric", "cannot open this pass"),
]  # fmt: skip

FINE = [
    {f"{FIRST}.currencyCode": "EUR"},
    {f"{FIRST}.changeMessage": "%@, that is 5 %% more"},
    {f"{BACK}.value": "2027-01-31T18:00:00Z", f"{BACK}.dateStyle": "PKDateStyleFull",
     f"{BACK}.ignoresTimeZone": True},
    {f"{BACK}.dataDetectorTypes": []},
    {f"{BACK}.attributedValue": "See <a href='https://a.example/?a=1&amp;b=2'>us</a>, or call"
                                '<a href="tel:+4930123">here</a>.'},
    {"storeCard.secondaryFields": fields(2), "storeCard.auxiliaryFields": fields(2, 2)},
    {"storeCard": "GONE", "generic": {"headerFields": fields(3), "secondaryFields": fields(4, 3),
                                      "auxiliaryFields": fields(4, 7)}},
    {"storeCard": "GONE", "coupon": {"primaryFields": fields(1)}},
    {"storeCard": "GONE", "eventTicket": {"auxiliaryFields": [{**fields(1)[0], "row": 1}]}},
    {"storeCard": "GONE", "boardingPass": {"transitType": "PKTransitTypeTrain",
                                           "primaryFields": fields(2)}},
]  # fmt: skip


def told(level, rows):
    return [pytest.param(level, *row, id=f"{level} {row[1]} {row[2]}") for row in rows]


@pytest.mark.parametrize(
    ("level", "changes", "where", "words"), told("error", ERRORS) + told("warning", WARNINGS)
)
def test_one_thing_broken(remarks_on, gone, level, changes, where, words):
    found = [remark for remark in remarks_on(gone(changes)) if remark[0] != "note"]
    assert [remark[:2] for remark in found] == [(level, where)]
    assert words in found[0][2]


@pytest.mark.parametrize("changes", FINE)
def test_nothing_to_remark(remarks_on, gone, changes):
    assert remarks_on(gone(changes)) == []


def test_a_poster_beside_an_older_style_may_share_its_keys(remarks_on, base):
    poster = {"primaryFields": base()["storeCard"]["primaryFields"]}
    assert [remark[:2] for remark in remarks_on({"posterGeneric": poster})] == [
        ("note", "pass.json")
    ]
