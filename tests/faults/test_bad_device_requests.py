"""Bad input to Apple's web service: 127 checks by hand and 3,000 at random, none of them a 5xx
(security specification, §7)."""

from __future__ import annotations

import json
import random
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from tests.apple_device import Device, Pass
from tests.conftest import Shop

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

REFUSED = {400, 401, 404, 405, 413, 415, 429}
ODD = [
    "\x00", "\x00a", "a\x00b", "\x01", "\x1b[31m", "\r\n", "\u202e", "\ufeff", "\ufffd", "🎂", "ü",
    "' OR 1=1 --", "%", "%00", "..", "../../etc/passwd", "{}", "<script>", "a" * 5_000, "-1",
]  # fmt: skip
BODIES: list[bytes] = [
    b"", b" ", b"{", b"}", b"null", b"true", b"1", b"-0", b"1e999", b'"pushToken"', b"[]", b"[{}]",
    b"{}", b'{"pushToken": null}', b'{"pushToken": 1}', b'{"pushToken": true}',
    b'{"pushToken": []}', b'{"pushToken": {}}', b'{"pushToken": ""}', b'{"PushToken": "t"}',
    b'{"pushToken": "a\\u0000b"}', b'{"pushToken": "\\ud800"}', b'{"pushToken": "\\n"}',
    b'{"pushToken": "t"', b'{"pushToken": "t",}', b"{'pushToken': 't'}", b'\xef\xbb\xbf{"a": 1}',
    b"\xff\xfe", b"\x00", b"[" * 10_000, b'{"a":' * 3_000, b"pushToken=t",
    json.dumps({"pushToken": "t" * 1_001}).encode(), b'{"pushToken": "' + b"t" * 20_000 + b'"}',
]  # fmt: skip
AUTHORIZATIONS = [
    "", " ", "ApplePass", "ApplePass ", "applepass", "ApplePass short", "ApplePass 123456789012345",
    "Basic {secret}", "Bearer {secret}", "{secret}", "ApplePass{secret}", "ApplePass  {secret}",
    "ApplePass {secret} ", "ApplePass {secret}0", "ApplePass {cut}", "ApplePass {upper}",
    "ApplePass {secret},{secret}", 'ApplePass "{secret}"', "ApplePass token={secret}",
    "ApplePass " + "x" * 22, "ApplePass " + "x" * 6_000, "ApplePass " + "ü" * 22,
    "ApplePass ' OR 1=1 -- aaaa", "AndroidPass " + "x" * 22, "ApplePassX {secret}",
]  # fmt: skip
LOGS: list[bytes] = [
    b"", b"{", b"[]", b"null", b'{"logs": null}', b'{"logs": "x"}', b'{"logs": {}}', b'{"logs": 1}',
    b'{"log": []}', b"\xff", b"[" * 60_000, b'{"logs": ["\\ud800"]}', b"x" * 70_000,
]  # fmt: skip
TOKENS: list[object] = [
    None, 1, "", " ", "{}", '{"pass.json":"da39a3ee"}', "a b", "a\nb", "\x00", "ü", "x" * 1_025,
    [], {},
]  # fmt: skip


@pytest.fixture
def phone(client: FlaskClient) -> Device:
    return Device(client)


@pytest.fixture
def held(phone: Device, alma: Shop) -> Pass:
    return phone.add(alma.card(alma.template("multipass")["id"]))


def test_there_are_127_checks(database_url: str) -> None:
    """Each odd name stands in the place of a serial number, a type, a device and a tag."""
    ways = 4 * len(ODD) + len(BODIES) + len(AUTHORIZATIONS) + len(LOGS) + len(TOKENS)
    assert ways >= 127


@pytest.mark.parametrize("authorization", AUTHORIZATIONS)
def test_a_wrong_secret_is_401_everywhere(phone: Device, held: Pass, authorization: str) -> None:
    secret = held.secret
    said = authorization.format(secret=secret, cut=secret[:-1], upper=secret.swapcase())
    headers = {"Authorization": said}
    # Spaces at the end of a header are not part of it (RFC 9110, 5.5).
    right = {200} if said == f"ApplePass {secret} " else {401}
    client = phone.client
    for body in (b'{"pushToken": "t"}', b"\x00"):
        answer = client.post(phone.registration(held), data=body, headers=headers)
        assert answer.status_code in (right if body[0] else right | {400}) | {401}
    assert client.get(held.path, headers=headers).status_code in right | {401}
    assert client.delete(phone.registration(held), headers=headers).status_code in right | {401}


@pytest.mark.parametrize("body", BODIES)
def test_a_body_that_is_none_is_400(phone: Device, held: Pass, body: bytes) -> None:
    answer = phone.client.post(phone.registration(held), data=body, headers=phone.proof(held))
    assert answer.status_code == (413 if len(body) > 16 * 1024 else 400)


