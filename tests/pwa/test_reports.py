"""What a card's page reports, and which of it makes a card installed (R-INST-2)."""

from pathlib import Path

import pytest

from passes.wallet_port import NotAllowed, PageEvent, State
from pwa.reports import MOST_BYTES, ONE_DEVICE, device_at, is_foreign
from tests.pwa.conftest import TOKEN
from tests.pwa.noting import ADDRESS, DEVICE, KEY, SUBSCRIPTION, OwnPage

SERIAL = "123456789012"
SUBSCRIBED = {"device": DEVICE, "mode": "browser", "subscription": SUBSCRIPTION, "key": KEY}


@pytest.fixture
def page(tmp_path: Path) -> OwnPage:
    return OwnPage(tmp_path)


def fields_of(problem):
    return [wrong["field"] for wrong in problem["fields"]]


@pytest.mark.parametrize(
    "event", [event.value for event in PageEvent if event.name not in {"STARTED", "INSTALLED"}]
)
def test_R_INST_2_what_is_only_looked_at_is_counted_and_not_installed(page, event):
    answer = page.send("event", {"n": event, "mode": "browser", "device": DEVICE})
    assert (answer.status_code, answer.data) == (204, b"")
    assert page.notes == [("happened", "pwa", event)]


@pytest.mark.parametrize(
    ("event", "mode"),
    [("pwa_open", "standalone"), ("pwa_installed", "browser"), ("pwa_installed", "standalone")],
)
def test_R_INST_2_proof_installs_before_it_is_counted(page, event, mode):
    assert page.send("event", {"n": event, "mode": mode, "device": DEVICE}).status_code == 204
    assert page.notes == [("installed", "pwa", SERIAL, DEVICE, {}), ("happened", "pwa", event)]


def test_R_INST_2_nobody_starts_a_tab_from_the_home_screen(page):
    problem = page.refused(422, "event", {"n": "pwa_open", "mode": "browser", "device": DEVICE})
    assert fields_of(problem) == ["mode"]


def test_removing_the_card_from_a_device_is_told(page):
    page.send("event", {"n": "removed", "mode": "browser", "device": DEVICE})
    assert page.notes == [("removed", "pwa", SERIAL, DEVICE)]


@pytest.mark.parametrize("name", ["", "removed ", "OPENED", None, 7, [], {"a": 1}])
def test_an_event_that_nobody_knows_is_refused(page, name):
    assert fields_of(page.refused(422, "event", {"n": name, "mode": "browser"})) == ["n"]


@pytest.mark.parametrize("mode", [None, "", "fullscreen", 1, ["browser"]])
def test_a_mode_that_there_is_not_is_refused(page, mode):
    body = {"n": "link_opened", "mode": mode, "device": DEVICE}
    assert fields_of(page.refused(422, "event", body)) == ["mode"]


