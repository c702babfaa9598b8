"""A device finds each text in its own language, whatever the texts are."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passes.wallet_port import Amount, Location, Place

LANGUAGES = ("de", "en", "nl")
# Few distinct texts, so that keys collide; and hostile ones.
TEXT = st.one_of(
    st.sampled_from(
        ["", "a", "b", "Karte", '"', "\\", '\\"; "x" = "y', "zwei\nZeilen", "☕️ 👩‍🍳", "%@"]
    ),
    st.text(max_size=40),
    st.text(alphabet='"\\\n\t=;/*', max_size=12),
)
TEXTS = st.fixed_dictionaries(dict.fromkeys(LANGUAGES, TEXT))


def shown(text: str) -> str:
    """The text without what is never written: control characters but line feed and tab."""
    return "".join(c for c in text if c in "\n\t" or not (ord(c) < 32 or ord(c) == 127))


@settings(deadline=None)
@given(
    title=TEXTS,
    merchant=TEXT,
    texts=st.lists(st.tuples(TEXTS, TEXTS, st.sampled_from(Place)), max_size=8),
    near=TEXTS,
    language=st.sampled_from(LANGUAGES),
)
def test_every_text_reads_right_in_every_language(
    read_face, make_content, make_field, title, merchant, texts, near, language
):
    fields = tuple(
        make_field(f"f{n}", value, place, label) for n, (label, value, place) in enumerate(texts)
    )
    content = make_content(
        title=title,
        description=title,
        merchant=merchant,
        language=language,
        fields=fields,
        locations=(Location(1.5, 2.5, near),),
    )
    for of in LANGUAGES:
        face = read_face(content, of)
        drawn = {
            field["key"]: field for group in face.get("storeCard", {}).values() for field in group
        }
        assert face["organizationName"] == shown(merchant)
        assert face["locations"][0]["relevantText"] == shown(near[of])
        if any(title.values()) and all(text.strip() for text in title.values()):
            assert face["description"] == shown(title[of])
        for field in fields:
            assert drawn[field.key]["label"] == shown(field.label[of])
            assert drawn[field.key]["value"] == shown(field.value[of])


WORDS = st.sampled_from(["Silber", "Gold", "Ada", "<a href=", ""])
VALUES = st.one_of(
    WORDS.map(lambda word: dict.fromkeys(LANGUAGES, word)),
    st.fixed_dictionaries(dict.fromkeys(LANGUAGES, WORDS)),
    st.integers(0, 3),
)


@settings(deadline=None)
@given(cards=st.lists(st.tuples(VALUES, VALUES, VALUES, st.booleans()), min_size=2, max_size=6))
def test_one_card_after_another_of_the_same_design(read_face, make_content, make_field, cards):
    """What is kept from the last card never shows on the next."""
    label = {"de": "Stufe", "en": "Level", "nl": "Niveau"}
    for *values, linked in cards:
        content = make_content(
            fields=tuple(
                make_field(f"f{n}", value, Place.BACK, label, None, "tel:1" if linked else None)
                for n, value in enumerate(values)
            )
        )
        for of in LANGUAGES:
            drawn = read_face(content, of)["storeCard"]["backFields"]
            assert [field["label"] for field in drawn] == [label[of]] * 3
            for field, value in zip(drawn, values, strict=True):
                words = value if isinstance(value, int) else value[of]
                assert field["value"] == words
                if linked:
                    text = str(words).replace("<", "&lt;")
                    assert field["attributedValue"] == f'<a href="tel:1">{text}</a>'
                else:
                    assert "attributedValue" not in field


FIGURES = st.one_of(
    WORDS.map(lambda word: dict.fromkeys(LANGUAGES, word)),
    st.integers(-3, 10**19),
    st.booleans(),
    st.integers(-999, 10**6).map(lambda minor: Amount(minor, "EUR")),
    st.dates(),
)


@settings(deadline=None)
@given(
    places=st.lists(st.sampled_from(Place), min_size=1, max_size=6),
    cards=st.lists(st.lists(FIGURES, min_size=6, max_size=6), min_size=2, max_size=6),
)
def test_each_card_shows_its_own_figures(read_json, make_content, make_field, places, cards):
    """Whichever fields differ, wherever they stand, and whatever was drawn before."""
    for number, figures in enumerate(cards):
        fields = tuple(
            make_field(f"f{n}", value, place)
            for n, (value, place) in enumerate(zip(figures, places, strict=False))
        )
        face = read_json(make_content(serial=f"{number:012d}", fields=fields))
        assert face["serialNumber"] == f"{number:012d}"
        drawn = {field["key"]: field for group in face["storeCard"].values() for field in group}
        for field in fields:
            assert drawn[field.key]["value"] == written(field.value)
            assert drawn[field.key].get("currencyCode") == getattr(field.value, "currency", None)


def written(value):
    """The value as pass.json has it."""
    match value:
        case Amount():
            return value.minor / 100
        case date():
            return f"{value.isoformat()}T12:00:00Z"
        case dict():
            return value["de"]
    return int(value)


@pytest.mark.parametrize("before", [(), ("Carl", "Dora")])
def test_one_customers_words_are_not_in_another_customers_pass(
    draw, make_content, make_field, before
):
    """Also not where cards were seen to differ before."""
    greeting = {"de": "Hallo Ada", "en": "Hello Ada", "nl": "Hoi Ada"}
    names = [dict.fromkeys(LANGUAGES, name) for name in (*before, "Bruno")]
    for value in (*names[:-1], greeting):
        draw(make_content(fields=(make_field("greeting", value, Place.BACK),)))
    files = draw(make_content(fields=(make_field("greeting", names[-1], Place.BACK),)))
    for name, body in files.items():
        assert b"Ada" not in body, name
        assert "Ada".encode("utf-16-le") not in body, name


@settings(deadline=None)
@given(values=st.lists(TEXTS, min_size=1, max_size=6))
def test_all_languages_have_the_same_keys(strings_of, make_content, make_field, values):
    fields = tuple(make_field(f"f{n}", value, Place.BACK) for n, value in enumerate(values))
    content = make_content(fields=fields)
    german, english, dutch = (set(strings_of(content, language)) for language in LANGUAGES)
    assert german == english == dutch


def test_a_reader_without_the_languages_sees_the_cards_own(read_json, make_content, make_field):
    label = {"de": "Besuche", "en": "Visits", "nl": "Bezoeken"}
    value = {"de": "Silber", "en": "Silver", "nl": "Zilver"}
    for language in LANGUAGES:
        content = make_content(language=language, fields=(make_field("f", value, label=label),))
        [field] = read_json(content)["storeCard"]["headerFields"]
        assert (field["label"], field["value"]) == (label[language], value[language])


def test_names_are_never_translated(read_face, make_content, make_field):
    """Neither a merchant nor a customer becomes English because a label has the same word."""
    label = {"de": "Karte", "en": "Card", "nl": "Kaart"}
    content = make_content(
        merchant="Karte",
        fields=(
            make_field("name", dict.fromkeys(LANGUAGES, "Karte"), Place.SECONDARY, label),
            make_field("kind", label, Place.AUXILIARY, label),
        ),
    )
    face = read_face(content, "en")
    assert face["organizationName"] == "Karte"
    [name] = face["storeCard"]["secondaryFields"]
    assert (name["label"], name["value"]) == ("Card", "Karte")
    [kind] = face["storeCard"]["auxiliaryFields"]
    assert (kind["label"], kind["value"]) == ("Card", "Card")


def test_a_personal_text_that_is_the_same_everywhere_needs_no_line(
    strings_of, make_content, make_field
):
    ada = make_field("name", dict.fromkeys(LANGUAGES, "Ada Lovelace"), Place.BACK)
    assert "Ada Lovelace" not in strings_of(make_content(fields=(ada,)), "en")


def test_one_language_is_enough(read_face, make_content, make_field):
    content = make_content(
        title={"de": "Karte"},
        description={"de": "Karte"},
        languages=("de",),
        fields=(make_field("a", {"de": "Silber"}, label={"de": "Stufe"}),),
    )
    [field] = read_face(content, "de")["storeCard"]["headerFields"]
    assert (field["label"], field["value"]) == ("Stufe", "Silber")


@pytest.mark.parametrize("spoilt", ["a\x00b", "a\x1bb", "a\ud800b", "a\r\nb"])
def test_what_cannot_be_written_is_left_out(read_face, make_content, make_field, spoilt):
    for text in (spoilt, spoilt * 60):
        texts = dict.fromkeys(LANGUAGES, text)
        content = make_content(
            fields=(make_field("f", texts, Place.BACK, texts, link="https://a.example/"),)
        )
        [field] = read_face(content, "en")["storeCard"]["backFields"]
        wanted = text.replace(spoilt, "a\nb" if "\n" in spoilt else "ab")
        assert (field["label"], field["value"]) == (wanted, wanted)
        assert field["attributedValue"] == f'<a href="https://a.example/">{wanted}</a>'
