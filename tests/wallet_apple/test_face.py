"""pass.json says what the content says, in Apple's terms."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passes.wallet_port import (
    Amount,
    CodeFormat,
    ContentRefused,
    Location,
    Place,
    State,
    Style,
)

GROUPS = ("headerFields", "primaryFields", "secondaryFields", "auxiliaryFields", "backFields")


@pytest.fixture
def only_field(read_json, make_content):
    """The one field of a pass, as pass.json has it."""

    def read(field):
        card = read_json(make_content(fields=(field,)))["storeCard"]
        [group] = card.values()
        [drawn] = group
        return drawn

    return read


def keys(card):
    return {group: [field["key"] for field in fields] for group, fields in card.items()}


def test_what_every_pass_says(read_json, make_content):
    face = read_json(make_content())
    assert face["formatVersion"] == 1
    assert face["passTypeIdentifier"] == "pass.example.treuepass"
    assert face["teamIdentifier"] == "EXAMPLE123"
    assert face["serialNumber"] == "123456789015"
    assert face["organizationName"] == "Café Kranz"
    assert face["description"] == "Zehnerkarte"
    assert face["webServiceURL"] == "https://cards.example/wallet/apple/pass.example.treuepass"
    assert face["authenticationToken"] == "0123456789abcdef0123456789abcdef"
    assert face["backgroundColor"] == "rgb(59, 36, 22)"
    assert face["foregroundColor"] == "rgb(255, 255, 255)"
    assert face["labelColor"] == "rgb(232, 201, 160)"
    assert face["sharingProhibited"] is True
    assert {"voided", "expirationDate", "locations", "groupingIdentifier"}.isdisjoint(face)


@pytest.mark.parametrize(
    ("style", "key"),
    [(Style.BALANCE, "storeCard"), (Style.COUPON, "coupon"), (Style.MEMBERSHIP, "generic")],
)
def test_the_style(read_json, make_content, style, key):
    face = read_json(make_content(style=style))
    assert {"storeCard", "coupon", "generic"} & set(face) == {key}
    assert keys(face[key]) == {"headerFields": ["visits"]}


def test_a_generic_pass_has_no_strip(draw, make_content, make_picture):
    pictures = {"apple-strip@2x": make_picture("apple-strip@2x")}
    assert "strip@2x.png" in draw(make_content(pictures, style=Style.COUPON))
    assert "strip@2x.png" not in draw(make_content(pictures, style=Style.MEMBERSHIP))


def test_the_name_stands_where_no_logo_does(read_json, make_content, make_picture):
    logo = {"apple-logo@2x": make_picture("apple-logo@2x")}
    assert read_json(make_content())["logoText"] == "Café Kranz"
    assert read_json(make_content(merchant=""))["logoText"] == "Kaffeekarte"
    assert "logoText" not in read_json(make_content(logo))


def test_an_empty_description_falls_back_on_the_title(read_face, make_content):
    content = make_content(description={"de": "", "en": "Ten", "nl": " "})
    assert [read_face(content, of)["description"] for of in content.languages] == [
        "Kaffeekarte", "Ten", "Koffiekaart",
    ]  # fmt: skip


# --- values ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Amount(1290, "EUR"), "12.90"),
        (Amount(5, "EUR"), "0.05"),
        (Amount(0, "EUR"), "0.00"),
        (Amount(-5, "EUR"), "-0.05"),
        (Amount(-123456, "EUR"), "-1234.56"),
        (Amount(1290, "JPY", 0), "1290"),
        (Amount(0, "JPY", 0), "0"),
        (Amount(1290, "BHD", 3), "1.290"),
        (Amount(30, "EUR"), "0.30"),
        (Amount(9007199254740993_00, "EUR"), "9007199254740993.00"),
    ],
)
def test_money_is_exact(draw, make_content, make_field, amount, text):
    face = json.loads(
        draw(make_content(fields=(make_field(value=amount),)))["pass.json"], parse_float=Decimal
    )
    [field] = face["storeCard"]["headerFields"]
    assert str(field["value"]) == text
    assert field["currencyCode"] == amount.currency
    assert "numberStyle" not in field


@settings(deadline=None)
@given(minor=st.integers(-(10**18), 10**18), digits=st.integers(0, 4))
def test_any_money_is_exact(draw, make_content, make_field, minor, digits):
    content = make_content(fields=(make_field(value=Amount(minor, "EUR", digits)),))
    face = json.loads(draw(content)["pass.json"], parse_float=Decimal, parse_int=Decimal)
    value = face["storeCard"]["headerFields"][0]["value"]
    assert value.scaleb(digits) == minor
    assert -value.as_tuple().exponent == digits


def test_a_number(only_field, make_field):
    assert only_field(make_field(value=12)) == {"key": "visits", "label": "Besuche", "value": 12}


def test_a_day_is_the_same_day_everywhere(only_field, make_field):
    field = only_field(make_field(value=date(2027, 12, 31)))
    assert field["value"] == "2027-12-31T12:00:00Z"
    assert field["dateStyle"] == "PKDateStyleMedium"
    assert field["timeStyle"] == "PKDateStyleNone"
    assert field["ignoresTimeZone"] is True


def test_a_text(only_field, make_field):
    field = only_field(make_field(value={"de": "Silber", "en": "Silver", "nl": "Zilver"}))
    assert field["value"] == "Silber"


# --- links -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "link", ["https://cards.example/r/A?x=1&y=2", "tel:+4930901820", "mailto:hallo@cafe.example"]
)
def test_a_link_on_the_back(only_field, make_field, link):
    value = dict.fromkeys(("de", "en", "nl"), "Tom's & <Ada>")
    field = only_field(make_field(place=Place.BACK, value=value, link=link))
    assert field["value"] == "Tom's & <Ada>"
    href = link.replace("&", "&amp;")
    assert field["attributedValue"] == f"""<a href="{href}">Tom's &amp; &lt;Ada&gt;</a>"""


