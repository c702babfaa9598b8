"""Calls that pass Flask by are answered as Flask answers them, and nothing else passes it by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from tests.conftest import Shop
from web.api.door import Door
from web.api.operation import BELOW, OPERATIONS

THROUGH_FLASK = {"Upgrade": "h2c"}
"""The door leaves a request that wants another protocol to Flask."""
NOBODY = UUID(int=0)

# What neither paths nor addresses have to do with.
on_one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def no_flask(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flask is not there."""

    def fail(*_: object) -> None:
        raise AssertionError("a plain call went through Flask")

    monkeypatch.setattr(app, "request_context", fail)


def both_ways(shop: Shop, method: str, path: str, **sent: Any) -> TestResponse:
    """The answer to a request, which is the same through Flask."""
    headers = {"Authorization": f"Bearer {shop.key}", **sent.pop("headers", {})}
    first, second = (
        shop.client.open(f"/api/v1{path}", method=method, headers={**headers, **more}, **sent)
        for more in ({}, THROUGH_FLASK)
    )
    assert first.status == second.status
    assert sorted(first.headers) == sorted(second.headers)
    assert first.data == second.data
    return first


@pytest.fixture
def card(alma: Shop) -> str:
    return str(alma.card(alma.template("multipass")["id"])["id"])


def test_answers_are_the_same(alma: Shop, card: str) -> None:
    once = {"Idempotency-Key": "once"}
    alma.post(f"/cards/{card}/add-visits", {"value": 2}, **once)
    for method, path, sent, status in (
        ("GET", f"/cards/{card}", {}, 200),
        ("HEAD", f"/cards/{card}", {}, 200),
        ("GET", "/transactions?limit=1", {}, 200),
        ("POST", f"/cards/{card}/preview", {"json": {"operation": "add-visits", "value": 1}}, 200),
        ("POST", f"/cards/{card}/add-visits", {"json": {"value": 2}, "headers": once}, 201),
        ("POST", f"/cards/{card}/add-visits", {"json": {"value": 3}, "headers": once}, 422),
        ("POST", f"/cards/{card}/add-visits", {"json": {"value": "x"}}, 422),
        ("POST", f"/cards/{card}/add-visits", {"data": b"{", "content_type": "text/plain"}, 400),
        ("POST", f"/cards/{card}/add-visits", {"data": b"x" * (4 * 1024 * 1024 + 1)}, 413),
        ("POST", f"/cards/{card}/redeem-visits", {"json": {"value": 9}}, 409),
        ("GET", f"/cards/{NOBODY}", {}, 404),
        ("GET", "/cards/%C3%A4", {}, 404),
        ("GET", "/nothing", {}, 404),
        ("GET", f"//cards/{card}", {}, 308),
        ("GET", f"/cards/{card}/", {}, 404),
        ("GET", "/cards/", {}, 404),
        ("PUT", f"/cards/{card}", {}, 405),
        ("OPTIONS", f"/cards/{card}", {}, 405),
        ("GET", "/merchant", {"headers": {"Authorization": "Bearer tp_x"}}, 401),
        ("GET", "/merchant", {"headers": {"Host": "a..b"}}, 400),
    ):
        answer = both_ways(alma, method, path, **sent)
        assert answer.status_code == status, (method, path, answer.text)
        if once in sent.values() and status == 201:
            assert answer.headers["Idempotent-Replay"] == "true"


@time_machine.travel("2026-11-21T09:00:01Z", tick=False)
def test_too_many_are_refused_alike(alma: Shop) -> None:
    far = {"environ_base": {"REMOTE_ADDR": "203.0.113.5"}}
    statuses = [both_ways(alma, "GET", "/merchant", **far).status_code for _ in range(300)]
    assert statuses == [200] * 300, "each asked twice, each counted once"
    refused = both_ways(alma, "GET", "/merchant", **far)
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "10"


@on_one_database
@pytest.mark.parametrize("further_settings", [{"TREUEPASS_PROXIES": "1"}])
@time_machine.travel("2026-11-21T09:00:01Z", tick=False)
def test_behind_a_proxy_it_matters_who_asks(alma: Shop) -> None:
    def ask(address: str) -> int:
        return int(alma.call("GET", "/merchant", X_Forwarded_For=address).status_code)

    assert {ask("203.0.113.5") for _ in range(600)} == {200}
    assert ask("203.0.113.5") == 429
    assert ask("127.0.0.1") == 200


@pytest.mark.parametrize(
    ("error", "status"), [(OperationalError("", None, Exception()), 503), (ValueError(), 500)]
)
def test_what_goes_wrong_is_said_once(
    app: Flask, alma: Shop, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    tried = []

    def fail(*_: object) -> None:
        tried.append(1)
        raise error

    monkeypatch.setattr("web.api.running.reading.check", fail)
    answer = alma.call("GET", "/transactions?limit=1")
    assert (answer.status_code, len(tried)) == (status, 1)
    assert answer.content_type == "application/problem+json"
    assert answer.headers.get("Retry-After") == ("1" if status == 503 else None)
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"


def test_plain_calls_need_no_flask(alma: Shop, card: str, no_flask: None) -> None:
    assert alma.post(f"/cards/{card}/add-visits", {"value": 2})["entry"]["seq"] == 1
    alma.get(f"/cards/{card}")
    with pytest.raises(AssertionError, match="through Flask"):
        alma.call("GET", "/nothing")


PARTS = sorted({part for made in OPERATIONS for part in made.path.split("/")} | {"x", "ä", "a\n"})


@on_one_database
def test_every_operation_passes_flask_by(app: Flask) -> None:
    for made in OPERATIONS:
        assert found_by_door(app, made.method, BELOW + made.path), made.path


@on_one_database
@settings(max_examples=2_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=some.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]),
    parts=some.lists(some.sampled_from(PARTS), min_size=1, max_size=5),
)
def test_the_door_finds_nothing_that_flask_does_not(
    app: Flask, method: str, parts: list[str]
) -> None:
    path = "/".join((BELOW, *parts))
    found = found_by_door(app, method, path)
    if found is not None:
        assert found == app.url_map.bind("").match(path, method)


def found_by_door(app: Flask, method: str, path: str) -> tuple[str, Mapping[str, str]] | None:
    """Endpoint and values, as Flask says them."""
    door = app.wsgi_app
    assert isinstance(door, Door)
    found = door._find({"REQUEST_METHOD": method, "PATH_INFO": path})
    return found and (f"api.{found[0].name}", found[1])
