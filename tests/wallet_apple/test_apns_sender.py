"""Connections: reused, limited, replaced, shared out among threads, never waited for too long."""

import threading
import time
from dataclasses import replace

import pytest

from passes.wallet_port import Outcome, Reason, WalletDown
from tests.fakes.apns import FakeApns, Mode
from tests.wallet_apple import telling
from tests.wallet_apple.telling import cards, content, device, outcomes, token
from wallet_apple.apns import pool
from wallet_apple.apns.sender import Sender

DELIVERED = Outcome.DELIVERED


@pytest.fixture
def apns():
    with FakeApns(telling.certificates()) as server:
        yield server


@pytest.fixture
def make_wallet(apns):
    """A wallet with a sender of its own making."""

    def make(patience=30.0, **of_sender):
        settings = replace(telling.settings_for(apns), patience=patience)
        wallet = telling.wallet_for(settings)
        wallet._pushing.sender = Sender(settings.endpoint, **of_sender)
        return wallet

    return make


@pytest.fixture
def wallet(make_wallet):
    return make_wallet()


def push(wallet, numbers):
    return set(outcomes(wallet.push_many(cards(numbers))))


def test_one_connection_serves_many_batches(apns, wallet):
    for start in range(0, 50, 10):
        assert push(wallet, range(start, start + 10)) == {DELIVERED}
    assert apns.connections == 1
    assert sorted(apns.accepted()) == [token(number) for number in range(50)]


def test_a_large_batch_takes_several_connections(apns, wallet):
    apns.limit(1000)
    assert push(wallet, range(6_000)) == {DELIVERED}
    assert apns.connections == 2
    assert len(set(apns.accepted())) == len(apns.pushes) == 6_000


def test_a_hundred_devices_of_one_card(apns, wallet):
    places = [device(token(number)) for number in range(100)]
    receipts = wallet.push(content(), places, Reason.BALANCE)
    assert [receipt.outcome for receipt in receipts] == [DELIVERED] * 100


def test_the_limit_of_streams_is_kept_and_followed(apns, wallet):
    """The stand-in's library ends a connection that opens more streams than it may."""
    apns.limit(3)
    assert push(wallet, range(20)) == {DELIVERED}
    apns.limit(7)
    assert push(wallet, range(20, 60)) == {DELIVERED}
    apns.mode = Mode.ONE_STREAM
    time.sleep(0.1)
    assert push(wallet, range(60, 70)) == {DELIVERED}
    assert apns.connections == 1


def test_the_limit_may_change_while_a_batch_runs(apns, wallet):
    apns.limit(2)
    worker = threading.Thread(target=lambda: push(wallet, range(3000)))
    worker.start()
    assert apns.wait(50)
    apns.limit(50)
    worker.join()
    assert len(apns.accepted()) == 3000
    assert apns.connections == 1


def test_when_stream_numbers_run_out_there_is_a_new_connection(apns, make_wallet):
    wallet = make_wallet(last_stream=19)  # ten requests to a connection
    assert push(wallet, range(34)) == {DELIVERED}
    assert apns.connections == 4
    assert len(apns.pushes) == 34


