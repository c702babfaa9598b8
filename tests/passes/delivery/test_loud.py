"""Announcements that a vendor counts: loud while there are any left, and silent from then on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from passes.delivery import loud
from passes.delivery.models import LoudPush
from passes.store import Store
from passes.wallet_port import Installation, Outcome, PassContent, Reason, Receipt
from passes.work import tidy
from tests.conftest import statements_of
from tests.passes.conftest import NOON, Shop
from tests.passes.delivery.conftest import NotedWallet, Post

HOUR = timedelta(hours=1)


class LoudWallet(NotedWallet):
    """Asks its vendor to announce each change of a balance, three a day."""

    def __init__(self) -> None:
        super().__init__(kind="loud", loud_a_day=3, answer=self.announce)
        self.outcome = Outcome.DELIVERED

    def announce(self, content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
        is_loud = self.pushes[-1].reason is Reason.BALANCE
        return [Receipt(self.outcome, loud=is_loud) for _ in places]

    def reasons(self) -> list[Reason]:
        return [push.reason for push in self.pushes]


@pytest.fixture
def noted() -> LoudWallet:
    return LoudWallet()


def card_of(shop: Shop, office: Post, *devices: str) -> UUID:
    card = shop.card()
    office.hand_out(shop, card, *(devices or ("phone",)))
    return card


@contextmanager
def counts(store: Store) -> Iterator[list[str]]:
    """Verbs of the statements within the block that have to do with announcements."""
    verbs: list[str] = []
    with statements_of(store) as seen:
        yield verbs
    verbs += [each.split(maxsplit=1)[0] for each in seen if "loud_push" in each]


def recorded(shop: Shop) -> int:
    with shop.read() as session:
        mine = LoudPush.merchant_id == shop.merchant_id
        return session.scalar(select(func.count()).select_from(LoudPush).where(mine)) or 0


def test_the_fourth_change_of_a_day_is_silent_and_said_to_be_in_the_log(
    alma: Shop, office: Post, noted: LoudWallet
) -> None:
    card = card_of(alma, office)
    with capture_logs() as said:
        for number in range(5):
            moment = NOON + number * HOUR
            alma.post(card, "add-visits", 1, moment)
            office.work(moment)
    assert noted.reasons() == [Reason.BALANCE] * 3 + [Reason.CONTENT] * 2
    assert noted.versions() == [2, 3, 4, 5, 6]
    spent = [line for line in said if line["event"] == "announcement_spent"]
    expected = {"event": "announcement_spent", "wallet": "loud", "card": str(card)}
    assert spent == [{**expected, "log_level": "info"}] * 2


def test_what_was_announced_24_hours_ago_counts_no_more(
    alma: Shop, office: Post, noted: LoudWallet
) -> None:
    card = card_of(alma, office)
    for moment in (NOON, NOON + HOUR, NOON + 2 * HOUR):
        alma.post(card, "add-visits", 1, moment)
        office.work(moment)
    noted.pushes.clear()
    just_before = NOON + 24 * HOUR - timedelta(seconds=1)
    for moment in (just_before, NOON + 24 * HOUR + timedelta(seconds=5)):
        alma.post(card, "add-visits", 1, moment)
        office.work(moment)
    assert noted.reasons() == [Reason.CONTENT, Reason.BALANCE]


def test_each_card_has_its_own_and_other_reasons_need_none(
    alma: Shop, bruno: Shop, office: Post, noted: LoudWallet
) -> None:
    spent, fresh, foreign = (card_of(shop, office) for shop in (alma, alma, bruno))
    with alma.write() as session:
        loud.record(session, [spent] * 3, "loud", loud.UPDATE, NOON)
        loud.record(session, [fresh] * 3, "other", loud.UPDATE, NOON)
        loud.record(session, [fresh] * 3, "loud", "message", NOON)
    for shop, card in ((alma, spent), (alma, fresh), (bruno, foreign)):
        shop.post(card, "add-visits", 1, NOON)
    office.work(NOON)
    serials = {office.card(shop, card).serial_number: card for shop, card in ((alma, spent),)}
    for push in noted.pushes:
        quiet = push.serial in serials
        assert push.reason is (Reason.CONTENT if quiet else Reason.BALANCE)
    assert len(noted.pushes) == 3


def test_how_many_are_left(alma: Shop, bruno: Shop, office: Post) -> None:
    some, none, over = (card_of(alma, office) for _ in range(3))
    with alma.write() as session:
        loud.record(session, [some, *[none] * 3, *[over] * 5], "loud", loud.UPDATE, NOON)
        loud.record(session, [some], "loud", loud.UPDATE, NOON - 24 * HOUR)
        loud.record(session, [], "loud", loud.UPDATE, NOON)
    with alma.read() as session:
        left = loud.left(session, [some, none, over], "loud", loud.UPDATE, 3, NOON)
        assert left == {some: 2, none: 0, over: 0}
        assert loud.left(session, [some], "loud", "message", 3, NOON) == {some: 3}
    with bruno.read() as session:
        assert loud.left(session, [none], "loud", loud.UPDATE, 3, NOON) == {none: 3}


@pytest.mark.parametrize("outcome", [Outcome.LATER, Outcome.REFUSED, Outcome.GONE])
def test_what_was_not_delivered_was_not_announced(
    alma: Shop, office: Post, noted: LoudWallet, outcome: Outcome
) -> None:
    card = card_of(alma, office)
    noted.outcome = outcome
    alma.post(card, "add-visits", 1, NOON)
    office.work(NOON)
    assert (len(noted.pushes), recorded(alma)) == (1, 0)


def test_a_card_on_two_devices_is_announced_once(alma: Shop, office: Post) -> None:
    card = card_of(alma, office, "phone", "watch")
    alma.post(card, "add-visits", 1, NOON)
    office.work(NOON)
    assert recorded(alma) == 1


def test_a_batch_is_counted_in_one_statement_and_recorded_in_another(
    alma: Shop, office: Post
) -> None:
    for card in [card_of(alma, office) for _ in range(5)]:
        alma.post(card, "add-visits", 1, NOON)
    with counts(office.store) as seen:
        assert office.work(NOON) == 5
    assert seen == ["SELECT", "INSERT"]
    assert recorded(alma) == 5


def test_a_wallet_without_a_limit_costs_no_statement(
    alma: Shop, office: Post, noted: LoudWallet
) -> None:
    noted.loud_a_day = None
    noted.answer = lambda content, places: [Receipt(Outcome.DELIVERED) for _ in places]
    alma.post(card_of(alma, office), "add-visits", 1, NOON)
    with counts(office.store) as seen:
        assert office.work(NOON) == 1
    assert seen == []


def test_old_announcements_are_dropped(alma: Shop, bruno: Shop, office: Post) -> None:
    for shop in (alma, bruno):
        card = card_of(shop, office)
        with shop.write() as session:
            loud.record(session, [card], "loud", loud.UPDATE, NOON - 24 * HOUR)
            loud.record(session, [card], "loud", loud.UPDATE, NOON - 23 * HOUR)
    with alma.write() as session:
        assert loud.forget_old(session, NOON) == 1
    assert (recorded(alma), recorded(bruno)) == (1, 2)
    tidy(office.store, NOON)
    assert (recorded(alma), recorded(bruno)) == (1, 1)
