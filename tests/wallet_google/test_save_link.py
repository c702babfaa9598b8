"""Save links: read back with the public key, and short enough for every browser."""

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from wallet_google.credentials import Credentials
from wallet_google.objects import resource_id
from wallet_google.save_link import save_link

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
LONG_KEY = rsa.generate_private_key(public_exponent=65537, key_size=4096)
SAVE_URL = "https://pay.google.com/gp/v/save"
NOW = 1_795_000_000


def link(key=KEY, email="a@b.iam.gserviceaccount.com", origin="https://karten.example.de", **other):
    credentials = Credentials(
        "3388000000022222222", email, "k" * 40, key, "https://oauth2.googleapis.com/token"
    )
    details = {"family": "loyalty", "object_id": "3388000000022222222.123456789012", **other}
    return save_link(credentials, save_url=SAVE_URL, origin=origin, now=NOW, **details)


def test_the_claims_are_those_that_google_asks_for():
    address, _, token = link().rpartition("/")
    assert address == SAVE_URL
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "typ": "JWT", "kid": "k" * 40}
    claims = jwt.decode(token, KEY.public_key(), ["RS256"], audience="google")
    assert claims == {
        "iss": "a@b.iam.gserviceaccount.com",
        "aud": "google",
        "typ": "savetowallet",
        "iat": NOW,
        "origins": ["https://karten.example.de"],
        "payload": {"loyaltyObjects": [{"id": "3388000000022222222.123456789012"}]},
    }


@pytest.mark.parametrize("family", ["loyalty", "offer", "giftCard", "generic"])
def test_a_pass_is_named_by_its_family(family):
    token = link(family=family).rpartition("/")[2]
    claims = jwt.decode(token, KEY.public_key(), ["RS256"], audience="google")
    assert list(claims["payload"]) == [f"{family}Objects"]


@pytest.mark.parametrize(
    "serial",
    ["1" * 12, "x" * 5000, "ü" * 64, "a/b?c", "🂡" * 300],
    ids=["usual", "long", "foreign", "separators", "pictures"],
)
@pytest.mark.parametrize("key", [KEY, LONG_KEY], ids=["2048", "4096"])
def test_the_longest_names_leave_the_token_under_1800_characters(serial, key):
    object_id = resource_id("9" * 20, serial)
    token = link(key, email="e" * 254, origin=f"https://{'o' * 245}", object_id=object_id)
    token = token.rpartition("/")[2]
    assert len(token) < 1800
    claims = jwt.decode(token, key.public_key(), ["RS256"], audience="google")
    assert claims["payload"]["loyaltyObjects"] == [{"id": object_id}]
    assert claims["origins"]


def test_an_address_that_is_too_long_is_left_out():
    token = link(origin=f"https://karten.example.de/{'o' * 1000}").rpartition("/")[2]
    assert len(token) < 1800
    claims = jwt.decode(token, KEY.public_key(), ["RS256"], audience="google")
    assert claims["origins"] == []
