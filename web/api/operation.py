"""What a call of the API is: an entry of its table of contents, and what its function is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar, cast

from flask import Request
from pydantic import BaseModel
from sqlalchemy.orm import Session

from passes.merchants.api_keys import Caller
from passes.merchants.merchants import Business, business
from web import Services

BELOW = "/api/v1"

M = TypeVar("M", bound=BaseModel)
P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody sent, read and checked, before any transaction."""

    request: Request
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
    view: View
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
            view=view,
            body=body,
            query=query,
            picture=picture,
            repeats=repeats,
            alias=alias,
            prepare=prepare,
        )
        OPERATIONS.append(made)
        return view

    return register
