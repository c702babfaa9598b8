"""What falls due on referrals, with several workers and locks in the way."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import DBAPIError

from passes.cards import cards, installations, utm
from passes.cards.issue import Origin, issue
from passes.customers import customers
from passes.customers.details import Details
from passes.happenings import Installed, Posted
from passes.ledger.book import Posting, lock
from passes.ledger.post import post
from passes.referrals import course, due
from passes.referrals.due import _CLAIM, LEASE, settle_due
from passes.referrals.enrol import Recommendation, enrol
from passes.referrals.models import Referral
from passes.store import Store
from tests.passes.conftest import NOON, TILL, Shop, only_postgresql

ON_INSTALL = {"referral": {"enabled": True, "trigger": "on_install"}}


def recommended(shop: Shop, template: Any, referrer: UUID, name: str) -> UUID:
    """A friend's card, installed: the reward is due."""
    with shop.write() as session:
        customer = customers.create(session, Details(first_name=name), NOON)
        origin = Origin("referral", utm.Utm("referral"), referrer_card_id=referrer)
        card = issue(session, template, customer, origin, NOON)
        enrol(session, template, card, Recommendation(referrer, NOON), NOON, is_new=True)
        installations.install(session, card, "apple", name, {}, NOON)
        course.installed(session, Installed(card, "apple", name, True), NOON)
        return card.id


def referral_of(shop: Shop, card_id: UUID) -> Referral:
    with shop.read() as session:
        query = select(Referral).where(
            Referral.merchant_id == shop.merchant_id, Referral.friend_card_id == card_id
        )
        return session.scalars(query).one()


def available(shop: Shop, card_id: UUID) -> int:
    with shop.read() as session:
        return cards.get(session, card_id).available_visits


def test_what_is_due_is_paid_once(alma: Shop, bruno: Shop, store: Store) -> None:
    shops = []
    for shop in (alma, bruno):
        template = shop.template(**ON_INSTALL)
        a = shop.card(template)
        shops.append((shop, a, recommended(shop, template, a, "ben")))
    with ThreadPoolExecutor(2) as pool:
        settled = list(pool.map(lambda _: settle_due(store, NOON), range(2)))
    assert sum(settled) == 2
    assert settle_due(store, NOON) == 0
    for shop, a, b in shops:
        assert (available(shop, a), available(shop, b)) == (1, 1)
        assert referral_of(shop, b).due_at is None


def test_what_a_killed_worker_had_falls_due_again(alma: Shop, store: Store) -> None:
    template = alma.template(**ON_INSTALL)
    a = alma.card(template)
    b = recommended(alma, template, a, "ben")
    claim = {
        "of_merchant": alma.merchant_id,
        "of_row": referral_of(alma, b).id,
        "now": NOON,
        "lease": NOON + LEASE,
    }
    with alma.write() as session:
        assert session.scalar(_CLAIM, claim) == b
    assert settle_due(store, NOON + LEASE - timedelta(seconds=1)) == 0
    assert settle_due(store, NOON + LEASE) == 1
    assert available(alma, a) == 1


def test_D_9_1_the_cap_holds_when_two_friends_are_rewarded_at_once(
    alma: Shop, store: Store
) -> None:
    rules = ON_INSTALL["referral"] | {"max_rewarded_per_month": 2}
    template = alma.template(referral=rules)
    a = alma.card(template)
    friends = [recommended(alma, template, a, f"friend {number}") for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: settle_due(store, NOON), range(4)))
    reasons = sorted(str(referral_of(alma, each).reason) for each in friends)
    assert reasons == ["LIMIT_REACHED", "LIMIT_REACHED", "None", "None"]
    assert available(alma, a) == 2
    assert [available(alma, each) for each in friends] == [1] * 4


@only_postgresql
def test_a_deadlock_with_a_bulk_job_is_run_anew(
    alma: Shop, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = alma.template(**ON_INSTALL)
    a = alma.card(template)
    b = recommended(alma, template, a, "ben")
    has_a = threading.Event()

    def job_in_ascending_order() -> None:
        with alma.write() as session:
            cards.get(session, a, locked=True)
            has_a.set()
            _wait_until_somebody_waits(store)
            cards.get(session, b, locked=True)

    deadlocks = []

    def hear(*arguments: Any) -> None:
        try:
            course.advance(*arguments)
        except DBAPIError as error:
            deadlocks.append(getattr(error.orig, "sqlstate", None))
            raise

    monkeypatch.setattr(due, "advance", hear)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(job_in_ascending_order)
        assert has_a.wait(10)
        assert settle_due(store, NOON) == 1
        other.result(10)
    assert deadlocks == ["40P01"]
    assert referral_of(alma, b).state == "rewarded"
    assert (available(alma, a), available(alma, b)) == (1, 1)


def _wait_until_somebody_waits(store: Store) -> None:
    for _ in range(200):
        with store.engine.connect() as connection:
            waiting = connection.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ).scalar_one()
        if waiting:
            return
        time.sleep(0.01)
    raise AssertionError("nobody waits for a lock")


def test_a_card_that_nobody_recommended_costs_no_statement(shop: Shop) -> None:
    card_id = shop.card()
    statements: list[str] = []
    with shop.write() as session:
        posted = post(session, str(card_id), Posting("add-visits", 1), TILL, NOON)
        card = lock(session, str(card_id), NOON)
        event.listen(
            shop.store.engine,
            "before_cursor_execute",
            lambda *arguments: statements.append(arguments[2]),
        )
        course.posted(session, Posted(card, posted.entry), NOON)
        assert statements == []
        lock(session, str(card_id), NOON)
        assert len(statements) == 1, "the listener hears"
