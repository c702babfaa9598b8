"""Google is asked whether it takes an account, and each refusal says what to do and where."""

from __future__ import annotations

import json
import socket

import pytest

from passes.wallet_port import Account
from tests.fakes.google import EMAIL, FakeGoogle
from tests.wallet_google.conftest import ANDROID, ISSUER_ID, content, mounted

CONSOLE = "Google Pay & Wallet Console"


@pytest.fixture
def account(google):
    return Account("own", 1, google.account(), ISSUER_ID)


def asked(google) -> list[str]:
    return [f"{seen.method} {seen.path}" for seen in google.requests]


def test_an_account_with_passes_has_nothing_to_be_said(wallet, google, account):
    wallet.offer(content(account=account), ANDROID)
    google.requests.clear()
    assert wallet.try_out(account) == []
    assert asked(google) == ["GET loyaltyClass", "GET loyaltyObject", "POST jwt/validate"]
    assert google.requests[0].query == {"issuerId": ISSUER_ID, "maxResults": "1"}
    assert google.requests[1].query["maxResults"] == "1"


def test_a_class_without_passes_has_no_link_to_try(wallet, google, account):
    wallet.offer(content(account=account), ANDROID)
    for name in [name for name in google.resources if name.startswith("loyaltyObject")]:
        del google.resources[name]
    google.requests.clear()
    assert wallet.try_out(account) == []
    assert asked(google) == ["GET loyaltyClass", "GET loyaltyObject"]


def test_a_new_issuer_hears_of_demo_mode_until_it_has_a_class(wallet, google, account):
    [hint] = wallet.try_out(account)
    assert (hint.wallet, hint.stops, hint.field) == ("google", False, None)
    for word in ("Demo mode", "[TEST ONLY]", "publishing access", CONSOLE):
        assert word in hint.sentence
    wallet.offer(content(account=account), ANDROID)
    assert wallet.try_out(account) == []


def test_what_google_refuses_for_certain_stops_and_says_what_to_do(wallet, google, account):
    for status, reason, field, words in (
        (401, "", "service_account", (EMAIL, "key", "clock")),
        (403, "permissionDenied", "service_account", (EMAIL, ISSUER_ID, "Developer", CONSOLE)),
        (403, "", "service_account", (EMAIL, ISSUER_ID, "Developer", CONSOLE)),
        (403, "accessNotConfigured", "service_account", ("Enable", "Google Cloud Console")),
        (403, "SERVICE_DISABLED", "service_account", ("Enable", "Google Cloud Console")),
        (400, "invalidResource", "issuer_id", (ISSUER_ID, CONSOLE)),
        (404, "", "issuer_id", (ISSUER_ID, CONSOLE)),
    ):
        # Twice: a token that Google does not take any more is replaced once.
        google.refuse(status, reason, times=2 if status == 401 else 1)
        [finding] = wallet.try_out(account)
        assert (finding.wallet, finding.stops, finding.field) == ("google", True, field), status
        for word in words:
            assert word in finding.sentence, (status, reason)


def test_a_key_that_was_deleted_gets_no_token(wallet, google, account):
    with FakeGoogle() as other:
        file = other.service_account() | {"token_uri": f"{google.address}/token"}
    data = json.dumps({"issuer_id": ISSUER_ID, "service_account": file})
    [finding] = wallet.try_out(Account("deleted", 1, data, ISSUER_ID))
    assert (finding.stops, finding.field) == (True, "service_account")
    for word in (EMAIL, "no access token", "key are still there", "Google Cloud Console", "clock"):
        assert word in finding.sentence
    assert google.requests == []


def test_without_a_clear_answer_nothing_is_held_against_the_account(wallet, google, account):
    for refusal in (
        {"status": 429},
        {"status": 500},
        {"status": 503, "raw": b"<html>"},
        {"status": 403, "reason": "rateLimitExceeded"},
        {"status": 302},
        {"status": 200, "raw": b"nonsense"},
        {"status": 200, "raw": b'{"resources": "x"}'},
        {"status": 200, "raw": b'{"resources": [5]}'},
    ):
        google.refuse(**refusal)
        findings = wallet.try_out(account)
        assert [finding.stops for finding in findings] == [False], refusal
        if refusal["status"] != 200:
            assert "could not be asked" in findings[0].sentence
            assert "doctor --online" in findings[0].sentence


def test_a_google_that_is_not_there_holds_nothing_against_the_account(example_folder, google):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    wallet = mounted(example_folder, GOOGLE_API_BASE=f"http://127.0.0.1:{port}/v1")
    [finding] = wallet.try_out(Account("own", 1, google.account(), ISSUER_ID))
    assert not finding.stops
    assert "cannot be reached" in finding.sentence


def test_links_that_google_refuses_stop_the_wallet_and_blame_no_field(wallet, google, account):
    wallet.offer(content(account=account), ANDROID)
    google.refuse(400, "invalid", message="Signer is not allowed.", only_if='"jwt"')
    [finding] = wallet.try_out(account)
    assert (finding.stops, finding.field) == (True, None)
    for word in (EMAIL, ISSUER_ID, "Signer is not allowed.", "Users", CONSOLE):
        assert word in finding.sentence


def test_a_link_that_could_not_be_tried_is_said_and_stops_nothing(wallet, google, account):
    wallet.offer(content(account=account), ANDROID)
    google.refuse(503, only_if='"jwt"')
    [finding] = wallet.try_out(account)
    assert not finding.stops
    assert "could not be asked" in finding.sentence


def test_of_an_account_that_cannot_be_read_check_speaks_and_google_is_not_asked(wallet, google):
    broken = Account("broken", 1, "{}", ISSUER_ID)
    assert wallet.try_out(broken) == []
    assert google.requests == google.token_requests == []
    [finding] = wallet.check(None, [broken])
    assert finding.stops


def test_no_finding_shows_a_secret(wallet, google, account):
    file = google.service_account()
    google.refuse(403, message=f"No: {ISSUER_ID}")
    said = [repr(finding) for finding in (*wallet.try_out(account), *wallet.try_out(account))]
    assert len(said) == 2
    for secret in (file["private_key"][40:80], "PRIVATE", "ya29"):
        assert not any(secret in each for each in said)
