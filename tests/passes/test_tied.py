"""Statements that go past the session are held to the same guard, and give the same values."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import bindparam, event, insert, select, update
from sqlalchemy.exc import IntegrityError

from passes.cards.models import Card
from passes.guard import UnscopedQuery
from passes.idempotency import KeptAnswer
from passes.store import table_of
from passes.tied import Tied
from tests.passes.conftest import NOON, Shop

cards, kept = table_of(Card), table_of(KeptAnswer)
OWN = cards.c.merchant_id == bindparam("of_merchant")
BY_ID = Tied(select(*cards.c).where(OWN, cards.c.id == bindparam("card")))
BLOCK = Tied(update(cards).where(OWN, cards.c.id == bindparam("card")).values(blocked=True))
KEEP = Tied(
    insert(kept).values(
        merchant_id=bindparam("of_merchant"),
        key=bindparam("name"),
        request_hash="h",
        status=201,
        body="{}",
        at=bindparam("moment"),
    )
)


@pytest.mark.parametrize(
    "statement",
    [
        select(cards.c.id),
        select(cards.c.id).where(cards.c.merchant_id == bindparam("whoever")),
        update(cards).where(OWN).values(merchant_id=bindparam("whoever")),
        update(cards).values(blocked=True),
        insert(kept).values(key="k", request_hash="h", status=201, body="{}", at=NOON),
        insert(kept).values(
            merchant_id=bindparam("whoever"),
            key="k",
            request_hash="h",
            status=201,
            body="{}",
            at=NOON,
        ),
    ],
)
def test_a_statement_that_does_not_name_the_sessions_merchant_cannot_be_made(
    statement: Any,
) -> None:
    with pytest.raises(UnscopedQuery):
        Tied(statement)


def test_a_row_has_the_values_that_the_orm_gives(alma: Shop) -> None:
    card = alma.card()
    with alma.read() as session:
        (found,) = BY_ID.ask(session, card=card)
        known = session.get_one(Card, (alma.merchant_id, card))
        assert vars(found) == {name: getattr(known, name) for name in cards.c.keys()}  # noqa: SIM118 - a collection


def test_the_merchant_is_the_sessions_whatever_a_caller_gives(alma: Shop, bruno: Shop) -> None:
    card = alma.card()
    with bruno.write() as session:
        assert BY_ID.ask(session, card=card) == []
        assert BY_ID.ask(session, card=card, of_merchant=alma.merchant_id) == []
        assert BLOCK.change(session, card=card, of_merchant=alma.merchant_id) == 0
    with alma.write() as session:
        assert BLOCK.change(session, card=card) == 1
    with alma.store.read_all() as session, pytest.raises(UnscopedQuery):
        BY_ID.ask(session, card=card)


def test_errors_are_sqlalchemys_and_listeners_hear_the_statement(alma: Shop) -> None:
    heard: list[str] = []

    def note(*arguments: Any) -> None:
        heard.append(arguments[2])

    event.listen(alma.store.engine, "before_cursor_execute", note)
    with alma.write() as session:
        assert KEEP.change(session, name="k-secret", moment=NOON) == 1
        with pytest.raises(IntegrityError) as caught:
            KEEP.change(session, name="k-secret", moment=NOON)
        session.rollback()
    event.remove(alma.store.engine, "before_cursor_execute", note)
    assert "k-secret" not in str(caught.value.statement) + repr(caught.value.params)
    assert len([each for each in heard if each.startswith("INSERT INTO kept_answer")]) == 2


def test_a_savepoint_takes_back_what_was_changed_within(alma: Shop) -> None:
    card = alma.card()
    with alma.write() as session:
        (before,) = BY_ID.ask(session, card=card)
        trial = session.begin_nested()
        assert BLOCK.change(session, card=card) == 1
        assert BY_ID.ask(session, card=card) != [before]
        trial.rollback()
        assert BY_ID.ask(session, card=card) == [before]


def test_a_session_commits_what_was_changed_without_the_orm(alma: Shop) -> None:
    card = alma.card()
    with alma.write() as session:
        assert BLOCK.change(session, card=card) == 1
        session.commit()
        session.get_one(Card, (alma.merchant_id, card)).blocked = False
        session.flush()
        session.rollback()
    with alma.read() as session:
        (found,) = BY_ID.ask(session, card=card)
    assert found.blocked


def test_after_a_rollback_the_next_statement_begins_anew(alma: Shop) -> None:
    card = alma.card()
    with alma.write() as session:
        (before,) = BY_ID.ask(session, card=card)
        assert BLOCK.change(session, card=card) == 1
        session.rollback()
        assert BY_ID.ask(session, card=card) == [before]
