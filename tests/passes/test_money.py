"""Money from what people type and for programs (R-GEN-1)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passes import money

minors = st.integers(0, 100_000_000)


def written(minor: int, digits: int, grouping: str, mark: str) -> str:
    """An amount as somebody writes it, with or without groups of three."""
    whole, rest = divmod(minor, 10**digits)
    grouped = f"{whole:,}".replace(",", grouping)
    return f"{grouped}{mark}{rest:0{digits}d}" if digits else grouped


@pytest.mark.parametrize("language", ["de", "en", "nl"])
@pytest.mark.parametrize(
    "typed", ["1.234,50", "1234,50", "1,234.50", "1234.50", " 1234.5 ", "1 234,50"]
)
def test_R_GEN_1_four_ways_to_write_an_amount(typed: str, language: str) -> None:
    assert money.parse(typed, "EUR", language) == 123_450


@pytest.mark.parametrize(
    ("typed", "language", "minor"),
    [
        ("1.234", "de", 123_400),
        ("1.234", "nl", 123_400),
        ("1,234", "en", 123_400),
        ("1.234.567", "nl", None),  # above a million
        ("999.999", "de", 99_999_900),
        ("1,234", "de", None),  # a decimal comma, and one digit too many
        ("1.234", "en", None),
        ("49,90", "en", 4_990),
        ("49.90", "de", 4_990),
    ],
)
def test_R_GEN_1_three_digits_are_read_the_merchants_way(
    typed: str, language: str, minor: int | None
) -> None:
    if minor is None:
        with pytest.raises(money.NotAnAmount):
            money.parse(typed, "EUR", language)
    else:
        assert money.parse(typed, "EUR", language) == minor


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize(
    "typed",
    [
        "", " ", "-1", "+1", "1e3", "abc", "1,2,3", "12.50.3", "1.23,45", "1,50.00", "1.2345,6",
        "1,,2", ",5", "5,", "1.000,00,00", "0x10", "١٢", "NaN", "Infinity", "1_000", "€ 5",
        "1.000.00",
    ],
)  # fmt: skip
def test_R_GEN_1_what_is_no_amount(typed: str, language: str) -> None:
    with pytest.raises(money.NotAnAmount):
        money.parse(typed, "EUR", language)


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("mark", [".", ","])
def test_R_GEN_1_a_leading_nought_is_never_a_thousand(mark: str, language: str) -> None:
    """0.500 is half a euro wherever one comes from, and 1234.500 has no group of four digits."""
    assert money.parse(f"0{mark}500", "EUR", language) == 50
    assert money.parse(f"1234{mark}500", "EUR", language) == 123_450


@given(
    minors,
    st.sampled_from(["EUR", "JPY", "KWD"]),
    st.sampled_from([".,", ",.", " ,", " .", "\u202f,"]),
)
def test_R_GEN_1_what_is_written_with_both_marks_is_read_back(
    minor: int, currency: str, marks: str
) -> None:
    digits = money.digits_of(currency)
    typed = written(minor, digits, marks[0], marks[1])
    language = "en" if "." in marks[1] else "de"
    assert money.parse(typed, currency, language, largest=10**9) == minor


@given(minors, st.sampled_from(["EUR", "JPY", "KWD", "CHF"]))
def test_what_programs_read_is_what_programs_write(minor: int, currency: str) -> None:
    text = money.to_text(minor, currency)
    assert money.parse_decimal(text, currency, largest=10**9) == minor
    assert Decimal(text).scaleb(money.digits_of(currency)) == minor


@given(st.text(alphabet="0123456789.,- e\u00a0", max_size=24), st.sampled_from(["de", "en"]))
def test_reading_gives_a_whole_number_of_the_minor_unit_or_says_no(
    typed: str, language: str
) -> None:
    try:
        minor = money.parse(typed, "EUR", language)
    except money.NotAnAmount:
        return
    assert 0 <= minor <= money.LARGEST_AMOUNT * 100
    digits = "".join(sign for sign in typed if sign.isdigit())
    assert str(minor).rstrip("0") == digits.strip("0") or minor == 0


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (1_250, "EUR", "12.50"),
        (-5, "EUR", "-0.05"),
        (1_250, "JPY", "1250"),
        (1_250, "KWD", "1.250"),
    ],
)
def test_to_text(minor: int, currency: str, text: str) -> None:
    assert money.to_text(minor, currency) == text


@pytest.mark.parametrize("given_", ["1000000.01", "99999999999999999999999", "0" * 30])
def test_R_GEN_7_amounts_end_at_a_million(given_: str) -> None:
    assert money.parse_decimal("1000000.00", "EUR") == 100_000_000
    with pytest.raises(money.NotAnAmount):
        money.parse_decimal(given_, "EUR")


@pytest.mark.parametrize(
    "given_", ["", "1,50", "-1.00", "1.", ".5", "1e2", " 1", "1 ", "١", "1.234"]
)
def test_programs_write_plain_decimals(given_: str) -> None:
    with pytest.raises(money.NotAnAmount):
        money.parse_decimal(given_, "EUR")
