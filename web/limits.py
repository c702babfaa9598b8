"""How often one visitor or one program may ask; coarse, in the memory of each process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from ipaddress import ip_address
from typing import ParamSpec, TypeVar

from flask import Flask, Request, current_app, request
from limits import parse_many
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from werkzeug.exceptions import TooManyRequests

P = ParamSpec("P")
R = TypeVar("R")

_OWN = frozenset({"127.0.0.1", "::1"})


class Limit:
    """So many requests of one asker in so much time; ``scope`` is what they are counted for."""

    def __init__(self, limits: str, scope: str, asker: Callable[[Request], str]) -> None:
        """``limits`` in words: "5 per minute; 30 per day"."""
        self._limits = parse_many(limits)
        self._scope = scope
        self._asker = asker

    def count(self, asked: Request = request, app: Flask = current_app) -> None:
        """Counts a request. Raises TooManyRequests with the seconds after which it may go."""
        if _is_this_machine(asked):
            return
        asker = self._asker(asked)
        counter: FixedWindowRateLimiter = app.extensions["limits"]
        over = [limit for limit in self._limits if not counter.hit(limit, self._scope, asker)]
        if over:
            # The window may end sooner; whoever waits for so long is let in.
            raise TooManyRequests(retry_after=max(limit.get_expiry() for limit in over))

    def __call__(self, view: Callable[P, R]) -> Callable[P, R]:
        """Limits a view."""

        @wraps(view)
        def limited(*arguments: P.args, **named: P.kwargs) -> R:
            self.count()
            return view(*arguments, **named)

        return limited


def _address(asked: Request) -> str:
    return asked.remote_addr or "nowhere"


def _key_or_address(asked: Request) -> str:
    """The API key that a request shows; without one, the address. Keys are not kept."""
    shown = asked.headers.get("Authorization") or asked.headers.get("X-API-Key")
    return hashlib.sha256(shown.encode()).hexdigest() if shown else _address(asked)


sign_ups = Limit("5 per minute; 30 per day", "sign-up", _address)
"""R-ISS-6."""
shared_links = Limit("10 per minute; 100 per day", "share-link", _address)
api_calls = Limit("600 per 10 seconds", "api", _key_or_address)
"""R-API-1: what the busiest till never reaches, and a program that runs wild does at once."""


def init_app(app: Flask) -> None:
    app.extensions["limits"] = FixedWindowRateLimiter(MemoryStorage())


def _is_this_machine(asked: Request) -> bool:
    """The shop's own tablet in front of its own server is not slowed down."""
    address = asked.remote_addr
    return address in _OWN or (address is not None and ip_address(address).is_loopback)
