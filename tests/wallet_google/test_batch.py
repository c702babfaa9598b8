"""The batch endpoint as an option: a campaign's passes in one request, each as if it went alone."""

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from passes.wallet_port import (
    ContentRefused,
    Field,
    Installation,
    NotYet,
    Place,
    Reason,
    State,
    Style,
    WalletDown,
    WalletMisconfigured,
    WalletSettings,
)
from tests.fakes.google import EMAIL, ISSUER_ID
from tests.wallet_google.conftest import ANDROID, VISITS, AtOnce, clock, content, mount_it, mounted
from wallet_google import answered, batch
from wallet_google.batch import Call

PHONE = Installation("phone", {}, datetime(2026, 11, 1, tzinfo=UTC))
SERIALS = [f"{number:012d}" for number in range(5)]


class Turns:
    """An Issuer that counts turns, and gives the first ``given`` of them."""

    def __init__(self) -> None:
        self.given = 10**6
        self.asked: list[bool] = []

    def turn(self, wallet: str, subject: str, pace: float, *, urgent: bool) -> float:
        assert (wallet, subject) == ("google", EMAIL)
        if len(self.asked) >= self.given:
            raise NotYet("never")
        self.asked.append(urgent)
        return 0.0


@pytest.fixture
def turns():
    return Turns()


@pytest.fixture
def wallet(example_folder, google, turns):
    return mounted(
        example_folder, issuer=turns, GOOGLE_API_BASE=google.api_base, GOOGLE_BATCH="100"
    )


@pytest.fixture
def cards(wallet, google, account, turns):
    """Five cards that Google has, of which the requests so far are forgotten."""
    made = [content(serial=serial, account=account) for serial in SERIALS]
    for card in made:
        wallet.offer(card, ANDROID)
    google.requests.clear()
    turns.asked.clear()
    return made


def changed(cards, visits: int = 8, **changes):
    return [
        replace(
            card,
            version=card.version + 1,
            fields=(replace(VISITS, value=visits), *card.fields[1:]),
            **changes,
        )
        for card in cards
    ]


def push(wallet, cards, reason=Reason.CONTENT, urgent=False):
    return wallet.push_many([(card, [PHONE], reason) for card in cards], urgent=urgent)


def shown(google) -> list[object]:
    return [
        google.resources[f"loyaltyObject/{ISSUER_ID}.{serial}"]["loyaltyPoints"]["balance"]["int"]
        for serial in SERIALS
    ]


# --- one request ---------------------------------------------------------------------------------


def test_a_campaign_goes_in_one_request_and_takes_a_turn_for_each(wallet, google, cards, turns):
    answers = push(wallet, changed(cards))
    assert [each.size for each in google.batches] == [5]
    assert google.calls() == ["PATCH loyaltyObject"] * 5
    assert turns.asked == [False] * 5
    assert shown(google) == [8] * 5
    assert [[receipt.told for receipt in receipts] for receipts in answers] == [[True]] * 5


def test_a_till_never_waits_for_a_batch(wallet, google, cards):
    push(wallet, changed(cards), Reason.BALANCE, urgent=True)
    assert google.batches == []
    assert shown(google) == [8] * 5


def test_one_pass_alone_is_no_batch(wallet, google, cards):
    push(wallet, changed(cards[:1]))
    assert google.batches == []
    assert shown(google) == [8, 7, 7, 7, 7]


def test_without_the_setting_each_pass_has_its_own_request(example_folder, google, cards):
    wallet = mounted(example_folder, GOOGLE_API_BASE=google.api_base)
    assert wallet.together == 1
    push(wallet, changed(cards))
    assert google.batches == []
    assert shown(google) == [8] * 5


def test_balances_are_announced_from_a_batch_too(wallet, google, cards):
    answers = push(wallet, changed(cards), Reason.BALANCE)
    assert [receipt.loud for [receipt] in answers] == [True] * 5
    assert [google.announced(f"{ISSUER_ID}.{serial}") for serial in SERIALS] == [1] * 5


def test_cards_of_several_accounts_go_in_a_batch_each(wallet, google, cards, account):
    other = replace(account, id="account-2")
    for card in cards[3:]:
        wallet.offer(replace(card, account=other), ANDROID)
    google.requests.clear()
    mixed = changed(cards[:3]) + changed(cards[3:], account=other)
    push(wallet, mixed)
    assert sorted(each.size for each in google.batches) == [2, 3]
    assert shown(google) == [8] * 5


# --- each as if it went alone --------------------------------------------------------------------


def test_what_google_does_not_have_is_inserted(wallet, google, cards):
    del google.resources[f"loyaltyObject/{ISSUER_ID}.{SERIALS[2]}"]
    answers = push(wallet, changed(cards))
    assert len(google.batches) == 1
    assert google.calls() == ["PATCH loyaltyObject"] * 5 + ["POST loyaltyObject"]
    assert shown(google) == [8] * 5
    assert [len(receipts) for receipts in answers] == [1] * 5


