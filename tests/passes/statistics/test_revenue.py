"""Revenue is the sum of all cards' LTV, whatever became of the cards (S1.3, D.3)."""

from __future__ import annotations

from datetime import timedelta

from passes.cards import cards
from passes.cards.installations import install
from passes.statistics.revenue import Statistics, statistics
from tests.passes.conftest import NOON, Shop

DAY = timedelta(days=1)


def test_S1_3_revenue_is_the_sum_of_ltv(alma: Shop, bruno: Shop) -> None:
    coffee, cake = alma.template(), alma.template()
    first, second, third = alma.card(coffee), alma.card(coffee), alma.card(cake)
    alma.post(first, "add-visits", 10, NOON, purchase=2_800)
    alma.post(second, "add-visits", 10, NOON + DAY, purchase=2_900)
    undone = alma.post(second, "add-bonus", 5, NOON + DAY, purchase=5_000)
    alma.undo(undone.entry.id, NOON + 2 * DAY)
    alma.post(third, "add-visits", 1, NOON + 3 * DAY, purchase=420)
    bruno.post(bruno.card(), "add-visits", 1, NOON, purchase=99_999)
    with alma.write() as session:
        install(session, cards.get(session, first), "apple", "phone", {}, NOON)
        cards.delete(session, cards.get(session, second, locked=True), NOON + 3 * DAY)
    with alma.read() as session:
        assert statistics(session) == Statistics(6_120, 3, 1, 3)
        assert statistics(session, template_id=coffee.id) == Statistics(5_700, 2, 1, 2)
        assert statistics(session, template_id=cake.id) == Statistics(420, 1, 0, 1)
        ltv = [cards.get(session, card).purchases for card in (first, second, third)]
        assert sum(ltv) == 6_120
        # From its first moment to just before its last.
        period = statistics(session, since=NOON + DAY, until=NOON + 3 * DAY)
        assert period.transactions == 1
        assert statistics(session, since=NOON, until=NOON + timedelta(seconds=1)).revenue == 2_800
        assert statistics(session, since=NOON + 9 * DAY) == Statistics(0, 0, 0, 0)
