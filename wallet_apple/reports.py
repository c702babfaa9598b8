"""Reads what devices post to the log endpoint: seven messages are known, the rest is only logged.

The seven are what Wallet writes about our web service (codes 0 to 6 of passd).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import orjson

from passes.wallet_port import Complaint

MOST_BYTES = 64 * 1024
MOST_MESSAGES = 50
MOST_CHARACTERS = 1000

_KNOWN = (
    (Complaint.UNCHANGED, "Server requested update to serial number .*pass was unchanged"),
    (Complaint.UNDATED, "did not provide a 'last-modified' header"),
    (Complaint.SENT_AGAIN, "Server ignored the 'if-modified-since' header"),
    (Complaint.NOTHING_NEW, "Device received spurious push"),
    (Complaint.NOT_ITS_OWN, "Update requested for unregistered serial number"),
    (Complaint.NO_TAG, "Response to 'What changed\\?' .*omitted a lastUpdated tag"),
    (Complaint.SAME_TAG, "Response to 'What changed\\?' .*lastUpdated tag .*remained the same"),
)
_PATTERNS = tuple(
    (complaint, re.compile(said.replace(".*", f".{{0,{MOST_CHARACTERS}}}")))
    for complaint, said in _KNOWN
)

# Devices name themselves and their tokens in what they log; both are as good as passwords.
_LIKE_A_TOKEN = re.compile(r"[0-9A-Za-z_-]{20,}")


def messages(body: bytes) -> Sequence[str] | None:
    """The texts in a device's report, bounded; None when it is none."""
    try:
        given = orjson.loads(body)["logs"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    if not isinstance(given, list):
        return None
    return [text[:MOST_CHARACTERS] for text in given[:MOST_MESSAGES] if isinstance(text, str)]


def complaints(said: Sequence[str]) -> Mapping[Complaint, int]:
    """How often each known complaint is among the messages."""
    return Counter(
        next(complaint for complaint, pattern in _PATTERNS if pattern.search(text))
        for text in said
        if any(pattern.search(text) for _, pattern in _PATTERNS)
    )


def harmless(message: str) -> str:
    """One line of ASCII without anything that looks like a token."""
    return ascii(_LIKE_A_TOKEN.sub("(hidden)", message))
