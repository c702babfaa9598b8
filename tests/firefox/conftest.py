"""A card of a real merchant on a real port, a push service, and a real Firefox that uses both.

``make quality`` runs these tests with TREUEPASS_FIREFOX, the program's path; ``make test`` needs no
Firefox and leaves them out.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from commands.parts import Parts
from passes import clock
from passes.delivery.deliver import deliver_due
from tests.fakes.web_push import FakePushService
from tests.firefox.firefox import Firefox
from tests.running import free_port

collect_ignore_glob = [] if "TREUEPASS_FIREFOX" in os.environ else ["test_*.py"]

TELLS = """{
  const shown = ServiceWorkerRegistration.prototype.showNotification;
  ServiceWorkerRegistration.prototype.showNotification = async function (title, options) {
    await shown.call(this, title, options);
    await fetch("/test-notifications", {method: "POST", body: JSON.stringify({title, options})});
  };
}
"""
"""Put before a worker: asking for its notifications too early can lose them (spec/web.md 6.6)."""


@dataclass
class Site:
    """The product on a real port. ``notifications``: what workers showed, in their order."""

    url: str
    parts: Parts
    notifications: list[dict[str, Any]] = field(default_factory=list)

    def deliver(self) -> int:
        """One step of the worker; how many deliveries it worked at."""
        return deliver_due(self.parts.store, self.parts.wallets, self.url, clock.now)

    def application(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """The product as WSGI, whose workers tell what they show."""
        if environ["PATH_INFO"] == "/test-notifications":
            told = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            self.notifications.append(json.loads(told))
            start("204 No Content", [])
            return []
        if not environ["PATH_INFO"].endswith("/sw.js"):
            return self.parts.app(environ, start)
        environ.pop("HTTP_ACCEPT_ENCODING", None)  # text can be put before text only
        kept: list[Any] = []
        script = b"".join(self.parts.app(environ, lambda *given: kept.append(given)))
        status, headers = kept[0][:2]
        body = TELLS.encode() + script
        others = [each for each in headers if each[0].lower() != "content-length"]
        start(status, [*others, ("Content-Length", str(len(body)))])
        return [body]


@pytest.fixture
def now() -> Any:
    """The real time: a browser knows no other."""
    return clock.now


@pytest.fixture
def database_url(_sqlite_master: Path, tmp_path: Path) -> str:
    file = shutil.copy(_sqlite_master, tmp_path / "treuepass.db")
    return f"sqlite:///{file}"


@pytest.fixture
def push_service() -> Iterator[FakePushService]:
    with FakePushService() as service:
        yield service


@pytest.fixture
def further_settings(push_service: FakePushService) -> dict[str, str]:
    return {
        "TREUEPASS_BASE_URL": f"http://127.0.0.1:{free_port()}",
        "TREUEPASS_WEBPUSH_EXTRA_HOSTS": push_service.host,
        "TREUEPASS_VAPID_SUBJECT": "mailto:till@cafe-kranz.de",
    }


@pytest.fixture
def site(parts: Parts) -> Iterator[Site]:
    site = Site(parts.settings.base_url, parts)
    port = int(site.url.rpartition(":")[2])
    server = make_server("127.0.0.1", port, site.application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def firefox(push_service: FakePushService, site: Site) -> Iterator[Firefox]:
    program = os.environ["TREUEPASS_FIREFOX"]
    with Firefox(program, f"ws://127.0.0.1:{push_service.port}/") as firefox:
        yield firefox
