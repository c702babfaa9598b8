"""Text travels packed where that is safe, and is the same when it is unpacked."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

Get = Callable[..., TestResponse]

PACKED = {"Accept_Encoding": "br, gzip"}


@pytest.fixture
def database_url(tmp_path: Path, _sqlite_master: Path) -> str:
    """One database will do: these pages only read."""
    return f"sqlite:///{shutil.copy(_sqlite_master, tmp_path / 'treuepass.db')}"


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def get(client: FlaskClient) -> Iterator[Get]:
    """Fetches, and closes the files that were sent."""
    answers: list[TestResponse] = []

    def get_(path: str, **headers: str) -> TestResponse:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        answers.append(client.get(path, headers=given))
        return answers[-1]

    yield get_
    for answer in answers:
        answer.close()


def is_packed(response: TestResponse) -> bool:
    assert response.status_code == 200
    return response.headers.get("Content-Encoding") == "gzip"


@pytest.mark.parametrize("path", ["/", "/static/house.css", "/static/pwa/card.css"])
def test_the_same_bytes_in_fewer(get: Get, path: str) -> None:
    plain, packed = get(path), get(path, **PACKED)
    assert not is_packed(plain)
    assert is_packed(packed)
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) == packed.content_length < 0.5 * len(plain.data)
    for answer in (plain, packed):
        assert "Accept-Encoding" in answer.headers["Vary"]


def test_a_file_that_is_still_the_same_is_not_sent_again(get: Get) -> None:
    first = get("/static/house.css", **PACKED)
    again = get("/static/house.css", **PACKED, If_None_Match=first.headers["ETag"])
    assert again.status_code == 304


def test_fonts_small_answers_and_data_stay_as_they_are(get: Get) -> None:
    for path in ("/static/inter-latin-wght-normal.woff2", "/static/icon.svg", "/healthz"):
        assert not is_packed(get(path, **PACKED))


def test_a_page_for_somebody_with_a_cookie_is_not_packed(client: FlaskClient, get: Get) -> None:
    """BREACH: its length would tell what nobody else may know."""
    client.set_cookie("session", "x")
    assert not is_packed(get("/", **PACKED))
    assert is_packed(get("/static/house.css", **PACKED))


def test_nobody_gets_packed_what_they_cannot_unpack(get: Get) -> None:
    for accepted in ("", "identity", "gzip;q=0", "br"):
        assert not is_packed(get("/", Accept_Encoding=accepted))
