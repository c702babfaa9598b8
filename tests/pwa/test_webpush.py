"""RFC 8291: what we encrypt is what the RFC says, and what others read."""

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from pywebpush import WebPusher

from pwa import base64url
from pwa.simulate.keys import new_keys
from pwa.vapid import KeyPair
from pwa.webpush import MOST_PLAINTEXT, BadKeys, TooLong, encrypt

BROWSER = new_keys()


def opened(body, keys=BROWSER):
    return http_ece.decrypt(
        body, private_key=keys.private, auth_secret=keys.auth, version="aes128gcm"
    )


def test_RFC_8291_appendix_A_byte_for_byte():
    body = encrypt(
        b"When I grow up, I want to be a watermelon",
        base64url.decoded(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
        ),
        base64url.decoded("BTBZMqHH6r4Tts7J_aSIgg"),
        private=KeyPair.load("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw").private,
        salt=base64url.decoded("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert base64url.encoded(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLoc"
        "InmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLV"
        "WGNWQexSgSxsj_Qulcy4a-fN"
    )


@given(st.binary(max_size=MOST_PLAINTEXT), st.integers(0, MOST_PLAINTEXT))
def test_http_ece_and_the_simulated_browser_read_every_length(plaintext, padded_to):
    body = encrypt(plaintext, BROWSER.public, BROWSER.auth, padded_to=padded_to)
    assert opened(body) == plaintext
    assert BROWSER.open(body) == plaintext
    assert len(body) == 86 + max(len(plaintext), padded_to) + 1 + 16


@given(st.binary(min_size=1, max_size=1_000))
def test_what_pywebpush_encrypts_has_the_same_form(plaintext):
    theirs = WebPusher(BROWSER.subscription("https://push.example/1")).encode(plaintext)["body"]
    ours = encrypt(plaintext, BROWSER.public, BROWSER.auth)
    assert BROWSER.open(theirs) == BROWSER.open(ours) == plaintext
    assert len(theirs) == len(ours)
    assert theirs[16:22] == ours[16:22]  # record size, length of the key, its form


def test_the_longest_message_fills_4096_bytes_and_no_more_is_taken():
    body = encrypt(b"x" * 3_993, BROWSER.public, BROWSER.auth)
    assert len(body) == 4_096
    for arguments in ({"plaintext": b"x" * 3_994}, {"plaintext": b"", "padded_to": 3_994}):
        with pytest.raises(TooLong):
            encrypt(p256dh=BROWSER.public, auth=BROWSER.auth, **arguments)


def test_no_two_messages_share_salt_or_key():
    bodies = [encrypt(b"same", BROWSER.public, BROWSER.auth) for _ in range(20)]
    assert len({body[:16] for body in bodies}) == 20
    assert len({body[21:86] for body in bodies}) == 20


OTHER_CURVE = ec.generate_private_key(ec.SECP256K1()).public_key().public_numbers()


@pytest.mark.parametrize(
    ("p256dh", "auth", "field"),
    [
        (b"", BROWSER.auth, "p256dh"),
        (BROWSER.public[:-1], BROWSER.auth, "p256dh"),
        (BROWSER.public + b"\0", BROWSER.auth, "p256dh"),
        (b"\x02" + BROWSER.public[1:33], BROWSER.auth, "p256dh"),
        (b"\x06" + BROWSER.public[1:], BROWSER.auth, "p256dh"),
        (BROWSER.public[:-1] + bytes([BROWSER.public[-1] ^ 1]), BROWSER.auth, "p256dh"),
        (b"\x04" + b"\0" * 64, BROWSER.auth, "p256dh"),
        (b"\x04" + b"\xff" * 64, BROWSER.auth, "p256dh"),
        (
            b"\x04" + OTHER_CURVE.x.to_bytes(32, "big") + OTHER_CURVE.y.to_bytes(32, "big"),
            BROWSER.auth,
            "p256dh",
        ),
        (BROWSER.public, b"", "auth"),
        (BROWSER.public, b"x" * 15, "auth"),
        (BROWSER.public, b"x" * 17, "auth"),
    ],
    ids=map(str, range(12)),  # not the keys themselves, which are others each time
)
def test_keys_that_nobody_has_are_refused_by_name(p256dh, auth, field):
    with pytest.raises(BadKeys) as refusal:
        encrypt(b"text", p256dh, auth)
    assert refusal.value.field == field
