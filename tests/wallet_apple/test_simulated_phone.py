"""The simulated phone is honest: it refuses, shows and complains as a device does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from passes.wallet_port import Amount, Place, State
from wallet_apple.simulate.face import NotAPass, messages, open_pass, show
from wallet_apple.simulate.phone import Phone, Refused
from wallet_apple.wallet import AppleWallet

SERIAL = "123456789015"
CHANGE = {"de": "Noch {value} %", "en": "{value} left", "nl": "Nog {value}"}
TERMS = {"de": "Bedingungen", "en": "Terms", "nl": "Voorwaarden"}
OLD = "Sat, 21 Nov 2026 11:00:00 GMT"
YOUNG = "Sat, 21 Nov 2026 11:58:00 GMT"


@dataclass
class Server:
    """Answers with what a test put there, by method and the last part of the path."""

    url: str = ""
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def complaints(self) -> list[str]:
        return [
            line
            for method, path, _, body in self.asked
            if method == "POST" and path.endswith("/v1/log")
            for line in json.loads(body)["logs"]
        ]


@pytest.fixture
def server() -> Iterator[Server]:
    known = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.partition("?")[0]
            known.asked.append((self.command, self.path, dict(self.headers), body))
            kind = "list" if "/registrations/" in path and self.command == "GET" else self.command
            kind = "log" if path.endswith("/log") else kind
            status, headers, content = known.answers.get(kind, (200, {}, b""))
            self.send_response_only(status)
            self.send_header("Date", "Sat, 21 Nov 2026 12:00:00 GMT")
            for name, value in headers.items():
                self.send_header(name, value)
            if status not in {204, 304}:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - as http.server wants it

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    known.url = f"http://127.0.0.1:{http.server_port}"
    yield known
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.fixture
def passes_of(server: Server, certificates: Any, make_content: Any, make_field: Any) -> Any:
    """Signed passes whose web service is the test's server."""
    wallet = AppleWallet(server.url, certificates, lambda: datetime(2026, 11, 21, 12, tzinfo=UTC))

    def make(value: int = 7, **changes: Any) -> bytes:
        fields = (make_field(value=value, change=CHANGE),)
        return wallet.signed_pass(make_content(fields=fields, **changes))

    return make


@pytest.fixture
def phone() -> Phone:
    return Phone(language="en")


def test_a_changed_file_is_refused(passes_of: Callable[..., bytes]) -> None:
    body = passes_of()
    assert open_pass(body, "en").serial == SERIAL
    place = body.index("Tien bezoeken".encode("utf-16-le"))
    with pytest.raises(NotAPass, match=r"cannot be opened|changed after it was signed"):
        open_pass(body[:place] + b"X" + body[place + 1 :], "en")
    for garbage in (b"", b"PK\3\4", b"{}", body[:-30]):
        with pytest.raises(NotAPass):
            open_pass(garbage, "en")


def test_the_face_is_in_the_phones_language(
    make_content: Any, make_field: Any, wallet: Any
) -> None:
    content = make_content(
        fields=(
            make_field(
                value=Amount(1290, "EUR"), label={"de": "Wert", "en": "Worth", "nl": "Waarde"}
            ),
            make_field(key="end", value=datetime(2027, 1, 31, tzinfo=UTC).date()),
            make_field(key="terms", place=Place.BACK, label=TERMS),
        ),
    )
    shown = show(open_pass(wallet.signed_pass(content), "en"))
    assert "Ten visits" in shown
    assert "Worth" in shown
    assert "12.90 EUR" in shown
    assert "2027-01-31" in shown
    assert "on the back, Terms: 7" in shown
    assert "0123456789ABCDEF" in shown
    void = show(open_pass(wallet.signed_pass(make_content(state=State.VOID)), "de"))
    assert "VOID" in void
    assert "0123456789ABCDEF" not in void


