"""What a push service's answer means for one browser (spec/web.md 6.4, RFC 8030, 5 and 8.4)."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

from passes.wallet_port import Outcome, Receipt
from pwa.connection import Answer

LONGEST_WAIT = 86_400.0
"""Seconds; a push service that asks for more is asked again after a day."""
DELIVERED = Receipt(Outcome.DELIVERED)
NO_TIME = Receipt(Outcome.LATER, "There was no time left for this push.")

_OTHER_KEY = re.compile(rb"mismatch|(?:not|n't) (?:match|correspond)", re.IGNORECASE)


def receipt(answer: Answer, now: float) -> Receipt:
    """``now`` in seconds since 1970. The detail holds nothing of the answer but its status."""
    said = f"The push service answered {answer.status}"
    match answer.status:
        case 200 | 201 | 202 | 204:
            return DELIVERED
        case 404 | 410:
            return Receipt(Outcome.UNREACHABLE, f"{said}: the subscription has ended.")
        case status if status in {408, 429} or status >= 500:
            return Receipt(Outcome.LATER, f"{said}.", seconds(answer.retry_after, now))
        case 400 | 401 | 403 if _OTHER_KEY.search(answer.body):
            return Receipt(Outcome.REFUSED, f"{said}: key mismatch.")
        case 413:
            return Receipt(Outcome.REFUSED, f"{said}: the message is too large.")
        case _:
            return Receipt(Outcome.REFUSED, f"{said}.")


def seconds(retry_after: str, now: float) -> float | None:
    """The pause in a Retry-After header, seconds or a date (RFC 9110, 10.2.3): a day at most."""
    given = retry_after.strip()
    if re.fullmatch("[0-9]{1,20}", given):
        return min(float(given), LONGEST_WAIT)
    try:
        wait = parsedate_to_datetime(given).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return min(max(wait, 0.0), LONGEST_WAIT)
