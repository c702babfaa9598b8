"""The service worker of one card: the same script for all, below a line that says which card."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from passes.wallet_port import PassContent
from pwa.wallet import icon

_STATIC = Path(__file__).parent / "static"


def worker(content: PassContent, key_id: str, public_key: str) -> str:
    """The script. What it says by itself, when a push cannot be read, is the card's own words.

    ``public_key`` of the pair that the device subscribes with, base64url, and its id.
    """
    picture = content.look.pictures.get(icon("any", 192))
    card = {
        "base": urlsplit(content.page_url).path,
        "version": version(),
        "title": content.merchant,
        "body": content.title[content.language],
        "lang": content.language,
        "icon": picture.url if picture else None,
        "pushKey": public_key,
        "pushKeyId": key_id,
    }
    # In ASCII, so that it is the same script in any encoding.
    return f"self.CARD = {json.dumps(card)};\n{_script()}"


@cache
def version() -> str:
    """The fingerprint of what pages consist of; another one makes devices fetch it all again."""
    files = sorted(path for path in _STATIC.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


@cache
def _script() -> str:
    return (_STATIC / "sw.js").read_text()
