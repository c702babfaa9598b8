"""How Google's answers look: errors, patches, partial answers, and spellings of old.

By a reading of Google's documents and of recorded answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import wallet_google.schema

SCHEMAS = json.loads(
    (Path(wallet_google.schema.__file__).with_name("walletobjects.json")).read_text()
)["schemas"]

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
}


def error(status: int, message: str, reason: str = "") -> dict:
    """Google's error format."""
    detail = {"message": message, "domain": "walletobjects", "reason": reason}
    errors = {"errors": [detail]} if reason else {}
    named = {"status": _STATUS[status]} if status in _STATUS else {}
    return {"error": {"code": status, "message": message, **errors, **named}}


def merged(kept: dict, patch: dict) -> dict:
    """Google's PATCH: named fields only, objects merged, lists replaced whole."""
    result = dict(kept)
    for name, value in patch.items():
        both = isinstance(value, dict) and isinstance(kept.get(name), dict)
        result[name] = merged(kept[name], value) if both else value
    return result


def unknown_names(value: object, schema: str) -> Iterator[str]:
    """Names in the body that Google's discovery document does not have."""
    if isinstance(value, list):
        for entry in value:
            yield from unknown_names(entry, schema)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name not in SCHEMAS[schema]["properties"]:
                yield name
            elif part := part_of(schema, name):
                yield from unknown_names(inner, part)


def part_of(schema: str, name: str) -> str | None:
    """The schema of a property, or of the entries of a list."""
    shape = SCHEMAS[schema]["properties"][name]
    return shape.get("$ref") or shape.get("items", {}).get("$ref")


def as_of_old(value: object, schema: str) -> object:
    """The value as Google answers it: ``"state": "active"``, and each part says of what kind it is.

    Recorded: googlepasses-go-client, edutap.wallet-google.
    """
    if isinstance(value, list):
        return [as_of_old(entry, schema) for entry in value]
    if not isinstance(value, dict):
        return value
    properties = SCHEMAS[schema]["properties"]
    kind = f"walletobjects#{schema[0].lower()}{schema[1:]}"
    spelled = {"kind": kind} if "kind" in properties else {}
    for name, inner in value.items():
        shape = properties[name]
        part = part_of(schema, name)
        if part:
            spelled[name] = as_of_old(inner, part)
        else:
            spelled[name] = _old_member(inner, shape.get("enum", []))
    return spelled


def _old_member(value: object, members: list[str]) -> object:
    def bare(member: str) -> str:
        return member.replace("_", "").upper()

    old = [each for each in members if not each.isupper() and bare(each) == bare(str(value))]
    return old[0] if old else value


def masked(value: Any, fields: str) -> Any:
    """Only the named fields: ``resources(id,hasUsers),pagination/nextPageToken``."""
    if not fields:
        return value
    if isinstance(value, list):
        return [masked(entry, fields) for entry in value]
    if not isinstance(value, dict):
        return value
    wanted = dict(_selectors(fields))
    return {name: masked(inner, wanted[name]) for name, inner in value.items() if name in wanted}


def _selectors(fields: str) -> Iterator[tuple[str, str]]:
    depth, start = 0, 0
    for at, letter in enumerate(fields + ","):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            match = re.fullmatch(r"(\w+)(?:\((.*)\)|/(.*))?", fields[start:at])
            assert match, f"no selector that this Google knows: {fields}"
            yield match[1], match[2] or match[3] or ""
            start = at + 1
