"""What the answers of push services mean (spec/web.md 6.4)."""

import pytest

from passes.wallet_port import Outcome
from pwa.answers import receipt, seconds
from pwa.connection import Answer

NOW = 1_795_000_000.0  # Fri, 18 Nov 2026 10:26:40 GMT


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        *((status, Outcome.DELIVERED) for status in (200, 201, 202, 204)),
        *((status, Outcome.UNREACHABLE) for status in (404, 410)),
        *((status, Outcome.REFUSED) for status in (203, 301, 302, 303, 307, 308)),
        *((status, Outcome.REFUSED) for status in (400, 401, 403, 405, 413, 415, 101, 103, 999)),
        *((status, Outcome.LATER) for status in (408, 429, 500, 502, 503, 504, 599)),
    ],
)
def test_every_status_has_its_outcome(status, outcome):
    expected = Outcome.LATER if status == 999 else outcome
    got = receipt(Answer(status, "", b"secret words"), NOW)
    assert got.outcome is expected
    assert got.told
    assert "secret" not in got.detail


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"the key in the authorization header does not correspond to the sender ID", True),
        (b'{"reason":"VapidPkHashMismatch"}', True),
        (b"VAPID public key mismatch", True),
        (b'{"reason":"BadJwtToken"}', False),
        (b"\xff\x00", False),
    ],
)
def test_a_key_that_does_not_fit_the_subscription_is_told_from_other_refusals(body, said):
    for status in (400, 401, 403):
        got = receipt(Answer(status, "", body), NOW)
        assert got.outcome is Outcome.REFUSED
        assert ("key mismatch" in got.detail) is said


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("0", 0.0),
        ("120", 120.0),
        (" 120 ", 120.0),
        ("86401", 86_400.0),
        ("9" * 20, 86_400.0),
        ("9" * 5_000, None),
        ("Wed, 18 Nov 2026 10:30:00 GMT", 33.0),
        ("Wed, 18 Nov 2026 10:00:00 GMT", 0.0),
        ("Wed, 18 Nov 2099 10:00:00 GMT", 86_400.0),
        ("Wed, 99 Nov 2026 10:00:00 GMT", None),
    ],
)
def test_RFC_9110_a_pause_is_seconds_or_a_date_and_a_day_at_most(header, wait):
    now = 1_794_997_767.0  # Wed, 18 Nov 2026 10:29:27 GMT
    assert seconds(header, now) == wait
    for status in (429, 503):
        assert receipt(Answer(status, header, b""), now).retry_after == wait
    assert receipt(Answer(201, header, b""), now).retry_after is None
