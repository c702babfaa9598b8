"""Programs that run wild are slowed down, one by one (R-API-1)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
import time_machine
from flask import Flask

from tests.conftest import Shop

MOST = 600

# The counters live in memory; one database is enough for so many calls.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def _one_window() -> Iterator[None]:
    """All calls of a test fall into one window of the limit."""
    with time_machine.travel("2026-11-21T09:00:01Z", tick=False):
        yield


def test_R_API_1_a_wild_program_is_told_when_to_come_back(
    app: Flask, alma: Shop, bruno: Shop
) -> None:
    def ask(key: str, address: str = "203.0.113.5") -> tuple[int, str | None, str]:
        answer = app.test_client().get(
            "/api/v1/merchant",
            headers={"Authorization": f"Bearer {key}"},
            environ_base={"REMOTE_ADDR": address},
        )
        return answer.status_code, answer.headers.get("Retry-After"), answer.content_type

    # Wrong keys are counted as well.
    wrong = f"tp_{secrets.token_hex(6)}_wrong"
    assert {ask(wrong)[0] for _ in range(MOST)} == {401}
    status, wait, kind = ask(wrong)
    assert (status, kind) == (429, "application/problem+json")
    assert wait is not None
    assert 0 < int(wait) <= 11

    assert {ask(alma.key)[0] for _ in range(MOST)} == {200}
    assert ask(alma.key)[0] == ask(alma.key, "198.51.100.7")[0] == 429, "by key, not by address"
    assert ask(bruno.key)[0] == 200
    assert ask(alma.key, "127.0.0.1")[0] == 200, "a till on the same machine is not slowed down"


def test_R_API_1_a_refused_call_does_nothing(app: Flask, alma: Shop) -> None:
    def add(name: str) -> int:
        return (
            app.test_client()
            .post(
                "/api/v1/customers",
                json={"first_name": name},
                headers={"Authorization": f"Bearer {alma.key}"},
                environ_base={"REMOTE_ADDR": "203.0.113.5"},
            )
            .status_code
        )

    statuses = [add(f"C{number}") for number in range(MOST + 3)]
    made = statuses.count(201)
    assert statuses[-1] == 429
    found: list[str] = []
    page = alma.get("/customers?limit=100")
    while True:
        found += [each["id"] for each in page["items"]]
        if page["next"] is None:
            break
        page = alma.get(f"/customers?limit=100&cursor={page['next']}")
    assert len(found) == made
