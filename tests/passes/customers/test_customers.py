"""Customers: one form of a contact, found again, never twice (R-GEN-5, R-ISS-7)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from passes import ids
from passes.customers import customers
from passes.customers.details import Details, email_key, phone_key, plain_line
from passes.errors import Conflict, Invalid, NotFound, wrong_fields
from tests.passes.conftest import NOON, Shop


def fields_of(error: ValidationError) -> list[str]:
    return [wrong.field for wrong in wrong_fields(error)]


def search(shop: Shop, **by: Any) -> list[UUID]:
    with shop.read() as session:
        return [customer.id for customer in customers.search(session, **by)]


# --- one form ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "country", "key"),
    [
        ("030 5557 2140", "DE", "+493055572140"),
        ("+49 (0)30 5557-2140", "DE", "+493055572140"),
        ("0049 30 55572140", "NL", "+493055572140"),
        ("06 12345678", "NL", "+31612345678"),
        ("+31 6 1234 5678", "DE", "+31612345678"),
        ("abc", "DE", None),
        ("1", "DE", None),
        ("+999999999999999999999", "DE", None),
    ],
)
def test_R_GEN_5_phone_numbers_in_one_form(typed: str, country: str, key: str | None) -> None:
    assert phone_key(typed, country) == key


@pytest.mark.parametrize(
    ("typed", "shown", "key"),
    [
        (" Anna.Berg@Example.COM ", "Anna.Berg@example.com", "anna.berg@example.com"),
        ("u\u0308mit@example.com", "ümit@example.com", "ümit@example.com"),
        ("a@xn--bcher-kva.example", "a@bücher.example", "a@bücher.example"),
    ],
)
def test_R_GEN_5_e_mail_is_kept_as_typed_and_matched_in_lower_case(
    typed: str, shown: str, key: str
) -> None:
    assert Details(email=typed).email == shown
    assert email_key(shown) == key


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Anna  ", "Anna"),
        ("Ma\u0308rz", "März"),
        ("A\x00n\x1bn\u2028a\u0085", "Anna"),
        ("   ", None),
        ("", None),
        ("<script>", "<script>"),
    ],
)
def test_R_GEN_5_names_in_one_form(typed: str, kept: str | None) -> None:
    assert Details(first_name=typed).first_name == kept


@given(st.text(max_size=100))
def test_a_line_holds_nothing_that_moves_the_cursor(typed: str) -> None:
    line = plain_line(typed)
    assert plain_line(line) == line
    assert not any(sign < " " or "\x7f" <= sign <= "\x9f" for sign in line)


@pytest.mark.parametrize(
    ("given_", "field"),
    [
        ({"first_name": "x" * 101}, "first_name"),
        ({"email": "anna"}, "email"),
        ({"email": "anna@example"}, "email"),
        ({"birthday": "1899-12-31"}, "birthday"),
        ({"birthday": "30.02.1990"}, "birthday"),
        ({"gender": "other"}, "gender"),
        ({"language": "fr"}, "language"),
        ({"custom_fields": {"Upper": 1}}, "custom_fields.Upper"),
        ({"custom_fields": {"number": float("nan")}}, "custom_fields.number"),
        ({"custom_fields": {f"f{number}": 1 for number in range(51)}}, "custom_fields"),
        ({"merchant_id": str(ids.new_id())}, "merchant_id"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_wrong_details_name_their_field(given_: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Details(**given_)
    assert fields_of(refusal.value)[0].startswith(field)


# --- made and changed ----------------------------------------------------------------------------


def test_somebody_of_whom_nothing_is_known_is_nobody(shop: Shop) -> None:
    with pytest.raises(Invalid) as refusal:
        shop.customer(first_name=None, gender="female")
    assert refusal.value.fields[0].field == "first_name"
    with shop.write() as session:
        assert customers.create_anonymous(session, Details(), NOON).language == "de"


@pytest.mark.parametrize(
    ("given_", "field"),
    [
        ({"phone": "abc"}, "phone"),
        ({"birthday": date(2026, 11, 22)}, "birthday"),
    ],
)
def test_what_only_the_merchant_can_judge_names_its_field(
    shop: Shop, given_: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        shop.customer(**given_)
    assert [wrong.field for wrong in refusal.value.fields] == [field]


def test_a_birthday_is_judged_by_the_merchants_day(shop: Shop) -> None:
    evening = NOON + timedelta(hours=11, minutes=30)  # after midnight in Berlin
    shop.customer(evening, birthday=date(2026, 11, 22))


def test_a_change_replaces_what_was_given_and_nothing_else(shop: Shop) -> None:
    made = shop.customer(last_name="Berg", phone="030 5557 2140", custom_fields={"a": 1, "b": 2})
    with shop.write() as session:
        changed = customers.change(
            session,
            made,
            Details(last_name="Meier", phone=None, custom_fields={"b": 3}, language=None),
            NOON,
        )
    assert (changed.first_name, changed.last_name) == ("Anna", "Meier")
    assert (changed.phone, changed.phone_key, changed.language) == (None, None, "de")
    assert changed.custom_fields == {"a": 1, "b": 3}


def test_nobody_elses_customer_is_found_or_changed(alma: Shop, bruno: Shop) -> None:
    made = alma.customer(email="anna@example.com", phone="030 5557 2140", external_id="7")
    with bruno.write() as session:
        for name in (made, ids.new_id()):
            with pytest.raises(NotFound):
                customers.get(session, name)
            with pytest.raises(NotFound):
                customers.change(session, name, Details(first_name="x"), NOON)
    for by in ({"email": "anna@example.com"}, {"phone": "030 5557 2140"}, {"external_id": "7"}, {}):
        assert search(bruno, **by) == []
        assert search(alma, **by) == [made]
    assert bruno.customer(external_id="7", email="anna@example.com")


@pytest.mark.parametrize(
    "by",
    [
        {"phone": "+49 30 5557 2140"},
        {"phone": "03055572140"},
        {"email": " ANNA@example.com"},
        {"external_id": "A-7"},
        {"phone": "+49 30 5557 2140", "email": "anna@example.com"},
    ],
)
def test_customers_are_found_by_their_contacts(shop: Shop, by: dict[str, str]) -> None:
    made = shop.customer(phone="030 5557 2140", email="Anna@Example.com", external_id="A-7")
    shop.customer(first_name="Berta", email="berta@example.com")
    assert search(shop, **by) == [made]


@pytest.mark.parametrize(
    "by", [{"phone": "abc"}, {"phone": ""}, {"email": "nobody"}, {"external_id": "a-7"}]
)
def test_who_is_not_there_is_not_found(shop: Shop, by: dict[str, str]) -> None:
    shop.customer(external_id="A-7")
    assert search(shop, **by) == []


@pytest.mark.parametrize("field", ["phone", "email", "external_id"])
def test_a_contact_that_no_database_can_hold_is_not_found(alma: Shop, field: str) -> None:
    alma.customer()
    assert search(alma, **{field: "a\x00b"}) == []


def test_customers_are_listed_newest_first_in_pages(shop: Shop) -> None:
    made = [shop.customer(NOON + timedelta(seconds=number // 2)) for number in range(7)]
    seen: list[UUID] = []
    after = None
    while True:
        with shop.read() as session:
            page = customers.search(session, after=after, limit=3)
        if not page:
            break
        seen += [customer.id for customer in page]
        after = (page[-1].created_at, page[-1].id)
    assert seen == list(reversed(made))


# --- never twice ---------------------------------------------------------------------------------


def test_an_external_id_is_taken_once_even_in_a_race(alma: Shop, bruno: Shop) -> None:
    def create(number: int) -> UUID | None:
        try:
            return alma.customer(first_name=f"Anna {number}", external_id="A-7")
        except Conflict as refusal:
            assert refusal.code == "EXTERNAL_ID_TAKEN"  # noqa: PT017 - the others succeed
            return None

    with ThreadPoolExecutor(8) as pool:
        made = [customer for customer in pool.map(create, range(16)) if customer]
    assert len(made) == 1
    assert search(alma, external_id="A-7") == made


def test_an_external_id_is_not_taken_over_by_a_change(shop: Shop) -> None:
    shop.customer(external_id="A-7")
    other = shop.customer(external_id="A-8")
    with shop.write() as session:
        customers.change(session, other, Details(external_id="A-8"), NOON)
        with pytest.raises(Conflict):
            customers.change(session, other, Details(external_id="A-7"), NOON)
        assert customers.change(session, other, Details(external_id=None), NOON)


def test_R_ISS_7_the_same_contact_makes_one_customer_even_in_a_race(alma: Shop) -> None:
    details = Details(first_name="Anna", email="anna@example.com", phone="030 5557 2140")

    def sign_up(_: int) -> bool:
        with alma.write() as session:
            if customers.with_same_contact(session, details, ["email", "phone"]) is not None:
                return False
            customers.create(session, details, NOON)
            return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(sign_up, range(16))) == 1
    assert len(search(alma)) == 1


@pytest.mark.parametrize(
    ("details", "unique", "known"),
    [
        ({"email": "ANNA@example.com"}, ["email"], True),
        ({"email": "anna@example.com"}, ["phone"], False),
        ({"phone": "+493055572140"}, ["phone"], True),
        ({"phone": "+493055572141", "email": "anna@example.com"}, ["phone", "email"], True),
        ({"email": "anna@example.com"}, [], False),
        ({"first_name": "Anna"}, ["email", "phone"], False),
    ],
)
def test_R_ISS_7_who_is_known_already(
    shop: Shop, details: dict[str, str], unique: list[str], known: bool
) -> None:
    made = shop.customer(email="anna@example.com", phone="030 5557 2140")
    with shop.write() as session:
        found = customers.with_same_contact(session, Details(**details), unique)
    assert (found.id if found else None) == (made if known else None)


def test_R_GDPR_3_the_newest_answer_to_a_question_holds(shop: Shop) -> None:
    made = shop.customer()
    wordings = {"push": "News on the card?", "email": "News by e-mail?"}
    answers: list[dict[str, bool]] = [{"push": True, "email": False}, {"push": False}]
    for hours, given_ in enumerate(answers):
        with shop.write() as session:
            customers.record_consents(
                session,
                customers.get(session, made),
                given_,
                wordings,
                source="form",
                language="en",
                now=NOON + timedelta(hours=hours),
            )
    with shop.read() as session:
        assert customers.consents_of(session, made) == {"push": False, "email": False}
