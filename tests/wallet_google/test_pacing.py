"""Before each request to Google its turn is waited for; patience ends."""

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from passes.wallet_port import (
    Installation,
    NotYet,
    Reason,
    Style,
    WalletMisconfigured,
    WalletSettings,
)
from tests.fakes.google import EMAIL
from tests.wallet_google.conftest import ANDROID, clock, content, mount_it, mounted
from wallet_google.pacing import Pacing

PHONE = Installation("phone", {}, datetime(2026, 11, 1, tzinfo=UTC))


class Turns:
    """An Issuer that gives the answers it was told to, and remembers who asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, float, bool]] = []
        self.answers: deque[float] = deque()

    def turn(self, wallet: str, subject: str, pace: float, *, urgent: bool) -> float:
        self.asked.append((wallet, subject, pace, urgent))
        return self.answers.popleft() if self.answers else 0.0


class Time:
    """A clock that goes on while somebody sleeps, and only then."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.naps: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


@pytest.fixture
def turns():
    return Turns()


@pytest.fixture
def paced(example_folder, google, turns):
    """The wallet of a server whose Issuer gives turns as the test says."""
    return mounted(example_folder, issuer=turns, GOOGLE_API_BASE=google.api_base)


@pytest.fixture
def card(account):
    return content(account=account)


# --- waiting -------------------------------------------------------------------------------------


def waiting(answers, *, urgent: bool, time: Time) -> list[float]:
    """The paces of all questions until a turn came."""
    given = iter(answers)
    seen = []

    def turn(subject: str, pace: float, urgent: bool) -> float:
        seen.append(pace)
        return next(given)

    pacing = Pacing(turn, lambda: 15.0, clock=lambda: time.now, sleep=time.sleep)
    pacing.wait("a@b", urgent=urgent)
    return seen


def test_a_turn_that_is_free_costs_no_time():
    time = Time()
    assert waiting([0], urgent=True, time=time) == [15.0]
    assert time.naps == []


def test_who_must_wait_sleeps_as_long_as_told_but_asks_again_each_second():
    time = Time()
    assert waiting([0.07, 5, 0.2, 0], urgent=True, time=time) == [15.0] * 4
    assert time.naps == [0.07, 1, 0.2]


@pytest.mark.parametrize("urgent", [True, False])
def test_patience_ends(urgent):
    time = Time()
    with pytest.raises(NotYet, match="pace") as gave_up:
        waiting([0.75] * 100, urgent=urgent, time=time)
    assert time.now == 1000 + 10
    assert gave_up.value.retry_after == 0.75


def test_one_thread_of_a_process_asks_at_a_time_for_each_account():
    asking, most = [], []
    start = threading.Barrier(8)

    def turn(subject: str, pace: float, urgent: bool) -> float:
        asking.append(subject)
        most.append(len(asking))
        threading.Event().wait(0.002)
        asking.pop()
        return 0.0

    pacing = Pacing(turn, lambda: 15.0)

    def ask(_: int) -> None:
        start.wait()
        pacing.wait("a@b", urgent=False)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(8)))
    assert most == [1] * 8


def test_who_is_urgent_does_not_queue_behind_who_is_not():
    inside, go_on = threading.Event(), threading.Event()

    def turn(subject: str, pace: float, urgent: bool) -> float:
        if not urgent:
            inside.set()
            assert go_on.wait(10)
        return 0.0

    pacing = Pacing(turn, lambda: 15.0)
    bulk = threading.Thread(target=pacing.wait, args=("a@b",), kwargs={"urgent": False})
    bulk.start()
    assert inside.wait(10)
    pacing.wait("a@b", urgent=True)  # would hang here otherwise
    go_on.set()
    bulk.join()


# --- who asks, and when --------------------------------------------------------------------------


def test_each_request_to_google_takes_a_turn_of_its_service_account(paced, google, turns, card):
    paced.offer(card, ANDROID)
    assert len(google.requests) == 2
    assert len(google.token_requests) == 1
    assert turns.asked == [("google", EMAIL, 15.0, True)] * 2


def test_a_request_that_is_repeated_takes_another_turn(paced, google, turns, card):
    paced.offer(card, ANDROID)
    google.revoke_tokens()
    turns.asked.clear()
    paced.offer(card, ANDROID)
    google.lose_answer()
    paced.offer(card, ANDROID)
    assert google.calls()[2:] == ["PATCH loyaltyObject"] * 4  # 401, 200, no answer, 200
    assert len(turns.asked) == 4


def test_a_push_is_urgent_and_a_campaign_only_as_far_as_the_class(paced, turns, card):
    paced.offer(card, ANDROID)
    turns.asked.clear()
    paced.push(replace(card, version=4), [PHONE], Reason.BALANCE)
    paced.push_many([(replace(card, version=5), [PHONE], Reason.BALANCE)])
    assert [urgent for *_, urgent in turns.asked] == [True, True]
    turns.asked.clear()
    changed = replace(
        card, version=6, template_version=2, expires_at=datetime(2027, 1, 1, tzinfo=UTC)
    )
    paced.push_many([(changed, [PHONE], Reason.CONTENT)], urgent=False)
    assert [urgent for *_, urgent in turns.asked] == [True, True, False]  # class: POST, PATCH


def test_reconciliation_lets_everybody_pass(paced, turns, card):
    paced.offer(card, ANDROID)
    turns.asked.clear()
    assert list(paced.held(card.template, Style.BALANCE, card.account)) == [(card.serial, False)]
    assert [urgent for *_, urgent in turns.asked] == [False]


def test_without_a_turn_nothing_is_sent(example_folder, google, turns, card):
    def never(wallet: str, subject: str, pace: float, *, urgent: bool) -> float:
        raise NotYet("never")

    turns.turn = never
    paced = mounted(example_folder, issuer=turns, GOOGLE_API_BASE=google.api_base)
    [answer] = paced.push_many([(card, [PHONE], Reason.BALANCE)])
    assert isinstance(answer, NotYet)
    with pytest.raises(NotYet):
        paced.offer(card, ANDROID)
    assert google.requests == []


# --- the setting ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "pace"), [("", 15), ("1", 1), ("7.5", 7.5), ("20", 20)])
def test_the_pace_is_a_setting(example_folder, google, turns, card, given, pace):
    wallet = mounted(
        example_folder, issuer=turns, GOOGLE_API_BASE=google.api_base, GOOGLE_PACE=given
    )
    assert wallet.pace == pace
    wallet.offer(card, ANDROID)
    assert {asked for _, _, asked, _ in turns.asked} == {pace}


@pytest.mark.parametrize("given", ["0", "0.9", "20.1", "-5", "fast", "nan", "inf", "1e400"])
def test_a_pace_that_google_does_not_allow_is_refused_by_name(tmp_path, given):
    with pytest.raises(WalletMisconfigured, match="TREUEPASS_GOOGLE_PACE must be a number from 1"):
        mount_it(
            WalletSettings("https://a.example", tmp_path, {"TREUEPASS_GOOGLE_PACE": given}, clock)
        )