@pytest.mark.parametrize("odd", ODD)
def test_odd_names_are_refused_or_unknown(phone: Device, held: Pass, odd: str) -> None:
    client, proof, there = phone.client, phone.proof(held), quote(odd, safe="")
    registration = f"{held.base}/devices/phone/registrations/{held.type}"
    push = {"pushToken": "t"}
    # As a serial number.
    for method, path in (
        ("GET", f"{held.base}/passes/{held.type}/{there}"),
        ("POST", f"{registration}/{there}"),
        ("DELETE", f"{registration}/{there}"),
    ):
        assert client.open(path, method=method, json=push, headers=proof).status_code == 401
    # As a pass type, in either place.
    for path in (
        held.path.replace(f"passes/{held.type}", f"passes/{there}"),
        held.path.replace(held.type, there, 1),
        held.path.replace(held.type, there),
    ):
        assert client.get(path, headers=proof).status_code in {401, 404}
    # As a device.
    path = f"{held.base}/devices/{there}/registrations/{held.type}"
    fits = odd.isprintable() and len(odd) <= 200
    answer = client.post(f"{path}/{held.serial}", json=push, headers=proof)
    assert answer.status_code == (201 if fits else 400)
    assert client.get(path).status_code == (200 if fits else 204)
    assert client.delete(f"{path}/{held.serial}", headers=proof).status_code == 200
    # As a tag.
    answer = client.get(registration, query_string={"passesUpdatedSince": odd})
    assert answer.status_code == 200


@pytest.mark.parametrize("body", LOGS)
def test_a_log_that_is_none_is_refused(phone: Device, held: Pass, body: bytes) -> None:
    answer = phone.client.post(f"{held.base}/log", data=body)
    assert answer.status_code == (413 if len(body) > 64 * 1024 else 400)


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_that_could_be_something_else_is_not_signed(
    phone: Device, held: Pass, token: object
) -> None:
    """The key that would sign it signs manifests: what looks like one must never be signed."""
    body: dict[str, Any] = {"personalizationToken": token, "requiredPersonalizationInfo": {}}
    answer = phone.client.post(f"{held.path}/personalize", json=body)
    assert answer.status_code == 400


def test_3000_requests_at_random(phone: Device, held: Pass) -> None:
    """Seeded, so that what it finds can be found again."""
    chance = random.Random(3_000)
    pieces = [
        "v1", "devices", "registrations", "passes", "log", "personalize", "phone", held.type,
        held.serial, "", ".", *(quote(odd[:300], safe="") for odd in ODD),
    ]  # fmt: skip
    methods = ["GET", "POST", "DELETE", "PUT", "HEAD", "PATCH", "OPTIONS"]
    proofs = [held.secret, held.secret, held.secret[:-1], "x" * 22, ""]
    schemes = ["ApplePass", "ApplePass", "AndroidPass", "Bearer", ""]
    shapes = [
        f"/wallet/apple/{held.type}/v1/devices/{{0}}/registrations/{{1}}/{{2}}",
        f"/wallet/apple/{held.type}/v1/devices/{{0}}/registrations/{held.type}/{held.serial}",
        f"/wallet/apple/{held.type}/v1/devices/{{0}}/registrations/{{1}}",
        f"/wallet/apple/{held.type}/v1/passes/{{0}}/{{1}}",
        f"/wallet/apple/{held.type}/v1/passes/{held.type}/{held.serial}{{0}}",
        f"/wallet/apple/{held.type}/v1/passes/{{0}}/{{1}}/personalize",
        "/wallet/apple/{0}/v1/log",
        "/wallet/apple/{0}/{1}/{2}",
    ]
    bodies = [*BODIES, *LOGS[:-3], b'{"pushToken": "t"}', b'{"logs": ["x"]}']
    for number in range(3_000):
        path = chance.choice(shapes).format(*(chance.choice(pieces) for _ in range(3)))
        body = bytearray(chance.choice(bodies)[:2_000])
        for _ in range(chance.randrange(3) if body else 0):
            body[chance.randrange(len(body))] = chance.randrange(256)
        headers = {
            "Authorization": f"{chance.choice(schemes)} {chance.choice(proofs)}",
            "If-Modified-Since": chance.choice(["", "x", "Thu, 01 Jan 1970 00:00:00 GMT", "0"]),
            "Content-Type": chance.choice(["application/json", "text/plain", ""]),
        }
        answer = phone.client.open(
            path,
            method=chance.choice(methods),
            data=bytes(body),
            headers=headers,
            query_string={"passesUpdatedSince": chance.choice([*ODD[:12], "1", "99999999999"])},
            environ_base={"REMOTE_ADDR": f"198.51.100.{number % 250}"},
        )
        assert answer.status_code < 500, (number, path)
        assert answer.status_code in REFUSED | {200, 201, 204, 304}, (number, answer.status_code)
