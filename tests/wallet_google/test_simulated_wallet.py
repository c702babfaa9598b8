"""The simulated Google Wallet is honest: it refuses, shows and tells as Google and a phone do."""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from passes.wallet_port import Amount, CodeFormat, Field, Place, Rotating, State, Style
from tests.wallet_google.conftest import CREDIT, SITE, VISITS, content
from wallet_google import ecv2
from wallet_google.objects import blank_object_body, class_body, family, object_body
from wallet_google.simulate.callback import NoKey, read_root, signed
from wallet_google.simulate.command import google as command
from wallet_google.simulate.face import HeldPass, news, show
from wallet_google.simulate.phone import TEST_MODE_ONLY, Phone, Refused

ISSUER = "3388000000000000001"
AT = 1_795_000_000_000
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ROOT = ec.generate_private_key(ec.SECP256R1())


# --- callbacks -----------------------------------------------------------------------------------


def example_roots(certificates: Path) -> tuple[ecv2.RootKey, ...]:
    return ecv2.root_keys((certificates / "google-callback-keys.json").read_bytes())


@pytest.mark.parametrize("name", ["123456789012", "größe-ß-東京"], ids=["usual", "foreign"])
def test_the_verifier_takes_what_the_phone_signs(certificates: Path, name: str) -> None:
    body = signed(read_root(certificates), f"{ISSUER}.c", f"{ISSUER}.{name}", "save", AT)
    envelope = ecv2.read(body)
    ecv2.verify(envelope, ISSUER, example_roots(certificates), AT)
    message = json.loads(envelope.message)
    assert message["expTimeMillis"] > AT
    assert {**message, "nonce": "", "expTimeMillis": 0} == {
        "classId": f"{ISSUER}.c",
        "objectId": f"{ISSUER}.{name}",
        "eventType": "save",
        "expTimeMillis": 0,
        "count": 1,
        "nonce": "",
    }


def test_the_callback_has_the_shape_of_a_real_one(certificates: Path) -> None:
    body = signed(read_root(certificates), f"{ISSUER}.c", f"{ISSUER}.o", "del", AT)
    assert b"=" not in body
    assert rb"\\u003d" in body, "inside of what is signed it is an escape, too"
    outer = json.loads(body)
    assert list(outer) == [
        "signature", "intermediateSigningKey", "protocolVersion", "signedMessage",
    ]  # fmt: skip
    assert outer["protocolVersion"] == "ECv2SigningOnly"
    assert list(outer["intermediateSigningKey"]) == ["signedKey", "signatures"]
    key = json.loads(outer["intermediateSigningKey"]["signedKey"])
    assert list(key) == ["keyValue", "keyExpiration"]
    assert int(key["keyExpiration"]) > json.loads(outer["signedMessage"])["expTimeMillis"]


def test_each_callback_is_signed_anew_and_for_one_issuer(certificates: Path) -> None:
    root = read_root(certificates)
    first, second = (
        ecv2.read(signed(root, f"{ISSUER}.c", f"{ISSUER}.o", "save", AT)) for _ in range(2)
    )
    assert json.loads(first.message)["nonce"] != json.loads(second.message)["nonce"]
    with pytest.raises(ecv2.Refused):
        ecv2.verify(first, "3388000000000000002", example_roots(certificates), AT)
    with pytest.raises(ecv2.Refused):
        ecv2.verify(replace(first, message=second.message), ISSUER, example_roots(certificates), AT)
    foreign = ecv2.read(signed(ROOT, f"{ISSUER}.c", f"{ISSUER}.o", "save", AT))
    with pytest.raises(ecv2.UnknownRoot):
        ecv2.verify(foreign, ISSUER, example_roots(certificates), AT)


def test_without_the_key_the_sentence_says_what_to_do(tmp_path: Path) -> None:
    for text in (None, "no key"):
        if text:
            (tmp_path / "google-callback.key").write_text(text)
        with pytest.raises(NoKey, match="treuepass certs example"):
            read_root(tmp_path)


# --- the face ------------------------------------------------------------------------------------


