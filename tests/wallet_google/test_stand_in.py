"""The stand-in for Google: behaves as Google does, and is one for all processes of a machine."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask

from passes.wallet_port import Installation, Reason, State, Style, WalletDown, WalletSettings
from tests.wallet_google.conftest import ANDROID, SITE, VISITS, clock, content, mount_it, mounted
from wallet_google import stand_in
from wallet_google.credentials import CredentialStore
from wallet_google.objects import class_body, object_body
from wallet_google.stand_in import FILE_NAME, StandIn
from wallet_google.transport import HttpTransport

TEST_ISSUER = "3388000000000000001"
CLASS_ID = f"{TEST_ISSUER}.{content().template}"
OBJECT_ID = f"{TEST_ISSUER}.{content().serial}"
OBJECT = f"loyaltyObject/{OBJECT_ID}"
PATH = "/wallet/google/test-wallet"
HOUR = 3_600.0
SOMEBODY = [Installation("google", {}, datetime(2026, 11, 21, tzinfo=UTC))]


@pytest.fixture
def time():
    return SimpleNamespace(now=1_795_000_000.0)


@pytest.fixture
def google_here(tmp_path, time):
    """A stand-in that has one class and one object."""
    made = StandIn(tmp_path / FILE_NAME, lambda: time.now)
    assert send(made, "POST", "loyaltyClass", class_body(content(), TEST_ISSUER, SITE)) == 200
    assert send(made, "POST", "loyaltyObject", object_body(content(), TEST_ISSUER, SITE)) == 200
    return made


def send(transport, method, path, body=None):
    return transport.send(None, method, path, body or {}).status


def points(value, **more):
    return {"loyaltyPoints": {"balance": {"int": value}}, **more}


def loud(value):
    return points(value, notifyPreference="NOTIFY_ON_UPDATE")


# --- as Google does ------------------------------------------------------------------------------


def test_it_answers_as_the_google_of_the_tests_does(example_folder, google, time):
    credentials = CredentialStore(example_folder, loopback_tokens=True).of(None)
    of_class, body = (make(content(), TEST_ISSUER, SITE) for make in (class_body, object_body))
    message = {"message": {"id": "m", "header": "H", "body": "B", "messageType": "TEXT"}}
    script = [
        ("POST", "loyaltyObject", body),
        ("PATCH", OBJECT, body),
        ("POST", "loyaltyClass", of_class),
        ("POST", "loyaltyClass", of_class),
        ("POST", "loyaltyObject", body),
        ("POST", "loyaltyObject", body),
        *[("PATCH", OBJECT, body | loud(value)) for value in (20, 21, 21, 22, 23)],
        ("PATCH", OBJECT, body | points(24)),
        ("PUT", OBJECT, body),
        ("GET", OBJECT, {}),
        ("GET", f"loyaltyObject/{TEST_ISSUER}.nobody", {}),
        ("GET", f"loyaltyObject?classId={CLASS_ID}&maxResults=5", {}),
        ("POST", f"{OBJECT}/addMessage", message),
        ("POST", f"loyaltyObject/{TEST_ISSUER}.nobody/addMessage", message),
    ]
    ours = StandIn(example_folder / FILE_NAME, lambda: time.now)
    theirs = mounted(example_folder, GOOGLE_API_BASE=google.api_base)._test_transport
    assert isinstance(theirs, HttpTransport)
    for method, path, sent in script:
        here, there = (each.send(credentials, method, path, sent) for each in (ours, theirs))
        assert here.status == there.status, (method, path)
        assert ("error" in here.body) == ("error" in there.body)


def test_the_fourth_announcement_of_a_day_is_refused_and_changes_nothing(google_here, time):
    for value in (11, 12, 13):
        assert send(google_here, "PATCH", OBJECT, loud(value)) == 200
    before = google_here.held("loyalty", OBJECT_ID)
    assert before["notified"] == 3
    answer = google_here.send(None, "PATCH", OBJECT, loud(14))
    assert answer.status == 403
    assert answer.body["error"]["errors"][0]["reason"] == "quotaExceeded"
    assert google_here.held("loyalty", OBJECT_ID) == before
    assert send(google_here, "PATCH", OBJECT, points(14)) == 200
    assert google_here.held("loyalty", OBJECT_ID)["notified"] == 3
    time.now += 24 * HOUR
    assert send(google_here, "PATCH", OBJECT, loud(15)) == 200
    assert google_here.held("loyalty", OBJECT_ID)["notified"] == 4


def test_only_a_changed_balance_is_announced_and_the_wish_is_not_kept(google_here):
    known = google_here.kept("loyaltyObject", OBJECT_ID)["loyaltyPoints"]
    same = {"loyaltyPoints": known, "accountName": "B.", "notifyPreference": "NOTIFY_ON_UPDATE"}
    assert send(google_here, "PATCH", OBJECT, same) == 200
    assert google_here.held("loyalty", OBJECT_ID)["notified"] == 0
    second = {"secondaryLoyaltyPoints": {"balance": {"int": 1}}}
    body = {**second, "notifyPreference": "NOTIFY_ON_UPDATE"}
    assert send(google_here, "PATCH", OBJECT, body) == 200
    assert google_here.held("loyalty", OBJECT_ID)["notified"] == 1
    assert "notifyPreference" not in google_here.kept("loyaltyObject", OBJECT_ID)


def test_messages_are_added_up_to_ten_and_three_a_day_are_loud(google_here):
    path = f"{OBJECT}/addMessage"
    notify = {"message": {"header": "H", "body": "B", "messageType": "TEXT_AND_NOTIFY"}}
    quiet = {"message": {"header": "H", "body": "B"}}
    assert [send(google_here, "POST", path, notify) for _ in range(4)] == [200, 200, 200, 403]
    # Announcements of changes have a budget of their own.
    assert send(google_here, "PATCH", OBJECT, loud(99)) == 200
    assert google_here.held("loyalty", OBJECT_ID)["notified"] == 4
    assert [send(google_here, "POST", path, quiet) for _ in range(8)] == [200] * 7 + [400]
    assert len(google_here.kept("loyaltyObject", OBJECT_ID)["messages"]) == 10


def test_who_has_a_pass_is_told_page_by_page(google_here):
    other = content(serial="223456789012")
    assert send(google_here, "POST", "loyaltyObject", object_body(other, TEST_ISSUER, SITE)) == 200
    google_here.held("loyalty", OBJECT_ID, has_users=True)
    path = f"loyaltyObject?classId={CLASS_ID}&maxResults=1"
    first = google_here.send(None, "GET", path, {}).body
    token = first["pagination"]["nextPageToken"]
    second = google_here.send(None, "GET", f"{path}&token={token}", {}).body
    last = google_here.send(
        None, "GET", f"{path}&token={second['pagination']['nextPageToken']}", {}
    ).body
    found = [
        (each["id"], each["hasUsers"]) for page in (first, second) for each in page["resources"]
    ]
    assert found == [(OBJECT_ID, True), (f"{TEST_ISSUER}.223456789012", False)]
    assert last["resources"] == []
    assert "nextPageToken" not in last["pagination"]
    whole = google_here.send(None, "GET", f"loyaltyObject?classId={CLASS_ID}", {}).body
    assert len(whole["resources"]) == 2
    classes = google_here.send(None, "GET", f"loyaltyClass?issuerId={TEST_ISSUER}", {}).body
    assert [each["id"] for each in classes["resources"]] == [CLASS_ID]
    assert send(google_here, "GET", "loyaltyObject?classId=1.none") == 404


# --- one for all processes -----------------------------------------------------------------------


def test_all_processes_see_the_same(google_here, tmp_path, time):
    other = StandIn(tmp_path / FILE_NAME, lambda: time.now)
    assert send(other, "PATCH", OBJECT, points(42)) == 200
    assert google_here.kept("loyaltyObject", OBJECT_ID)["loyaltyPoints"]["balance"] == {"int": 42}


def test_changes_at_once_are_all_counted(google_here, tmp_path, time):
    before = google_here.held("loyalty", OBJECT_ID)["changes"]
    each = [StandIn(tmp_path / FILE_NAME, lambda: time.now) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(
            lambda n: send(each[n % 4], "PATCH", OBJECT, points(1000 + n)), range(100)
        )
        assert set(answers) == {200}
    assert google_here.held("loyalty", OBJECT_ID)["changes"] == before + 100


def test_a_body_that_is_sent_again_is_no_change(google_here):
    before = google_here.held("loyalty", OBJECT_ID)["changes"]
    for resource, body in (
        (f"loyaltyClass/{CLASS_ID}", class_body(content(), TEST_ISSUER, SITE)),
        (OBJECT, object_body(content(), TEST_ISSUER, SITE)),
    ):
        assert send(google_here, "PATCH", resource, body) == 200
    assert google_here.held("loyalty", OBJECT_ID)["changes"] == before
    assert send(google_here, "PATCH", f"loyaltyClass/{CLASS_ID}", {"programName": "N"}) == 200
    assert google_here.held("loyalty", OBJECT_ID)["changes"] == before + 1


def test_the_oldest_go(google_here, monkeypatch):
    monkeypatch.setattr(stand_in, "MOST_KEPT", 5)
    for number in range(6):
        body = object_body(content(serial=f"serial-{number}"), TEST_ISSUER, SITE)
        if number == 4:
            assert send(google_here, "POST", "loyaltyObject", body) == 404, "its class went"
            new = class_body(content(), TEST_ISSUER, SITE)
            assert send(google_here, "POST", "loyaltyClass", new) == 200
        assert send(google_here, "POST", "loyaltyObject", body) == 200
    names = ["serial-0", "serial-1", "serial-2", "serial-3", "serial-4", "serial-5"]
    kept = [google_here.kept("loyaltyObject", f"{TEST_ISSUER}.{name}") for name in names]
    assert [body is not None for body in kept] == [False, False, True, True, True, True]


def test_what_was_deleted_with_the_file_is_sent_anew(example_folder):
    wallet = mounted(example_folder)
    wallet.offer(content(), ANDROID)
    file = example_folder / FILE_NAME
    seen = StandIn(file, lambda: 0.0)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.unlink()
    wallet.push(content(fields=(replace(VISITS, value=9),), version=4), SOMEBODY, Reason.BALANCE)
    kept = seen.kept("loyaltyObject", OBJECT_ID)
    assert kept["loyaltyPoints"]["balance"] == {"int": 9}
    file.unlink()
    wallet.offer(content(version=5), ANDROID)
    assert seen.held("loyalty", OBJECT_ID) is not None


def test_a_file_that_cannot_be_used_is_named(tmp_path, time):
    (tmp_path / FILE_NAME).write_bytes(b"not a database" * 100)
    broken = StandIn(tmp_path / FILE_NAME, lambda: time.now)
    with pytest.raises(WalletDown, match=r"stand-in-google\.db.*Delete the file"):
        send(broken, "GET", OBJECT)
    with pytest.raises(WalletDown, match="No such file"):
        send(StandIn(tmp_path / "none" / FILE_NAME, lambda: time.now), "GET", OBJECT)


# --- the simulated phone's door ------------------------------------------------------------------


def door(data_dir: Path, **environment: str):
    """The wallet with its routes in an application, and a client of it."""
    settings = WalletSettings("http://127.0.0.1:8000", data_dir, environment, clock)
    wallet, routes = mount_it(settings)
    app = Flask(__name__)
    app.register_blueprint(routes)
    return wallet, app.test_client()


def token_of(wallet, **changes):
    return wallet.offer(content(**changes), ANDROID).url.rpartition("/")[2]


def ask(client, token, method="GET"):
    return client.open(PATH, method=method, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("style", list(Style))
def test_who_has_a_save_link_sees_its_pass_saves_it_and_removes_it(example_folder, style):
    wallet, client = door(example_folder)
    token = token_of(wallet, style=style)
    seen = ask(client, token)
    assert seen.status_code == 200
    assert set(seen.json) == {"class", "object", "changes", "notified", "at"}
    assert seen.json["class"]["id"] == CLASS_ID
    assert seen.json["object"]["id"] == OBJECT_ID
    assert seen.headers["Cache-Control"] == "no-store"
    for method, has_users in (("GET", False), ("POST", True), ("GET", True), ("DELETE", False)):
        assert ask(client, token, method).json["object"]["hasUsers"] is has_users
    wallet.push(content(style=style, state=State.VOID, version=4), SOMEBODY, Reason.STATE)
    assert ask(client, token).json["object"]["state"] == "INACTIVE"
    assert ask(client, token).json["changes"] > seen.json["changes"]


def claims_of(google, **changes):
    return {
        "iss": google.service_account()["client_email"],
        "aud": "google",
        "typ": "savetowallet",
        "iat": 1_795_000_000,
        "payload": {"loyaltyObjects": [{"id": OBJECT_ID}]},
    } | changes


def test_the_token_of_the_tests_below_is_good_but_for_one_thing(example_folder, google):
    wallet, client = door(example_folder)
    token_of(wallet)
    good = jwt.encode(claims_of(google), google.key, "RS256")
    assert ask(client, good).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "apple"},
        {"typ": "savetoandroid"},
        {"iss": "somebody@else.iam.gserviceaccount.com"},
        {"payload": {}},
        {"payload": []},
        {"payload": "loyaltyObjects"},
        {"payload": {"loyaltyObjects": []}},
        {"payload": {"loyaltyObjects": [{"id": 7}]}},
        {"payload": {"loyaltyObjects": [{"id": OBJECT_ID}, {"id": OBJECT_ID}]}},
        {"payload": {"loyaltyObjects": [{"id": OBJECT_ID}], "offerObjects": []}},
        {"payload": {"loyaltyClasses": [{"id": CLASS_ID}]}},
        {"payload": {"genericObjects": [{"id": OBJECT_ID}]}},
        {"payload": {"loyaltyObjects": [{"id": f"{TEST_ISSUER}.x/../{OBJECT_ID}"}]}},
        {"payload": {"loyaltyObjects": [{"id": "\x00"}]}},
    ],
    ids=lambda change: json.dumps(change)[:60],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_any_other_token_finds_nothing(example_folder, google, change, method):
    wallet, client = door(example_folder)
    token_of(wallet)
    answer = ask(client, jwt.encode(claims_of(google, **change), google.key, "RS256"), method)
    assert (answer.status_code, answer.data) == (404, b"")
    assert wallet._test_transport.held("loyalty", OBJECT_ID)["object"]["hasUsers"] is False


def test_who_did_not_sign_with_the_example_key_finds_nothing(example_folder, google):
    wallet, client = door(example_folder)
    token_of(wallet)
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = google.key.public_key()
    forged = [
        jwt.encode(claims_of(google), stranger, "RS256"),
        jwt.encode(claims_of(google), None, "none"),
        jwt.encode(claims_of(google), str(public.public_numbers().n), "HS256"),
        "a.b.c", "", "Bearer", "\u00fc", "x" * 5000,
    ]  # fmt: skip
    for token in forged:
        assert ask(client, token, "POST").status_code == 404
    assert client.post(PATH).status_code == 404
    assert wallet._test_transport.held("loyalty", OBJECT_ID)["object"]["hasUsers"] is False


def test_outside_of_test_mode_there_is_no_such_door(example_folder, google):
    wallet, client = door(example_folder, TREUEPASS_GOOGLE_API_BASE=google.api_base)
    token = token_of(wallet)
    assert {ask(client, token, method).status_code for method in ("GET", "POST", "DELETE")} == {404}


def test_a_broken_file_is_no_answer_and_no_error(example_folder, google):
    (example_folder / FILE_NAME).write_bytes(b"not a database" * 100)
    _, client = door(example_folder)
    assert ask(client, jwt.encode(claims_of(google), google.key, "RS256")).status_code == 404
