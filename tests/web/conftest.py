"""A Google on loopback, for tests in which a merchant has an account there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Clock
from tests.fakes.google import FakeGoogle


@pytest.fixture(scope="session")
def _served() -> Iterator[FakeGoogle]:
    with FakeGoogle() as google:
        yield google


@pytest.fixture
def google(_served: FakeGoogle, now: Clock) -> FakeGoogle:
    """A Google that has nothing and remembers nothing; each request to it takes a second."""
    _served.forget()
    _served.clock = lambda: now().timestamp()
    _served.before_answering = lambda request: now.move(seconds=1)  # or the pace would hold
    return _served
