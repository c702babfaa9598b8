"""Base64url without padding (RFC 4648, 5), in which Web Push writes keys."""

from __future__ import annotations

import base64
import re

_TEXT = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Raises ValueError, also for what another base64 would take."""
    if not _TEXT.fullmatch(text):
        raise ValueError("This is not base64url.")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
