"""As few requests as a change takes: what this process sent last is not sent again."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from passes.wallet_port import Installation, Reason, State, Style, WalletDown
from tests.fakes.google import ISSUER_ID
from tests.wallet_google.conftest import ANDROID, VISITS, content, mounted
from wallet_google import rest
from wallet_google.objects import family
from wallet_google.sent import Mark, Sent

PHONE = Installation("phone", {}, datetime(2026, 11, 1, tzinfo=UTC))
OBJECT_ID = f"{ISSUER_ID}.123456789012"
OBJECT = f"loyaltyObject/{OBJECT_ID}"


@pytest.fixture
def card(account):
    return content(account=account)


@pytest.fixture
def other_process(example_folder, google):
    return mounted(example_folder, GOOGLE_API_BASE=google.api_base)


def at(card, version: int, number: int):
    return replace(card, version=version, fields=(replace(VISITS, value=number), *card.fields[1:]))


def shown(google) -> object:
    return google.resources[OBJECT]["loyaltyPoints"]["balance"]["int"]


# --- R-UPD: a change is one request --------------------------------------------------------------


def test_a_new_design_is_one_request_for_all_cards(wallet, google, card):
    cards = [replace(card, serial=f"{number:012d}") for number in range(5)]
    for each in cards:
        wallet.offer(each, ANDROID)
    google.requests.clear()
    redesigned = [
        replace(
            each,
            version=each.version + 1,
            template_version=2,
            look=replace(each.look, background="#112233"),
        )
        for each in cards
    ]
    answers = wallet.push_many(
        [(each, [PHONE], Reason.CONTENT) for each in redesigned], urgent=False
    )
    assert google.calls() == ["POST loyaltyClass", "PATCH loyaltyClass"]
    assert [len(answer) for answer in answers] == [1] * 5


def test_a_change_that_the_pass_does_not_show_costs_nothing(wallet, google, card):
    wallet.offer(card, ANDROID)
    google.requests.clear()
    wallet.push(at(card, 4, 7), [PHONE], Reason.CONTENT)
    assert google.requests == []


def test_a_balance_that_a_visitor_fetched_before_the_push_is_announced_all_the_same(
    wallet, google, card
):
    wallet.offer(at(card, 4, 8), ANDROID)
    google.requests.clear()
    [receipt] = wallet.push(at(card, 4, 8), [PHONE], Reason.BALANCE)
    assert receipt.loud
    assert google.calls() == ["PATCH loyaltyObject"]


def test_what_another_process_sent_in_between_is_overwritten(wallet, other_process, google, card):
    """An undo brings back the body that this process sent last; Google has another one by then."""
    wallet.push(at(card, 1, 7), [PHONE], Reason.CONTENT)
    other_process.push(at(card, 2, 8), [PHONE], Reason.CONTENT)
    assert shown(google) == 8
    wallet.push(at(card, 3, 7), [PHONE], Reason.CONTENT)
    assert shown(google) == 7


def test_what_was_drawn_earlier_does_not_replace_what_is_newer(wallet, google, card):
    """A visitor's click and a worker's push may overtake each other."""
    wallet.push(at(card, 5, 9), [PHONE], Reason.BALANCE)
    google.requests.clear()
    wallet.offer(at(card, 4, 8), ANDROID)
    wallet.push(at(card, 4, 8), [PHONE], Reason.BALANCE)
    older = replace(at(card, 6, 10), template_version=0, merchant="Before")
    wallet.push(older, [PHONE], Reason.CONTENT)
    assert google.calls() == ["PATCH loyaltyObject"]
    assert shown(google) == 10


def test_after_a_failure_nobody_knows_what_google_has(wallet, google, card):
    wallet.offer(card, ANDROID)
    google.refuse(503)
    with pytest.raises(WalletDown):
        wallet.push(at(card, 4, 8), [PHONE], Reason.CONTENT)
    google.requests.clear()
    wallet.push(at(card, 5, 7), [PHONE], Reason.CONTENT)
    assert google.calls() == ["PATCH loyaltyObject"]


def test_an_offer_sees_to_it_that_google_has_the_pass(wallet, google, card):
    wallet.offer(card, ANDROID)
    google.resources.pop(OBJECT)
    wallet.offer(card, ANDROID)
    assert OBJECT in google.resources


@pytest.mark.parametrize("announced", [True, False])
def test_a_class_is_sent_once_however_many_threads_need_it(wallet, google, card, announced):
    start = threading.Barrier(8)

    def bring(number: int) -> None:
        each = replace(card, serial=f"{number:012d}")
        start.wait()
        if announced:
            wallet.push(each, [PHONE], Reason.BALANCE)
        else:
            wallet.offer(each, ANDROID)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(bring, range(8)))
    assert google.calls().count("POST loyaltyClass") == 1
    assert google.calls().count("PATCH loyaltyClass") == 0


def test_a_class_that_one_thread_fails_to_send_is_sent_by_the_next(wallet, google, card):
    google.refuse(503, method="POST")
    start = threading.Barrier(2)

    def bring(number: int) -> bool:
        start.wait()
        try:
            wallet.offer(replace(card, serial=f"{number:012d}"), ANDROID)
        except WalletDown:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(bring, range(2))) == [False, True]
    assert google.calls().count("POST loyaltyClass") == 2


# --- announcements -------------------------------------------------------------------------------


@pytest.mark.parametrize("style", [style for style in Style if style is not Style.BALANCE])
def test_google_announces_balances_of_loyalty_cards_only(wallet, google, card, style):
    styled = replace(card, style=style)
    wallet.offer(styled, ANDROID)
    google.requests.clear()
    expired = replace(styled, version=4, state=State.EXPIRED)
    [receipt] = wallet.push(expired, [PHONE], Reason.BALANCE)
    assert google.calls() == [f"PATCH {family(style)}Object"]
    assert "notifyPreference" not in google.requests[-1].body
    assert not receipt.loud


def test_nobody_is_told_of_a_pass_that_nobody_has(wallet, google, card):
    wallet.offer(card, ANDROID)
    assert wallet.push(at(card, 4, 8), [], Reason.BALANCE) == []
    assert shown(google) == 8
    assert "notifyPreference" not in google.requests[-1].body


def test_a_quota_refusal_is_not_retried_but_downgraded(wallet, google, card):
    wallet.offer(card, ANDROID)
    google.requests.clear()
    google.refuse(403, "quotaExceeded", times=9, only_if="NOTIFY_ON_UPDATE")
    [receipt] = wallet.push(at(card, 4, 8), [PHONE], Reason.BALANCE)
    assert ["notifyPreference" in seen.body for seen in google.requests] == [True, False]
    assert not receipt.loud
    assert shown(google) == 8


# --- withdrawn cards -----------------------------------------------------------------------------


@pytest.mark.parametrize("style", Style)
def test_a_withdrawn_card_leaves_nothing_personal_at_google(wallet, google, card, style):
    styled = replace(card, style=style)
    name = f"{family(style)}Object"
    wallet.offer(styled, ANDROID)
    google.resources[f"{name}/{OBJECT_ID}"]["messages"] = [{"id": "m", "body": "Dear Anna"}]
    google.requests.clear()
    [receipt] = wallet.push(replace(styled, version=4, state=State.VOID), [PHONE], Reason.BALANCE)
    assert google.calls() == [f"PUT {name}"]
    kept = google.resources[f"{name}/{OBJECT_ID}"]
    assert kept["state"] == "INACTIVE"
    for secret in ("Anna", "0123456789ABCDEF", "/c/abc/", "12,34"):
        assert secret not in str(kept)
    assert not receipt.loud


def test_a_withdrawn_card_that_google_never_had_is_not_brought_there(wallet, google, card):
    void = replace(card, state=State.VOID)
    assert len(wallet.push(void, [PHONE], Reason.STATE)) == 1
    assert OBJECT not in google.resources
    assert google.calls() == ["POST loyaltyClass", "PUT loyaltyObject"]


def test_a_card_that_comes_back_is_whole_again(wallet, google, card):
    wallet.offer(card, ANDROID)
    before = google.resources[OBJECT]
    wallet.push(replace(card, version=4, state=State.VOID), [PHONE], Reason.STATE)
    wallet.push(replace(card, version=5), [PHONE], Reason.STATE)
    assert google.resources[OBJECT] == before


# --- what is remembered --------------------------------------------------------------------------


def test_memory_is_bounded_and_the_oldest_go():
    sent = Sent(most=2)
    for name in ("a", "b", "a", "c"):
        with sent.sending(name, Mark.of(1, {"id": name})):
            pass
    assert sent.last("b") is None
    assert sent.last("a") == Mark.of(1, {"id": "a"})
    assert sent.last("c") == Mark.of(1, {"id": "c"})


def test_a_mark_tells_bodies_apart_and_not_the_order_of_their_names():
    assert Mark.of(1, {"a": 1, "b": 2}) == Mark.of(1, {"b": 2, "a": 1})
    assert Mark.of(1, {"a": 1}) != Mark.of(1, {"a": 2})
    assert Mark.of(1, {"a": 1}) != Mark.of(2, {"a": 1})


def test_nothing_is_kept_of_who_waited():
    sent = Sent()
    with sent.alone("a"), pytest.raises(rest.NotThere), sent.alone("b"):
        raise rest.NotThere("gone")
    assert sent._busy == {}
