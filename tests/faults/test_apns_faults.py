"""Apple's push service in trouble of sixteen kinds: every device hears of its change in the end."""

import logging
from dataclasses import replace

import pytest

from passes.wallet_port import Outcome, Reason, WalletDown, WalletError, WalletMisconfigured
from tests.fakes.apns import FAULTS, FakeApns, Mode
from tests.wallet_apple import telling
from tests.wallet_apple.telling import content, device, token

DELIVERIES = 50
ROUNDS_OF_TROUBLE = 3
ROUNDS_AFTERWARDS = 5

# What stays undone until a person or the device does something: the certificate is replaced, the
# device registers anew, the fault of ours is mended and the card changes once more.
ENDS = {
    Mode.GONE: Outcome.GONE,
    Mode.BAD_TOKEN: Outcome.GONE,
    Mode.FORBIDDEN: WalletMisconfigured,
    Mode.TOO_LARGE: Outcome.REFUSED,
}


@pytest.fixture
def apns():
    with FakeApns(telling.certificates()) as server:
        yield server


@pytest.fixture
def wallet(apns):
    """With less patience, so that a vendor that hangs does not hold the tests either."""
    wallet = telling.wallet_for(replace(telling.settings_for(apns), patience=0.5))
    yield wallet
    wallet._pushing.sender.close()


def push(wallet, numbers):
    """One round; what became of each delivery."""
    numbers = list(numbers)
    batch = [(content(each), [device(token(each))], Reason.BALANCE) for each in numbers]
    return dict(zip(numbers, telling.outcomes(wallet.push_many(batch)), strict=True))


def is_to_be_repeated(found):
    return found is Outcome.LATER or (isinstance(found, type) and issubclass(found, WalletDown))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.value)
def test_fifty_deliveries_survive(apns, wallet, fault, caplog):
    caplog.set_level(logging.DEBUG, logger="wallet_apple")
    due = set(range(DELIVERIES))
    ended: dict = {}

    def rounds(number):
        for _ in range(number):
            for each, found in push(wallet, sorted(due)).items():
                if not is_to_be_repeated(found):
                    due.discard(each)
                    ended[each] = found

    apns.mode = fault
    rounds(ROUNDS_OF_TROUBLE)
    if fault in ENDS:
        assert set(ended.values()) == {ENDS[fault]}
        assert len(ended) == DELIVERIES
        due.update(ended)
    apns.mode = Mode.OK
    rounds(ROUNDS_AFTERWARDS)

    assert not due
    assert set(ended.values()) == {Outcome.DELIVERED}
    told = [apns.accepted().count(token(each)) for each in range(DELIVERIES)]
    assert min(told) >= 1
    assert max(told) <= 2  # at most one more than needed
    said = telling.said_by_us(caplog)
    assert not any(token(each) in said for each in range(DELIVERIES))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.value)
def test_a_fault_in_the_middle_of_a_batch(apns, wallet, fault):
    """What was answered before stays answered; nobody is told twice more than needed."""
    apns.limit(5)
    apns.fault_after(20, fault)
    first = push(wallet, range(DELIVERIES))
    fine = [each for each, found in first.items() if found is Outcome.DELIVERED]
    assert len(fine) >= 16  # answers on their way may be lost with the connection
    apns.mode = Mode.OK
    due = {each for each in range(DELIVERIES) if each not in fine}
    for _ in range(ROUNDS_AFTERWARDS):
        due = {each for each, found in push(wallet, due).items() if found is not Outcome.DELIVERED}
    assert not due
    told = [apns.accepted().count(token(each)) for each in range(DELIVERIES)]
    assert min(told) >= 1
    assert max(told) <= 2


def test_the_network_goes_and_comes_back(apns, wallet):
    assert set(push(wallet, range(10)).values()) == {Outcome.DELIVERED}
    apns.stop_listening()
    apns.drop_connections()
    assert all(issubclass(found, WalletError) for found in push(wallet, range(10, 20)).values())
    apns.listen()
    assert set(push(wallet, range(10, 20)).values()) == {Outcome.DELIVERED}
    assert len(apns.accepted()) == 20
