"""Where a customer came from: cleaned, in order, first touch (R-UTM-1..5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passes.cards import utm
from passes.cards.utm import Utm


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("instagram", "instagram"),
        ("  Instagram\t", "Instagram"),
        ("a\x00b\r\nc\x1b\u2028", "abc"),
        ("Ha\u0308fen", "Häfen"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("=HYPERLINK(1)", "=HYPERLINK(1)"),
        ("%41", "%41"),  # decoded once already
        ("x" * 151, "x" * 150),
        ("x" * 149 + " y", "x" * 149),
        ("", None),
        (" \x00 ", None),
        (None, None),
    ],
)
def test_R_UTM_2_values_are_cleaned(given_: str | None, kept: str | None) -> None:
    assert utm.clean(given_) == kept


@given(st.text(max_size=400))
def test_R_UTM_2_a_clean_value_stays_as_it_is(given_: str) -> None:
    kept = utm.clean(given_)
    assert utm.clean(kept) == kept
    assert kept is None or 0 < len(kept) <= 150


@pytest.mark.parametrize(
    ("query", "values"),
    [
        (
            {
                "utm_source": "Instagram", "utm_medium": "story", "utm_campaign": "Herbst",
                "utm_content": "a", "utm_term": "b",
            },
            Utm("Instagram", "story", "Herbst", "b", "a"),
        ),
        ({"src": "flyer"}, Utm("flyer")),
        ({"src": "flyer", "utm_source": "google"}, Utm("google")),
        ({"src": "flyer", "utm_source": " "}, Utm("flyer")),
        ({"src": "flyer", "utm_medium": "print"}, Utm("flyer", "print")),
        ({"utm_source": "", "gclid": "x", "fbclid": "y", "UTM_SOURCE": "z"}, Utm()),
        ({}, Utm()),
    ],
)  # fmt: skip
def test_T_UT_1_values_of_a_link(query: dict[str, str], values: Utm) -> None:
    assert utm.from_query(query) == values
    assert bool(values) is (values != Utm())


FLYER = Utm("flyer", "print", "herbst", None, "eck")


@pytest.mark.parametrize(
    ("link", "stored", "way", "decided"),
    [
        # an explicit source, with whatever came with it
        (Utm("Instagram", "story"), None, "direct", Utm("Instagram", "story")),
        (Utm("Instagram", "story"), FLYER, "direct", Utm("Instagram", "story")),
        # the stored values of a channel link
        (Utm(), FLYER, "direct", FLYER),
        (Utm(medium="story"), FLYER, "direct", Utm("flyer", "story")),
        # the way in which the card was issued
        (Utm(), None, "referral", Utm("referral")),
        (Utm(), None, "manual", Utm("manual")),
        (Utm(), None, "import", Utm("import")),
        (Utm(), None, "api", Utm("api")),
        (Utm(), None, "direct", Utm("direct")),
        (Utm(), Utm(), "direct", Utm("direct")),
        (Utm(medium="story"), None, "direct", Utm("direct", "story")),
        (Utm(), Utm(medium="print"), "direct", Utm("direct", "print")),
    ],
)
def test_R_UTM_3_the_order_of_sources(
    link: Utm, stored: Utm | None, way: str, decided: Utm
) -> None:
    assert utm.decide(link, stored, way) == decided


words = st.none() | st.text(max_size=5).map(utm.clean)
values = st.builds(Utm, words, words, words, words, words)


@given(values, st.none() | values)
def test_R_UTM_3_a_card_is_never_without_a_source(link: Utm, stored: Utm | None) -> None:
    assert utm.decide(link, stored, "direct").source


def test_R_UTM_2_the_raw_words_are_kept_and_bounded() -> None:
    query = {"utm_source": " x\x00" * 400, "utm_term": "", "src": "y", "other": "z"}
    raw = utm.raw(query)
    assert set(raw) == {"utm_source", "src"}
    assert 300 < len(raw["utm_source"]) <= utm.LONGEST_RAW
    assert "\x00" not in raw["utm_source"]  # PostgreSQL's JSON cannot hold it


def test_stored_values_are_cleaned_again() -> None:
    assert utm.from_values({"source": " a\x00 ", "medium": 5, "other": "x"}) == Utm("a")