def held(*, without_rows: bool = False, **changes: Any) -> HeldPass:
    given = content(**changes)
    of_class = class_body(given, ISSUER, SITE)
    shape = blank_object_body if given.state is State.VOID else object_body
    if without_rows:
        del of_class["classTemplateInfo"]
    body = shape(given, ISSUER, SITE)
    return HeldPass(family(given.style), of_class, body, 2, 0, AT)


def test_a_loyalty_card_shows_balances_modules_links_and_code() -> None:
    lines = show(held(), "de").splitlines()
    assert lines[:5] == [
        "Café Kranz: Treuekarte",
        "  Besuche   7",
        "  Guthaben  12,34\u00a0€",
        "  Stufe     Gold",
        "  [QR_CODE]  0123456789ABCDEF",
    ]
    assert "  details, Bedingungen: Gilt im Café." in lines
    assert "  details, Name: Anna Beispiel" in lines
    assert "  link, Telefon: tel:+4930123" in lines
    assert "  button, Karte im Browser öffnen: https://karten.example.de/c/abc/" in lines


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("de", ("Treuekarte", "Besuche", "12,34\u00a0€", "Gilt im Café.")),
        ("en", ("Loyalty card", "Visits", "€12.34", "Valid at the café.")),
        ("nl", ("Klantenkaart", "Bezoeken", "€\u00a012,34", "Geldig in het café.")),
    ],
)
def test_the_phones_language_decides(language: str, said: tuple[str, ...]) -> None:
    shown = show(held(), language)
    for words in said:
        assert words in shown


def test_a_phone_in_another_language_reads_the_cards_own() -> None:
    assert "Bezoeken" in show(held(language="nl"), "fr")


def test_every_family_has_its_head() -> None:
    gift = (replace(VISITS, value=Amount(2500, "EUR")),)
    assert show(held(style=Style.COUPON), "en").splitlines()[0] == "Café Kranz: Loyalty card"
    assert show(held(style=Style.MEMBERSHIP), "en").splitlines()[:2] == [
        "Café Kranz: Anna Beispiel",
        "  Loyalty card",
    ]
    shown = show(held(style=Style.GIFT, fields=gift), "en")
    assert shown.splitlines()[:2] == ["Café Kranz", "  Balance  €25.00"]
    assert "details, Card number: 1234-5678-9012" in shown
    assert "details, As of: 2026-11-20 12:00 UTC" in shown
    assert "details, Provider: Café Kranz" in show(held(style=Style.COUPON), "en")


def test_without_rows_the_face_is_the_usual_one() -> None:
    assert "  Besuche   7\n  Guthaben  12,34\u00a0€\n" in show(held(without_rows=True), "de")


def test_of_several_fields_for_a_place_the_first_that_is_there_shows() -> None:
    made = held()
    fields = [
        {"fieldPath": "object.textModulesData['none']"},
        {"fieldPath": "class.programName"},
        {"fieldPath": "object.accountId"},
    ]
    one = {"oneItem": {"item": {"firstValue": {"fields": fields}}}}
    rows = {"cardTemplateOverride": {"cardRowTemplateInfos": [one]}}
    lines = show(replace(made, of_class={**made.of_class, "classTemplateInfo": rows}), "en")
    assert lines.splitlines()[1:3] == ["    Loyalty card", "  [QR_CODE]  0123456789ABCDEF"]


def test_ended_and_withdrawn_cards_say_so() -> None:
    end = datetime(2027, 1, 31, 23, tzinfo=UTC)
    assert "valid until 2027-01-31 23:00 UTC" in show(held(expires_at=end), "de")
    ended = show(held(expires_at=end, state=State.EXPIRED), "de")
    assert "EXPIRED" in ended
    assert "valid until" not in ended
    for style in Style:
        gone = held(state=State.VOID, style=style)
        assert gone.is_withdrawn
        shown = show(gone, "de")
        assert "INACTIVE" in shown
        assert "Anna" not in shown
        assert "0123456789ABCDEF" not in shown


