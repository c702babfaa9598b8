"""Deliveries are state: nothing is lost, ten changes are one push, two workers never collide."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from commands.parts import Parts
from passes.cards import cards
from passes.cards.models import Delivery
from passes.delivery.deliver import LEASE, MOST_ATTEMPTS, PAUSE, backoff, deliver_due, next_due
from passes.delivery.issuer import DomainIssuer
from passes.store import Store, shard_of
from passes.wallet_port import (
    ContentRefused,
    Finding,
    Fit,
    Installation,
    Outcome,
    PassContent,
    PictureSize,
    Reason,
    Receipt,
    Redirect,
    Visitor,
    WalletDown,
    WalletError,
    push_each,
)
from tests.conftest import Clock, Shop

BASE = "http://127.0.0.1:8000"

Answer = Callable[[PassContent, Sequence[Installation]], Sequence[Receipt]]


def delivered(content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
    return [Receipt(Outcome.DELIVERED) for _ in places]


class Vendor:
    """A wallet whose vendor answers as the test says."""

    kind = "apple"
    title = "Vendor"
    pictures: tuple[PictureSize, ...] = ()

    def __init__(self) -> None:
        self.answer: Answer = delivered
        self.versions: list[int] = []

    def suits(self, visitor: Visitor) -> Fit:
        return Fit.NO

    def identity(self, template: str, serial: str, account: object) -> Mapping[str, str]:
        return {}

    def offer(self, content: PassContent, visitor: Visitor) -> Redirect:
        return Redirect(content.page_url)

    def push(
        self, content: PassContent, installations: Sequence[Installation], reason: Reason
    ) -> Sequence[Receipt]:
        self.versions.append(content.version)
        return self.answer(content, installations)

    def push_many(
        self, batch: Sequence[tuple[PassContent, Sequence[Installation], Reason]]
    ) -> Sequence[Sequence[Receipt] | WalletError]:
        return push_each(self, batch)

    def check(self, now: datetime) -> Sequence[Finding]:
        return ()


class Case:
    """An installed card, its till and its vendor."""

    def __init__(self, store: Store, shop: Shop, now: Clock) -> None:
        self.store, self.shop, self.now = store, shop, now
        self.vendor = Vendor()
        self.card = shop.card(shop.template("multipass")["id"])
        issuer = DomainIssuer(store, BASE, now)
        issuer.installed("apple", self.card["serial_number"], "phone-1", {"token": "t"})
        now.move(minutes=1)

    def change(self) -> int:
        posted = self.shop.post(f"/cards/{self.card['id']}/add-visits", {"value": 1})
        version: int = posted["card"]["version"]
        return version

    def work(self) -> int:
        return deliver_due(self.store, {"apple": self.vendor}, BASE, self.now())

    def row(self) -> Delivery:
        with self.store.read(self.shop.merchant_id) as session:
            return session.scalars(
                select(Delivery).where(Delivery.merchant_id == self.shop.merchant_id)
            ).one()


@pytest.fixture
def case(now: Clock, store: Store, alma: Shop) -> Case:
    return Case(store, alma, now)


def test_a_change_is_pushed_and_the_receipt_kept(case: Case) -> None:
    assert case.work() == 0
    version = case.change()
    assert case.row().wanted_version == version
    assert case.work() == 1
    row = case.row()
    assert (row.delivered_version, row.due_at, row.attempts) == (version, None, 0)
    assert row.shard == shard_of(case.shop.merchant_id)
    assert case.work() == 0
    assert case.vendor.versions == [version]


def test_ten_changes_are_one_push(case: Case) -> None:
    versions = [case.change() for _ in range(10)]
    case.work()
    assert case.vendor.versions == versions[-1:]


def test_the_first_change_goes_at_once_the_next_after_the_pause(case: Case) -> None:
    case.change()
    case.work()
    version = case.change()
    assert case.work() == 0
    assert next_due(case.store) == case.now() + PAUSE
    case.now.move(seconds=PAUSE.total_seconds())
    assert case.work() == 1
    assert case.vendor.versions[-1] == version


def test_a_change_during_a_push_leads_to_another_push(case: Case) -> None:
    case.change()

    def change_meanwhile(content: PassContent, places: Sequence[Installation]) -> list[Receipt]:
        case.vendor.answer = delivered
        case.change()
        return list(delivered(content, places))

    case.vendor.answer = change_meanwhile
    case.work()
    row = case.row()
    assert row.wanted_version == row.delivered_version + 1
    case.now.move(seconds=PAUSE.total_seconds())
    case.work()
    assert case.row().delivered_version == row.wanted_version


def test_a_dead_workers_rows_fall_due_by_themselves(case: Case) -> None:
    version = case.change()

    class Killed(BaseException):
        pass

    def die(content: PassContent, places: Sequence[Installation]) -> list[Receipt]:
        raise Killed

    case.vendor.answer = die
    with pytest.raises(Killed):
        case.work()
    case.vendor.answer = delivered
    assert case.work() == 0, "leased"
    case.now.move(seconds=LEASE.total_seconds())
    assert case.work() == 1
    assert case.row().delivered_version == version


def test_a_late_receipt_does_not_disturb_the_next_lease(case: Case) -> None:
    case.change()

    def slow(content: PassContent, places: Sequence[Installation]) -> list[Receipt]:
        case.vendor.answer = delivered
        case.now.move(seconds=LEASE.total_seconds())
        case.work()  # another worker takes the row over and finishes it
        return [Receipt(Outcome.LATER, "too late", 600)]

    case.vendor.answer = slow
    case.work()
    row = case.row()
    assert (row.due_at, row.last_error) == (None, None)


def test_later_waits_as_long_as_the_vendor_asks(case: Case) -> None:
    version = case.change()
    case.vendor.answer = lambda content, places: [Receipt(Outcome.LATER, "busy", 30)]
    case.work()
    row = case.row()
    assert row.last_error == "busy"
    assert row.due_at is not None
    assert row.due_at >= case.now() + timedelta(seconds=30)
    case.vendor.answer = delivered
    case.now.move(minutes=2)
    case.work()
    row = case.row()
    assert (row.delivered_version, row.last_error, row.attempts) == (version, None, 0)


def test_trouble_with_the_vendor_is_tried_again_and_in_the_end_given_up(case: Case) -> None:
    case.change()

    def down(content: PassContent, places: Sequence[Installation]) -> list[Receipt]:
        raise WalletDown("away")

    case.vendor.answer = down
    for _ in range(MOST_ATTEMPTS):
        assert case.work() == 1
        case.now.move(hours=2)
    row = case.row()
    assert row.dead_at is not None
    assert (row.due_at, row.last_error) == (None, "away")
    assert case.work() == 0
    types = [each["type"] for each in case.shop.get(f"/cards/{case.card['id']}/events")["items"]]
    assert types[0] == "delivery_failed"

    case.vendor.answer = delivered
    version = case.change()
    case.work()
    row = case.row()
    assert (row.delivered_version, row.dead_at) == (version, None), "a change revives it"


def test_content_that_is_refused_is_not_tried_again(case: Case) -> None:
    case.change()

    def refuse(content: PassContent, places: Sequence[Installation]) -> list[Receipt]:
        raise ContentRefused("too long")

    case.vendor.answer = refuse
    case.work()
    row = case.row()
    assert row.dead_at is not None
    assert row.last_error == "too long"


def test_one_bad_card_leaves_the_others_alone(case: Case) -> None:
    other = Case(case.store, case.shop, case.now)
    version = other.change()
    case.change()
    serial = case.card["serial_number"]

    def refuse_one(content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
        if content.serial == serial:
            raise ContentRefused("this one")
        return delivered(content, places)

    case.vendor.answer = refuse_one
    assert case.work() == 2
    shown = case.shop.get(f"/cards/{other.card['id']}")["deliveries"]
    assert shown[0]["delivered_version"] == version


def test_gone_is_a_removal_by_the_customer(case: Case) -> None:
    case.change()
    case.vendor.answer = lambda content, places: [Receipt(Outcome.GONE, "unregistered")]
    case.work()
    shown = case.shop.get(f"/cards/{case.card['id']}")
    assert (shown["status"], shown["status_cause"]) == ("deleted", "customer")
    assert shown["installations"][0]["status"] == "removed"
    assert shown["figures"]["available_visits"] == 1


def test_two_workers_never_take_the_same_row(now: Clock, store: Store, alma: Shop) -> None:
    template = alma.template("multipass")
    issuer = DomainIssuer(store, BASE, now)
    numbers = range(40)
    made = [alma.card(template["id"]) for _ in numbers]
    for number, card in zip(numbers, made, strict=True):
        issuer.installed("apple", card["serial_number"], f"phone-{number}", {})
    now.move(minutes=1)
    for card in made:
        alma.post(f"/cards/{card['id']}/add-visits", {"value": 1})
    vendors = [Vendor() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        taken = pool.map(lambda each: deliver_due(store, {"apple": each}, BASE, now()), vendors)
    assert sum(taken) == len(made)
    assert sum(len(vendor.versions) for vendor in vendors) == len(made)


def test_R_UPD_2_backoff_grows_and_ends_at_an_hour() -> None:
    waits = [backoff(attempts, None).total_seconds() for attempts in range(1, 30)]
    assert 0.75 <= waits[0] <= 1.25
    assert 2_700 <= waits[-1] <= 4_500
    assert backoff(1, 90).total_seconds() == 90


def test_a_worker_does_the_rounds_until_it_is_stopped(now: Clock, parts: Parts, alma: Shop) -> None:
    case = Case(parts.store, alma, now)
    worker: Any = parts.worker
    worker._wallets = {"apple": case.vendor}
    thread = worker.start()
    version = case.change()
    for _ in range(100):
        if case.vendor.versions:
            break
        thread.join(0.05)
    worker.stop()
    thread.join(5)
    assert not thread.is_alive()
    assert case.vendor.versions == [version]
    with parts.store.read(alma.merchant_id) as session:
        assert cards.get(session, case.card["id"]).version == version
