"""A wallet with a pace: bulk waits for turns, and a till's change never waits behind it.

Orders of events, not times: a turn comes when the test gives it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from threading import Event, Lock
from typing import Any

import pytest
from structlog.testing import capture_logs

from passes.cards.change import Urgency, bump_many
from passes.delivery import backlog, campaigns, crew, deliver, measures
from passes.delivery.campaigns import CampaignLog
from passes.delivery.claim import LEASE
from passes.delivery.deliver import deliver_due
from passes.delivery.pauses import pauses
from passes.store import Store
from passes.wallet_port import (
    Installation,
    NotYet,
    PassContent,
    Reason,
    Receipt,
    WalletDown,
    WalletError,
)
from tests.passes.conftest import NOON, Shop
from tests.passes.delivery.conftest import BASE_URL, NotedWallet, Post, delivered, seconds
from tests.passes.delivery.test_crew import handed_out, merchants_told, working
from tests.passes.test_work import wait_until

Batch = Sequence[tuple[PassContent, Sequence[Installation], Reason]]


@dataclass
class PacedWallet(NotedWallet):
    """Bulk waits until ``turns`` is set; ``before`` hears of each card ahead of its push."""

    kind: str = "paced"
    pace: float | None = 8
    turns: Event = field(default_factory=Event)
    waiting: int = 0
    most_waiting: int = 0
    sizes: list[int] = field(default_factory=list)
    before: Callable[[str], None] = lambda serial: None
    lock: Any = field(default_factory=Lock)

    def push_many(
        self, batch: Batch, *, urgent: bool = True
    ) -> Sequence[Sequence[Receipt] | WalletError]:
        self.before(batch[0][0].serial)
        if not urgent:
            with self.lock:
                self.waiting += 1
                self.most_waiting = max(self.waiting, self.most_waiting)
            self.turns.wait(60)
            with self.lock:
                self.waiting -= 1
        return super().push_many(batch, urgent=urgent)


@pytest.fixture
def noted() -> PacedWallet:
    return PacedWallet()


def campaign(shop: Shop, card_ids: Sequence[Any], now: datetime = NOON) -> None:
    with shop.write() as session:
        bump_many(session, card_ids, Reason.CONTENT, now)


def serials(office: Post, shop: Shop, card_ids: Sequence[Any]) -> list[str]:
    return [office.card(shop, card).serial_number for card in card_ids]


def no_turn(retry_after: float | None = None) -> Callable[..., Sequence[Receipt]]:
    def answer(content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
        raise NotYet("other requests go first", retry_after)

    return answer


# --- what had no turn ----------------------------------------------------------------------------


def test_who_had_no_turn_stays_due_as_if_it_had_not_been_tried(
    alma: Shop, office: Post, noted: PacedWallet
) -> None:
    noted.turns.set()
    made = handed_out(alma, noted, 3)
    campaign(alma, made)
    noted.answer = no_turn(0.5)
    for attempt in range(5):
        moment = NOON + attempt * seconds(10)
        assert office.work(moment) == 3
        rows = [office.row(alma, card) for card in made]
        assert {(row.attempts, row.failing_since, row.last_error) for row in rows} == {
            (0, None, None)
        }
        assert sorted(row.due_at - moment for row in rows) == [seconds(0), seconds(0), seconds(0.5)]
    assert len(noted.pushes) == 5  # the others were not asked: there were no turns to be had
    with alma.read() as session:
        assert not pauses(session)
    noted.answer = delivered
    office.work(NOON + timedelta(days=3))  # no day of failures has begun
    assert merchants_told(noted, alma, made)


def test_a_till_that_had_no_turn_is_not_paused_either(
    alma: Shop, office: Post, noted: PacedWallet
) -> None:
    [card] = handed_out(alma, noted, 1)
    alma.post(card, "add-visits", 1)
    noted.answer = no_turn()
    before = measures.PUSHES.labels("paced", "not_yet")._value.get()
    office.work(NOON)
    assert measures.PUSHES.labels("paced", "not_yet")._value.get() == before + 1
    row = office.row(alma, card)
    assert (row.due_at, row.attempts, row.urgency) == (NOON, 0, Urgency.TILL)
    with alma.read() as session:
        assert not pauses(session)


def test_failures_that_were_counted_stay_counted(
    alma: Shop, office: Post, noted: PacedWallet
) -> None:
    broken, sound = handed_out(alma, noted, 2)
    [serial] = serials(office, alma, [broken])

    def fail_one(content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
        if content.serial == serial:
            raise WalletDown("this one always fails")
        return delivered(content, places)

    for card in (broken, sound):
        alma.post(card, "add-visits", 1)
    noted.answer = fail_one
    office.work(NOON)
    noted.answer = no_turn()
    office.work(NOON + seconds(10))
    row = office.row(alma, broken)
    assert (row.attempts, row.failing_since) == (1, NOON)
    assert row.last_error == "this one always fails"


def test_a_vendor_that_is_down_pauses_although_others_had_no_turn(
    alma: Shop, office: Post, noted: PacedWallet
) -> None:
    noted.turns.set()
    first, second = handed_out(alma, noted, 2)
    campaign(alma, [first, second])

    def down(content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
        if len(noted.pushes) == 1:
            raise WalletDown("no connection")
        raise NotYet("other requests go first")

    noted.answer = down
    office.work(NOON)
    with alma.read() as session:
        assert [each.sentence for each in pauses(session)] == ["no connection"]
    noted.answer = no_turn()
    office.work(NOON + seconds(5))  # the probe had no turn: it told nothing
    with alma.read() as session:
        [pause] = pauses(session)
        assert (pause.until, pause.attempts) == (NOON + seconds(5), 1)
    noted.answer = delivered
    office.work(NOON + seconds(6))
    with alma.read() as session:
        assert not pauses(session)
    assert merchants_told(noted, alma, [first, second])


# --- a batch that waits --------------------------------------------------------------------------


def test_a_batch_begins_no_push_that_might_outlive_its_lease(
    alma: Shop, office: Post, noted: PacedWallet
) -> None:
    noted.turns.set()
    made = handed_out(alma, noted, 8)
    campaign(alma, made)
    moments = [NOON]
    noted.before = lambda serial: moments.append(moments[-1] + LEASE / 10)
    wallets = {noted.kind: noted}
    assert deliver_due(office.store, wallets, BASE_URL, lambda: moments[-1]) == 8
    assert len(noted.pushes) == 3  # begun 0, 6 and 12 seconds after the claim
    rest = [card for card in made if office.row(alma, card).delivered_version == 1]
    assert len(rest) == 5
    assert {office.row(alma, card).due_at for card in rest} == {moments[-1]}
    deliver_due(office.store, wallets, BASE_URL, lambda: moments[-1])
    assert len(noted.pushes) == 6


def test_a_till_that_changes_a_card_which_a_campaign_has_in_hand_does_not_wait_for_it(
    alma: Shop, office: Post, noted: PacedWallet
) -> None:
    noted.turns.set()
    made = handed_out(alma, noted, 6)
    campaign(alma, made)

    def change_another(pushed_now: str) -> None:
        if len(noted.pushes) == 1:
            noted.before = lambda serial: None
            begun = {noted.pushes[0].serial, pushed_now}
            changed.append(
                next(card for card in made if not begun & set(serials(office, alma, [card])))
            )
            alma.post(changed[0], "add-visits", 1, NOON)

    changed: list[Any] = []
    noted.before = change_another
    office.work(NOON)
    in_hand = len(noted.pushes)
    assert in_hand == 2  # the one at whose push it happened was the last
    office.work(NOON)
    [serial] = serials(office, alma, changed)
    assert (noted.pushes[in_hand].serial, noted.pushes[in_hand].version) == (serial, 3)
    assert noted.pushes[in_hand].reason is Reason.BALANCE
    assert merchants_told(noted, alma, made)
    assert [push.version for push in noted.pushes if push.serial == serial] == [3]


def test_nor_does_one_whose_card_the_campaign_has_just_pushed(
    alma: Shop, office: Post, noted: PacedWallet
) -> None:
    noted.turns.set()
    made = handed_out(alma, noted, 6)
    campaign(alma, made)
    by_serial = dict(zip(serials(office, alma, made), made, strict=True))

    def change_the_first(pushed_now: str) -> None:
        if len(noted.pushes) == 1:
            alma.post(by_serial[noted.pushes[0].serial], "add-visits", 1, NOON)

    noted.before = change_the_first
    office.work(NOON)
    assert len(noted.pushes) == 2
    first = noted.pushes[0].serial
    row = office.row(alma, by_serial[first])
    assert (row.delivered_version, row.wanted_version) == (2, 3)
    assert (row.due_at, row.urgency) == (NOON + seconds(2), Urgency.TILL)  # R-UPD-1
    office.work(NOON + seconds(2))
    assert (noted.pushes[2].serial, noted.pushes[2].version) == (first, 3)
    assert merchants_told(noted, alma, made)


# --- several in one request ----------------------------------------------------------------------


def test_a_campaigns_cards_go_together_and_a_tills_alone(
    alma: Shop, office: Post, noted: PacedWallet
) -> None:
    noted.turns.set()
    noted.together = 3
    made = handed_out(alma, noted, 8)
    together: list[int] = []
    original = noted.push_many

    def count(batch: Batch, *, urgent: bool = True) -> Sequence[Sequence[Receipt] | WalletError]:
        together.append(len(batch))
        return original(batch, urgent=urgent)

    noted.push_many = count
    campaign(alma, made)
    office.work(NOON)
    assert together == [3, 3, 2]
    for card in made[:4]:
        alma.post(card, "add-visits", 1, NOON)
    office.work(NOON + seconds(2))
    assert together == [3, 3, 2, 1, 1, 1, 1]
    assert merchants_told(noted, alma, made)


def test_the_rest_of_cards_that_went_together_stays_due(
    alma: Shop, office: Post, noted: PacedWallet
) -> None:
    noted.turns.set()
    noted.together = 4
    made = handed_out(alma, noted, 8)
    campaign(alma, made)

    def two_turns(content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
        if len(noted.pushes) > 2:
            raise NotYet("no turn")
        return delivered(content, places)

    noted.answer = two_turns
    office.work(NOON)
    assert len(noted.pushes) == 4  # the next four were not tried
    left = [card for card in made if office.row(alma, card).delivered_version == 1]
    assert len(left) == 6
    noted.answer = delivered
    office.work(NOON)
    assert merchants_told(noted, alma, made)


# --- the crew ------------------------------------------------------------------------------------


def test_tills_do_not_wait_behind_campaigns_that_wait_for_turns(
    alma: Shop, bruno: Shop, noted: PacedWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "SLOW", 0.05)  # so that waiting batches soon do not count
    monkeypatch.setattr(crew, "SMALLEST_BATCH", 2)
    noted.pace = 2 / crew.PACED_BATCH
    bulk = {shop.merchant_id: handed_out(shop, noted, 40) for shop in (alma, bruno)}
    tills = {shop.merchant_id: handed_out(shop, noted, 5) for shop in (alma, bruno)}
    most = crew.MOST_THREADS[alma.store.engine.dialect.name] // 2
    with working(alma.store, noted):
        for shop in (alma, bruno):
            campaign(shop, bulk[shop.merchant_id])
        wait_until(lambda: noted.waiting == most)
        for number in range(5):
            for shop in (alma, bruno):
                card = tills[shop.merchant_id][number]
                shop.post(card, "add-visits", 1)
                wait_until(partial(merchants_told, noted, shop, [card]))
        assert not any(push.reason is Reason.CONTENT for push in noted.pushes)
        noted.turns.set()
        wait_until(
            lambda: all(
                merchants_told(noted, shop, bulk[shop.merchant_id]) for shop in (alma, bruno)
            )
        )
    assert noted.most_waiting == most


@pytest.mark.parametrize(("together", "size"), [(1, 3), (2, 3), (7, 7)])
def test_a_batch_is_a_quarter_of_a_seconds_turns_or_one_request(
    alma: Shop, noted: PacedWallet, monkeypatch: pytest.MonkeyPatch, together: int, size: int
) -> None:
    noted.pace = 13
    noted.together = together
    made = handed_out(alma, noted, 10)
    campaign(alma, made)
    claimed = []
    original = deliver.deliver

    def note(*arguments: Any, **options: Any) -> int:
        claimed.append(options["most"])
        return original(*arguments, **options)

    monkeypatch.setattr(deliver, "deliver", note)
    noted.turns.set()
    with working(alma.store, noted):
        wait_until(lambda: merchants_told(noted, alma, made))
    assert set(claimed) == {size}


# --- what is said of it --------------------------------------------------------------------------


def test_the_log_says_when_a_campaign_will_be_done(
    alma: Shop, bruno: Shop, office: Post, noted: PacedWallet
) -> None:
    free = NotedWallet()
    wallets = {noted.kind: noted, free.kind: free}
    for wallet in (noted, free):
        campaign(alma, handed_out(alma, wallet, 4))
        bruno.post(handed_out(bruno, wallet, 1)[0], "add-visits", 1)
    log = CampaignLog(office.store, wallets)
    said = []
    for moment in (0, 1, 29, 30, 45, 60):
        with capture_logs() as lines:
            log.tell_when_due(NOON + seconds(moment))
        said += [(moment, line) for line in lines]
    assert [moment for moment, _ in said] == [0, 30, 60]
    assert said[1][1] == {
        "event": "campaign",
        "log_level": "info",
        "wallet": "paced",
        "merchant": str(alma.merchant_id),
        "waiting": 4,
        "pace": 8,
        "done_at": "2026-11-21T12:00:30+00:00",
    }


def test_a_campaign_that_is_done_is_not_spoken_of(
    alma: Shop, office: Post, noted: PacedWallet
) -> None:
    noted.turns.set()
    campaign(alma, handed_out(alma, noted, 3))
    log = CampaignLog(office.store, {noted.kind: noted})
    office.work(NOON)
    with capture_logs() as lines:
        log.tell_when_due(NOON)
        campaign(alma, handed_out(alma, noted, 2), NOON + seconds(2))
        log.tell_when_due(NOON + seconds(2))  # one that begins is seen at once
    assert [line["waiting"] for line in lines] == [2]
    assert campaigns.campaigns(office.store, {}, NOON) == []


def test_the_backlog_tells_tills_from_campaigns(
    alma: Shop, store: Store, noted: PacedWallet
) -> None:
    campaign(alma, handed_out(alma, noted, 2))
    alma.post(handed_out(alma, noted, 1)[0], "add-visits", 1, NOON + seconds(50))
    with store.read_all() as session:
        found = backlog.by_wallet(session, NOON + seconds(60))["paced"]
    assert (found.due, found.oldest_seconds, found.oldest_till_seconds) == (3, 60, 10)
