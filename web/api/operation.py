"""What every call of the API shares: key and scope, reading, one transaction, repeats, answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar, cast

import orjson
from flask import Blueprint, Response, request
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from passes import idempotency
from passes.errors import Conflict, Forbidden
from passes.idempotency import Answer, TwinWon
from passes.merchants import api_keys
from passes.merchants.api_keys import Caller
from passes.merchants.merchants import Business, business
from passes.store import Store
from web import Services, services
from web.api import reading
from web.limits import api_calls
from web.problems import Unauthorized

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
blueprint.before_request(api_calls.count)

REPLAYED = "Idempotent-Replay"
ATTEMPTS = 3
"""How often a request is run because a twin with the same key won, or the database broke it off."""

DEADLOCK, CANNOT_SERIALIZE = "40P01", "40001"
"""PostgreSQL broke one of several transactions off that stood in each other's way."""

M = TypeVar("M", bound=BaseModel)
P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody sent, read and checked, before any transaction."""

    caller: Caller
    services: Services
    now: datetime
    path: Mapping[str, str]
    idempotency_key: str | None
    _body: BaseModel | None
    _query: BaseModel | None

    def body(self, model: type[M]) -> M:
        return cast(M, self._body)

    def query(self, model: type[M]) -> M:
        return cast(M, self._query)


@dataclass(frozen=True, slots=True)
class Call(Asked):
    """One call in its transaction, with what was prepared for it."""

    session: Session
    _prepared: object

    def prepared(self, kind: type[P]) -> P:
        return cast(P, self._prepared)

    @property
    def merchant(self) -> Business:
        return business(self.session)


View = Callable[[Call], Mapping[str, Any]]
Prepare = Callable[[Asked], object]


@dataclass(frozen=True, slots=True)
class Operation:
    """An entry of the API's table of contents; the OpenAPI document is made of these."""

    method: str
    path: str
    name: str
    summary: str
    scope: str
    status: int
    answer: type[BaseModel]
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    picture: bool = False
    repeats: bool = True
    alias: bool = False
    prepare: Prepare | None = None
    errors: tuple[int, ...] = field(default=())


OPERATIONS: list[Operation] = []


def operation(
    method: str,
    path: str,
    summary: str,
    *,
    scope: str,
    answer: type[BaseModel],
    status: int | None = None,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    picture: bool = False,
    name: str | None = None,
    repeats: bool = True,
    alias: bool = False,
    prepare: Prepare | None = None,
) -> Callable[[View], View]:
    """Makes a function a call of the API. ``path`` as in Flask, below /api/v1.

    A GET runs in a transaction that cannot write. A POST with an Idempotency-Key runs once, but
    for one that leaves nothing behind: without ``repeats`` it is answered anew each time.
    ``alias``: another name for what a call of ours does. ``prepare``: what takes long or asks
    somebody else, done before the transaction; the function finds its result in ``prepared``.
    """

    def register(view: View) -> View:
        made = Operation(
            method=method,
            path=path,
            name=name or view.__name__,
            summary=summary,
            scope=scope,
            status=status or (201 if method == "POST" else 200),
            answer=answer,
            body=body,
            query=query,
            picture=picture,
            repeats=repeats,
            alias=alias,
            prepare=prepare,
        )
        OPERATIONS.append(made)
        blueprint.add_url_rule(
            path,
            endpoint=made.name,
            view_func=lambda **path_values: _run(made, view, path_values),
            methods=[method],
            provide_automatic_options=False,
        )
        return view

    return register


Finder = Callable[[Store, str, datetime], Caller | None]


def _caller(now: datetime, scope: str, find: Finder) -> Caller | None:
    """Who calls, if ``find`` knows the key. Raises Forbidden when the key lacks the scope."""
    kind, _, key = request.headers.get("Authorization", "").partition(" ")
    if not kind:
        kind, key = "Bearer", request.headers.get("X-API-Key", "")
    caller = find(services().store, key.strip(), now) if kind == "Bearer" else None
    if caller is not None and scope not in caller.scopes:
        raise Forbidden(f"This key lacks the scope {scope}.", code="SCOPE_MISSING", scope=scope)
    return caller


def _identified(now: datetime, scope: str) -> Caller:
    """Who calls. Raises Unauthorized, Forbidden."""
    caller = _caller(now, scope, api_keys.identify)
    if caller is None:
        raise Unauthorized("Show a valid API key: Authorization: Bearer tp_…")
    return caller


def _run(made: Operation, view: View, path: Mapping[str, str]) -> Response:
    known = services()
    now = known.now()
    # What is remembered is proved in the transaction; what is prepared comes before it.
    remembered = None if made.prepare else _caller(now, made.scope, api_keys.recall)
    caller = remembered or _identified(now, made.scope)
    raw = request.get_data()
    body = reading.read(made.body, raw, request.content_type or "") if made.body else None
    query = reading.check(made.query, request.args.to_dict()) if made.query else None
    keeps = made.method == "POST" and made.repeats
    key = request.headers.get("Idempotency-Key") if keeps else None
    if key is not None:
        idempotency.check_key(key)
    open_transaction = known.store.read if made.method == "GET" else known.store.write
    request_hash = idempotency.hash_of(made.method, request.path, raw) if key else ""
    prepared = None
    if made.prepare is not None:
        if key is not None:  # a repeat is answered as before, whatever preparing would say now
            with known.store.write(caller.merchant_id) as session:
                earlier = idempotency.earlier_answer(session, key, request_hash, now)
            if earlier is not None:
                return _respond(earlier, replayed=True)
        prepared = made.prepare(Asked(caller, known, now, path, key, body, query))
    for attempt in range(ATTEMPTS):
        try:
            with open_transaction(caller.merchant_id) as session:
                api_keys.know(session, caller)
                if key is not None:
                    earlier = idempotency.earlier_answer(session, key, request_hash, now)
                    if earlier is not None:
                        return _respond(earlier, replayed=True)
                call = Call(caller, known, now, path, key, body, query, session, prepared)
                answer = Answer(made.status, _written(view(call)))
                if key is not None:
                    idempotency.keep(session, key, request_hash, answer, now)
            return _respond(answer)
        except api_keys.NotAnyMore:
            caller = _identified(now, made.scope)
        except (TwinWon, OperationalError) as error:
            if attempt == ATTEMPTS - 1 or not _may_go_better(error):
                raise
    raise Conflict("What this needs changes all the time; try again.", code="CHANGED_MEANWHILE")


def _may_go_better(error: TwinWon | OperationalError) -> bool:
    """Whether only the moment was wrong; everything was taken back then."""
    if isinstance(error, TwinWon):
        return True
    return getattr(error.orig, "sqlstate", None) in {DEADLOCK, CANNOT_SERIALIZE}


def _written(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z).decode()


def _respond(answer: Answer, *, replayed: bool = False) -> Response:
    response = Response(answer.body, answer.status, content_type="application/json")
    if replayed:
        response.headers[REPLAYED] = "true"
    return response
