"""Each night the figures are held to the entries, and a difference is an alarm (R-LED-1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import update
from structlog.testing import capture_logs

from passes.cards.models import Card
from passes.ledger.proof import Proven, prove_when_due, proven
from tests.passes.conftest import NOON, Shop

THREE = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)  # three o'clock in Berlin
SECOND = timedelta(seconds=1)


def found(shop: Shop) -> Proven:
    with shop.store.read_all() as session:
        return proven(session)


def test_R_LED_1_once_a_night(alma: Shop) -> None:
    def prove(now: datetime) -> bool:
        return prove_when_due(alma.store, alma.merchant_id, now)

    assert found(alma) == Proven(0, None)
    assert prove(NOON)
    assert not prove(THREE - SECOND)
    assert prove(THREE)
    assert not prove(THREE + timedelta(hours=23))
    assert prove(THREE + timedelta(hours=24))
    assert found(alma) == Proven(0, THREE + timedelta(hours=24))


def test_R_LED_1_a_difference_is_an_alarm(alma: Shop, bruno: Shop) -> None:
    wrong, right = alma.card(), alma.card()
    for card in (wrong, right):
        alma.post(card, "add-visits", 3)
    with alma.write() as session:
        own = (Card.merchant_id == alma.merchant_id) & (Card.id == wrong)
        session.execute(update(Card).where(own).values(available_visits=4))
    with capture_logs() as logs:
        for shop in (alma, bruno):
            prove_when_due(shop.store, shop.merchant_id, NOON)
    [alarm] = [each for each in logs if each["event"] == "ledger_disagrees"]
    assert (alarm["log_level"], alarm["merchant_id"]) == ("error", str(alma.merchant_id))
    assert (alarm["cards"], alarm["some"]) == (1, [str(wrong)])
    assert found(alma) == Proven(1, NOON)
