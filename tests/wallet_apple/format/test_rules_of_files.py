"""One thing is broken among the files of a valid pass, and the validator says just that."""

import json
from codecs import BOM_UTF8, BOM_UTF16_LE

import pytest

from wallet_apple.format.check import check_folder
from wallet_apple.format.strings import BadStrings, read_strings

TEXT = '"Balance" = "Guthaben";\n'


def utf16(text):
    return BOM_UTF16_LE + text.encode("utf-16-le")


# --- pictures ------------------------------------------------------------------------------------


@pytest.fixture
def with_picture(remarks_on, make_picture):
    """Remarks on a pass with a further picture."""

    def check(name, width, height, changes=None):
        return remarks_on(changes or {}, {name: make_picture("x", width, height).png})

    return check


@pytest.mark.parametrize(
    ("name", "width", "height"),
    [
        ("logo.png", 160, 50), ("logo@2x.png", 20, 100), ("logo@3x.png", 480, 3),
        ("strip.png", 375, 144), ("strip@2x.png", 750, 246), ("icon.png", 29, 29),
        ("de.lproj/logo.png", 10, 10), ("personalizationLogo@2x.png", 300, 80),
    ],
)  # fmt: skip
def test_pictures_that_fit(with_picture, name, width, height):
    assert with_picture(name, width, height) == []


@pytest.mark.parametrize(
    ("name", "width", "height", "words"),
    [
        ("logo.png", 161, 50, "at most 160 x 50"),
        ("logo@2x.png", 320, 101, "at most 320 x 100"),
        ("strip@3x.png", 375, 144, "should have 1125 x 432"),
        ("icon@2x.png", 38, 38, "should have 76 x 76"),
        ("thumbnail.png", 90, 90, "does not show"),
        ("background@2x.png", 690, 1010, "does not show"),
    ],
)
def test_pictures_that_do_not_fit(with_picture, name, width, height, words):
    [(level, where, sentence)] = with_picture(name, width, height)
    assert level == "warning"
    assert where == name.replace("@2x", "") if "not show" in words else where == name
    assert words in sentence


def test_an_event_ticket_has_a_strip_or_a_background(remarks_on, gone, make_picture):
    changes = gone({"storeCard": "GONE", "eventTicket": {}})
    strip = {"strip.png": make_picture("x", 375, 98).png}
    background = {"background.png": make_picture("x", 180, 220).png}
    assert remarks_on(changes, strip) == remarks_on(changes, background) == []
    [remark] = remarks_on(changes, {**strip, **background})
    assert remark[:2] == ("warning", "strip.png")


def test_without_icon_wallet_refuses_the_pass(base, base_files):
    face = json.dumps(base()).encode()
    [remark] = check_folder({"pass.json": face})
    assert (remark.level.value, remark.where) == ("error", "icon.png")
    for name in base_files:
        rest = {other: body for other, body in base_files.items() if other != name}
        [remark] = check_folder({**rest, "pass.json": face})
        assert (remark.level.value, remark.where) == ("warning", name)


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("logo.png", lambda png: b""),
        ("logo.png", lambda png: b"\xff\xd8\xff" + png),
        ("logo.png", lambda png: png[:40]),
        ("logo.png", lambda png: png[:-12]),
        ("logo.png", lambda png: png[:19] + b"\x09" + png[20:]),
        ("logo.png", lambda png: png.replace(b"IDAT", b"IDXT")),
        ("logo.jpg", lambda png: png),
        ("logo.PNG", lambda png: png),
    ],
)
def test_files_that_are_no_png(remarks_on, make_picture, name, spoil):
    png = make_picture("x", 10, 10).png
    [remark] = remarks_on({}, {name: spoil(png)})
    assert remark[:2] == ("error", name)


def test_a_picture_of_another_name_is_noted(with_picture):
    assert [remark[:2] for remark in with_picture("banner.png", 1, 1)] == [("note", "banner.png")]


# --- languages -----------------------------------------------------------------------------------

SOUND = [
    (TEXT, {"Balance": "Guthaben"}),
    ('/* head */ "a"="b" ; // tail\n"c"\n=\n"d";', {"a": "b", "c": "d"}),
    (r'"a\"b\\" = "x\ny\t\U00e4\101";', {'a"b\\': "x\ny\täA"}),
    ('key.of-old = value;', {"key.of-old": "value"}),
    ("", {}),
    ("// nothing", {}),
]  # fmt: skip
UNSOUND = [
    ('"a": "b";', "must stand = and not ':'"),
    ('"a" = "b"', "must stand ; and not 'the end'"),
    ('"a" = ;', "a text in quotation marks after the ="),
    ('\n"a" = "b', "Line 2"),
    ('"a" = "b"; "a" = "c";', "stands twice"),
    ('"a" = "b";; ', "a text in quotation marks"),
    ("/* open", "a text in quotation marks"),
    (" " * 2**20, "more than 1 MB"),
]


