"""Calls on their way in and out: past Flask where all is as usual, else as Flask has it.

What Flask does around a request costs as much as a posting's statements, and a call needs none of
it. Whatever is not a plain call that succeeds (another method, a refusal, an error) goes through
Flask, to the same operations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from werkzeug.exceptions import BadHost
from werkzeug.http import HTTP_STATUS_CODES

from web import headers
from web.api.operation import BELOW, OPERATIONS, Operation
from web.api.running import Said, run

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

JSON = "application/json"
REPLAYED = "Idempotent-Replay"
_FAILED = "treuepass.failed"
"""In a WSGI environment: what a call has raised already."""


@dataclass(slots=True)
class Place:
    """Where a path can have come to, part by part: what may follow, and what may be called."""

    fixed: dict[str, Place] = field(default_factory=dict)
    any: Place | None = None
    calls: dict[str, tuple[Operation, Sequence[str]]] = field(default_factory=dict)


def init_app(app: Flask) -> None:
    """Gives ``app`` every operation, for what does not pass the door."""
    for made in OPERATIONS:
        app.add_url_rule(
            BELOW + made.path,
            endpoint=f"api.{made.name}",
            view_func=partial(_through_flask, app, made),
            methods=[made.method],
            provide_automatic_options=False,
        )


def _through_flask(app: Flask, made: Operation, **path: str) -> Response:
    failed = request.environ.pop(_FAILED, None)
    if failed is not None:
        raise failed
    said = run(made, request, path, app)
    response = Response(said.answer.body, said.answer.status, content_type=JSON)
    if said.replayed:
        response.headers[REPLAYED] = "true"
    return response


class Door:
    """A WSGI application in front of Flask's."""

    def __init__(self, app: Flask, base_url: str) -> None:
        self._app = app
        self._flask = app.wsgi_app
        self._headers = [*headers.always(base_url), headers.NOT_INDEXED]
        self._root = _places(OPERATIONS)
        self._is_host = lru_cache(64)(self._can_bind)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        found = self._find(environ)
        if found is not None:
            made, path = found
            try:
                asked = self._app.request_class(environ, populate_request=False)
                asked.max_content_length = self._app.config["MAX_CONTENT_LENGTH"]
                said = run(made, asked, path, self._app)
            except Exception as error:  # noqa: BLE001 - raised again in Flask, which answers it
                environ[_FAILED] = error
            else:
                return self._answer(said, start_response)
        return self._flask(environ, start_response)

    def _find(self, environ: WSGIEnvironment) -> tuple[Operation, Mapping[str, str]] | None:
        """What Flask would find; None: let Flask look."""
        place, values = self._root, []
        for part in environ.get("PATH_INFO", "").split("/"):
            beneath = place.fixed.get(part)
            if beneath is None:
                beneath = place.any
                if beneath is None or not part or not part.isascii():
                    return None
                values.append(part)
            place = beneath
        called = place.calls.get(environ["REQUEST_METHOD"])
        if called is None or "HTTP_UPGRADE" in environ:
            return None
        if not self._is_host(environ.get("HTTP_HOST", "")):
            return None
        made, names = called
        return made, dict(zip(names, values, strict=True))

    def _can_bind(self, host: str) -> bool:
        """Whether Flask would look at the path at all."""
        try:
            self._app.url_map.bind(host)
        except BadHost:
            return False
        return True

    def _answer(self, said: Said, start_response: StartResponse) -> Iterable[bytes]:
        status, body = said.answer.status, said.answer.body.encode()
        own = [("Content-Type", JSON), ("Content-Length", str(len(body)))]
        if said.replayed:
            own.append((REPLAYED, "true"))
        start_response(f"{status} {HTTP_STATUS_CODES[status].upper()}", own + self._headers)
        return [body]


def _places(operations: Iterable[Operation]) -> Place:
    """Where paths begin."""
    root = Place()
    for made in operations:
        place = root
        for part in (BELOW + made.path).split("/"):
            if part.startswith("<"):
                place.any = place.any or Place()
                place = place.any
            else:
                place = place.fixed.setdefault(part, Place())
        place.calls[made.method] = made, re.findall(r"<(\w+)>", made.path)
    return root
