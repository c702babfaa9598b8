"""Every row of Apple's table of answers, from the server to the receipt (spec: APNs, responses)."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from passes.wallet_port import Outcome, Reason, Receipt, WalletMisconfigured
from tests.fakes.apns import FakeApns
from tests.wallet_apple import telling
from tests.wallet_apple.telling import cards, content, device, outcomes, token

LATE = 1_900_000_000_000  # milliseconds, long after every registration here
BUGS = [
    "BadCollapseId", "BadExpirationDate", "BadMessageId", "BadPriority", "BadTopic",
    "DuplicateHeaders", "IdleTimeout", "InvalidPushType", "MissingDeviceToken", "MissingTopic",
    "PayloadEmpty", "TopicDisallowed",
]  # fmt: skip
OF_CREDENTIAL = [
    "BadCertificate", "BadCertificateEnvironment", "ExpiredProviderToken", "Forbidden",
    "InvalidProviderToken", "MissingProviderToken", "UnrelatedKeyIdInToken",
    "BadEnvironmentKeyIdInToken",
]  # fmt: skip


@pytest.fixture(scope="module")
def apns():
    with FakeApns(telling.certificates()) as server:
        yield server


@pytest.fixture
def wallet(apns):
    return telling.wallet_for(telling.settings_for(apns))


def push(wallet, number, days_ago=1.0):
    place = device(token(number), days_ago)
    [receipt] = wallet.push(content(number), [place], Reason.BALANCE)
    return receipt


@pytest.mark.parametrize(
    ("status", "reason", "outcome", "retry_after"),
    [
        (200, "", Outcome.DELIVERED, None),
        (400, "BadDeviceToken", Outcome.GONE, None),
        (400, "DeviceTokenNotForTopic", Outcome.REFUSED, None),
        *[(400, reason, Outcome.REFUSED, None) for reason in BUGS],
        (404, "BadPath", Outcome.REFUSED, None),
        (405, "MethodNotAllowed", Outcome.REFUSED, None),
        (413, "PayloadTooLarge", Outcome.REFUSED, None),
        (429, "TooManyRequests", Outcome.LATER, 60),
        (500, "InternalServerError", Outcome.LATER, 900),
        (503, "ServiceUnavailable", Outcome.LATER, 900),
        (503, "Shutdown", Outcome.LATER, 900),
    ],
)
def test_what_an_answer_becomes(apns, wallet, status, reason, outcome, retry_after):
    apns.answer(token(1), status, reason)
    receipt = push(wallet, 1)
    assert (receipt.outcome, receipt.retry_after) == (outcome, retry_after)
    assert reason in receipt.detail
    assert token(1) not in str(receipt)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_the_time_that_apple_names_counts(apns, wallet, status):
    apns.answer(token(2), status, "ServiceUnavailable", headers={"retry-after": "7"})
    assert push(wallet, 2).retry_after == 7


@pytest.mark.parametrize("said", ["soon", "-1", "1e9", "Wed, 21 Oct 2026 07:28:00 GMT", "9" * 40])
def test_an_odd_time_counts_as_none(apns, wallet, said):
    apns.answer(token(2), 503, "ServiceUnavailable", headers={"retry-after": said})
    assert push(wallet, 2).retry_after == 900


@pytest.mark.parametrize("reason", ["Unregistered", "ExpiredToken"])
def test_410_means_gone(apns, wallet, reason):
    apns.answer(token(3), 410, reason, timestamp=LATE)
    assert push(wallet, 3).outcome is Outcome.GONE


def test_410_without_a_time_means_gone(apns, wallet):
    apns.answer(token(3), 410, "Unregistered")
    assert push(wallet, 3).outcome is Outcome.GONE


def milliseconds(days_ago: float) -> int:
    return int((datetime.now(UTC) - timedelta(days=days_ago)).timestamp() * 1000)


def test_410_from_before_the_registration_does_not_remove_it(apns, wallet):
    """The device registered a minute ago: Apple will know of it soon."""
    apns.answer(token(4), 410, "Unregistered", timestamp=milliseconds(2))
    receipt = push(wallet, 4, days_ago=1 / 1440)
    assert (receipt.outcome, receipt.retry_after) == (Outcome.LATER, 60)


def test_410_from_before_the_registration_ends_nevertheless(apns, wallet):
    """Long after the registration there is nothing to wait for, and still no reason to remove."""
    apns.answer(token(4), 410, "Unregistered", timestamp=milliseconds(2))
    assert push(wallet, 4, days_ago=1).outcome is Outcome.REFUSED


def test_410_at_the_moment_of_the_registration_means_gone(apns, wallet):
    place = device(token(4))
    moment = int(place.registered_at.timestamp() * 1000) + 1
    apns.answer(token(4), 410, "Unregistered", timestamp=moment)
    [receipt] = wallet.push(content(), [place], Reason.BALANCE)
    assert receipt.outcome is Outcome.GONE


@pytest.mark.parametrize("reason", OF_CREDENTIAL)
def test_403_stops_the_credential_and_says_what_to_do(apns, wallet, reason):
    apns.answer(token(5), 403, reason)
    with pytest.raises(WalletMisconfigured, match=r"(?s)(import it|Check TREUEPASS_APNS_KEY)"):
        push(wallet, 5)


def test_after_403_nothing_more_is_sent(apns, wallet):
    """Of 300 pushes only those go out that were on their way when the first answer came."""
    before = len(apns.pushes)
    for number in range(100, 400):
        apns.answer(token(number), 403, "Forbidden")
    answers = wallet.push_many(cards(range(100, 400)))
    assert all(isinstance(answer, WalletMisconfigured) for answer in answers)
    assert len(apns.pushes) - before <= 100


def test_what_came_before_403_was_delivered(apns, wallet):
    apns.answer(token(7), 403, "Forbidden")
    answers = wallet.push_many(cards([6, 7]))
    assert outcomes(answers) == [Outcome.DELIVERED, WalletMisconfigured]


def test_429_for_the_credential_makes_all_wait(apns, wallet):
    apns.limit(1)
    apns.answer(token(8), 429, "TooManyProviderTokenUpdates")
    try:
        receipts = [answer[0] for answer in wallet.push_many(cards([8, 9, 10]))]
    finally:
        apns.limit(100)
    assert [receipt.outcome for receipt in receipts] == [Outcome.LATER] * 3
    assert {receipt.retry_after for receipt in receipts} == {1200}


def test_one_devices_answer_is_its_own(apns, wallet):
    apns.answer(token(12), 410, "Unregistered", timestamp=LATE)
    apns.answer(token(13), 429, "TooManyRequests")
    places = [device(token(number)) for number in (11, 12, 13, 14)]
    receipts = wallet.push(content(), places, Reason.STATE)
    assert [receipt.outcome for receipt in receipts] == [
        Outcome.DELIVERED, Outcome.GONE, Outcome.LATER, Outcome.DELIVERED,
    ]  # fmt: skip


def test_devices_without_apples_push_fetch_by_themselves(apns, wallet):
    before = len(apns.pushes)
    places = [
        device(token(1), scheme="AndroidPass"),
        device("", scheme="WalletUnionPass"),
        device(""),
    ]
    receipts = wallet.push(content(), places, Reason.BALANCE)
    assert all(receipt.outcome is Outcome.DELIVERED for receipt in receipts)
    assert all("by itself" in receipt.detail and not receipt.told for receipt in receipts)
    assert len(apns.pushes) == before


@pytest.mark.parametrize("odd", ["../../4/x", "a b", "ä", "a\r\nx: y", "0" * 201, "%2e"])
def test_what_cannot_be_a_token_never_leaves(apns, wallet, odd):
    before = len(apns.pushes)
    [receipt] = wallet.push(content(), [device(odd)], Reason.BALANCE)
    assert receipt.outcome is Outcome.GONE
    assert len(apns.pushes) == before


def test_alarms_are_logged_once_for_each_reason_and_without_a_token(apns, wallet, caplog):
    caplog.set_level(logging.DEBUG)
    for _ in range(2):
        for number, reason in ((15, "DeviceTokenNotForTopic"), (16, "BadTopic")):
            apns.answer(token(number), 400, reason)
        wallet.push_many(cards([15, 16]))
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 2
    assert "DeviceTokenNotForTopic" in errors[0]
    assert "BadTopic" in errors[1]
    assert not any(token(number) in telling.said_by_us(caplog) for number in (15, 16))


@pytest.mark.parametrize("reason", [token(17), "line\nbreak", "ü", "two words", ""])
def test_an_odd_reason_is_not_passed_on(apns, wallet, reason, caplog):
    apns.answer(token(17), 400, reason)
    assert push(wallet, 17) == Receipt(Outcome.REFUSED, "Apple answered 400")
    assert token(17) not in telling.said_by_us(caplog)


def test_what_is_asked_of_apple(apns, wallet):
    before = len(apns.pushes)
    push(wallet, 18)
    [seen] = apns.pushes[before:]
    assert seen.body == b"{}"
    assert seen.token == token(18)
    expiration = int(seen.headers.pop("apns-expiration"))
    assert 86_000 < expiration - datetime.now(UTC).timestamp() < 87_000
    assert seen.headers == {
        ":method": "POST", ":scheme": "https", ":authority": apns.url.removeprefix("https://"),
        ":path": f"/3/device/{token(18)}", "apns-topic": telling.TOPIC,
        "apns-push-type": "background", "apns-priority": "5",
    }  # fmt: skip


def test_push_type_and_priority_can_be_set(apns):
    settings = telling.settings_for(
        apns, TREUEPASS_APNS_PUSH_TYPE="none", TREUEPASS_APNS_PRIORITY="10"
    )
    before = len(apns.pushes)
    push(telling.wallet_for(settings), 19)
    headers = apns.pushes[before].headers
    assert "apns-push-type" not in headers
    assert headers["apns-priority"] == "10"