def test_who_was_told_too_often_today_is_updated_silently(wallet, google, cards):
    spent = f"{ISSUER_ID}.{SERIALS[1]}"
    google.rules.announced[spent, "update"] = 3
    answers = push(wallet, changed(cards), Reason.BALANCE)
    assert [receipt.loud for [receipt] in answers] == [True, False, True, True, True]
    assert shown(google) == [8] * 5


def test_an_expiry_that_was_lifted_is_taken_away(wallet, google, cards):
    push(wallet, changed(cards, expires_at=datetime(2027, 1, 1, tzinfo=UTC)))
    push(wallet, [replace(card, version=9, expires_at=None) for card in cards])
    assert [each.size for each in google.batches] == [5, 5]
    kept = [google.resources[f"loyaltyObject/{ISSUER_ID}.{serial}"] for serial in SERIALS]
    assert not any("validTimeInterval" in each for each in kept)


def test_withdrawn_cards_say_nothing_of_their_holders(wallet, google, cards):
    push(wallet, [replace(card, version=9, state=State.VOID) for card in cards], Reason.STATE)
    assert google.calls() == ["PUT loyaltyObject"] * 5
    assert len(google.batches) == 1
    kept = [google.resources[f"loyaltyObject/{ISSUER_ID}.{serial}"] for serial in SERIALS]
    assert not any("accountName" in each or "barcode" in each for each in kept)


def test_a_pass_that_google_would_not_take_leaves_the_others_alone(wallet, google, cards):
    bad = Field("web", {"de": "Netz"}, {"de": "x"}, Place.BACK, link="")
    mixed = changed(cards)
    mixed[1] = replace(mixed[1], fields=(*mixed[1].fields, bad))
    answers = push(wallet, mixed)
    assert isinstance(answers[1], ContentRefused)
    assert [each.size for each in google.batches] == [4]
    assert shown(google) == [8, 7, 8, 8, 8]


def test_what_is_there_already_is_not_sent(wallet, google, cards):
    push(wallet, changed(cards[:2]))
    google.batches.clear()
    push(wallet, changed(cards))
    assert [each.size for each in google.batches] == [3]
    assert shown(google) == [8] * 5


def test_coupons_and_memberships_go_together_with_the_others(wallet, google, cards, account):
    others = [
        content(serial=f"90000000000{number}", account=account, style=style, template=f"t-{number}")
        for number, style in enumerate((Style.COUPON, Style.GIFT, Style.MEMBERSHIP))
    ]
    for card in others:
        wallet.offer(card, ANDROID)
    google.requests.clear()
    push(wallet, changed(cards[:2]) + changed(others))
    assert [each.size for each in google.batches] == [5]
    assert {call.partition(" ")[2] for call in google.calls()} == {
        "loyaltyObject",
        "offerObject",
        "giftCardObject",
        "genericObject",
    }


# --- faults --------------------------------------------------------------------------------------


def test_a_token_that_google_no_longer_takes_is_replaced_once(wallet, google, cards):
    google.revoke_tokens()
    google.token_requests.clear()
    push(wallet, changed(cards))
    assert len(google.token_requests) == 1
    assert [each.size for each in google.batches] == [5, 5]
    assert shown(google) == [8] * 5


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
def test_a_batch_that_is_refused_is_tried_again_later(wallet, google, cards, status):
    google.batch_status = status
    answers = push(wallet, changed(cards))
    assert [type(each) for each in answers] == [WalletDown] * 5
    assert {str(each) for each in answers} == {f"Google's batch endpoint answered {status}"}
    assert google.calls() == []
    google.batch_status = 200
    push(wallet, changed(cards))
    assert shown(google) == [8] * 5


def test_an_answer_that_is_missing_is_asked_for_alone(wallet, google, cards):
    google.lost_parts = {1, 3}
    answers = push(wallet, changed(cards))
    assert google.calls() == ["PATCH loyaltyObject"] * 7
    assert [len(receipts) for receipts in answers] == [1] * 5
    assert shown(google) == [8] * 5


def test_an_answer_that_gets_lost_is_no_success(wallet, google, cards):
    google.lost_parts = set(range(5))
    answers = push(wallet, changed(cards))
    assert all(isinstance(each, WalletDown) for each in answers)
    google.lost_parts = set()
    push(wallet, changed(cards))  # nobody knows what Google has: it is sent again
    assert len(google.calls()) == 10


def test_a_part_that_failed_says_so_of_its_card_only(wallet, google, cards):
    google.refuse(503, only_if=f'"{ISSUER_ID}.{SERIALS[0]}"', headers={"Retry-After": "7"})
    answers = push(wallet, changed(cards))
    assert isinstance(answers[0], WalletDown)
    assert answers[0].retry_after == 7
    assert shown(google) == [7, 8, 8, 8, 8]


