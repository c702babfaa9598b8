"""What Apple's answers mean for a delivery.

Source: Apple, Handling notification responses from APNs; the table in full with its reasons:
docs/decisions/0011-own-apns-sender.md.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

from passes.wallet_port import (
    Outcome,
    Receipt,
    WalletDown,
    WalletError,
    WalletMisconfigured,
)
from wallet_apple.apns.batch import TOO_MANY_PROVIDER_TOKENS, Answer, Batch

RETRY_SERVER = 900.0
"""Apple: after 500 and 503 wait 15 minutes."""
RETRY_DEVICE = 60.0
RETRY_PROVIDER_TOKEN = 1200.0
"""Apple: a provider token may be renewed every 20 minutes."""
RETRY_FRESH = 60.0
FRESH = timedelta(minutes=3)
"""How long after a registration an older "gone" is put down to Apple's own delay."""

_OF_KEY = {
    "ExpiredProviderToken", "InvalidProviderToken", "MissingProviderToken",
    "UnrelatedKeyIdInToken", "BadEnvironmentKeyIdInToken",
}  # fmt: skip

Result = Receipt | WalletError
"""What became of one device."""

log = logging.getLogger(__name__)


def receipt(answer: Answer, registered_at: datetime, now: datetime) -> Receipt:
    """What becomes of one installation. Not for 403, which is about the credential."""
    detail = f"Apple answered {answer.status} {answer.reason}".rstrip()
    match answer.status:
        case 200:
            return Receipt(Outcome.DELIVERED)
        case 400 if answer.reason == "BadDeviceToken":
            return Receipt(Outcome.GONE, detail)
        case 410:
            return _gone(answer, registered_at, now, detail)
        case 429:
            of_all = answer.reason == TOO_MANY_PROVIDER_TOKENS
            usual = RETRY_PROVIDER_TOKEN if of_all else RETRY_DEVICE
            return Receipt(Outcome.LATER, detail, answer.retry_after or usual)
        case status if status >= 500:
            return Receipt(Outcome.LATER, detail, answer.retry_after or RETRY_SERVER)
        case _:
            return Receipt(Outcome.REFUSED, detail)


def _gone(answer: Answer, registered_at: datetime, now: datetime, detail: str) -> Receipt:
    """The device is gone, unless it registered after the moment that Apple names.

    Then the token lives, and Apple has not heard of it yet: a little later it will have. If it has
    not by then, the device keeps its installation (it proved that it has the pass) but this push is
    lost; the device shows the change when it next asks.
    """
    if answer.timestamp is None or registered_at.timestamp() * 1000 <= answer.timestamp:
        return Receipt(Outcome.GONE, detail)
    if now - registered_at < FRESH:
        return Receipt(Outcome.LATER, f"{detail}, before it registered again", RETRY_FRESH)
    return Receipt(Outcome.REFUSED, f"{detail}, though it registered again since")


def misconfigured(topic: str, reason: str) -> WalletMisconfigured:
    """Apple takes nothing with this credential; the sentence says what to do."""
    if reason in _OF_KEY:
        return WalletMisconfigured(
            f"Apple does not accept the key for pushes ({reason}). Check TREUEPASS_APNS_KEY,"
            " TREUEPASS_APNS_KEY_ID and that the key belongs to the team of the certificate for"
            f" {topic}; or leave out the key."
        )
    said = f" ({reason})" if reason else ""
    return WalletMisconfigured(
        f"Apple does not accept the certificate for {topic} any more{said}. If it was revoked or"
        " replaced, make a new one for the same pass type identifier and import it."
    )


def unanswered(batch: Batch, topic: str, now: datetime) -> Result:
    """What it means that a push has no answer."""
    if batch.refused_certificate:
        return misconfigured(topic, batch.refused_certificate)
    if batch.stopped is not None:
        if batch.stopped.status == 403:
            return misconfigured(topic, batch.stopped.reason)
        return receipt(batch.stopped, now, now)
    if not batch.heard:
        return WalletDown(batch.trouble or "Apple's push service did not answer.")
    return Receipt(Outcome.LATER, batch.trouble)


def together(results: list[Result]) -> Sequence[Receipt] | WalletError:
    """The answer for one card: an error only when none of its devices got further.

    Otherwise one device's trouble with a certificate would have the others told again.
    """
    errors = [result for result in results if isinstance(result, WalletError)]
    if not errors:
        return cast(list[Receipt], results)
    if all(isinstance(result, WalletError) or not result.told for result in results):
        return errors[0]
    return [
        _as_receipt(result) if isinstance(result, WalletError) else result for result in results
    ]


def _as_receipt(error: WalletError) -> Receipt:
    if isinstance(error, WalletDown):
        return Receipt(Outcome.LATER, str(error), error.retry_after)
    return Receipt(Outcome.REFUSED, str(error))


class Alarms:
    """Logs what can only be a fault of ours or of the set-up, once for each kind."""

    MOST = 100

    def __init__(self) -> None:
        self._known: set[tuple[str, int, str]] = set()

    def look_at(self, topic: str, answer: Answer) -> None:
        """A 4xx that is about the request and not about the device. Names no device."""
        if answer.status in {200, 403, 410, 429} or answer.status >= 500:
            return
        kind = (topic, answer.status, answer.reason)
        if answer.reason == "BadDeviceToken" or kind in self._known or len(self._known) > self.MOST:
            return
        self._known.add(kind)
        log.error("Apple refuses pushes for %s: %d %s", topic, answer.status, answer.reason)
