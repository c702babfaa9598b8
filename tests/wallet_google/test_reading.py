"""What is read from Google: one, pages of many, messages that must not come twice, judgements."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import requests

from passes.wallet_port import (
    ContentRefused,
    Installation,
    Reason,
    Reconciles,
    Style,
    WalletDown,
    WalletMisconfigured,
)
from tests.fakes.google import ISSUER_ID
from tests.fakes.google_rules import MOST_MESSAGES
from tests.wallet_google.conftest import ANDROID, content
from wallet_google import rest
from wallet_google.credentials import Credentials
from wallet_google.read_back import sendable
from wallet_google.schema import check
from wallet_google.transport import HttpTransport, Unanswered

OBJECT_ID = f"{ISSUER_ID}.123456789012"
OBJECT = f"loyaltyObject/{OBJECT_ID}"
CLASS_ID = f"{ISSUER_ID}.{content().template}"
Line = tuple[HttpTransport, Credentials]
PHONE = Installation("phone", {}, datetime(2026, 11, 1, tzinfo=UTC))
NEWS = {"id": "m-1", "header": "News", "body": "Open on Sunday", "messageType": "TEXT_AND_NOTIFY"}


@pytest.fixture
def card(account):
    return content(account=account)


@pytest.fixture
def line(wallet, card, google):
    """Transport and credentials of a merchant whose one card is at Google."""
    wallet.offer(card, ANDROID)
    google.requests.clear()
    return wallet._transport, wallet._credentials.of(card.account)


def offered(wallet, card, number: int, **changes) -> None:
    for serial in range(number):
        wallet.offer(replace(card, serial=f"{serial:012d}", **changes), ANDROID)


# --- one -----------------------------------------------------------------------------------------


def test_what_google_has_is_read_in_its_own_spelling(line: Line):
    kept = rest.get(*line, "loyaltyObject", OBJECT_ID)
    assert (kept["state"], kept["hasUsers"]) == ("active", False)
    assert kept["classReference"]["reviewStatus"] == "approved"


def test_only_the_fields_asked_for_travel(line: Line, google):
    assert rest.get(*line, "loyaltyObject", OBJECT_ID, fields="id,state") == {
        "id": OBJECT_ID,
        "state": "active",
    }
    assert google.requests[-1].query == {"fields": "id,state"}
    assert "content-type" not in google.requests[-1].headers


def test_what_is_not_there_is_none(line: Line):
    assert rest.get(*line, "loyaltyObject", f"{ISSUER_ID}.nobody") is None


def test_other_refusals_of_a_read_are_errors(line: Line, google):
    google.refuse(403, "permissionDenied")
    with pytest.raises(WalletMisconfigured, match="Developer"):
        rest.get(*line, "loyaltyObject", OBJECT_ID)


def test_answers_travel_compressed(line: Line, google):
    transport, credentials = line
    token = transport._tokens_of(credentials).get()
    answer = requests.get(
        f"{google.api_base}/{OBJECT}",
        headers={"Authorization": f"Bearer {token}", "User-Agent": "treuepass (gzip)"},
        stream=True,
        timeout=10,
    )
    assert answer.headers["Content-Encoding"] == "gzip"
    assert OBJECT_ID.encode() in gzip.decompress(answer.raw.read(decode_content=False))


# --- many ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [1, 2, 3, 5, 100])
def test_lists_come_page_by_page_and_whole(wallet, line: Line, google, card, page):
    offered(wallet, card, 5)
    google.requests.clear()
    found = rest.listed(*line, "loyaltyObject", CLASS_ID, fields="id", page=page)
    ids = [str(each["id"]) for each in found]
    assert sorted(ids) == sorted([OBJECT_ID, *(f"{ISSUER_ID}.{n:012d}" for n in range(5))])
    assert len(google.requests) == -(-6 // page)
    assert {seen.query["maxResults"] for seen in google.requests} == {str(page)}


def test_pages_are_fetched_when_they_are_read(wallet, line: Line, google, card):
    offered(wallet, card, 5)
    google.requests.clear()
    found = rest.listed(*line, "loyaltyObject", CLASS_ID, page=2)
    assert google.requests == []
    next(found)
    assert len(google.requests) == 1


def test_the_classes_of_an_issuer(wallet, line: Line, card):
    offered(wallet, card, 1, template="another")
    ids = [str(each["id"]) for each in rest.listed(*line, "loyaltyClass", ISSUER_ID)]
    assert sorted(ids) == sorted([CLASS_ID, f"{ISSUER_ID}.another"])
    assert list(rest.listed(*line, "loyaltyClass", "77")) == []


def test_a_list_of_an_unknown_class(line: Line):
    with pytest.raises(rest.NotThere):
        next(rest.listed(*line, "loyaltyObject", f"{ISSUER_ID}.nothing"))


def test_a_list_that_does_not_end_is_left(line: Line, google):
    raw = b'{"resources": [{"id": "1.2"}], "pagination": {"nextPageToken": "again"}}'
    google.refuse(200, raw=raw, times=9)
    with pytest.raises(WalletDown, match="same page"):
        list(rest.listed(*line, "loyaltyObject", CLASS_ID))
    assert len(google.requests) == 2


# --- who has a pass ------------------------------------------------------------------------------


def test_R_INST_google_says_who_has_a_pass(wallet, line: Line, google, card):
    offered(wallet, card, 3)
    google.save(f"{ISSUER_ID}.000000000001")
    google.save(OBJECT_ID)
    assert isinstance(wallet, Reconciles)
    assert sorted(wallet.held(card.template, Style.BALANCE, card.account)) == [
        ("000000000000", False),
        ("000000000001", True),
        ("000000000002", False),
        ("123456789012", True),
    ]
    google.remove(OBJECT_ID)
    assert ("123456789012", False) in list(wallet.held(card.template, Style.BALANCE, card.account))


def test_who_has_a_pass_of_a_template_that_was_never_offered(wallet, line: Line, card):
    assert list(wallet.held("never", Style.BALANCE, card.account)) == []


def test_of_whom_google_says_nothing_nothing_is_known(wallet, line: Line, google, card):
    raw = b'{"resources": [{"id": "%s"}, {"id": "7.1", "hasUsers": true}, 5, {}]}' % (
        OBJECT_ID.encode()
    )
    google.refuse(200, raw=raw)
    assert list(wallet.held(card.template, Style.BALANCE, card.account)) == []


def test_saying_nothing_means_no_where_google_says_yes_of_others(wallet, line: Line, google, card):
    said = [{"id": f"{ISSUER_ID}.1"}, {"id": f"{ISSUER_ID}.2", "hasUsers": True}]
    said.append({"id": f"{ISSUER_ID}.3"})
    google.refuse(200, raw=json.dumps({"resources": said}).encode())
    found = list(wallet.held(card.template, Style.BALANCE, card.account))
    assert sorted(found) == [("1", False), ("2", True), ("3", False)]
    google.refuse(200, raw=json.dumps({"resources": [said[0], said[2]]}).encode())
    assert list(wallet.held(card.template, Style.BALANCE, card.account)) == []


def test_an_error_in_the_middle_of_a_list_is_an_error(wallet, line: Line, google, card):
    offered(wallet, card, rest.PAGE)
    holders = wallet.held(card.template, Style.BALANCE, card.account)
    next(holders)
    google.refuse(503)
    with pytest.raises(WalletDown):
        list(holders)


# --- messages ------------------------------------------------------------------------------------


def test_a_message_is_added(line: Line, google):
    assert rest.add_message(*line, "loyaltyObject", OBJECT_ID, NEWS) is True
    assert google.resources[OBJECT]["messages"] == [NEWS]
    assert google.announced(OBJECT_ID, "message") == 1


def test_a_class_can_have_messages_too(line: Line, google):
    quiet = NEWS | {"messageType": "TEXT"}
    assert rest.add_message(*line, "loyaltyClass", CLASS_ID, quiet) is False
    assert google.resources[f"loyaltyClass/{CLASS_ID}"]["messages"] == [quiet]


def test_a_message_whose_answer_got_lost_does_not_come_twice(line: Line, google):
    google.lose_answer("POST")
    assert rest.add_message(*line, "loyaltyObject", OBJECT_ID, NEWS) is True
    assert google.calls() == ["POST loyaltyObject", "GET loyaltyObject"]
    assert google.resources[OBJECT]["messages"] == [NEWS]


@pytest.mark.parametrize("status", [500, 503])
def test_a_message_that_google_lost_is_sent_again_once(line: Line, google, status):
    google.refuse(status)
    rest.add_message(*line, "loyaltyObject", OBJECT_ID, NEWS)
    assert google.calls() == ["POST loyaltyObject", "GET loyaltyObject", "POST loyaltyObject"]
    assert google.resources[OBJECT]["messages"] == [NEWS]


def test_a_message_that_fails_twice_is_looked_for_by_the_next_call(line: Line, google):
    google.refuse(503, method="POST")
    google.lose_answer("POST")
    with pytest.raises(Unanswered):
        rest.add_message(*line, "loyaltyObject", OBJECT_ID, NEWS)
    google.requests.clear()
    assert rest.add_message(*line, "loyaltyObject", OBJECT_ID, NEWS, again=True) is True
    assert google.calls() == ["GET loyaltyObject"]
    assert google.resources[OBJECT]["messages"] == [NEWS]


def test_beyond_the_days_three_a_message_comes_quietly(line: Line, google):
    loud = [
        rest.add_message(*line, "loyaltyObject", OBJECT_ID, NEWS | {"id": f"m-{number}"})
        for number in range(4)
    ]
    assert loud == [True, True, True, False]
    types = [each["messageType"] for each in google.resources[OBJECT]["messages"]]
    assert types == ["TEXT_AND_NOTIFY"] * 3 + ["TEXT"]


def test_more_messages_than_google_keeps_are_refused(line: Line, google):
    quiet = {name: value for name, value in NEWS.items() if name != "messageType"}
    for number in range(MOST_MESSAGES):
        rest.add_message(*line, "loyaltyObject", OBJECT_ID, quiet | {"id": f"m-{number}"})
    with pytest.raises(ContentRefused, match="At most 10"):
        rest.add_message(*line, "loyaltyObject", OBJECT_ID, quiet)


def test_a_message_for_nobody_and_one_that_google_would_refuse(line: Line, google):
    with pytest.raises(rest.NotThere):
        rest.add_message(*line, "loyaltyObject", f"{ISSUER_ID}.nobody", NEWS)
    google.requests.clear()
    with pytest.raises(ContentRefused, match=r"^AddMessageRequest\.message\.text "):
        rest.add_message(*line, "loyaltyObject", OBJECT_ID, NEWS | {"text": "?"})
    assert google.requests == []


def test_messages_outlive_a_change_that_takes_a_field_away(wallet, line: Line, google, card):
    rest.add_message(*line, "loyaltyObject", OBJECT_ID, NEWS)
    rest.add_message(*line, "loyaltyObject", OBJECT_ID, {"id": "m-2", "messageType": "TEXT"})
    google.requests.clear()
    wallet.push(replace(card, version=4, holder=""), [PHONE], Reason.CONTENT)
    assert google.calls() == ["PATCH loyaltyObject", "PUT loyaltyObject"]
    kept = google.resources[OBJECT]
    assert kept["messages"] == [NEWS, {"id": "m-2", "messageType": "TEXT"}]
    assert "accountName" not in kept


# --- what was read may be sent -------------------------------------------------------------------


@pytest.mark.parametrize("style", Style)
def test_what_google_answers_can_be_sent_back(wallet, google, card, style):
    wallet.offer(replace(card, style=style), ANDROID)
    for path, sent in list(google.resources.items()):
        resource, _, resource_id = path.partition("/")
        kind = resource[0].upper() + resource[1:]
        read = rest.get(
            wallet._transport, wallet._credentials.of(card.account), resource, resource_id
        )
        with pytest.raises(ContentRefused):
            check(read, kind)
        assert sendable(read, kind) == sent
        check(sendable(read, kind), kind)


def test_spellings_of_old_and_what_google_sets_itself():
    read = {
        "kind": "walletobjects#loyaltyClass",
        "id": "1.2",
        "version": "1",
        "reviewStatus": "rejected",
        "review": {"comments": "no"},
        "multipleDevicesAndHoldersAllowedStatus": "statusUnspecified",
        "messages": [{"kind": "walletobjects#message", "id": "m", "messageType": "text"}],
        "merchantLocations": [{"latitude": 1.5, "longitude": 2}],
        "somethingNew": {"a": 1},
    }
    assert sendable(read, "LoyaltyClass") == {
        "id": "1.2",
        "reviewStatus": "UNDER_REVIEW",
        "messages": [{"id": "m", "messageType": "TEXT"}],
        "merchantLocations": [{"latitude": 1.5, "longitude": 2}],
    }


# --- Google's judgement of a save link -----------------------------------------------------------


def test_google_judges_a_save_link(wallet, line: Line, card):
    token = wallet.offer(card, ANDROID).url.rpartition("/")[2]
    assert rest.validate_jwt(*line, token) is None
    assert rest.validate_jwt(*line, token[:-8] + "AAAAAAAA") == "Invalid JWT."


def test_a_save_link_for_a_pass_that_is_not_there(wallet, line: Line, google, card):
    token = wallet.offer(card, ANDROID).url.rpartition("/")[2]
    google.resources.pop(OBJECT)
    assert rest.validate_jwt(*line, token) == f"Wallet Object {OBJECT_ID} not found."


def test_google_that_does_not_judge_is_an_error(line: Line, google):
    google.refuse(503)
    with pytest.raises(WalletDown):
        rest.validate_jwt(*line, "a.b.c")


# --- the way there -------------------------------------------------------------------------------


def test_a_connection_that_breaks_is_tried_once_more(wallet, google, card):
    google.lose_answer("POST", times=1)
    wallet.offer(card, ANDROID)
    assert google.calls() == [
        "POST loyaltyClass",
        "POST loyaltyClass",
        "PATCH loyaltyClass",
        "POST loyaltyObject",
    ]


def test_a_connection_that_breaks_again_is_trouble_for_later(wallet, google, card):
    google.lose_answer(times=2)
    with pytest.raises(WalletDown, match="cannot be reached"):
        wallet.offer(card, ANDROID)
    assert google.calls() == ["POST loyaltyClass"] * 2


@pytest.mark.parametrize("status", [429, 403])
def test_beyond_googles_rate_a_request_is_for_later(wallet, line: Line, google, card, status):
    google.limit(1, status)
    google.clock = lambda: 0.0
    wallet.push(replace(card, version=4, holder="Berta"), [], Reason.CONTENT)
    with pytest.raises(WalletDown):
        wallet.push(replace(card, version=5, holder="Clara"), [], Reason.CONTENT)
    google.clock = lambda: 1.0
    wallet.push(replace(card, version=5, holder="Clara"), [], Reason.CONTENT)
    assert google.calls() == ["PATCH loyaltyObject"] * 3
    assert google.resources[OBJECT]["accountName"] == "Clara"


def test_a_picture_that_google_cannot_fetch_is_the_passs_fault(wallet, google, card):
    google.rules.unreachable.add(card.look.pictures["google-logo"].url)
    with pytest.raises(ContentRefused, match="Image cannot be loaded"):
        wallet.offer(card, ANDROID)
    assert google.resources == {}
