"""Says what went wrong: RFC 9457 documents for programs, pages for people.

The only place that knows which broken rule is which HTTP status.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from flask import Flask, Request, Response, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from passes import i18n
from passes.errors import Conflict, Forbidden, Gone, Invalid, NotFound, RuleBroken
from passes.idempotency import KeyReused
from web import pages

STATUS: Mapping[type[RuleBroken], int] = {
    Invalid: 422,
    NotFound: 404,
    Gone: 410,
    Forbidden: 403,
    Conflict: 409,
    KeyReused: 422,
}

_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "TOO_MANY_REQUESTS",
}

log = structlog.get_logger("treuepass.web")


class BadRequest(RuleBroken):
    """The request could not even be read."""

    code = "BAD_REQUEST"


class Unauthorized(RuleBroken):
    """No valid key was shown."""

    code = "UNAUTHORIZED"


def status_of(error: RuleBroken) -> int:
    """The HTTP status of a broken rule; a kind that nobody listed is a conflict."""
    if isinstance(error, BadRequest):
        return 400
    if isinstance(error, Unauthorized):
        return 401
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 409)


def document(
    status: int, code: str, detail: str, extra: Mapping[str, Any] | None = None
) -> Response:
    """An ``application/problem+json`` answer."""
    body = {
        "type": "about:blank",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "code": code,
        "detail": detail,
        **(extra or {}),
    }
    return Response(
        orjson.dumps(body, default=str, option=orjson.OPT_UTC_Z),
        status,
        content_type="application/problem+json",
    )


def sentence_of(error: RuleBroken, asked: Request) -> str:
    """What a refusal says, in the language of whoever asked; English where it has no other."""
    languages = ("en", *(each for each in i18n.LANGUAGES if each != "en"))
    return i18n.pick(error.words, asked.accept_languages.best_match(languages) or "en")


def fields_of(error: RuleBroken) -> list[dict[str, str]]:
    """Every wrong field of a request; none for other refusals."""
    wrong = error.fields if isinstance(error, Invalid) else ()
    return [{"field": each.field, "message": each.message, "code": each.code} for each in wrong]


def of_rule(error: RuleBroken) -> Response:
    """The problem document of a broken rule, with every wrong field and the facts of a refusal."""
    extra: dict[str, Any] = {}
    if isinstance(error, Invalid):
        extra["fields"] = fields_of(error)
    if error.facts:
        extra["facts"] = error.facts
    answer = document(status_of(error), error.code, sentence_of(error, request), extra)
    if isinstance(error, Unauthorized):
        answer.headers["WWW-Authenticate"] = 'Bearer realm="Treuepass"'
    return answer


def is_for_programs() -> bool:
    """Whether the request came to the JSON API."""
    return request.path.startswith("/api/") and not request.path.startswith("/api/docs")


def init_app(app: Flask) -> None:
    """Turns every error into an answer; nothing of the inside shows."""

    @app.errorhandler(RuleBroken)
    def broken(error: RuleBroken) -> Response:
        if is_for_programs():
            return of_rule(error)
        return pages.error_page(status_of(error), str(error))

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        status = error.code or 500
        if status < 400:
            return Response(error.get_response().get_data(), status, error.get_response().headers)
        if is_for_programs():
            code = _CODES.get(status, "REFUSED")
            answer = document(status, code, error.description or code)
        else:
            answer = pages.error_page(status, None)
        for name, value in error.get_response().headers:
            if name in {"Allow", "Retry-After"}:
                answer.headers[name] = value
        return answer

    @app.errorhandler(OperationalError)
    def busy(error: OperationalError) -> Response:
        log.error("database_trouble", error=type(error.orig).__name__, path=request.path)
        detail = "The database is busy or away. Nothing was changed; try again."
        if is_for_programs():
            answer = document(503, "TRY_AGAIN", detail)
        else:
            answer = pages.error_page(503, None)
        answer.headers["Retry-After"] = "1"
        return answer

    @app.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        reference = secrets.token_hex(4)
        log.error("request_failed", reference=reference, path=request.path, exc_info=error)
        if is_for_programs():
            return document(500, "INTERNAL", f"Something went wrong here; reference {reference}.")
        return pages.error_page(500, None)
