"""RFC 8292: who sends, signed so that PyJWT and py_vapid agree, and asked for once an hour."""

import hashlib

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

from pwa import base64url
from pwa.vapid import LEAST_LEFT, LIFE, Headers, KeyPair, checked_subject

PAIR = KeyPair.generate()
SUBJECT = "mailto:till@cafe-kranz.de"
ORIGIN = "https://fcm.googleapis.com"
NOW = 1_795_000_000.0


def parts(header):
    scheme, _, rest = header.partition(" ")
    assert scheme == "vapid"
    return dict(part.split("=", 1) for part in rest.split(", "))


def claims(header):
    given = parts(header)
    key = ec.EllipticCurvePublicKey.from_encoded_point(
        ec.SECP256R1(), base64url.decoded(given["k"])
    )
    return jwt.decode(
        given["t"], key, algorithms=["ES256"], audience=ORIGIN, options={"verify_exp": False}
    )


def test_a_header_says_who_to_whom_and_until_when():
    header = Headers().header(PAIR, SUBJECT, ORIGIN, NOW)
    assert parts(header)["k"] == PAIR.public_key
    assert claims(header) == {"aud": ORIGIN, "exp": int(NOW) + 12 * 3_600, "sub": SUBJECT}
    signature = base64url.decoded(parts(header)["t"].rpartition(".")[2])
    assert len(signature) == 64  # r and s, not DER


def test_py_vapid_takes_it():
    header = Headers().header(PAIR, SUBJECT, ORIGIN, NOW)
    assert Vapid02.verify(header.replace(", ", ","))  # it splits at the last space


def test_a_header_is_used_again_until_an_hour_is_left():
    headers = Headers()
    first = headers.header(PAIR, SUBJECT, ORIGIN, NOW)
    last_use = NOW + LIFE - LEAST_LEFT
    assert headers.header(PAIR, SUBJECT, ORIGIN, last_use) == first
    second = headers.header(PAIR, SUBJECT, ORIGIN, last_use + 1)
    assert claims(second)["exp"] == int(last_use) + 1 + LIFE


def test_a_clock_that_is_set_back_brings_no_token_of_more_than_twelve_hours():
    headers = Headers()
    headers.header(PAIR, SUBJECT, ORIGIN, NOW)
    earlier = headers.header(PAIR, SUBJECT, ORIGIN, NOW - 20 * 3_600)
    assert claims(earlier)["exp"] == NOW - 20 * 3_600 + LIFE


def test_each_key_subject_and_push_service_has_its_own():
    headers = Headers()
    first = headers.header(PAIR, SUBJECT, ORIGIN, NOW)
    others = [
        headers.header(KeyPair.generate(), SUBJECT, ORIGIN, NOW),
        headers.header(PAIR, "https://cafe-kranz.de", ORIGIN, NOW),
        headers.header(PAIR, SUBJECT, "https://web.push.apple.com", NOW),
    ]
    assert len({first, *others}) == 4


def test_a_pair_is_the_same_after_it_was_kept_as_text():
    again = KeyPair.load(PAIR.scalar)
    assert (again.public_key, again.key_id) == (PAIR.public_key, PAIR.key_id)
    assert len(PAIR.point) == 65
    assert PAIR.key_id == base64url.encoded(hashlib.sha256(PAIR.point).digest())[:12]


ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.mark.parametrize(
    "text",
    ["", "x", PAIR.scalar[:-2], PAIR.scalar + "=", PAIR.scalar + "AAA", "ä" * 43]
    + [base64url.encoded(number.to_bytes(32, "big")) for number in (0, ORDER)],
    ids=map(str, range(8)),  # not the keys themselves, which are others each time
)
def test_what_is_no_private_key_is_refused(text):
    with pytest.raises(ValueError):
        KeyPair.load(text)


def test_the_private_key_shows_in_no_repr():
    assert PAIR.scalar not in repr(PAIR)
    assert str(PAIR.private.private_numbers().private_value) not in repr(PAIR)


@pytest.mark.parametrize(
    "subject",
    [
        "mailto:till@cafe-kranz.de",
        "mailto:push+wallet@mail.cafe.co.uk",
        "https://cafe-kranz.de",
        "https://cafe-kranz.de/contact?about=push",
        "https://CAFE-Kranz.de:8443/",
    ],
)
def test_real_contacts_are_taken_unchanged(subject):
    assert checked_subject(subject) == subject


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "till@cafe-kranz.de",
        "mailto:",
        "mailto:till",
        "mailto:@cafe-kranz.de",
        "mailto:till@localhost",
        "mailto:till@cafe.local",
        "mailto:till@cafe.localhost",
        "mailto:till@cafe.test",
        "mailto:till@cafe.TEST",
        "mailto:till@cafe.invalid",
        "mailto: till@cafe-kranz.de",
        "mailto:till@cafe-kranz.de ",
        "mailto:<till@cafe-kranz.de>",
        "mailto:till@cafe-kranz.de\r\nX: y",
        "mailto:till@cafe kranz.de",
        "mailto:till@a@cafe-kranz.de",
        "mailto:till@.de",
        "mailto:till@192.0.2.1",
        "mailto:till@cafe-kranz.de?subject=x",
        "http://cafe-kranz.de",
        "https://",
        "https://localhost",
        "https://127.0.0.1",
        "https://[::1]/",
        "https://[::1",
        "https://cafe.local/",
        "https://me@cafe-kranz.de/",
        "https://cafe-kranz.de/a b",
        "https://cafe-kranz.de/ä",
        "https://" + "a." * 200 + "de",
    ],
)
def test_what_apple_answers_403_to_is_refused_before(subject):
    with pytest.raises(ValueError, match="must be a real address"):
        checked_subject(subject)
