"""One mailbox has many spellings (R-REF-8)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from sqlalchemy import create_engine, literal, select

from passes.customers import customers
from passes.referrals.contacts import arrives_at, mailbox, same_person
from tests.passes.conftest import Shop


@pytest.mark.parametrize(
    ("written", "arrives_at"),
    [
        ("ab@gmail.com", "ab@gmail.com"),
        ("a.b+x@googlemail.com", "ab@gmail.com"),
        ("a.b+x+y@gmail.com", "ab@gmail.com"),
        ("a.b+x@gmx.de", "a.b+x@gmx.de"),
        ("a.b@gmail.com.example", "a.b@gmail.com.example"),
        ("a.b@notgmail.com", "a.b@notgmail.com"),
    ],
)
def test_R_REF_8_mailboxes(written: str, arrives_at: str) -> None:
    assert mailbox(written) == arrives_at


def test_R_REF_4_the_database_finds_every_spelling(alma: Shop, bruno: Shop) -> None:
    spellings = ["ab@gmail.com", "a.b@googlemail.com", "ab+x@gmail.com", "a.b+y.z@googlemail.com"]
    others = ["abc@gmail.com", "a_b@gmail.com", "ab@gmx.de", "ab@gmail.co", "x+ab@gmail.com"]
    known = [alma.customer(email=each) for each in spellings]
    for each in others:
        alma.customer(email=each)
    bruno.customer(email=spellings[0])
    for each in known:
        with alma.write() as session:
            found = set(same_person(session, customers.get(session, each)))
        assert found == set(known) - {each}


names = some.text("ab.+_%", min_size=1, max_size=6).filter(lambda name: name[0] in "ab")
addresses = some.builds(
    "{}@{}".format, names, some.sampled_from(("gmail.com", "googlemail.com", "gmx.de"))
)


@settings(max_examples=200, deadline=None)
@given(one=addresses, other=addresses)
def test_R_REF_8_the_database_and_the_rule_agree(one: str, other: str) -> None:
    with create_engine("sqlite://").connect() as connection:
        found = connection.scalar(select(arrives_at(literal(other), mailbox(one))))
    assert bool(found) == (mailbox(one) == mailbox(other))
