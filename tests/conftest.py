"""Fixtures: a migrated database of its own for every test, on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, text
from werkzeug.serving import make_server

import migrations
from app import assemble
from commands.parts import Parts
from passes import clock
from passes.merchants import api_keys, merchants
from passes.models import Base
from passes.settings import read_settings
from passes.store import Store
from passes.vault import Vault
from tests.postgres import fresh_database

MASTER_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
BERLIN = "Europe/Berlin"


@dataclass
class Clock:
    """The time in a test: stands still until it is moved."""

    moment: datetime = field(default_factory=lambda: datetime(2026, 11, 21, 9, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.moment

    def move(self, **delta: float) -> None:
        self.moment += timedelta(**delta)

    def set(self, iso: str) -> None:
        self.moment = datetime.fromisoformat(iso).astimezone(UTC)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes begins first: no process is left alone with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that the whole product goes by."""
    standing = Clock()
    monkeypatch.setattr(clock, "now", standing)
    return standing


@pytest.fixture(scope="session")
def _sqlite_master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    store = Store(f"sqlite:///{file}", Vault([b"0" * 32]))
    migrations.upgrade(store.engine)
    store.close()
    return file


@pytest.fixture(scope="session")
def _postgres_database() -> str:
    """One migrated database per test process; each test empties it."""
    address = fresh_database(f"treuepass_{os.environ.get('PYTEST_XDIST_WORKER', 'one')}")
    store = Store(address, Vault([b"0" * 32]))
    migrations.upgrade(store.engine)
    store.close()
    return address


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty, migrated database."""
    if request.param == "sqlite":
        file = tmp_path / "treuepass.db"
        shutil.copy(request.getfixturevalue("_sqlite_master"), file)
        return f"sqlite:///{file}"
    address: str = request.getfixturevalue("_postgres_database")
    store = Store(address, Vault([b"0" * 32]))
    names = ", ".join(table.name for table in Base.metadata.sorted_tables)
    with store.engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {names} CASCADE"))
    store.close()
    return address


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Example certificates are made once: RSA keys take their time."""
    from certs_example.make import make_all

    folder = tmp_path_factory.mktemp("certs") / "certs_example"
    make_all(folder, now=Clock().moment - timedelta(days=20))
    return folder


@pytest.fixture
def further_settings() -> dict[str, str]:
    """Settings besides those that every test has; a module with others has its own fixture."""
    return {}


@pytest.fixture
def parts(
    now: Clock,
    database_url: str,
    tmp_path: Path,
    certificates: Path,
    further_settings: dict[str, str],
) -> Iterator[Parts]:
    """The whole product over an empty database, at a time that stands still until it is moved."""
    data_dir = tmp_path / "var"
    data_dir.mkdir()
    shutil.copytree(certificates, data_dir / "certs_example")
    settings = read_settings(
        {
            "TREUEPASS_DATA_DIR": str(data_dir),
            "TREUEPASS_DATABASE_URL": database_url,
            "TREUEPASS_MASTER_KEY": MASTER_KEY,
            "TREUEPASS_BASE_URL": "http://127.0.0.1:8000",
            **further_settings,
        }
    )
    made = assemble(settings)
    made.app.testing = False
    yield made
    made.store.close()


def engines_of(store: Store) -> list[Engine]:
    """On PostgreSQL there is one; what reads and notes passes its events on to it."""
    others = [store._reading, store._noting] if store.is_sqlite else []
    return [store.engine, *others]


@contextmanager
def statements_of(store: Store) -> Iterator[list[str]]:
    """The statements within the block, whatever they are for."""
    seen: list[str] = []

    def note(*about: Any) -> None:
        seen.append(about[2])

    for engine in engines_of(store):
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        for engine in engines_of(store):
            event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def store(parts: Parts) -> Store:
    return parts.store


@pytest.fixture
def app(parts: Parts) -> Flask:
    return parts.app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without cookies of anybody."""
    return app.test_client()


@dataclass
class Shop:
    """A merchant of a test, with a key, and short ways to use the API as its till does."""

    merchant_id: UUID
    slug: str
    key: str
    client: FlaskClient

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The response of one API call; ``Idempotency_Key="…"`` and the like are headers."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.open(
            f"/api/v1{path}",
            method=method,
            json=body,
            headers={"Authorization": f"Bearer {self.key}", **named},
        )

    def get(self, path: str) -> Any:
        response = self.call("GET", path)
        assert response.status_code == 200, response.text
        return response.json

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        response = self.call("POST", path, body if body is not None else {}, **headers)
        assert response.status_code in {200, 201}, response.text
        return response.json

    def refused(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The problem document of a call that must be refused."""
        response = self.call(method, path, body, **headers)
        assert 400 <= response.status_code < 500, response.text
        assert response.content_type == "application/problem+json"
        assert response.json["status"] == response.status_code
        return response.json

    def template(self, kind: str, **parts: Any) -> Any:
        return self.post("/templates", {"kind": kind, "name": f"{self.slug} {kind}", **parts})

    def card(self, template_id: str, **parts: Any) -> Any:
        holder = {} if "customer_id" in parts else {"customer": {"first_name": "Anna"}}
        return self.post("/cards", {"template_id": template_id, **holder, **parts})


@pytest.fixture
def open_shop(store: Store, client: FlaskClient) -> Callable[..., Shop]:
    """Makes merchants."""

    def open_(name: str, **facts: Any) -> Shop:
        merchant_id = merchants.set_up(store, name=name, now=clock.now(), **facts)
        with store.write(merchant_id) as session:
            key = api_keys.create(session, name="test", scopes=["all"], now=clock.now())
            slug = merchants.business(session).slug
        return Shop(merchant_id, slug, key, client)

    return open_


@pytest.fixture
def alma(open_shop: Callable[..., Shop]) -> Shop:
    """Merchant Alma."""
    return open_shop("Alma")


@pytest.fixture
def bruno(open_shop: Callable[..., Shop]) -> Shop:
    """Merchant Bruno, who must see nothing of Alma's."""
    return open_shop("Bruno")


@pytest.fixture
def live_server(app: Flask) -> Iterator[str]:
    """The application on a real port of this machine."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
