"""What is written to the log: one line per event, nothing that opens a card or an account."""

from __future__ import annotations

import hashlib
import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_TOKEN_IN_PATH = re.compile(r"/(c|i)/([A-Za-z0-9_-]{16,})")
_API_KEY = re.compile(r"tp_[0-9a-f]{12}_[A-Za-z0-9_-]+")
_SECRET_NAMES = re.compile(r"authorization|cookie|password|secret|token|api_key|private", re.I)


def configure() -> None:
    """For every process once, before it does anything."""
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.format_exc_info,
            mask,
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def mask(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hides what is secret by its name, and tokens and keys by their shape."""
    for name, value in event.items():
        if _SECRET_NAMES.search(name):
            event[name] = "…"
        elif isinstance(value, str):
            event[name] = _API_KEY.sub("tp_…", _TOKEN_IN_PATH.sub(_masked, value))
    return event


def _masked(found: re.Match[str]) -> str:
    # Enough to tell two cards apart, too little to open one.
    return f"/{found[1]}/<{hashlib.sha256(found[2].encode()).hexdigest()[:8]}>"