def test_what_had_no_turn_stays_for_later(wallet, google, cards, turns):
    turns.given = 3
    answers = push(wallet, changed(cards))
    assert [type(each) for each in answers[3:]] == [NotYet, NotYet]
    assert [each.size for each in google.batches] == [3]
    assert shown(google) == [8, 8, 8, 7, 7]


def test_what_follows_a_batch_does_not_outlive_the_lease(wallet, google, cards, monkeypatch):
    monkeypatch.setattr(answered, "LONGEST", -1.0)
    google.lost_parts = {1}
    answers = push(wallet, changed(cards))
    assert isinstance(answers[1], NotYet)
    assert [len(each) for each in answers if not isinstance(each, NotYet)] == [1] * 4


def test_nobody_else_sends_a_card_that_is_in_a_batch(wallet, google, cards):
    """Of two changes Google must keep the newer one, in whatever way they went."""
    inside, go_on = threading.Event(), threading.Event()

    def hold(request) -> None:
        inside.set()
        assert go_on.wait(10)

    google.before_answering = hold
    bulk = threading.Thread(target=push, args=(wallet, changed(cards)))
    bulk.start()
    assert inside.wait(10)
    newer = replace(changed(cards[:1], 9)[0], version=9)
    till = threading.Thread(target=push, args=(wallet, [newer], Reason.BALANCE, True))
    till.start()
    go_on.set()
    bulk.join()
    till.join()
    assert google.calls() == ["PATCH loyaltyObject"] * 6
    assert shown(google) == [9, 8, 8, 8, 8]


# --- the setting ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "pace", "together"),
    [("", "", 1), ("1", "", 1), ("20", "", 20), ("100", "", 30), ("100", "20", 40), ("9", "1", 2)],
)
def test_a_batch_takes_no_more_turns_than_come_in_two_seconds(
    tmp_path, google, given, pace, together
):
    wallet = mounted(
        tmp_path, GOOGLE_API_BASE=google.api_base, GOOGLE_BATCH=given, GOOGLE_PACE=pace
    )
    assert wallet.together == together


@pytest.mark.parametrize("given", ["0", "101", "-1", "1.5", "many", "²"])
def test_a_size_that_cannot_be_is_refused_by_name(tmp_path, given):
    settings = WalletSettings(
        "https://a.example", tmp_path, {"TREUEPASS_GOOGLE_BATCH": given}, clock
    )
    with pytest.raises(WalletMisconfigured, match="TREUEPASS_GOOGLE_BATCH must be a whole number"):
        mount_it(settings, AtOnce())


# --- what stands in a batch ----------------------------------------------------------------------


def test_the_parts_of_a_batch_are_whole_requests():
    calls = [Call("PATCH", "loyaltyObject/1.a", {"id": "ü"}), Call("PUT", "offerObject/1.b", {})]
    assert batch.written(calls, "/walletobjects/v1", "x") == (
        b"--x\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
        b"Content-ID: <0>\r\n\r\n"
        b"PATCH /walletobjects/v1/loyaltyObject/1.a HTTP/1.1\r\nContent-Type: application/json\r\n"
        b'Content-Length: 15\r\n\r\n{"id":"\\u00fc"}\r\n'
        b"--x\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
        b"Content-ID: <1>\r\n\r\n"
        b"PUT /walletobjects/v1/offerObject/1.b HTTP/1.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: 2\r\n\r\n{}\r\n--x--\r\n"
    )


PART = b"--x\r\nContent-Type: application/http\r\nContent-ID: <response-%d>\r\n\r\n%b\r\n"
FINE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize(
    ("received", "found"),
    [
        (PART % (0, FINE) + b"--x--", [200, None]),
        (PART % (1, FINE) + PART % (0, b"HTTP/1.1 404 Not Found\r\n\r\n") + b"--x--", [404, 200]),
        (PART % (7, FINE) + b"--x--", [None, None]),  # of nothing that was asked
        (PART % (0, b"no answer at all") + b"--x--", [None, None]),
        (PART % (0, b"HTTP/1.1 2xx\r\n\r\n") + b"--x--", [None, None]),
        (PART % (0, FINE), [200, None]),  # cut off
        (b"<html>", [None, None]),
        (b"", [None, None]),
    ],
)
def test_answers_are_found_by_their_name_and_rubbish_is_none(received, found):
    answers = batch.read("multipart/mixed; boundary=x", received, 2)
    assert [each and each[0] for each in answers] == found


@pytest.mark.parametrize("content_type", ["", "application/json", "multipart/mixed", "text/plain"])
def test_an_answer_that_is_no_batch_has_no_parts(content_type):
    assert batch.read(content_type, PART % (0, FINE) + b"--x--", 1) == [None]
