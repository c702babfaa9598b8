"""What a push says: the payload of Declarative Web Push, which the page's worker reads, too."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from passes.wallet_port import PassContent, Place, Reason, State, Text
from pwa import base64url
from pwa.written import written

LONGEST_TITLE = 80
LONGEST_BODY = 300
"""Characters; no lock screen shows more. Even when each takes six bytes, a push carries both."""

NO_LONGER_VALID: Text = {
    "de": "Diese Karte ist nicht mehr gültig",
    "en": "This card is no longer valid",
    "nl": "Deze kaart is niet meer geldig",
}
EXPIRED: Text = {
    "de": "Ihre Karte ist abgelaufen",
    "en": "Your card has expired",
    "nl": "Je kaart is verlopen",
}
CHANGED: Text = {
    "de": "Ihre Karte hat sich geändert",
    "en": "Your card has changed",
    "nl": "Je kaart is gewijzigd",
}

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Manner:
    """How a push service keeps a message: ``ttl`` in seconds, ``urgency`` as in RFC 8030, 5.3.

    ``subject``: of the messages about one card and one subject only the newest waits (5.4).
    """

    ttl: int
    urgency: str
    subject: str


MANNERS = {
    Reason.BALANCE: Manner(7 * _DAY, "high", "balance"),
    Reason.STATE: Manner(2 * _DAY, "normal", "expiry"),
    Reason.MESSAGE: Manner(_DAY, "normal", "campaign"),
}
"""spec/web.md 6.1. A new design (CONTENT) is not here: it is seen when the page is opened, and a
push that shows nothing costs iPhones their subscription (spec/web.md 3)."""


def topic(serial: str, subject: str) -> str:
    """32 characters of base64url, as long as a topic may be (RFC 8030, 5.4)."""
    return base64url.encoded(hashlib.sha256(f"{serial}/{subject}".encode()).digest()[:24])


def payload(content: PassContent, reason: Reason) -> bytes:
    """JSON in UTF-8, at most 3,993 bytes (spec/web.md 6.2): ``title``, ``body`` and ``navigate``,
    the absolute address of the card's page, for whoever holds the device alone can read it.

    ``app_badge`` stands twice: Safari 18.4 looks inside, the specification says outside.
    """
    notification = {
        "title": _cut(content.merchant, LONGEST_TITLE),
        "body": _cut(body(content), LONGEST_BODY),
        "lang": content.language,
        "dir": "ltr",
        "navigate": content.page_url,
        "silent": False,
        "tag": MANNERS[reason].subject,
        "app_badge": "1",
    }
    whole = {"web_push": 8030, "notification": notification, "app_badge": 1}
    # Half of a surrogate pair is no text; a question mark stands for it.
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def body(content: PassContent) -> str:
    """What changed, in the card's language: the sentence of the first figure that has one."""
    language = content.language
    if content.state is State.VOID:
        return written(NO_LONGER_VALID, language)
    if content.state is State.EXPIRED:
        return written(EXPIRED, language)
    for field in content.fields:
        if field.place is not Place.BACK and field.change is not None:
            sentence = written(field.change, language)
            if sentence:
                return sentence.replace("{value}", written(field.value, language))
    return written(CHANGED, language)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
