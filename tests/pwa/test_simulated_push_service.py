"""The simulated browser's push service reads and refuses as a real browser and its service do."""

from __future__ import annotations

import time

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec

from pwa import base64url
from pwa.simulate.inbox import PushService
from pwa.simulate.keys import Keys, Unreadable, new_keys
from pwa.simulate.rules import refusal
from tests.pwa.pushing import HOUR, SENDER_KEY, authorization, encrypted, headers

ORIGIN = "https://push.example"

# RFC 8291, appendix A.
RFC_KEYS = Keys(
    ec.derive_private_key(
        int.from_bytes(base64url.decoded("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), "big"),
        ec.SECP256R1(),
    ),
    base64url.decoded("BTBZMqHH6r4Tts7J_aSIgg"),
)
RFC_MESSAGE = base64url.decoded(
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6"
    "TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy"
    "4a-fN"
)


# --- reading -------------------------------------------------------------------------------------


def test_the_message_of_RFC_8291_appendix_A_is_read() -> None:
    assert RFC_KEYS.open(RFC_MESSAGE) == b"When I grow up, I want to be a watermelon"


@pytest.mark.parametrize("size", [1, 100, 3_993])
def test_what_http_ece_encrypts_is_read(size: int) -> None:
    keys = new_keys()
    text = bytes(number % 256 for number in range(size))
    assert keys.open(encrypted(text, keys.subscription(ORIGIN))) == text


def test_a_text_that_ends_like_padding_is_read_whole() -> None:
    keys = new_keys()
    text = b"5 \x02\x00\x00"
    assert keys.open(encrypted(text, keys.subscription(ORIGIN))) == text


@pytest.mark.parametrize("place", [0, 16, 20, 21, 60, 86, -1])
def test_a_changed_byte_makes_a_message_unreadable(place: int) -> None:
    changed = bytearray(RFC_MESSAGE)
    changed[place] ^= 1
    if place == 16:
        changed[16:20] = bytes(4)  # no record is that small
    with pytest.raises(Unreadable):
        RFC_KEYS.open(bytes(changed))


@pytest.mark.parametrize("body", [b"", b"x" * 86, RFC_MESSAGE[:86], RFC_MESSAGE[:-1]])
def test_what_is_too_short_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        RFC_KEYS.open(body)


def test_another_browser_cannot_read_it() -> None:
    with pytest.raises(Unreadable):
        new_keys().open(RFC_MESSAGE)


# --- refusing ------------------------------------------------------------------------------------


def refused(body: bytes = b"x", **others: str | None) -> int | None:
    given = {name.lower(): value for name, value in headers(ORIGIN, **others).items()}
    found = refusal(given, body, origin=ORIGIN, server_key=SENDER_KEY, now=time.time())
    return None if found is None else found.status


def test_a_good_message_is_taken() -> None:
    assert refused() is None
    assert refused(b"x" * 4_096, Topic="a" * 32, Urgency="high", TTL="0") is None
    assert refused(b"", Content_Encoding=None) is None


@pytest.mark.parametrize(
    ("others", "status"),
    [
        ({"TTL": None}, 400),
        ({"TTL": "-1"}, 400),
        ({"TTL": "soon"}, 400),
        ({"Content_Encoding": None}, 400),
        ({"Content_Encoding": "aesgcm"}, 400),
        ({"Urgency": "urgent"}, 400),
        ({"Topic": "a" * 33}, 400),
        ({"Topic": "a/b"}, 400),
        ({"Topic": ""}, 400),
        ({"Authorization": None}, 401),
        ({"Authorization": "Bearer abc"}, 403),
        ({"Authorization": "vapid t=abc"}, 403),
    ],
)
def test_headers_are_held_to_the_rules(others: dict[str, str | None], status: int) -> None:
    assert refused(**others) == status


def test_more_than_4096_bytes_are_too_many() -> None:
    assert refused(b"x" * 4_097) == 413


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://other.example"},
        {"aud": None},
        {"exp": None},
        {"exp": int(time.time()) - 1},
        {"exp": int(time.time()) + 25 * HOUR},
        {"exp": "tomorrow"},
        {"sub": None},
        {"sub": "till@example.com"},
    ],
)
def test_a_token_with_other_claims_is_403(claims: dict[str, object]) -> None:
    assert refused(Authorization=authorization(ORIGIN, **claims)) == 403


def test_another_key_than_the_subscriptions_is_403() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    assert refused(Authorization=authorization(ORIGIN, other)) == 403
    # A token of somebody else beside the right key.
    right = authorization(ORIGIN).partition("k=")[2]
    token = authorization(ORIGIN, other).partition(", k=")[0]
    assert refused(Authorization=f"{token}, k={right}") == 403


# --- over HTTP -----------------------------------------------------------------------------------


def test_a_push_arrives_until_the_subscription_ends() -> None:
    with PushService() as service:
        made = service.subscribe(SENDER_KEY)
        body = encrypted(b"7 visits", made.keys.subscription(made.endpoint))

        def send(endpoint: str = made.endpoint, data: bytes = body) -> int:
            with requests.Session() as http:
                answer = http.post(endpoint, data=data, headers=headers(service.origin))
                return answer.status_code

        assert send() == 201
        assert service.wait(5) == b"7 visits"
        assert send(f"{service.origin}/push/other") == 410
        assert send(data=b"x" * 5_000) == 413
        assert send(data=b"x" * 200) == 201  # nobody can read it, which only the browser knows
        service.subscribe(SENDER_KEY)
        assert send() == 410
        service.unsubscribe()
        assert send() == 410
        assert service.wait(0) is None
