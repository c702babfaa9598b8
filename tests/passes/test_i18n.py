"""What people read, in three languages (part C of the loyalty specification)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from passes import i18n


def test_a_text_holds_every_language() -> None:
    words: Any = i18n.text("Stamps")
    assert dict(words) == {"de": "Stempel", "en": "Stamps", "nl": "Stempels"}
    with pytest.raises(TypeError):
        words["de"] = "anders"


def test_places_in_a_message_are_filled() -> None:
    words = i18n.text("You are near {name}", name="Café {Kranz}")
    assert all("Café {Kranz}" in words[language] for language in i18n.LANGUAGES)


def test_what_no_catalogue_has_stays_as_it_is() -> None:
    assert i18n.translate("de", "No catalogue has {this}") == "No catalogue has {this}"
    assert i18n.translate("fr", "Stamps") == "Stamps"


@pytest.mark.parametrize("count", [0, 1, 2])
def test_plural(count: int) -> None:
    said = i18n.translate_plural("en", "{count} cup", "{count} cups", count)
    assert said == f"{count} {'cup' if count == 1 else 'cups'}"


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [
        ("de", "de"), ("de-AT", "de"), ("nl_BE", "nl"), ("EN", "en"), ("fr", "en"), ("", "en"),
        (None, "en"), ("de\x00", "en"), ("-", "en"),
    ],
)  # fmt: skip
def test_languages_that_we_speak(asked: str | None, spoken: str) -> None:
    assert i18n.spoken(asked) == spoken


def test_words_of_another_language_are_better_than_none() -> None:
    assert i18n.pick({"de": "Tag", "en": "day"}, "de") == "Tag"
    assert i18n.pick({"de": "", "en": "day"}, "de") == "day"
    assert i18n.pick({"nl": "dag"}, "de") == "dag"
    assert i18n.pick({}, "de") == ""


@pytest.mark.parametrize(
    ("language", "amount", "number", "day"),
    [
        ("de", "1.234,50 €", "12.345", "21.11.2026"),
        ("en", "€1,234.50", "12,345", "21 Nov 2026"),
        ("nl", "€ 1.234,50", "12.345", "21-11-2026"),
    ],
)
def test_amounts_numbers_and_days(language: str, amount: str, number: str, day: str) -> None:
    shown = i18n.show_money(123_450, "EUR", language).replace("\u00a0", " ")
    assert shown == amount
    assert i18n.show_number(12_345, language) == number
    assert i18n.show_date(date(2026, 11, 21), language) == day


def test_currencies_keep_their_digits() -> None:
    assert i18n.show_money(1_250, "JPY", "en") == "JP¥1,250"
    assert i18n.show_money(-1_250, "EUR", "de").replace("\u00a0", " ") == "-12,50 €"


def test_moments_are_the_merchants() -> None:
    moment = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
    assert i18n.show_moment(moment, "Europe/Berlin", "de") == "22.11.2026, 00:30"
    assert i18n.show_moment(moment, "Asia/Kathmandu", "nl") == "22-11-2026, 05:15"
