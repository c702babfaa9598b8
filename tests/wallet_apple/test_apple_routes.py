"""What an iPhone gets from the web service, and what a stranger does not."""

import io
import json
import logging
import zipfile
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from flask import Flask

from passes.wallet_port import CardFacts, NoSuchCard
from wallet_apple.routes import make_blueprint
from wallet_apple.wallet import AppleWallet

TYPE = "pass.example.treuepass"
SERIAL = "123456789015"
SECRET = "0123456789abcdef0123456789abcdef"
HOLDER = {"Authorization": f"ApplePass {SECRET}"}


class OneCard:
    """An Issuer that knows a single card, counts how often it is asked, and notes fetches."""

    def __init__(self, content):
        self.card = content
        self.asked = 0
        self.drawings = 0
        self.fetches = []

    def facts(self, wallet, serial, secret):
        self.asked += 1
        if (wallet, serial, secret) != ("apple", self.card.serial, self.card.secret):
            raise NoSuchCard
        accounts = [self.card.account, *self.card.earlier_accounts]
        names = frozenset(account.name for account in accounts if account)
        return CardFacts(self.card.version, self.card.changed_at, names, True, SERIAL)

    def drawn(self, wallet, facts):
        self.drawings += 1
        return self.card

    def fetched(self, wallet, facts, version):
        self.fetches.append((wallet, facts.card, version))

    def serves(self, wallet, name):
        return False


@pytest.fixture
def issuer(make_content, now):
    return OneCard(make_content(changed_at=now.replace(microsecond=250_000)))


@pytest.fixture
def phone(wallet, issuer):
    app = Flask(__name__)
    app.register_blueprint(make_blueprint(wallet, issuer))
    return app.test_client()


def address(serial=SERIAL, of_type=TYPE, base_type=TYPE):
    return f"/wallet/apple/{base_type}/v1/passes/{of_type}/{serial}"


def test_the_holder_gets_the_pass(phone, now):
    response = phone.get(address(), headers=HOLDER)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/vnd.apple.pkpass"
    assert response.headers["Content-Length"] == str(len(response.data))
    assert parsedate_to_datetime(response.headers["Last-Modified"]) == now
    assert set(response.headers["Cache-Control"].split(", ")) == {"private", "no-cache"}
    assert response.headers["Vary"] == "Authorization"
    with zipfile.ZipFile(io.BytesIO(response.data)) as package:
        assert json.loads(package.read("pass.json"))["serialNumber"] == SERIAL


def test_the_address_in_the_pass_is_the_one_that_answers(phone):
    with zipfile.ZipFile(io.BytesIO(phone.get(address(), headers=HOLDER).data)) as package:
        face = json.loads(package.read("pass.json"))
    path = face["webServiceURL"].removeprefix("https://cards.example")
    again = phone.get(
        f"{path}/v1/passes/{face['passTypeIdentifier']}/{face['serialNumber']}",
        headers={"Authorization": f"ApplePass {face['authenticationToken']}"},
    )
    assert again.status_code == 200


def test_an_unchanged_pass_is_not_sent_again(phone):
    since = phone.get(address(), headers=HOLDER).headers["Last-Modified"]
    response = phone.get(address(), headers={**HOLDER, "If-Modified-Since": since})
    assert response.status_code == 304
    assert response.data == b""
    assert set(response.headers["Cache-Control"].split(", ")) == {"private", "no-cache"}
    assert response.headers["Vary"] == "Authorization"


def test_an_unchanged_pass_is_neither_drawn_nor_signed(issuer, certificates, now):
    """A wallet whose certificate has long expired could not sign."""
    wallet = AppleWallet("https://cards.example", certificates, lambda: now + timedelta(days=999))
    app = Flask(__name__)
    app.register_blueprint(make_blueprint(wallet, issuer))
    phone = app.test_client()
    since = {"If-Modified-Since": format_datetime(now, usegmt=True)}
    assert phone.get(address(), headers={**HOLDER, **since}).status_code == 304
    assert issuer.drawings == 0
    assert phone.get(address(), headers=HOLDER).status_code == 503
    assert issuer.fetches == [("apple", SERIAL, 1)]  # what did not arrive was not fetched


def test_a_304_proves_as_much_as_a_200_and_a_head_nothing(phone, issuer, now):
    since = {"If-Modified-Since": format_datetime(now, usegmt=True)}
    phone.head(address(), headers=HOLDER)
    assert issuer.fetches == []
    phone.get(address(), headers=HOLDER)
    phone.get(address(), headers={**HOLDER, **since})
    assert issuer.fetches == [("apple", SERIAL, 1)] * 2


def test_a_change_of_a_second_is_sent(phone, issuer, now):
    since = {"If-Modified-Since": format_datetime(now, usegmt=True)}
    assert phone.get(address(), headers={**HOLDER, **since}).status_code == 304
    issuer.card = replace(issuer.card, changed_at=issuer.card.changed_at + timedelta(seconds=1))
    assert phone.get(address(), headers={**HOLDER, **since}).status_code == 200


