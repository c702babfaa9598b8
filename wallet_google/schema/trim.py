"""Cuts the schemas that we send out of Google's discovery document: ``trim WHEEL_OR_JSON``.

Run as ``python -m wallet_google.schema.trim`` with the wheel of google-api-python-client, or with
the document itself; it writes ``walletobjects.json`` beside this module (see NOTICE.txt).
"""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from wallet_google.schema import VENDORED

ROOTS = (
    "LoyaltyClass",
    "LoyaltyObject",
    "GenericClass",
    "GenericObject",
    "OfferClass",
    "OfferObject",
    "GiftCardClass",
    "GiftCardObject",
    "AddMessageRequest",
)

_MEMBER = "googleapiclient/discovery_cache/documents/walletobjects.v1.json"


def trim(document: bytes, *, package: str | None = None) -> dict[str, object]:
    """The part of the discovery document that ROOTS refer to, with revision and SHA-256.

    ``package`` is the name and version of the package that the document came in.
    """
    discovery = json.loads(document)
    schemas: Mapping[str, object] = discovery["schemas"]
    wanted: set[str] = set()
    waiting = list(ROOTS)
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting.extend(_references(schemas[name]))
    return {
        "name": discovery["name"],
        "version": discovery["version"],
        "revision": discovery["revision"],
        "package": package,
        "sha256": hashlib.sha256(document).hexdigest(),
        "schemas": {name: schemas[name] for name in sorted(wanted)},
    }


def read_document(source: Path) -> tuple[bytes, str | None]:
    """The discovery document in ``source``, and the package it came in when that is a wheel."""
    if not zipfile.is_zipfile(source):
        return source.read_bytes(), None
    with zipfile.ZipFile(source) as wheel:
        name, version = source.name.split("-")[:2]
        return wheel.read(_MEMBER), f"{name.replace('_', '-')} {version}"


def _references(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield cast(str, schema["$ref"])
        for part in schema.values():
            yield from _references(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _references(part)


def main(arguments: list[str]) -> None:
    """Writes the vendored file anew from the wheel or document that the one argument names."""
    if len(arguments) != 1:
        sys.exit("usage: python -m wallet_google.schema.trim WHEEL_OR_JSON")
    document, package = read_document(Path(arguments[0]))
    part = trim(document, package=package)
    VENDORED.write_text(
        json.dumps(part, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    sys.stdout.write(f"{VENDORED.name}: revision {part['revision']} of {package or 'a document'}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
