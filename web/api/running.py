"""What every call of the API shares: limit, key and scope, reading, one transaction, repeats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from flask import Flask, Request
from sqlalchemy.exc import OperationalError

from passes import idempotency
from passes.errors import Conflict, Forbidden
from passes.idempotency import Answer, TwinWon
from passes.merchants import api_keys
from passes.merchants.api_keys import Caller
from passes.store import Store
from web import services
from web.api import reading
from web.api.operation import Asked, Call, Operation
from web.limits import api_calls
from web.problems import Unauthorized

ATTEMPTS = 3
"""How often a request is run because a twin with the same key won, or the database broke it off."""

DEADLOCK, CANNOT_SERIALIZE = "40P01", "40001"
"""PostgreSQL broke one of several transactions off that stood in each other's way."""

Finder = Callable[[Store, str, datetime], Caller | None]


class Said(NamedTuple):
    """An answer, and whether it was given before."""

    answer: Answer
    replayed: bool = False


def run(made: Operation, request: Request, path: Mapping[str, str], app: Flask) -> Said:
    """Answers one call; what it raises, ``web.problems`` puts into words."""
    api_calls.count(request, app)
    known = services(app)
    now = known.now()
    # What is remembered is proved in the transaction; what is prepared comes before it.
    remembered = None if made.prepare else _caller(made, request, known.store, now, api_keys.recall)
    caller = remembered or _identified(made, request, known.store, now)
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
                return Said(earlier, replayed=True)
        prepared = made.prepare(Asked(request, caller, known, now, path, key, body, query))
    for attempt in range(ATTEMPTS):
        try:
            with open_transaction(caller.merchant_id) as session:
                api_keys.know(session, caller)
                if key is not None:
                    earlier = idempotency.earlier_answer(session, key, request_hash, now)
                    if earlier is not None:
                        return Said(earlier, replayed=True)
                call = Call(request, caller, known, now, path, key, body, query, session, prepared)
                answer = Answer(made.status, _written(made.view(call)))
                if key is not None:
                    idempotency.keep(session, key, request_hash, answer, now)
            return Said(answer)
        except api_keys.NotAnyMore:
            caller = _identified(made, request, known.store, now)
        except (TwinWon, OperationalError) as error:
            if attempt == ATTEMPTS - 1 or not _may_go_better(error):
                raise
    raise Conflict("What this needs changes all the time; try again.", code="CHANGED_MEANWHILE")


def _caller(
    made: Operation, request: Request, store: Store, now: datetime, find: Finder
) -> Caller | None:
    """Who calls, if ``find`` knows the key. Raises Forbidden when the key lacks the scope."""
    kind, _, key = request.headers.get("Authorization", "").partition(" ")
    if not kind:
        kind, key = "Bearer", request.headers.get("X-API-Key", "")
    caller = find(store, key.strip(), now) if kind == "Bearer" else None
    if caller is not None and made.scope not in caller.scopes:
        raise Forbidden(
            f"This key lacks the scope {made.scope}.", code="SCOPE_MISSING", scope=made.scope
        )
    return caller


def _identified(made: Operation, request: Request, store: Store, now: datetime) -> Caller:
    """Who calls. Raises Unauthorized, Forbidden."""
    caller = _caller(made, request, store, now, api_keys.identify)
    if caller is None:
        raise Unauthorized("Show a valid API key: Authorization: Bearer tp_…")
    return caller


def _may_go_better(error: TwinWon | OperationalError) -> bool:
    """Whether only the moment was wrong; everything was taken back then."""
    if isinstance(error, TwinWon):
        return True
    return getattr(error.orig, "sqlstate", None) in {DEADLOCK, CANNOT_SERIALIZE}


def _written(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z).decode()
