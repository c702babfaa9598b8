"""What Google tells of passes that somebody saved or deleted: proved, read, and told on.

Google: Use callbacks; spec/google.md §3. Each message may come more than once and in any order.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from prometheus_client import Counter

from passes.wallet_port import Issuer, NoSuchCard, SaveEvent
from wallet_google import ecv2
from wallet_google.credentials import TEST_ISSUER_ID
from wallet_google.ecv2 import Envelope, Refused, RootKey, UnknownRoot

MOST_BYTES = 16 * 1024
"""Real ones have some 1,100."""

_LONGEST_NONCE = 200
_LATEST = 253_402_300_799_999
"""The end of the year 9999, in milliseconds since 1970: beyond it there are no points in time."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SAVED = {"save": True, "del": False}

_outcomes = Counter(
    "treuepass_google_callbacks", "Callbacks in Google's name by what became of them.", ["outcome"]
)
_log = logging.getLogger(__name__)


class Keys(Protocol):
    """Root keys that may be replaced; see RootKeys."""

    def get(self) -> tuple[RootKey, ...]: ...

    def newer_than(self, seen: tuple[RootKey, ...]) -> tuple[RootKey, ...] | None: ...


class Callbacks:
    """Hears callbacks in the name of all issuers that are ours."""

    def __init__(
        self,
        kind: str,
        issuer: Issuer,
        keys: Keys,
        example: Callable[[], Sequence[RootKey]] | None,
        now: Callable[[], datetime],
    ) -> None:
        """``example``: the keys of the test issuer, and of nobody else; None: it has no others."""
        self._kind = kind
        self._issuer = issuer
        self._keys = keys
        self._example = example
        self._now = now

    def hear(self, body: bytes) -> bool:
        """Whether a well-signed message changed something; False: it came before, or is older.

        Raises Refused, also for a pass that is not of a card of its issuer, and WalletDown while
        there are no keys to prove it with.
        """
        try:
            is_news = self._recorded(self._event(ecv2.read(body)))
        except Refused as refused:
            _outcomes.labels(refused.why).inc()
            _log.info("A callback in Google's name was refused: %s", refused.why)
            raise
        _outcomes.labels("recorded" if is_news else "known").inc()
        return is_news

    def _recorded(self, event: SaveEvent) -> bool:
        try:
            return self._issuer.heard(self._kind, event)
        except NoSuchCard:
            raise Refused("no_such_card") from None

    def _event(self, envelope: Envelope) -> SaveEvent:
        # The issuer id decides by whom the message must be meant, so it is read before the proof;
        # it must be ours, and the signature holds for that one alone.
        message = ecv2.json_object(envelope.message.encode())
        issuer_id, template = _names(message, "classId")
        account = issuer_id if self._issuer.serves(self._kind, issuer_id) else None
        if account is None and issuer_id != TEST_ISSUER_ID:
            raise Refused("issuer")
        now = int(self._now().timestamp() * 1000)
        if account is None and self._example is not None:
            ecv2.verify(envelope, issuer_id, self._example(), now)
        else:
            self._prove(envelope, issuer_id, now)
        return _read(message, issuer_id, template, account, now)

    def _prove(self, envelope: Envelope, issuer_id: str, now: int) -> None:
        known = self._keys.get()
        try:
            ecv2.verify(envelope, issuer_id, known, now)
        except UnknownRoot:
            newer = self._keys.newer_than(known)
            if newer is None:
                raise
            ecv2.verify(envelope, issuer_id, newer, now)


def _read(
    message: Mapping[str, object], issuer_id: str, template: str, account: str | None, now: int
) -> SaveEvent:
    """What the proved message says. Raises Refused; ``now`` in milliseconds since 1970."""
    owner, serial = _names(message, "objectId")
    if owner != issuer_id:
        raise Refused("issuer")
    kind, nonce, expires = (message.get(name) for name in ("eventType", "nonce", "expTimeMillis"))
    if not isinstance(kind, str) or kind not in _SAVED:
        raise Refused("event")
    if not isinstance(nonce, str) or not 0 < len(nonce) <= _LONGEST_NONCE:
        raise Refused("nonce")
    if not nonce.isprintable():
        raise Refused("nonce")
    if not isinstance(expires, int) or isinstance(expires, bool) or expires > _LATEST:
        raise Refused("time")
    if expires <= now:
        raise Refused("expired")
    return SaveEvent(
        serial=serial,
        template=template,
        account=account,
        saved=_SAVED[kind],
        nonce=nonce,
        order=expires,
        valid_until=_EPOCH + timedelta(milliseconds=expires),
    )


def _names(message: Mapping[str, object], field: str) -> tuple[str, str]:
    """Issuer id and name in one of Google's ids (see ``objects.resource_id``). Raises Refused."""
    value = message.get(field)
    parts = (
        re.fullmatch(r"([0-9]{1,20})\.([A-Za-z0-9._-]{1,64})", value)
        if isinstance(value, str)
        else None
    )
    if parts is None:
        raise Refused("id")
    return parts[1], parts[2]
