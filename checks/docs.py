"""Proves that the documents which the code generates are not stale; ``make docs`` writes them."""

from __future__ import annotations

from pathlib import Path

import orjson
from flask import Flask

from web import api

OPENAPI = Path("docs/openapi.json")


def findings(root: Path) -> list[str]:
    """The generated documents beneath ``root`` that are not what the code would write today."""
    path = root / OPENAPI
    if not path.exists() or path.read_bytes() != openapi():
        return [f"{OPENAPI}: stale; `make docs` writes it anew"]
    return []


def openapi() -> bytes:
    """The OpenAPI document of the JSON API, as it is kept in the repository."""
    api.init_app(Flask("document"))  # registers the calls that the document lists
    from web.api.document import document

    return orjson.dumps(document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def main() -> None:
    OPENAPI.write_bytes(openapi())


if __name__ == "__main__":
    main()
