"""What happened to a card, postings and events in one list (contract §3)."""

from __future__ import annotations

from datetime import timedelta

from passes.cards import cards
from passes.ledger.timeline import entries_of, timeline
from tests.passes.conftest import NOON, Shop

MINUTE = timedelta(minutes=1)


def test_postings_and_events_stand_in_one_list_newest_first(alma: Shop, bruno: Shop) -> None:
    card, other = alma.card(), alma.card()
    posted = alma.post(card, "add-visits", 5, NOON + MINUTE)
    alma.post(other, "add-visits", 1, NOON + MINUTE)
    with alma.write() as session:
        row = cards.get(session, card, locked=True)
        cards.set_expiry(session, row, NOON + timedelta(days=9), NOON + 2 * MINUTE)
        cards.delete(session, row, NOON + 3 * MINUTE)
    with alma.read() as session:
        found = timeline(session, card)
    assert [each.type for each in found] == [
        "deleted", "expiry_changed", "balance_changed", "issued",
    ]  # fmt: skip
    assert found[2].data == {
        "entry_id": str(posted.entry.id),
        "type": "add_visits",
        "balance_after": {"available_visits": 5, "sold_visits": 5},
    }
    with bruno.read() as session:
        assert timeline(session, card) == []
        assert entries_of(session, card) == entries_of(session) == []


def test_pages_go_on_where_the_last_one_ended(shop: Shop) -> None:
    card = shop.card()
    for number in range(5):
        shop.post(card, "add-visits", 1, NOON + (number // 2) * MINUTE)
    with shop.read() as session:
        everything = timeline(session, card)
        seen = []
        after = None
        while page := timeline(session, card, after=after, limit=2):
            seen += page
            after = (page[-1].at, page[-1].id)
    assert seen == everything
    assert len(seen) == 6


def test_postings_of_all_cards_newest_first(shop: Shop) -> None:
    made = [shop.post(shop.card(), "add-visits", 1, NOON + n * MINUTE).entry.id for n in range(3)]
    with shop.read() as session:
        assert [entry.id for entry in entries_of(session)] == made[::-1]
        assert [entry.id for entry in entries_of(session, limit=1)] == made[-1:]