def test_several_threads_at_once(apns, wallet):
    results = []

    def work(start):
        for first in range(start, start + 100, 20):
            results.append(push(wallet, range(first, first + 20)))

    threads = [threading.Thread(target=work, args=(number * 100,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [{DELIVERED}] * 25
    assert sorted(apns.accepted()) == [token(number) for number in range(500)]
    assert apns.connections <= 5


def test_what_goaway_cut_off_goes_to_a_new_connection_at_once(apns, wallet):
    """Without a retry by the caller, and nobody is told twice."""
    assert push(wallet, range(5)) == {DELIVERED}
    apns.mode = Mode.GOAWAY_BEFORE
    ended = threading.Thread(target=end_fault, args=(apns,))
    ended.start()
    assert push(wallet, range(5, 55)) == {DELIVERED}
    ended.join()
    assert sorted(apns.accepted()) == [token(number) for number in range(55)]


def end_fault(apns):
    """As soon as the sender comes again."""
    apns.wait_for_connections(2)
    apns.mode = Mode.OK


def test_a_goaway_between_batches_costs_nothing(apns, wallet):
    assert push(wallet, range(5)) == {DELIVERED}
    apns.drop_connections()
    assert push(wallet, range(5, 10)) == {DELIVERED}
    assert (apns.connections, len(apns.pushes)) == (2, 10)


def test_a_refused_stream_goes_once_more_at_once(apns, wallet):
    apns.refuse_streams(50)
    assert push(wallet, range(50)) == {DELIVERED}
    assert (len(apns.pushes), len(apns.accepted())) == (100, 50)
    assert apns.connections == 1


def test_a_stream_that_is_refused_twice_waits(apns, wallet):
    apns.refuse_streams(3)
    answers = wallet.push_many(cards([1]))
    assert outcomes(answers) == [WalletDown]
    assert len(apns.pushes) == 2


def test_a_stream_that_broke_off_is_not_repeated_at_once(apns, wallet):
    """Apple may have processed it."""
    apns.mode, apns.reset_code = Mode.RESET, 2
    assert outcomes(wallet.push_many(cards([1]))) == [WalletDown]
    assert len(apns.pushes) == 1


def test_a_vendor_that_hangs_does_not_hold_the_worker(apns, make_wallet):
    wallet = make_wallet(patience=0.5)
    apns.mode = Mode.HANG
    start = time.monotonic()
    answers = wallet.push_many(cards(range(50)))
    assert time.monotonic() - start < 2
    assert set(outcomes(answers)) == {WalletDown}
    assert "in time" in str(answers[0])
    apns.mode = Mode.OK
    assert push(wallet, range(50)) == {DELIVERED}


def test_a_silent_connection_is_given_up_before_the_time_is_up(apns, make_wallet):
    wallet = make_wallet(silence=0.3)
    apns.mode = Mode.HANG
    start = time.monotonic()
    assert outcomes(wallet.push_many(cards([1]))) == [WalletDown]
    assert time.monotonic() - start < 5


def test_some_answers_and_then_silence(apns, make_wallet):
    wallet = make_wallet(patience=1.0)
    apns.limit(10)
    worker = threading.Thread(target=hang_after, args=(apns, 10))
    worker.start()
    found = outcomes(wallet.push_many(cards(range(20_000))))
    worker.join()
    assert set(found) == {DELIVERED, Outcome.LATER}
    # Answers that were still on their way when patience ended are told again.
    assert 0 < found.count(DELIVERED) <= len(apns.accepted())


def hang_after(apns, count):
    apns.wait(count)
    apns.mode = Mode.HANG


def test_nobody_listens(apns, wallet):
    apns.stop_listening()
    answers = wallet.push_many(cards(range(3)))
    assert outcomes(answers) == [WalletDown] * 3
    assert "cannot be reached" in str(answers[0])
    apns.listen()
    assert push(wallet, range(3)) == {DELIVERED}


def test_an_old_connection_is_asked_before_it_is_used(apns, wallet, monkeypatch):
    assert push(wallet, [1]) == {DELIVERED}
    monkeypatch.setattr(pool, "ASK_AFTER", 0.0)
    assert push(wallet, [2]) == {DELIVERED}
    assert (apns.pings, apns.connections) == (1, 1)


def test_a_connection_that_was_idle_for_long_is_replaced(apns, wallet, monkeypatch):
    assert push(wallet, [1]) == {DELIVERED}
    monkeypatch.setattr(pool, "LONGEST_IDLE", 0.0)
    assert push(wallet, [2]) == {DELIVERED}
    assert apns.connections == 2
    assert telling.until(lambda: len(apns.open) == 1)


def test_a_ping_is_answered(apns, wallet):
    assert push(wallet, [1]) == {DELIVERED}
    apns.ping()
    time.sleep(0.1)
    assert push(wallet, [2]) == {DELIVERED}
    assert telling.until(lambda: apns.pongs == 1)
    assert apns.connections == 1


def test_connections_are_closed_with_the_sender(apns, wallet):
    assert push(wallet, [1]) == {DELIVERED}
    assert len(apns.open) == 1
    wallet._pushing.sender.close()
    assert telling.until(lambda: not apns.open)


def test_after_403_connections_are_closed(apns, wallet):
    apns.answer(token(1), 403, "BadCertificate")
    wallet.push_many(cards([1]))
    assert telling.until(lambda: not apns.open)


def test_a_goaway_that_names_the_certificate_stops_it(apns, wallet):
    apns.mode, apns.goaway_reason = Mode.GOAWAY_BEFORE, "BadCertificate"
    [answer] = wallet.push_many(cards([1]))
    assert "does not accept the certificate" in str(answer)
    assert "BadCertificate" in str(answer)
