"""What a device shows when it registers a pass: the scheme and secret, its name, its push token.

Sources: Apple, Register a Pass for Update Notifications; the protocols of two wallets for Android
(walletpasses.io, walletunion.com) are the same with schemes of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import orjson

from wallet_apple.design import LEAST_SECRET

MOST_BYTES = 16 * 1024
LONGEST_DEVICE = 200
LONGEST_TOKEN = 1_000

APPLE = "ApplePass"
SCHEMES = {
    scheme.lower(): scheme
    for scheme in (APPLE, "AndroidPass", "WalletUnionPass", "WalletUnionHMSPass")
}


class Proof(NamedTuple):
    """``Authorization: <scheme> <secret>``; the scheme tells whose device it is."""

    scheme: str
    secret: str


class Unreadable(ValueError):
    """A device sent something that it never should."""


def proof(authorization: str) -> Proof | None:
    """The proof in the header, if it can be one at all."""
    scheme, _, secret = authorization.partition(" ")
    known = SCHEMES.get(scheme.lower())
    return Proof(known, secret) if known and len(secret) >= LEAST_SECRET else None


def device_name(pass_type_id: str, device: str) -> str | None:
    """What the domain calls the device: a phone with passes of two types is two of them, because
    each type has its own registrations, pushes and lists. None: no device is called that."""
    if not 0 < len(device) <= LONGEST_DEVICE or not device.isprintable():
        return None
    return f"{pass_type_id}/{device}"


def address(pass_type_id: str, scheme: str, body: bytes) -> Mapping[str, str]:
    """Where the device is pushed. Raises Unreadable.

    Devices of other makers may do without a token: Apple's push service does not know them.
    """
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Unreadable("not JSON") from None
    if not isinstance(given, dict):
        raise Unreadable("not an object")
    token = given.get("pushToken", "" if scheme != APPLE else None)
    if not isinstance(token, str) or len(token) > LONGEST_TOKEN or not token.isprintable():
        raise Unreadable("pushToken")
    if not token and scheme == APPLE:
        raise Unreadable("pushToken is empty")
    return {"token": token, "topic": pass_type_id, "scheme": scheme}
