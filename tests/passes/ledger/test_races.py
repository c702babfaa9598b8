"""Many at once on one card: what each is told is what the book says (spec: security.md §7)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from passes.cards.models import UNITS, Card
from passes.errors import Conflict
from passes.ledger.figures import disagreements
from passes.ledger.models import LedgerEntry
from tests.passes.conftest import Shop


def test_R_LED_2_every_balance_after_is_a_prefix_sum_whatever_goes_on(alma: Shop) -> None:
    """Eight tills at once: what each is told is what the book says at that place."""
    card = alma.card(opening={"available_visits": 20})

    def work(number: int) -> list[tuple[int, dict[str, int]]]:
        told = []
        for turn in range(12):
            verb, value = (("add-visits", 2), ("redeem-visits", 3), ("subtract-visits", 1))[
                (number + turn) % 3
            ]
            try:
                posted = alma.post(card, verb, value, purchase=turn)
            except Conflict:
                continue
            told.append((posted.entry.seq, posted.entry.balance_after))
            if turn % 4 == 3:
                try:
                    undone = alma.undo(posted.entry.id)
                except Conflict:
                    continue
                told.append((undone.entry.seq, undone.entry.balance_after))
        assert [seq for seq, _ in told] == sorted(seq for seq, _ in told)
        return told

    with ThreadPoolExecutor(8) as pool:
        told = dict(line for lines in pool.map(work, range(8)) for line in lines)
    with alma.read() as session:
        entries = session.scalars(
            select(LedgerEntry)
            .where(LedgerEntry.merchant_id == alma.merchant_id)
            .order_by(LedgerEntry.seq)
        ).all()
        newest = session.get_one(Card, (alma.merchant_id, card))
        assert disagreements(session) == []
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert len(told) == len(entries) - 1  # all but the opening
    running = dict.fromkeys(UNITS, 0)
    for entry in entries:
        running = {unit: total + getattr(entry, unit) for unit, total in running.items()}
        shown = {unit: total for unit, total in running.items() if total}
        assert entry.balance_after == shown
        assert told.get(entry.seq, shown) == shown
    assert newest.ledger_seq == len(entries)
    assert newest.version == 1 + len(entries)
