"""How often one visitor or one program may ask; coarse, in the memory of each process."""

from __future__ import annotations

import hashlib
from ipaddress import ip_address

from flask import Flask, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

limiter = Limiter(get_remote_address, storage_uri="memory://", headers_enabled=True)

sign_ups = limiter.shared_limit("5 per minute; 30 per day", scope="sign-up")
"""R-ISS-6, by the visitor's address."""


def _key_or_address() -> str:
    """The API key that a request shows; without one, the address. Keys are not kept."""
    shown = request.headers.get("Authorization") or request.headers.get("X-API-Key")
    return hashlib.sha256(shown.encode()).hexdigest() if shown else get_remote_address()


api_calls = limiter.shared_limit("600 per 10 seconds", scope="api", key_func=_key_or_address)
"""R-API-1: what the busiest till never reaches, and a program that runs wild does at once."""


def init_app(app: Flask) -> None:
    limiter.init_app(app)


@limiter.request_filter
def is_this_machine() -> bool:
    """The shop's own tablet in front of its own server is not slowed down."""
    return request.remote_addr is not None and ip_address(request.remote_addr).is_loopback
