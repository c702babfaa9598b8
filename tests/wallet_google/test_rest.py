"""The wallet against a Google on loopback: what is sent, when, and what each refusal means."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from passes.wallet_port import (
    Account,
    Amount,
    ContentRefused,
    Installation,
    Outcome,
    Reason,
    State,
    Style,
    WalletDown,
    WalletMisconfigured,
)
from tests.fakes.google import EMAIL, ISSUER_ID
from tests.wallet_google.conftest import ANDROID, CREDIT, VISITS, content, mounted
from wallet_google.objects import family

OBJECT = f"loyaltyObject/{ISSUER_ID}.123456789012"
CLASS = f"loyaltyClass/{ISSUER_ID}.{content().template}"
PHONE = Installation("phone", {}, datetime(2026, 11, 1, tzinfo=UTC))


@pytest.fixture
def card(account):
    """A card of a merchant with a Google account."""
    return content(account=account)


def visits(card, number: int):
    return replace(card, fields=(replace(VISITS, value=number), *card.fields[1:]))


# --- inserting -----------------------------------------------------------------------------------


def test_an_offer_puts_class_and_object_at_google(wallet, google, card):
    wallet.offer(card, ANDROID)
    assert google.calls() == ["POST loyaltyClass", "POST loyaltyObject"]
    assert google.resources[OBJECT]["loyaltyPoints"]["balance"] == {"int": 7}
    assert google.resources[CLASS]["programName"] == "Treuekarte"


@pytest.mark.parametrize("style", Style)
def test_each_style_has_its_family(wallet, google, card, style):
    styled = replace(card, style=style)
    wallet.offer(styled, ANDROID)
    wallet.push(replace(styled, state=State.EXPIRED), [PHONE], Reason.STATE)
    name = family(style)
    assert google.calls() == [f"POST {name}Class", f"POST {name}Object", f"PATCH {name}Object"]


def test_what_google_has_already_is_brought_up_to_date(wallet, google, card, example_folder):
    wallet.offer(card, ANDROID)
    other_process = mounted(example_folder, GOOGLE_API_BASE=google.api_base)
    google.requests.clear()
    other_process.offer(visits(card, 9), ANDROID)
    assert google.calls() == [
        "POST loyaltyClass",
        "PATCH loyaltyClass",
        "POST loyaltyObject",
        "PATCH loyaltyObject",
    ]
    assert google.requests[1].body["reviewStatus"] == "UNDER_REVIEW"
    assert google.resources[OBJECT]["loyaltyPoints"]["balance"] == {"int": 9}


def test_a_class_is_sent_once_for_each_version_of_its_template(wallet, google, card):
    for serial in ("000000000001", "000000000002", "000000000003"):
        wallet.offer(replace(card, serial=serial), ANDROID)
    assert google.calls().count("POST loyaltyClass") == 1
    wallet.offer(replace(card, template_version=2), ANDROID)
    wallet.offer(replace(card, merchant="Café Kranz am Markt", template_version=2), ANDROID)
    assert google.calls().count("PATCH loyaltyClass") == 2
    assert google.resources[CLASS]["issuerName"] == "Café Kranz am Markt"


def test_a_class_that_went_away_is_sent_again(wallet, google, card):
    wallet.offer(card, ANDROID)
    google.resources.clear()
    wallet.offer(card, ANDROID)
    assert set(google.resources) == {CLASS, OBJECT}


def test_a_body_that_google_would_refuse_never_leaves(wallet, google, card):
    with pytest.raises(ContentRefused, match=r"^LoyaltyClass\.hexBackgroundColor "):
        wallet.offer(replace(card, look=replace(card.look, background="brown")), ANDROID)
    with pytest.raises(ContentRefused, match=r"^LoyaltyObject\.barcode\.value "):
        wallet.offer(replace(card, code=""), ANDROID)
    assert google.calls() == ["POST loyaltyClass"]


# --- updating ------------------------------------------------------------------------------------


def test_a_new_balance_is_one_patch_that_notifies(wallet, google, card):
    wallet.offer(card, ANDROID)
    google.requests.clear()
    receipts = wallet.push(visits(card, 8), [PHONE], Reason.BALANCE)
    assert [(receipt.outcome, receipt.loud) for receipt in receipts] == [(Outcome.DELIVERED, True)]
    assert google.calls() == ["PATCH loyaltyObject"]
    assert google.requests[0].body["notifyPreference"] == "NOTIFY_ON_UPDATE"
    assert google.resources[OBJECT]["loyaltyPoints"]["balance"] == {"int": 8}


@pytest.mark.parametrize("reason", [Reason.CONTENT, Reason.STATE, Reason.MESSAGE])
def test_other_changes_are_silent(wallet, google, card, reason):
    wallet.offer(card, ANDROID)
    receipts = wallet.push(visits(card, 8), [PHONE], reason)
    assert google.calls()[-1] == "PATCH loyaltyObject"
    assert "notifyPreference" not in google.requests[-1].body
    assert [receipt.loud for receipt in receipts] == [False]


def test_a_pass_without_known_installations_is_told_too(wallet, google, card):
    wallet.offer(card, ANDROID)
    assert list(wallet.push(visits(card, 8), [], Reason.BALANCE)) == []
    assert google.resources[OBJECT]["loyaltyPoints"]["balance"] == {"int": 8}


def test_google_learns_nothing_of_a_customer_who_did_not_choose_it(wallet, google, card):
    wallet.push(card, [], Reason.BALANCE)
    assert set(google.resources) == {CLASS}
    assert "PATCH loyaltyObject" in google.calls()
    assert "POST loyaltyObject" not in google.calls()


def test_an_installed_pass_that_google_lost_is_inserted_again(wallet, google, card):
    wallet.push(card, [PHONE], Reason.BALANCE)
    assert OBJECT in google.resources
    assert "notifyPreference" not in google.resources[OBJECT]


def test_what_left_the_card_leaves_google_too(wallet, google, card):
    dated = replace(card, expires_at=datetime(2027, 1, 1, tzinfo=UTC))
    wallet.offer(dated, ANDROID)
    google.requests.clear()
    wallet.push(replace(card, holder=""), [PHONE], Reason.BALANCE)
    assert google.calls() == ["PATCH loyaltyObject", "PUT loyaltyObject"]
    kept = google.resources[OBJECT]
    assert not {"validTimeInterval", "accountName", "notifyPreference"} & set(kept)


def test_a_count_that_outgrows_32_bits_leaves_no_second_balance(wallet, google, card):
    wallet.offer(visits(card, 2**31 - 1), ANDROID)
    wallet.push(visits(card, 2**31), [PHONE], Reason.BALANCE)
    balance = google.resources[OBJECT]["loyaltyPoints"]["balance"]
    assert balance == {"string": "2.147.483.648"}


def test_beyond_the_days_notifications_the_change_goes_silently(wallet, google, card):
    wallet.offer(card, ANDROID)
    for number in (8, 9, 10):
        [receipt] = wallet.push(visits(card, number), [PHONE], Reason.BALANCE)
        assert receipt.loud
    google.requests.clear()
    [receipt] = wallet.push(visits(card, 11), [PHONE], Reason.BALANCE)
    assert (receipt.outcome, receipt.loud) == (Outcome.DELIVERED, False)
    assert google.resources[OBJECT]["loyaltyPoints"]["balance"] == {"int": 11}
    assert google.calls() == ["PATCH loyaltyObject", "PATCH loyaltyObject"]
    assert "notifyPreference" not in google.requests[-1].body
    assert google.announced(OBJECT.partition("/")[2]) == 3


def test_one_refused_card_leaves_the_others_of_a_batch_untouched(wallet, google, card):
    bad = replace(card, serial="000000000001", code="")
    good = visits(replace(card, serial="000000000002"), 5)
    answers = wallet.push_many([(bad, [PHONE], Reason.BALANCE), (good, [PHONE], Reason.BALANCE)])
    assert isinstance(answers[0], ContentRefused)
    assert [receipt.outcome for receipt in answers[1]] == [Outcome.DELIVERED]


# --- tokens --------------------------------------------------------------------------------------


def test_one_token_serves_many_requests(wallet, google, card):
    for _ in range(3):
        wallet.push(card, [PHONE], Reason.BALANCE)
    assert len(google.token_requests) == 1


def test_a_refused_token_is_replaced_once(wallet, google, card):
    wallet.offer(card, ANDROID)
    google.revoke_tokens()
    wallet.push(visits(card, 8), [PHONE], Reason.CONTENT)
    assert len(google.token_requests) == 2
    assert google.calls()[-2:] == ["PATCH loyaltyObject", "PATCH loyaltyObject"]


def test_a_token_that_is_refused_again_is_the_accounts_fault(wallet, google, card):
    google.refuse(401, times=9)
    with pytest.raises(WalletMisconfigured, match=EMAIL):
        wallet.offer(card, ANDROID)
    assert len(google.requests) == 2


def test_a_token_near_its_end_is_not_used(wallet, google, card):
    google.token_lifetime = 225
    wallet.offer(card, ANDROID)
    assert len(google.token_requests) == 2  # one for the class, one for the object


def test_many_threads_fetch_one_token(wallet, google, card):
    start = threading.Barrier(8)

    def push(number: int) -> None:
        start.wait()
        wallet.push(replace(card, serial=f"{number:012d}"), [PHONE], Reason.BALANCE)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(push, range(8)))
    assert len(google.token_requests) == 1
    assert sum(path.startswith("loyaltyObject/") for path in google.resources) == 8


def test_a_key_that_google_does_not_know(wallet, google, card):
    foreign = json.loads(google.account())
    foreign["service_account"]["private_key"] = (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        .decode()
    )
    with pytest.raises(WalletMisconfigured, match="Invalid JWT Signature"):
        wallet.offer(replace(card, account=Account("other", 1, json.dumps(foreign))), ANDROID)
    assert google.requests == []


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "reason", "raised", "sentence"),
    [
        (400, "invalid", ContentRefused, "Refused by the test"),
        (400, "invalidResource", ContentRefused, "Refused by the test"),
        (413, "", ContentRefused, "Refused by the test"),
        (403, "permissionDenied", WalletMisconfigured, "Invite this address as a Developer"),
        (403, "", WalletMisconfigured, f"{EMAIL} work for issuer {ISSUER_ID}"),
        (403, "accessNotConfigured", WalletMisconfigured, "Enable it in the Google Cloud Console"),
        (403, "rateLimitExceeded", WalletDown, "slower"),
        (403, "userRateLimitExceeded", WalletDown, "slower"),
        (403, "quotaExceeded", WalletDown, "Refused by the test"),
        (429, "", WalletDown, "429"),
        (500, "", WalletDown, "500"),
        (503, "backendError", WalletDown, "503"),
        (302, "", WalletDown, "302"),
    ],
)
def test_what_a_refusal_means(wallet, google, card, status, reason, raised, sentence):
    google.refuse(status, reason)
    with pytest.raises(raised, match=sentence):
        wallet.offer(card, ANDROID)
    assert len(google.requests) == 1


@pytest.mark.parametrize("pause", ["7", "date"])
def test_a_pause_that_google_asks_for_is_passed_on(wallet, google, card, pause):
    later = datetime.now(UTC).replace(microsecond=0).timestamp() + 90
    value = (
        "7" if pause == "7" else format_datetime(datetime.fromtimestamp(later, UTC), usegmt=True)
    )
    google.refuse(503, headers={"Retry-After": value})
    with pytest.raises(WalletDown) as down:
        wallet.offer(card, ANDROID)
    assert down.value.retry_after == (7 if pause == "7" else pytest.approx(90, abs=5))


@pytest.mark.parametrize(
    "raw", [b"", b"<html>", b"[1]", b'{"error":"text"}', b'{"error":{"code":1}}']
)
def test_answers_of_any_shape_are_understood_by_their_status(wallet, google, card, raw):
    google.refuse(503, raw=raw)
    with pytest.raises(WalletDown):
        wallet.offer(card, ANDROID)


def test_an_endless_answer_is_cut_off(wallet, google, card):
    google.refuse(200, raw=b" " * 2_100_000)
    with pytest.raises(WalletDown, match="too long"):
        wallet.offer(card, ANDROID)


def test_nobody_at_the_other_end(example_folder, card):
    wallet = mounted(example_folder, GOOGLE_API_BASE="http://127.0.0.1:9")
    with pytest.raises(WalletDown, match="cannot be reached"):
        wallet.offer(card, ANDROID)


def test_a_redirect_is_not_followed(wallet, google, card):
    google.refuse(302, headers={"Location": f"{google.api_base}/elsewhere"})
    with pytest.raises(WalletDown):
        wallet.offer(card, ANDROID)
    assert [seen.path for seen in google.requests] == ["loyaltyClass"]


def test_a_failed_class_is_tried_again_next_time(wallet, google, card):
    google.refuse(503)
    with pytest.raises(WalletDown):
        wallet.offer(card, ANDROID)
    wallet.offer(card, ANDROID)
    assert set(google.resources) == {CLASS, OBJECT}


def test_money_reaches_google_exactly(wallet, google, card):
    cent = replace(CREDIT, value=Amount(1, "EUR"))
    wallet.offer(replace(card, fields=(VISITS, cent)), ANDROID)
    second = google.resources[OBJECT]["secondaryLoyaltyPoints"]["balance"]
    assert second == {"money": {"micros": "10000", "currencyCode": "EUR"}}


def test_requests_say_who_they_are_and_ask_for_compressed_answers(wallet, google, card):
    wallet.offer(card, ANDROID)
    headers = google.requests[0].headers
    assert "gzip" in headers["user-agent"]
    assert "gzip" in headers["accept-encoding"]
    assert headers["content-type"] == "application/json"
    assert headers["authorization"].startswith("Bearer ya29.")