@pytest.mark.parametrize("device", [None, "", "short", DEVICE * 3, DEVICE[:-1] + "é", 5, [DEVICE]])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "event", {"n": "pwa_installed", "mode": "browser"}),
        ("POST", "event", {"n": "removed", "mode": "browser"}),
        ("POST", "push-subscription", SUBSCRIBED),
        ("DELETE", "push-subscription", {}),
    ],
)
def test_a_device_is_named_as_the_page_names_it(page, method, path, body, device):
    problem = page.refused(422, path, {**body, "device": device}, method=method)
    assert fields_of(problem) == ["device"]
    assert str(device) not in problem["detail"] or not device


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"null", b"\xff", b"1e999", b"[" * 4000]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "event"), ("POST", "push-subscription"), ("DELETE", "push-subscription")],
)
def test_what_is_no_object_is_refused(page, method, path, body):
    assert page.refused(400, path, method=method, data=body)["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("path", ["event", "push-subscription"])
def test_too_much_is_not_read(page, path):
    body = b'{"n": "' + b"x" * MOST_BYTES + b'"}'
    assert page.refused(413, path, data=body)["code"] == "TOO_LARGE"


def test_a_tab_that_subscribes_is_no_installation(page):
    assert page.send("push-subscription", SUBSCRIBED).status_code == 204
    assert page.notes == [
        ("listening", "pwa", SERIAL, DEVICE, ADDRESS),
        ("happened", "pwa", "push_subscribed"),
    ]


def test_an_app_that_subscribes_is_one(page):
    page.send("push-subscription", {**SUBSCRIBED, "mode": "standalone"})
    assert page.notes == [
        ("installed", "pwa", SERIAL, DEVICE, {}),
        ("listening", "pwa", SERIAL, DEVICE, ADDRESS),
        ("happened", "pwa", "push_subscribed"),
    ]


def test_a_subscription_alone_will_do_and_its_endpoint_names_the_device(page):
    assert page.send("push-subscription", {**SUBSCRIPTION, "key": KEY}).status_code == 204
    device = device_at(SUBSCRIPTION["endpoint"])
    [(name, _, _, at, address), _] = page.notes
    assert (name, at, address) == ("listening", device, ADDRESS)
    ended = page.send("push-subscription", {"endpoint": SUBSCRIPTION["endpoint"]}, method="DELETE")
    assert ended.status_code == 204
    assert page.notes[-1] == ("silent", "pwa", SERIAL, device)


def test_a_program_that_names_no_device_is_one(page):
    page.send("event", {"n": "pwa_open", "mode": "standalone"})
    page.send("event", {"n": "removed"})
    assert page.notes[0] == ("installed", "pwa", SERIAL, ONE_DEVICE, {})
    assert page.notes[-1] == ("removed", "pwa", SERIAL, ONE_DEVICE)


def test_a_subscription_that_is_only_shown_again_counts_once(page):
    page.issuer.is_new = False
    page.send("push-subscription", SUBSCRIBED)
    assert page.notes == [("listening", "pwa", SERIAL, DEVICE, ADDRESS)]


@pytest.mark.parametrize(
    ("subscription", "field"),
    [
        (None, "endpoint"),
        ("https://fcm.googleapis.com/x", "endpoint"),
        ({**SUBSCRIPTION, "endpoint": "https://push.evil.example/x"}, "endpoint"),
        ({**SUBSCRIPTION, "endpoint": "http://127.0.0.1/x"}, "endpoint"),
        ({**SUBSCRIPTION, "keys": {}}, "p256dh"),
        ({**SUBSCRIPTION, "keys": {**SUBSCRIPTION["keys"], "auth": "AA"}}, "auth"),
    ],
)
def test_a_subscription_that_leads_elsewhere_is_refused(page, subscription, field):
    body = {**SUBSCRIBED, "subscription": subscription}
    assert fields_of(page.refused(422, "push-subscription", body)) == [field]


@pytest.mark.parametrize("key", [None, "", "abc", KEY + "x", 12])
def test_the_key_of_a_subscription_is_named(page, key):
    body = {**SUBSCRIBED, "key": key}
    assert fields_of(page.refused(422, "push-subscription", body)) == ["key"]


def test_more_devices_than_a_card_has_are_refused(page):
    page.issuer.refusal = NotAllowed("device", "A card has at most ten devices that listen.")
    problem = page.refused(422, "push-subscription", SUBSCRIBED)
    assert fields_of(problem) == ["device"]
    assert problem["detail"] == "A card has at most ten devices that listen."


def test_who_wants_to_hear_no_more_is_silent(page):
    answer = page.send("push-subscription", {"device": DEVICE}, method="DELETE")
    assert answer.status_code == 204
    assert page.notes == [("silent", "pwa", SERIAL, DEVICE)]


REPORTS = [
    ("POST", "event", {"n": "link_opened", "mode": "browser"}),
    ("POST", "push-subscription", SUBSCRIBED),
    ("DELETE", "push-subscription", {"device": DEVICE}),
]


@pytest.mark.parametrize(("method", "path", "body"), REPORTS)
@pytest.mark.parametrize(
    "foreign",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    ],
)
def test_another_sites_page_can_report_nothing(page, method, path, body, foreign):
    assert page.refused(403, path, body, method=method, headers=foreign)["code"] == "FORBIDDEN"


@pytest.mark.parametrize(
    "own",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://localhost"},
        {},
    ],
)
def test_the_cards_own_page_can(page, own):
    assert page.send("event", REPORTS[0][2], headers=own).status_code == 204


def test_the_port_belongs_to_the_origin():
    assert is_foreign(None, "https://karten.example.de:8443", "karten.example.de")
    assert not is_foreign(None, "https://karten.example.de:8443", "karten.example.de:8443")


def test_a_card_reports_thirty_times_a_minute_and_no_more(page):
    body = {"n": "link_opened", "mode": "browser"}
    statuses = [page.send("event", body).status_code for _ in range(30)]
    assert statuses == [204] * 30
    for method, path, further in REPORTS:
        answer = page.send(path, further, method=method)
        assert answer.status_code == 429
        assert answer.json["code"] == "TOO_MANY_REQUESTS"
        assert answer.headers["Retry-After"] == "60"
    assert len(page.notes) == 30


@pytest.mark.parametrize(("method", "path", "body"), REPORTS)
def test_nobody_reports_of_a_card_that_there_is_not(page, method, path, body):
    other = "A" * 22
    problem = page.refused(404, path, body, method=method, token=other)
    assert problem["code"] == "NOT_FOUND"
    page.becomes(state=State.VOID)
    assert page.refused(410, path, body, method=method)["code"] == "GONE"


@pytest.mark.parametrize("path", ["event", "push-subscription"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH"])
def test_a_GET_reports_nothing(page, path, method):
    assert page.send(path, method=method).status_code == 405
    assert page.notes == []


def test_what_is_refused_repeats_nothing_secret(page):
    body = {**SUBSCRIBED, "key": "K" * 40}
    answer = page.send("push-subscription", body)
    for secret in (TOKEN, DEVICE, "K" * 40, SUBSCRIPTION["endpoint"], "0Q3XK8ZD7PMT2VWA"):
        assert secret not in answer.text