def test_a_link_in_each_language(read_face, make_content, make_field):
    value = {"de": "Hier", "en": "Here", "nl": "Hier"}
    content = make_content(
        fields=(make_field(place=Place.BACK, value=value, link="https://a.example/"),)
    )
    for language in content.languages:
        [field] = read_face(content, language)["storeCard"]["backFields"]
        assert field["attributedValue"] == f'<a href="https://a.example/">{value[language]}</a>'


def test_a_linked_figure_keeps_its_type(only_field, make_field):
    link = "https://a.example/"
    money = only_field(make_field(place=Place.BACK, value=Amount(150, "EUR"), link=link))
    assert money["value"] == 1.5
    assert money["attributedValue"] == f'<a href="{link}">1.50 EUR</a>'
    day = only_field(make_field(place=Place.BACK, value=date(2027, 1, 2), link=link))
    assert day["attributedValue"] == f'<a href="{link}">2027-01-02</a>'


@pytest.mark.parametrize("link", ["javascript:alert(1)", "ftp://a.example", "", "/r/A"])
def test_a_link_that_no_phone_follows(only_field, make_field, link):
    with pytest.raises(ContentRefused, match="https, tel or mailto"):
        only_field(make_field(place=Place.BACK, link=link))


# --- change messages -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Noch {value} Besuche", "Noch %@ Besuche"),
        ("{value}", "%@"),
        ("Jetzt 10 % mehr: {value}", "Jetzt 10 %% mehr: %@"),
        ("Neuer Stempel!", "Neuer Stempel! %@"),
        ("{value} von {value}", "%@ von "),
        ("100 %@ {value}", "100 %%@ %@"),
    ],
)
def test_a_change_message_has_one_place_for_the_value(only_field, make_field, text, message):
    change = dict.fromkeys(("de", "en", "nl"), text)
    field = only_field(make_field(change=change))
    assert field["changeMessage"] == message
    assert field["changeMessage"].replace("%%", "").count("%@") == 1


def test_a_change_message_in_each_language(read_face, make_content, make_field):
    change = {"de": "Noch {value}", "en": "{value} left", "nl": "Nog {value}"}
    content = make_content(fields=(make_field(change=change),))
    messages = [
        read_face(content, language)["storeCard"]["headerFields"][0]["changeMessage"]
        for language in content.languages
    ]
    assert messages == ["Noch %@", "%@ left", "Nog %@"]


def test_a_silent_field_has_no_change_message(only_field, make_field):
    assert "changeMessage" not in only_field(make_field(change=None))


