"""Save links: an address that adds one pass, which Google has already, to the visitor's wallet."""

from __future__ import annotations

from collections.abc import Mapping

import jwt

from wallet_google.credentials import Credentials
from wallet_google.objects import Family

LONGEST_TOKEN = 1_799
"""Some browsers fail on longer links (Google's own pass converter stops at 1,800)."""


def save_link(
    credentials: Credentials,
    family: Family,
    object_id: str,
    *,
    save_url: str,
    origin: str,
    now: int,
) -> str:
    """``save_url/<JWT>``; class and object must be at Google before the visitor follows it.

    The token names the object only, so that no personal data stands in an address. ``now`` in
    seconds since 1970; Google documents no expiry, and links live on in e-mails. ``origin`` is our
    own address; only a JavaScript button needs it, so that it goes where the token gets too long.
    All else is bounded (keys by ``Credentials``, ids by ``resource_id``): the token is always short
    enough. Claims: Google, "REST Resource: Jwt".
    """
    token = _signed(credentials, family, object_id, origins=[origin], now=now)
    if len(token) > LONGEST_TOKEN:
        token = _signed(credentials, family, object_id, origins=[], now=now)
    return f"{save_url}/{token}"


def named_in(token: str, credentials: Credentials) -> tuple[str, str] | None:
    """Family and id of the one object that a save link adds, read as Google reads it.

    None unless the account signed the token and it is a save link.
    """
    try:
        claims = jwt.decode(
            token,
            credentials.key.public_key(),
            algorithms=["RS256"],
            audience="google",
            issuer=credentials.email,
            options={"require": ["iss", "aud", "iat"]},
        )
    except jwt.InvalidTokenError:
        return None
    payload = claims.get("payload")
    if claims.get("typ") != "savetowallet" or not isinstance(payload, Mapping):
        return None
    match list(payload.items()):
        case [(str(kind), [{"id": str(object_id)}])] if kind.endswith("Objects"):
            return kind.removesuffix("Objects"), object_id
    return None


def _signed(
    credentials: Credentials, family: Family, object_id: str, *, origins: list[str], now: int
) -> str:
    return jwt.encode(
        {
            "iss": credentials.email,
            "aud": "google",
            "typ": "savetowallet",
            "iat": now,
            "origins": origins,
            "payload": {f"{family}Objects": [{"id": object_id}]},
        },
        credentials.key,
        algorithm="RS256",
        headers={"kid": credentials.key_id},
    )