def test_a_rotating_code_is_that_of_rfc_6238() -> None:
    rotating = Rotating(b"12345678901234567890")
    made = held(rotating=rotating, code_format=CodeFormat.QR)
    for seconds, figure in ((59, "94287082"), (1111111109, "07081804"), (20000000000, "65353130")):
        shown = show(replace(made, at=seconds * 1000), "en")
        assert f"[QR_CODE]  0123456789ABCDEF.{figure}  (changes with time)" in shown


def test_money_without_minor_units_and_long_texts() -> None:
    yen = (replace(CREDIT, value=Amount(500, "JPY", 0), place=Place.PRIMARY),)
    assert "JPY\u00a0500\n" in show(held(fields=yen), "en")
    two = {"de": "eins\nzwei", "en": "one\ntwo", "nl": "een\ntwee"}
    terms = Field("terms", {"de": "B", "en": "T", "nl": "V"}, two, Place.BACK)
    assert "  details, T: one\n    two" in show(held(fields=(VISITS, terms)), "en")


def test_the_lock_screen_speaks_as_often_as_google_announced() -> None:
    old = held()
    new = held(fields=(replace(VISITS, value=8),))
    assert news(old, new) == []
    assert news(old, replace(new, notified=2)) == ["Google Wallet announces the new balance"] * 2
    message = {"messages": [{"header": "Heute", "body": "Kuchen"}]}
    told = replace(old, body={**old.body, **message}, notified=1)
    assert news(old, told) == ["Google Wallet announces a message"]
    assert "  message, Heute: Kuchen" in show(told, "de", details=False)


# --- the phone -----------------------------------------------------------------------------------