# --- places ----------------------------------------------------------------------------------


def many(make_field, **counts):
    return tuple(
        make_field(f"{place}{n}", n, Place(place))
        for place, count in counts.items()
        for n in range(count)
    )


def test_fields_stand_where_they_are_wanted(read_json, make_content, make_field):
    fields = many(make_field, back=1, auxiliary=1, header=1, secondary=1, primary=1)
    assert keys(read_json(make_content(fields=fields))["storeCard"]) == {
        "headerFields": ["header0"], "primaryFields": ["primary0"],
        "secondaryFields": ["secondary0"], "auxiliaryFields": ["auxiliary0"],
        "backFields": ["back0"],
    }  # fmt: skip


@pytest.mark.parametrize("style", [Style.BALANCE, Style.COUPON])
def test_a_store_card_has_four_places_in_both_rows(read_json, make_content, make_field, style):
    fields = many(make_field, header=4, primary=2, secondary=3, auxiliary=3, back=1)
    face = read_json(make_content(style=style, fields=fields))
    assert keys(face.get("storeCard") or face["coupon"]) == {
        "headerFields": ["header0", "header1", "header2"],
        "primaryFields": ["primary0"],
        "secondaryFields": ["secondary0", "secondary1", "secondary2"],
        "auxiliaryFields": ["auxiliary0"],
        "backFields": ["header3", "primary1", "auxiliary1", "auxiliary2", "back0"],
    }


def test_a_generic_pass_has_four_in_each_row(read_json, make_content, make_field):
    fields = many(make_field, secondary=5, auxiliary=6)
    assert keys(read_json(make_content(style=Style.MEMBERSHIP, fields=fields))["generic"]) == {
        "secondaryFields": [f"secondary{n}" for n in range(4)],
        "auxiliaryFields": [f"auxiliary{n}" for n in range(4)],
        "backFields": ["secondary4", "auxiliary4", "auxiliary5"],
    }


@settings(deadline=None)
@given(places=st.lists(st.sampled_from(Place), max_size=20), style=st.sampled_from(Style))
def test_no_field_is_ever_lost(read_json, make_content, make_field, places, style):
    fields = tuple(make_field(f"f{n}", n, place) for n, place in enumerate(places))
    face = read_json(make_content(fields=fields, style=style))
    card = face.get("storeCard") or face.get("coupon") or face.get("generic") or {}
    assert set(card) <= set(GROUPS)
    drawn = [field for group in card.values() for field in group]
    assert {field["key"]: field["value"] for field in drawn} == {f.key: f.value for f in fields}
    assert len(drawn) == len(fields)


def test_a_key_must_be_unique(read_json, make_content, make_field):
    twice = (make_field("a"), make_field("a", place=Place.BACK))
    with pytest.raises(ContentRefused, match="same key"):
        read_json(make_content(fields=twice))


# --- life of a card --------------------------------------------------------------------------


def test_the_end_of_a_card(read_json, make_content):
    ends = datetime(2027, 12, 31, 22, 59, 59, 999, tzinfo=UTC)
    assert read_json(make_content(expires_at=ends))["expirationDate"] == "2027-12-31T22:59:59Z"
    berlin = ends.astimezone(timezone(timedelta(hours=1)))
    assert read_json(make_content(expires_at=berlin))["expirationDate"] == (
        "2027-12-31T23:59:59+01:00"
    )


def test_an_expired_card_looks_expired(read_json, make_content, now):
    expired = make_content(state=State.EXPIRED)
    assert read_json(expired)["expirationDate"] == "2026-11-21T12:00:00Z"
    early = replace(expired, expires_at=now - timedelta(days=1))
    assert read_json(early)["expirationDate"] == "2026-11-20T12:00:00Z"
    late = replace(expired, expires_at=now + timedelta(days=1))
    assert read_json(late)["expirationDate"] == "2026-11-21T12:00:00Z"
    assert "voided" not in read_json(expired)
    assert read_json(expired)["barcodes"]


def test_a_withdrawn_card_is_void_and_cannot_be_scanned(read_json, make_content):
    face = read_json(make_content(state=State.VOID))
    assert face["voided"] is True
    assert "barcodes" not in face