@pytest.mark.parametrize("since", ["", "yesterday", "Thu, 99 Foo 2026 12:00:00 GMT"])
def test_an_unreadable_date_counts_as_none(phone, since):
    response = phone.get(address(), headers={**HOLDER, "If-Modified-Since": since})
    assert response.status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [None, "", "ApplePass", "ApplePass ", "ApplePass short", f"Bearer {SECRET}", SECRET,
     f"ApplePass {SECRET[:-1]}", f"ApplePass {SECRET}0", f"ApplePass  {SECRET}",
     f"ApplePass {SECRET.upper()}", "ApplePass " + "ü" * 32],
)  # fmt: skip
def test_a_stranger_gets_nothing(phone, authorization, now):
    headers = {} if authorization is None else {"Authorization": authorization}
    headers["If-Modified-Since"] = format_datetime(now, usegmt=True)
    response = phone.get(address(), headers=headers)
    assert response.status_code == 401
    assert response.data == b""
    assert response.headers["WWW-Authenticate"] == "ApplePass"
    assert "Last-Modified" not in response.headers


@pytest.mark.parametrize("authorization", ["", "ApplePass short", f"Basic {SECRET}"])
def test_what_cannot_be_a_secret_is_not_looked_up(phone, issuer, authorization):
    phone.get(address(), headers={"Authorization": authorization})
    assert issuer.asked == 0


def test_another_card_or_another_type(phone):
    for path in (
        address("123456789023"),
        address(of_type="pass.example.other"),
        address(base_type="pass.example.other"),
        address(of_type="pass.example.other", base_type="pass.example.other"),
        address("%00"),
    ):
        assert phone.get(path, headers=HOLDER).status_code == 401, path


@pytest.mark.parametrize(
    ("serial", "encoded"), [("a/b c", "a%2Fb%20c"), ("ü?&", "%C3%BC%3F%26"), ("50%41", "50%2541")]
)
def test_a_serial_number_is_decoded_once(phone, issuer, serial, encoded):
    issuer.card = replace(issuer.card, serial=serial)
    assert phone.get(address(encoded), headers=HOLDER).status_code == 200


def test_a_pass_is_made_with_the_account_of_its_address(phone, issuer, account, now):
    """Under the example's address too, where passes are that were handed out in test mode."""
    own = replace(account, name="pass.example.own")
    issuer.card = replace(issuer.card, account=own)
    at_home = address(of_type=own.name, base_type=own.name)
    assert phone.get(at_home, headers=HOLDER).status_code == 200
    assert phone.get(address(), headers=HOLDER).status_code == 200
    newer = replace(account, id="newer", name="pass.example.newer")
    issuer.card = replace(issuer.card, account=newer, earlier_accounts=(own,))
    for name in (own.name, newer.name, TYPE):
        path = address(of_type=name, base_type=name)
        assert phone.get(path, headers=HOLDER).status_code == 200, name
    assert phone.get(address(of_type=own.name), headers=HOLDER).status_code == 401
    issuer.card = replace(issuer.card, account=replace(own, version=9, data="{}"))
    response = phone.get(at_home, headers=HOLDER)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "600"


# --- the devices' log ------------------------------------------------------------------------


def post_log(phone, body, **keywords):
    return phone.post(f"/wallet/apple/{TYPE}/v1/log", data=body, **keywords)


def test_a_device_may_complain(phone, caplog):
    caplog.set_level(logging.WARNING, logger="wallet_apple")
    message = "[2026-11-21 11:57:01 +0100] Get pass task encountered error: \x1b[31mred\r\nline"
    response = post_log(phone, json.dumps({"logs": [message]}))
    assert response.status_code == 200
    [line] = caplog.messages
    assert "Get pass task encountered error" in line
    assert "\x1b" not in line
    assert "\n" not in line
    assert line.isascii()


def test_a_log_shows_no_secrets(phone, caplog):
    device, token = "f" * 32, "Zm9vYmFyYmF6cXV4Zm9vYmFy"
    message = f"Register task (for device {device}, serial number {SERIAL}; token {token}) failed"
    post_log(phone, json.dumps({"logs": [message]}))
    [line] = caplog.messages
    assert device not in line
    assert token not in line
    assert SERIAL in line


def test_a_log_is_bounded(phone, caplog):
    many = [f"message {n} " + "x y " * 500 for n in range(60)][:30] * 2
    short = json.dumps({"logs": [text[:900] for text in many]})
    assert post_log(phone, short).status_code == 200
    assert len(caplog.messages) == 50
    caplog.clear()
    long_one = json.dumps({"logs": ["a b " * 5000]})
    assert post_log(phone, long_one).status_code == 200
    assert len(caplog.messages[0]) < 1100
    assert post_log(phone, "x" * (64 * 1024 + 1)).status_code == 413


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"logs": "x"}', b'{"log": []}', b"\xff\xfe", b"[" * 60_000],
)
def test_nonsense_in_the_log_is_refused(phone, caplog, body):
    assert post_log(phone, body).status_code == 400
    assert not caplog.messages


def test_only_texts_in_the_log_count(phone, caplog):
    body = json.dumps({"logs": [1, None, {"a": 1}, ["x"], "one text"]})
    assert post_log(phone, body).status_code == 200
    [line] = caplog.messages
    assert "one text" in line
