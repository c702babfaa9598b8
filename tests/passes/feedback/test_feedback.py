"""Feedback of customers: what is kept of it, for how long it can be changed, what it comes to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from passes.cards import cards
from passes.cards import events as events_of
from passes.cards.leave import delete
from passes.errors import Invalid
from passes.feedback import feedback
from passes.feedback.models import Feedback
from passes.ledger.book import Actor
from passes.merchants import merchants
from tests.passes.conftest import NOON, Shop

DAY = timedelta(days=1)


def say(
    shop: Shop, card: UUID, stars: Any = 5, comment: str = "", now: datetime = NOON
) -> Feedback:
    with shop.write() as session:
        held = cards.get(session, card, locked=True)
        return feedback.give(session, held, stars, comment, "page", now)


def said(shop: Shop, **asked: Any) -> list[tuple[int, str | None]]:
    with shop.read() as session:
        return [(row.stars, row.comment) for row in feedback.newest(session, **asked)]


def mean(shop: Shop, card: UUID) -> tuple[str, int] | None:
    with shop.read() as session:
        holder = cards.holder_of(session, cards.get(session, card))
        found = feedback.mean_of(holder.ratings, holder.stars)
    return (found.mean, found.count) if found else None


def events(shop: Shop, card: UUID) -> list[dict[str, Any]]:
    with shop.read() as session:
        found = events_of.newest(session, card, limit=50)
        return [event.data for event in reversed(found) if event.type == "feedback_given"]


def test_D_16_it_can_be_changed_for_24_hours(alma: Shop) -> None:
    card = alma.card()
    first = say(alma, card, 5, "Lovely")
    again = say(alma, card, 2, "", NOON + DAY - timedelta(seconds=1))
    assert (again.id, again.given_at, again.edited_at) == (
        first.id,
        NOON,
        NOON + DAY - timedelta(seconds=1),
    )
    assert said(alma) == [(2, None)]
    later = say(alma, card, 4, "Better", NOON + DAY)
    assert later.id != first.id
    assert said(alma) == [(4, "Better"), (2, None)]
    assert events(alma, card) == [
        {"stars": 5, "edited": False},
        {"stars": 2, "edited": True},
        {"stars": 4, "edited": False},
    ]


@pytest.mark.parametrize("stars", [0, 6, -1])
def test_D_16_one_to_five_stars(shop: Shop, stars: int) -> None:
    card = shop.card()
    with pytest.raises(Invalid) as refused:
        say(shop, card, stars)
    assert [wrong.field for wrong in refused.value.fields] == ["stars"]
    assert said(shop) == []


@pytest.mark.parametrize("comment", ["x" * 2_001, "a\x00b", "a\ud800", "\x1b[31m"])
def test_D_16_a_comment_that_cannot_be_kept(shop: Shop, comment: str) -> None:
    card = shop.card()
    say(shop, card, 3, "before")
    with pytest.raises(Invalid) as refused:
        say(shop, card, 5, comment)
    assert [wrong.field for wrong in refused.value.fields] == ["comment"]
    assert said(shop) == [(3, "before")]


@pytest.mark.parametrize(
    ("comment", "kept"),
    [
        ("", None),
        (" \n\t \u00a0 ", None),
        ("  Lovely \r\n coffee\r ", "Lovely \n coffee"),
        ("ü" * 2_000, "ü" * 2_000),
        (" " * 100 + "x" * 2_000, "x" * 2_000),
        ("<b>🎂</b>", "<b>🎂</b>"),
    ],
)
def test_S1_44_spaces_alone_are_no_comment(alma: Shop, comment: str, kept: str | None) -> None:
    card = alma.card()
    say(alma, card, 5, comment)
    assert said(alma) == [(5, kept)]
    assert said(alma, only_comments=True) == ([(5, kept)] if kept else [])


def test_D_16_where_and_by_whom_the_last_visit_was(alma: Shop) -> None:
    with alma.write() as session:
        places = [merchants.add_location(session, name=name, now=NOON).id for name in "AB"]
    card = alma.card(opening={"available_visits": 5})
    anna = Actor(kind="staff", id="anna", channel="scanner", role="owner")
    assert (say(alma, card).location_id, say(alma, card).staff_id) == (None, None)
    alma.post(card, "redeem-visits", 1, NOON + DAY, actor=anna, location_id=places[0])
    undone = alma.post(card, "redeem-visits", 1, NOON + DAY, location_id=places[1])
    alma.post(card, "add-bonus", 1, NOON + DAY, location_id=places[1])
    alma.undo(undone.entry.id, NOON + DAY)
    found = say(alma, card, now=NOON + 2 * DAY)
    assert (found.location_id, found.staff_id) == (places[0], "anna")
    alma.post(card, "redeem-visits", 1, NOON + 3 * DAY, location_id=places[1])
    found = say(alma, card, now=NOON + 4 * DAY)
    assert (found.location_id, found.staff_id) == (places[1], None)


@pytest.mark.parametrize(
    ("stars", "shown"),
    [
        ([5, 4], ("4.5", 2)),
        ([5], ("5.0", 1)),
        ([1, 1, 2], ("1.3", 3)),
        ([5, 5, 4], ("4.7", 3)),
        ([4, 4, 4, 5], ("4.3", 4)),  # 4.25, half up
    ],
)
def test_S1_12_the_mean_has_one_decimal(
    alma: Shop, stars: list[int], shown: tuple[str, int]
) -> None:
    card = alma.card()
    assert mean(alma, card) is None
    for number, each in enumerate(stars):
        say(alma, card, each, now=NOON + number * DAY)
    assert mean(alma, card) == shown


def test_S1_12_the_mean_is_of_the_customer_over_all_cards(alma: Shop, bruno: Shop) -> None:
    anna = alma.customer()
    one, two = alma.card(customer_id=anna), alma.card(customer_id=anna)
    other, foreign = alma.card(), bruno.card()
    for shop, card, stars in (
        (alma, one, 5),
        (alma, two, 4),
        (alma, other, 1),
        (bruno, foreign, 2),
    ):
        say(shop, card, stars)
    assert mean(alma, one) == mean(alma, two) == ("4.5", 2)
    assert mean(bruno, foreign) == ("2.0", 1)
    assert sorted(said(alma, customer_id=anna)) == [(4, None), (5, None)]
    assert said(bruno) == [(2, None)]


def test_a_deleted_customer_stands_in_no_list(alma: Shop) -> None:
    card = alma.card()
    say(alma, card, 1, "Never again")
    with alma.write() as session:
        cards.delete(session, cards.get(session, card, locked=True), NOON)
        delete(session, cards.get(session, card).customer_id, NOON)
    assert said(alma) == []


def test_lists_go_on_behind_a_page(alma: Shop) -> None:
    for number in range(5):
        say(alma, alma.card(), number + 1, now=NOON + timedelta(minutes=number // 2))
    seen: list[int] = []
    after = None
    while True:
        with alma.read() as session:
            rows = feedback.newest(session, after=after, limit=2)
        if not rows:
            break
        seen += [row.stars for row in rows]
        after = (rows[-1].given_at, rows[-1].id)
    assert len(seen) == 5
    assert set(seen) == {1, 2, 3, 4, 5}
    assert seen[0] == 5