@dataclass
class Server:
    """Answers with what a test put there, by method and path; remembers what it was asked."""

    url: str = ""
    answers: dict[tuple[str, str], tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def says(self, method: str, path: str, status: int, body: bytes = b"", **headers: str) -> None:
        self.answers[method, path] = status, headers, body


PAGE = b'<a class="btn" data-wallet="google" href="/i/abc/google?a=1&amp;b=2">Add</a>'
TEST_WALLET, CALLBACK = "/wallet/google/test-wallet", "/wallet/google/callback"


@pytest.fixture
def server() -> Iterator[Server]:
    known = Server()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            known.asked.append((self.command, self.path, dict(self.headers)))
            path = self.path.partition("?")[0]
            status, headers, body = known.answers.get((self.command, path), (404, {}, b""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - as http.server wants it

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    known.url = f"http://127.0.0.1:{http.server_port}"
    known.says("GET", "/i/abc", 200, PAGE)
    offer(known, token())
    answer = {"class": held().of_class, "object": held().body, "changes": 2, "notified": 0}
    shown = json.dumps({**answer, "at": AT}).encode()
    for method in ("GET", "POST", "DELETE"):
        known.says(method, TEST_WALLET, 200, shown)
    known.says("POST", CALLBACK, 200)
    yield known
    http.shutdown()
    http.server_close()
    thread.join()


def offer(server: Server, of: str, status: int = 303) -> None:
    address = f"https://pay.google.com/gp/v/save/{of}"
    server.says("GET", "/i/abc/google", status, Location=address)


def token(**changes: Any) -> str:
    claims = {
        "iss": "a@b.iam.gserviceaccount.com",
        "aud": "google",
        "typ": "savetowallet",
        "iat": 1_795_000_000,
        "payload": {"loyaltyObjects": [{"id": f"{ISSUER}.1"}]},
    } | changes
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, KEY, "RS256")


def test_the_phone_follows_the_link_but_not_to_google(server: Server) -> None:
    link = Phone(ROOT, "nl").follow(f"{server.url}/i/abc")
    assert (link.family, link.token) == ("loyalty", token())
    page, way = server.asked
    assert way[1] == "/i/abc/google?a=1&b=2"
    for _, _, headers in (page, way):
        assert "Android" in headers["User-Agent"]
        assert headers["Accept-Language"] == "nl"


def test_saving_and_removing_is_told_as_google_tells_it(server: Server) -> None:
    phone = Phone(ROOT)
    link = phone.follow(f"{server.url}/i/abc")
    phone.add(link)
    phone.remove(link)
    asked = [(method, path) for method, path, _ in server.asked[2:]]
    assert asked == [
        ("POST", TEST_WALLET), ("POST", CALLBACK), ("DELETE", TEST_WALLET), ("POST", CALLBACK),
    ]  # fmt: skip
    assert server.asked[2][2]["Authorization"] == f"Bearer {token()}"
    assert "Googlebot" in server.asked[3][2]["User-Agent"]


@pytest.mark.parametrize(
    "given",
    [
        "",
        "abc",
        "a.b.c",
        token(aud="apple"),
        token(typ="JWT"),
        token(iss=None),
        token(iat=None),
        token(payload={}),
        token(payload={"loyaltyObjects": [{}, {}]}),
        token(payload={"loyaltyClasses": [{}]}),
        token(origins=["https://long.example"] * 60),
        jwt.encode({"aud": "google"}, "k" * 64, "HS512"),
    ],
)
def test_a_link_that_google_would_not_take_is_refused(server: Server, given: str) -> None:
    offer(server, given)
    with pytest.raises(Refused, match="token"):
        Phone(ROOT).follow(f"{server.url}/i/abc")


def test_what_the_server_gets_wrong_is_said(server: Server) -> None:
    phone = Phone(ROOT)
    link = phone.follow(f"{server.url}/i/abc")
    server.says("POST", CALLBACK, 400)
    with pytest.raises(Refused, match="callback was answered with 400"):
        phone.add(link)
    server.says("GET", TEST_WALLET, 500)
    with pytest.raises(Refused, match="500"):
        phone.look(link)
    offer(server, token(), status=200)
    with pytest.raises(Refused, match="answered with 200"):
        phone.follow(f"{server.url}/i/abc")
    server.says("GET", "/i/abc", 200, b"<a data-wallet='apple' href='/x'>")
    with pytest.raises(Refused, match="offers no Google Wallet"):
        phone.follow(f"{server.url}/i/abc")
    server.says("GET", "/i/abc", 410)
    with pytest.raises(Refused, match="410"):
        phone.follow(f"{server.url}/i/abc")


def run(server: Server, data_dir: Path, **options: bool) -> int:
    given = {"once": True, "remove": False, "language": "en", **options}
    parsed = argparse.Namespace(url=f"{server.url}/i/abc", **given)
    return command(parsed, SimpleNamespace(data_dir=data_dir), None)


@pytest.fixture
def data_dir(tmp_path: Path, certificates: Path) -> Path:
    (tmp_path / "certs_example").symlink_to(certificates)
    return tmp_path


def test_outside_of_test_mode_one_sentence_says_so(
    server: Server, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.says("POST", TEST_WALLET, 404)
    assert run(server, data_dir) == 1
    assert capsys.readouterr().err == f"treuepass: {TEST_MODE_ONLY}\n"
    assert CALLBACK not in {path for _, path, _ in server.asked}


def test_without_the_example_key_nothing_is_asked(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(server, tmp_path) == 1
    assert "google-callback.key is missing" in capsys.readouterr().err
    assert server.asked == []


def test_a_card_that_the_account_has_is_not_saved_again(
    server: Server, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(server, data_dir) == 0
    kept = data_dir / "simulated-google.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    saved = json.loads(server.answers["GET", TEST_WALLET][2])
    saved["object"]["hasUsers"] = True
    server.says("GET", TEST_WALLET, 200, json.dumps(saved).encode())
    server.asked.clear()
    assert run(server, data_dir) == 0
    assert [(method, path) for method, path, _ in server.asked] == [("GET", TEST_WALLET)]
    shown = capsys.readouterr().out
    assert shown.index("Saved to the account") < shown.index("In the account already")
    assert run(server, data_dir, remove=True) == 0
    assert json.loads(kept.read_text()) == {}


def test_a_card_that_the_stand_in_forgot_is_saved_again(server: Server, data_dir: Path) -> None:
    assert run(server, data_dir) == 0
    server.says("GET", TEST_WALLET, 404)
    server.asked.clear()
    assert run(server, data_dir) == 0
    assert ("POST", CALLBACK) in {(method, path) for method, path, _ in server.asked}
