"""The simulated browser is honest: it reads, reports and refuses as a page's script does."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pwa import base64url
from pwa.simulate.browser import Browser, Refused, Withdrawn, new_device
from pwa.simulate.command import announced
from pwa.simulate.inbox import PushService
from pwa.simulate.page import read, show
from pwa.state import state
from tests.pwa.conftest import CONTENT
from tests.pwa.pushing import SENDER_KEY

INSTALL = """<!doctype html><html lang="en"><head><title>Get it</title></head><body>
<a data-wallet="google" href="/google">Google</a>
<a class="btn" data-wallet="pwa" href="/c/token/?a=1&amp;b=2">In the browser</a></body></html>"""
CARD = f"""<!doctype html><html lang="de"><head><title>Treuekarte · Café Kranz</title></head>
<body data-serial-hash="abc" data-version="3" data-push-key="{base64url.encoded(SENDER_KEY)}"
 data-push-key-id="k23456789012"><svg><title>code</title></svg></body></html>"""


@dataclass
class Server:
    """Answers each path as it is told to, and keeps what was sent."""

    answers: dict[str, tuple[int, str]]
    sent: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(
        {
            "/i/x": (200, INSTALL),
            "/c/token/": (200, CARD),
            "/c/token/state.json": (200, json.dumps(state(CONTENT))),
            "/c/token/event": (204, ""),
            "/c/token/push-subscription": (204, ""),
        }
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            made.sent.append((self.command, path, dict(self.headers), body))
            status, text = made.answers.get(path, (404, ""))
            said = b"" if status == 204 else text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def do_POST(self) -> None:
            self.do_GET()

        def do_DELETE(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None: ...

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
    thread.start()
    yield made
    listening.shutdown()
    thread.join()
    listening.server_close()


@pytest.fixture
def browser() -> Iterator[Browser]:
    browser = Browser("de")
    yield browser
    browser.http.close()


# --- reading -------------------------------------------------------------------------------------


def test_a_card_page_is_read_by_its_hooks() -> None:
    opened = read(CARD)
    assert (opened.title, opened.language, opened.is_card) == (
        "Treuekarte · Café Kranz",
        "de",
        True,
    )
    assert opened.facts["data-push-key-id"] == "k23456789012"


def test_an_install_page_is_read_by_its_link() -> None:
    opened = read(INSTALL)
    assert (opened.is_card, opened.card_link) == (False, "/c/token/?a=1&b=2")
    assert read("<p>nothing").card_link is None


def test_a_card_is_shown_in_the_asked_language() -> None:
    lines = show("Treuekarte", state(CONTENT), "nl").splitlines()
    assert lines == [
        "Treuekarte",
        "valid until 2027-11-21T22:59:59Z",
        "  Beschikbare bezoeken  1234",
        "  Saldo                 12.50 EUR",
        "  Geldig tot            2027-11-21",
        "  Niveau                Goud",
        "  [QR]  0Q3XK8ZD7PMT2VWA",
    ]
    assert "EXPIRED" in show("", {**state(CONTENT), "state": "expired"}, "nl")


def test_a_push_is_shown_as_a_phone_announces_it() -> None:
    told = {"web_push": 8030, "notification": {"title": "Café Kranz", "body": "7 Besuche"}}
    assert announced(json.dumps(told).encode()) == "Café Kranz: 7 Besuche"
    for garbage in (b"", b"hello", b"[]", b'{"notification": 7}', b"\xff"):
        assert announced(garbage) == "a push that no browser understands"


# --- speaking ------------------------------------------------------------------------------------


def test_from_an_install_link_to_the_home_screen(server: Server, browser: Browser) -> None:
    browser.open(f"{server.url}/i/x")
    # Opening is looking: nothing is reported by that.
    assert [method for method, *_ in server.sent] == ["GET", "GET"]
    browser.start()
    assert browser.url == f"{server.url}/c/token/"
    method, path, headers, body = server.sent[-1]
    assert (method, path) == ("POST", "/c/token/event")
    assert body == {"n": "pwa_open", "mode": "standalone", "device": browser.device}
    assert headers["Origin"] == server.url
    assert headers["Sec-Fetch-Site"] == "same-origin"
    assert browser.state()["version"] == CONTENT.version


def test_a_device_is_named_as_the_script_names_it() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", new_device())
    assert new_device() != new_device()


def test_it_subscribes_at_its_own_push_service(server: Server, browser: Browser) -> None:
    browser.open(f"{server.url}/c/token/")
    with PushService() as push:
        browser.subscribe(push)
    *_, body = server.sent[-1]
    assert (body["mode"], body["key"]) == ("standalone", "k23456789012")
    assert body["subscription"]["endpoint"].startswith(push.origin)
    assert len(base64url.decoded(body["subscription"]["keys"]["p256dh"])) == 65
    assert len(base64url.decoded(body["subscription"]["keys"]["auth"])) == 16

    browser.remove()
    assert [(method, body["device"]) for method, *_, body in server.sent[-2:]] == [
        ("DELETE", browser.device),
        ("POST", browser.device),
    ]
    assert server.sent[-1][3]["n"] == "removed"


def test_a_refusal_says_what_the_server_said(server: Server, browser: Browser) -> None:
    browser.open(f"{server.url}/c/token/")
    wrong = {"fields": [{"field": "endpoint", "message": "must be known"}], "detail": "no"}
    server.answers["/c/token/push-subscription"] = (422, json.dumps(wrong))
    with PushService() as push, pytest.raises(Refused) as error:
        browser.subscribe(push)
    assert "422: endpoint: must be known" in str(error.value)
    assert f"TREUEPASS_WEBPUSH_EXTRA_HOSTS={push.host}" in str(error.value)
    server.answers["/c/token/event"] = (403, json.dumps({"detail": "Not from here."}))
    with pytest.raises(Refused, match="403: Not from here"):
        browser.start()
    server.answers["/c/token/event"] = (500, "<p>oh")
    with pytest.raises(Refused, match=r"500\.$"):
        browser.start()


def test_a_page_without_a_key_cannot_be_subscribed_from(server: Server, browser: Browser) -> None:
    server.answers["/c/token/"] = (200, CARD.replace("data-push-key=", "data-none="))
    browser.open(f"{server.url}/c/token/")
    with PushService() as push, pytest.raises(Refused, match="no key"):
        browser.subscribe(push)


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        ((404, ""), Refused),
        ((500, ""), Refused),
        ((410, ""), Withdrawn),
        ((200, "<p>hello"), Refused),
    ],
)
def test_a_link_without_a_card_is_refused(
    server: Server, browser: Browser, answer: tuple[int, str], trouble: type[Exception]
) -> None:
    server.answers["/i/x"] = answer
    with pytest.raises(trouble):
        browser.open(f"{server.url}/i/x")
    server.answers["/i/x"] = (200, INSTALL)
    server.answers["/c/token/"] = answer
    with pytest.raises(trouble):
        browser.open(f"{server.url}/i/x")


@pytest.mark.parametrize(
    ("what", "act"),
    [
        ("state.json", Browser.state),
        ("event", Browser.start),
        ("push-subscription", Browser.unsubscribe),
    ],
)
def test_a_withdrawn_card_is_told_by_each_answer(
    server: Server, browser: Browser, what: str, act: Callable[[Browser], object]
) -> None:
    browser.open(f"{server.url}/c/token/")
    server.answers[f"/c/token/{what}"] = (410, "")
    with pytest.raises(Withdrawn):
        act(browser)