@pytest.mark.parametrize(("text", "entries"), SOUND)
def test_reading_texts(text, entries):
    for body in (utf16(text), text.encode(), b"\xfe\xff" + text.encode("utf-16-be")):
        assert read_strings(body) == entries


@pytest.mark.parametrize(("text", "words"), UNSOUND)
def test_texts_that_cannot_be_read(text, words):
    with pytest.raises(BadStrings) as told:
        read_strings(utf16(text))
    assert words in str(told.value)


@pytest.mark.parametrize(
    ("level", "files", "where", "words"),
    [
        ("error", {"de.lproj/pass.strings": utf16('"a": "b";')}, "de.lproj/pass.strings",
         "not ':'"),
        ("error", {"de.lproj/pass.strings": TEXT.encode("utf-16-le")}, "de.lproj/pass.strings",
         "byte order mark"),
        ("error", {"de.lproj/pass.strings": b"\xff"}, "de.lproj/pass.strings", "nor UTF-8"),
        ("warning", {"de.lproj/pass.strings": '"a" = "ä";'.encode()}, "de.lproj/pass.strings",
         "Save it as UTF-16"),
        ("warning", {"de.lproj/pass.strings": BOM_UTF8 + TEXT.encode()}, "de.lproj/pass.strings",
         "Save it as UTF-16"),
        ("warning", {"german.lproj/pass.strings": utf16(TEXT)}, "german.lproj", "a language"),
        ("warning", {"de_DE.lproj/pass.strings": utf16(TEXT)}, "de_DE.lproj", "a language"),
        ("warning", {"de.lproj/pass.strings": utf16(TEXT), "en.lproj/pass.strings": b""},
         "en.lproj/pass.strings", "stands in another language"),
        ("warning", {"de.lproj/pass.strings": utf16('"Now %@" = "Jetzt";')},
         "storeCard.primaryFields[0].changeMessage", "no %@ (de.lproj/pass.strings)"),
        ("error", {"de.lproj/pass.strings": utf16('"Now %@" = "%@ %@";')},
         "storeCard.primaryFields[0].changeMessage", "2 times %@"),
    ],
)  # fmt: skip
def test_one_thing_broken_in_a_language(remarks_on, level, files, where, words):
    [remark] = remarks_on({}, files)
    assert remark[:2] == (level, where)
    assert words in remark[2]


@pytest.mark.parametrize("folder", ["de", "pt-BR", "zh-Hans", "zh-Hant-TW", "es-419", "fil"])
def test_names_of_languages(remarks_on, folder):
    assert remarks_on({}, {f"{folder}.lproj/pass.strings": utf16(TEXT)}) == []


def test_pictures_of_languages(remarks_on, make_picture):
    logo = make_picture("x", 10, 10).png
    hidden = {"logo.png": logo, "de.lproj/logo.png": logo}
    assert [r[:2] for r in remarks_on({}, hidden)] == [("warning", "de.lproj/logo.png")]
    uneven = {"de.lproj/logo.png": logo, "de.lproj/logo@2x.png": logo, "en.lproj/logo.png": logo}
    assert [r[:2] for r in remarks_on({}, uneven)] == [("warning", "en.lproj")]


# --- signing up ----------------------------------------------------------------------------------


def test_the_form_to_sign_up(remarks_on, make_picture):
    nfc = {
        "message": "x",
        "encryptionPublicKey": (
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEjlM7b6C/e0YluzBmfAH7YH75+LioD+9bMAYocDGH"
            "sqNz6x294DMYNm0Gn4Om9ZAAU8c2M8sEGyHFXhqGwfQAtA=="
        ),
    }
    logo = {"personalizationLogo.png": make_picture("x", 150, 40).png}
    form = {
        "description": "Join",
        "requiredPersonalizationFields": ["PKPassPersonalizationFieldName"],
        "termsAndConditions": "None.",
    }

    def check(changes, face=nfc):
        body = json.dumps({**form, **changes}).encode()
        found = remarks_on({"nfc": face} if face else {}, {**logo, "personalization.json": body})
        return [remark[:2] for remark in found]

    asked = "personalization.json.requiredPersonalizationFields"
    assert check({}) == []
    assert check({}, None) == [("warning", "personalization.json")]
    assert check({"description": 1}) == [("error", "personalization.json.description")]
    assert check({"requiredPersonalizationFields": []}) == [("error", asked)]
    assert check({"requiredPersonalizationFields": ["Age"]}) == [("error", f"{asked}[0]")]
    bare = remarks_on({"nfc": nfc}, {"personalization.json": json.dumps(form).encode()})
    assert [remark[:2] for remark in bare] == [("warning", "personalizationLogo.png")]