def test_the_lock_screen_speaks_of_changed_values_alone(passes_of: Callable[..., bytes]) -> None:
    before, after = (open_pass(passes_of(value), "de") for value in (7, 8))
    assert messages(before, after) == ["Noch 8 %"]
    assert messages(before, before) == []


def test_a_push_brings_the_new_version(
    server: Server, phone: Phone, passes_of: Callable[..., bytes]
) -> None:
    held = phone.add(passes_of(7), OLD)
    listed = json.dumps({"serialNumbers": [SERIAL], "lastUpdated": "12"}).encode()
    server.answers["list"] = (200, {"Content-Type": "application/json"}, listed)
    server.answers["GET"] = (200, {"Last-Modified": YOUNG}, passes_of(8))
    [update] = phone.wake()
    assert update.messages == ("8 left",)
    assert update.held.last_modified == YOUNG
    fetch = next(each for each in server.asked if "/v1/passes/" in each[1])
    assert fetch[2]["If-Modified-Since"] == OLD
    assert fetch[2]["Authorization"] == f"ApplePass {held.face['authenticationToken']}"

    server.answers["list"] = (204, {}, b"")
    assert phone.wake() == []
    assert "passesUpdatedSince=12" in server.asked[-1][1]
    assert server.complaints == [], "nobody complains about a change of two minutes ago"


@pytest.mark.parametrize(
    ("listing", "fetching", "modified", "said"),
    [
        ((204, b""), None, OLD, "Device received spurious push"),
        ((200, b'{"serialNumbers":["%b"]}'), 304, OLD, "omitted a lastUpdated tag"),
        ((200, b'{"serialNumbers":["%b"],"lastUpdated":"5"}'), 304, OLD, "the pass was unchanged"),
        ((200, b'{"serialNumbers":["%b"],"lastUpdated":"4"}'), 304, YOUNG, "remained the same"),
        ((200, b'{"serialNumbers":["%b"],"lastUpdated":"5"}'), 200, OLD, "if-modified-since"),
        ((200, b'{"serialNumbers":["%b"],"lastUpdated":"5"}'), "bare", OLD, "'last-modified'"),
    ],
)
def test_it_complains_as_devices_do(
    server: Server,
    phone: Phone,
    passes_of: Callable[..., bytes],
    listing: tuple[int, bytes],
    fetching: int | str | None,
    modified: str,
    said: str,
) -> None:
    phone.add(passes_of(7), modified)
    phone.tags[server.url + "/wallet/apple/pass.example.treuepass"] = "4"
    status, body = listing
    server.answers["list"] = (status, {}, body % SERIAL.encode() if body else b"")
    server.answers["GET"] = {
        304: (304, {}, b""),
        200: (200, {"Last-Modified": modified}, passes_of(7)),
        "bare": (200, {}, passes_of(8)),
        None: (500, {}, b""),
    }[fetching]
    phone.wake()
    assert any(said in complaint for complaint in server.complaints)


def test_what_the_server_gets_wrong_is_said(
    server: Server, phone: Phone, passes_of: Callable[..., bytes]
) -> None:
    server.answers["POST"] = (401, {}, b"")
    with pytest.raises(Refused, match="401"):
        phone.add(passes_of())
    server.answers["POST"] = (201, {}, b"")
    phone.add(passes_of(), OLD)
    for kind, act in (
        ("list", phone.wake),
        ("GET", lambda: phone.fetch(SERIAL)),
        ("DELETE", lambda: phone.remove(SERIAL)),
    ):
        server.answers[kind] = (500, {}, b"")
        with pytest.raises(Refused, match="500"):
            act()


def test_a_grace_of_five_minutes(passes_of: Callable[..., bytes], server: Server) -> None:
    phone = Phone(language="en")
    at = datetime(2026, 11, 21, 12, tzinfo=UTC) - timedelta(seconds=299)
    phone.add(passes_of(), at.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    server.answers["list"] = (204, {}, b"")
    phone.wake()
    assert server.complaints == []