def test_states_of_one_design_do_not_mix(read_json, make_content, now):
    """The same template's cards in every state, over and over, from one wallet."""
    for number in range(3):
        serial = f"{number:012d}"
        assert "voided" not in read_json(make_content(serial=serial))
        assert read_json(make_content(serial=serial, state=State.VOID))["voided"] is True
        assert "expirationDate" in read_json(make_content(serial=serial, expires_at=now))
        assert "expirationDate" not in read_json(make_content(serial=serial))


# --- code, places on the map, colours ---------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "formats"),
    [
        (CodeFormat.QR, ["PKBarcodeFormatQR"]),
        (CodeFormat.PDF417, ["PKBarcodeFormatPDF417"]),
        (CodeFormat.AZTEC, ["PKBarcodeFormatAztec"]),
        (CodeFormat.CODE128, ["PKBarcodeFormatCode128", "PKBarcodeFormatQR"]),
    ],
)
def test_the_code(read_json, make_content, wanted, formats):
    codes = read_json(make_content(code_format=wanted))["barcodes"]
    assert [code["format"] for code in codes] == formats
    for code in codes:
        assert code["message"] == "0123456789ABCDEF"
        assert code["messageEncoding"] == "iso-8859-1"
        assert code["altText"] == "0123 4567 89AB CDEF"


def test_a_short_code_has_a_caption_without_gaps(read_json, make_content):
    [code] = read_json(make_content(code="ABCDEF"))["barcodes"]
    assert code["altText"] == "ABCD EF"


def test_a_code_must_fit_into_a_barcode(read_json, make_content):
    with pytest.raises(ContentRefused, match="barcode"):
        read_json(make_content(code="Ł" * 16))


def test_places_on_the_map(read_face, make_content):
    text = {"de": "Kaffee?", "en": "Coffee?", "nl": "Koffie?"}
    many_places = tuple(Location(52.52 + n, 13.405, text) for n in range(12))
    face = read_face(make_content(locations=many_places), "en")
    assert len(face["locations"]) == 10
    assert face["locations"][0] == {
        "latitude": 52.52, "longitude": 13.405, "relevantText": "Coffee?",
    }  # fmt: skip


@pytest.mark.parametrize("colour", ["", "#12345", "#1234567", "red", "#gggggg"])
def test_a_colour_that_is_none(read_json, make_content, colour):
    content = make_content()
    with pytest.raises(ContentRefused, match="colour"):
        read_json(replace(content, look=replace(content.look, label=colour)))


def test_a_secret_that_apple_would_not_take(read_json, make_content):
    with pytest.raises(ContentRefused, match="16 characters"):
        read_json(make_content(secret="fifteen letters"))


# --- designs ---------------------------------------------------------------------------------


def test_another_design_under_the_same_name_is_seen(read_json, make_content, make_field):
    """No version number is trusted: whatever changes in a design shows at once."""
    content = make_content()
    read_json(content)
    other = {"de": "Neu", "en": "New", "nl": "Nieuw"}
    label = replace(content, fields=(make_field(label=other),))
    assert read_json(label)["storeCard"]["headerFields"][0]["label"] == "Neu"
    assert read_json(replace(content, description=other))["description"] == "Neu"
    assert read_json(replace(content, merchant="Bruno"))["organizationName"] == "Bruno"
    assert (
        read_json(replace(content, look=replace(content.look, label="#000000")))["labelColor"]
        == "rgb(0, 0, 0)"
    )
    moved = replace(content, locations=(Location(1.0, 2.0, other),))
    assert read_json(moved)["locations"][0]["relevantText"] == "Neu"
    assert (
        read_json(replace(content, code_format=CodeFormat.AZTEC))["barcodes"][0]["format"]
        == "PKBarcodeFormatAztec"
    )
    assert read_json(replace(content, language="nl"))["description"] == "Tien bezoeken"
    assert read_json(content)["storeCard"]["headerFields"][0]["label"] == "Besuche"


def test_a_value_may_change_its_sort(only_field, make_field):
    for value, drawn in (
        (7, 7), (Amount(150, "EUR"), 1.5), ({"de": "a", "en": "b", "nl": "c"}, "a"),
        (date(2027, 1, 1), "2027-01-01T12:00:00Z"), (8, 8),
    ):  # fmt: skip
        assert only_field(make_field(value=value))["value"] == drawn
