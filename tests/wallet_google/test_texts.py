"""What a customer reads: numbers, money and dates in three languages."""

from datetime import date

import pytest
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal
from hypothesis import given
from hypothesis import strategies as st

from passes.wallet_port import Amount
from wallet_google.texts import localized, shortened, written

LOCALES = {"de": "de", "en": "en_GB", "nl": "nl"}
DAYS = {"de": "dd.MM.yyyy", "en": "d MMM yyyy", "nl": "dd-MM-yyyy"}


@pytest.mark.parametrize(
    ("value", "language", "expected"),
    [
        (Amount(1234, "EUR"), "de", "12,34\u00a0€"),
        (Amount(1234, "EUR"), "en", "€12.34"),
        (Amount(1234, "EUR"), "nl", "€\u00a012,34"),
        (Amount(-123456789, "EUR"), "de", "-1.234.567,89\u00a0€"),
        (Amount(-5, "EUR"), "nl", "€\u00a0-0,05"),
        (Amount(5, "CHF"), "en", "CHF\u00a00.05"),
        (Amount(1500, "JPY", 0), "de", "1.500\u00a0JPY"),
        (Amount(1234, "EUR"), "fr", "12.34\u00a0€"),
        (date(2027, 11, 21), "de", "21.11.2027"),
        (date(2027, 11, 21), "de-AT", "21.11.2027"),
        (date(2027, 11, 21), "en", "21 Nov 2027"),
        (date(2027, 11, 21), "nl", "21-11-2027"),
        (date(2027, 1, 2), "fr", "2027-01-02"),
        (1234567, "de", "1.234.567"),
        (1234567, "en", "1,234,567"),
        (1234567, "fr", "1234567"),
        ({"de": "Gold", "nl": "Goud"}, "nl", "Goud"),
        ({"de": "Gold", "nl": "Goud"}, "en", "Gold"),
        ({"de": "", "nl": "Goud"}, "de", "Goud"),
        ({}, "de", ""),
    ],
)
def test_values_are_written_as_customers_read_them(value, language, expected):
    assert written(value, language) == expected


@given(
    minor=st.integers(-(10**12), 10**12),
    currency=st.sampled_from(["EUR", "GBP"]),
    language=st.sampled_from(sorted(LOCALES)),
)
def test_money_reads_as_the_unicode_consortium_says(minor, currency, language):
    expected = format_currency(minor / 100, currency, locale=LOCALES[language])
    assert written(Amount(minor, currency), language) == expected


@given(number=st.integers(-(10**15), 10**15), language=st.sampled_from(sorted(LOCALES)))
def test_numbers_read_as_the_unicode_consortium_says(number, language):
    assert written(number, language) == format_decimal(number, locale=LOCALES[language])


@given(day=st.dates(min_value=date(1900, 1, 1)), language=st.sampled_from(sorted(LOCALES)))
def test_dates_read_as_the_unicode_consortium_says(day, language):
    assert written(day, language) == format_date(day, DAYS[language], locale=LOCALES[language])


def test_the_cards_language_is_the_default_and_the_others_are_translations():
    text = {"de": "Punkte", "en": "Points", "nl": "Punten"}
    assert localized(text, "nl", ("de", "en", "nl")) == {
        "defaultValue": {"language": "nl", "value": "Punten"},
        "translatedValues": [
            {"language": "de", "value": "Punkte"},
            {"language": "en", "value": "Points"},
        ],
    }


def test_nothing_to_show_is_no_text_at_all():
    assert localized({"de": "", "en": ""}, "de", ("de", "en")) is None
    assert localized({"de": "Ja"}, "de", ("de",)) == {
        "defaultValue": {"language": "de", "value": "Ja"}
    }


def test_long_names_end_in_an_ellipsis():
    assert shortened("Anna Beispiel", 20) == "Anna Beispiel"
    assert shortened("A" * 20, 20) == "A" * 20
    assert shortened("Anna-Katharina Beispielhausen", 20) == "Anna-Katharina Beis…"
    assert shortened("Anna Katharina Bei s Hausen", 20) == "Anna Katharina Bei…"
