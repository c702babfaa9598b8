"""Serial numbers, codes and tokens (R-ID-1..3)."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passes import ids

KEY, OTHER_KEY = b"1" * 32, b"2" * 32
CARD, OTHER_CARD = UUID(int=1), UUID(int=2)

serials = st.integers(10**10, 10**11 - 1).map(
    lambda number: f"{number}{ids.luhn_digit(str(number))}"
)


@pytest.mark.parametrize(
    ("digits", "check"), [("7992739871", "3"), ("453201511283036", "6"), ("0", "0")]
)
def test_luhn_as_published(digits: str, check: str) -> None:
    assert ids.luhn_digit(digits) == check


def test_R_ID_1_serial_numbers_are_random_and_valid() -> None:
    made = {ids.new_serial_number() for _ in range(1_000)}
    assert len(made) == 1_000
    for serial in made:
        assert re.fullmatch("[1-9][0-9]{11}", serial)
        assert ids.read_serial_number(serial) == serial


@given(serials)
def test_R_ID_1_a_serial_number_is_read_with_dashes_and_blanks(serial: str) -> None:
    shown = ids.show_serial_number(serial)
    assert re.fullmatch("[0-9]{4}-[0-9]{4}-[0-9]{4}", shown)
    assert ids.read_serial_number(shown) == serial
    assert ids.read_serial_number(f" {shown.replace('-', ' ')}\n") == serial


@given(serials, st.integers(0, 11), st.integers(1, 9))
def test_R_ID_1_one_wrong_digit_is_noticed(serial: str, place: int, by: int) -> None:
    wrong = str((int(serial[place]) + by) % 10)
    assert ids.read_serial_number(serial[:place] + wrong + serial[place + 1 :]) is None


@pytest.mark.parametrize(
    "typed", ["", "1", "12345678901", "1" * 13, "١٢٣٤٥٦٧٨٩٠١٢", "abcdefghijkl"]
)
def test_what_is_no_serial_number(typed: str) -> None:
    assert ids.read_serial_number(typed) is None


def test_R_ID_2_referral_codes_hold_nothing_that_is_misread() -> None:
    for code in {ids.new_referral_code() for _ in range(500)}:
        assert re.fullmatch("[A-HJ-NP-Z2-9]{8}", code)


@given(serials)
def test_R_ID_3_a_till_code_gives_its_serial_back(serial: str) -> None:
    code = ids.till_code(KEY, serial)
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{16}", code)
    assert ids.read_till_code(KEY, code) == serial
    assert ids.read_till_code(KEY, f" {code[:8].lower()}-{code[8:].lower()} ") == serial


@given(serials, st.integers(0, 15), st.integers(1, 31))
def test_R_ID_3_a_changed_till_code_does_not_scan(serial: str, place: int, by: int) -> None:
    code = ids.till_code(KEY, serial)
    wrong = ids.CROCKFORD[(ids.CROCKFORD.index(code[place]) + by) % 32]
    assert ids.read_till_code(KEY, code[:place] + wrong + code[place + 1 :]) is None


@given(serials)
def test_R_ID_3_another_merchants_till_code_does_not_scan(serial: str) -> None:
    assert ids.read_till_code(OTHER_KEY, ids.till_code(KEY, serial)) is None


def test_R_ID_3_letters_that_people_mix_up_are_read_as_crockford_says() -> None:
    code = next(
        made
        for made in (ids.till_code(KEY, ids.new_serial_number()) for _ in range(10_000))
        if "0" in made and "1" in made
    )
    typed = code.replace("0", "o").replace("1", "l")
    assert ids.read_till_code(KEY, typed) == ids.read_till_code(KEY, code) is not None


@given(st.text(max_size=40))
def test_reading_never_fails(typed: str) -> None:
    ids.read_serial_number(typed)
    ids.read_till_code(KEY, typed)


def test_tokens_differ_by_key_purpose_subject_and_version() -> None:
    tokens = [
        ids.derived_token(key, purpose, subject, version)
        for key in (KEY, OTHER_KEY)
        for purpose in ("install link", "card page")
        for subject in (CARD, OTHER_CARD)
        for version in (1, 2)
    ]
    assert len(set(tokens)) == 16
    assert all(re.fullmatch("[A-Za-z0-9_-]{22}", token) for token in tokens)
    assert ids.derived_token(KEY, "card page", CARD, 1) in tokens


def test_row_ids_are_version_7_and_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for millisecond in range(100):
        monkeypatch.setattr("time.time_ns", lambda: (1_795_000_000_000 + millisecond) * 1_000_000)  # noqa: B023 - called in this round only
        made.append(ids.new_id())
    assert made == sorted(made)
    assert {row_id.version for row_id in made} == {7}
    assert {row_id.variant for row_id in made} == {"specified in RFC 4122"}


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Café Kranz", "cafe-kranz"),
        ("Größe ÄÖÜ ß", "groesse-aeoeue-ss"),
        ("  --  ", "card"),
        ("日本", "card"),
        ("a" * 60, "a" * 40),
        (f"{'a' * 39} b", "a" * 39),
        ("<script>alert(1)</script>", "script-alert-1-script"),
    ],
)
def test_slugs(name: str, slug: str) -> None:
    assert ids.slug_of(name) == slug


@given(st.text(max_size=80))
def test_a_slug_is_always_part_of_an_address(name: str) -> None:
    assert re.fullmatch("[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", ids.slug_of(name))


# --- passwords of their time ---------------------------------------------------------------------

SEED = b"12345678901234567890"


@pytest.mark.parametrize(
    ("at", "password"),
    [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ],
)
def test_RFC_6238_appendix_B(at: int, password: str) -> None:
    assert ids.one_time_password(SEED, at // 30, 8) == password
    for near in (at - 30, at, at + 30):
        assert ids.is_timely(password, SEED, near, period=30, digits=8)
    for far in (at - 90, at + 90):
        assert not ids.is_timely(password, SEED, max(far, 90), period=30, digits=8)


@pytest.mark.parametrize(("counter", "password"), [(0, "755224"), (1, "287082"), (9, "520489")])
def test_RFC_4226_appendix_D(counter: int, password: str) -> None:
    assert ids.one_time_password(SEED, counter, 6) == password


@given(st.integers(0, 10**11), st.integers(-10, 10))
def test_a_password_is_good_for_its_period_and_its_neighbours(at: int, away: int) -> None:
    step = at // 30
    password = ids.one_time_password(SEED, max(step + away, 0), 8)
    is_near = abs(max(step + away, 0) - step) <= 1
    assert ids.is_timely(password, SEED, at, period=30, digits=8) is is_near


def test_derived_keys_differ_by_key_purpose_card_and_version() -> None:
    made = {
        ids.derived_key(key, purpose, card, version)
        for key in (KEY, OTHER_KEY)
        for purpose in ("rotating code", "card page")
        for card in (CARD, OTHER_CARD)
        for version in (1, 2)
    }
    assert len(made) == 16
    assert {len(key) for key in made} == {20}
