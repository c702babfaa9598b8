"""Makes of a body that Google answered one that Google takes: answers are not what may be sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from wallet_google.schema import discovery

_SET_BY_GOOGLE = frozenset(
    {"classReference", "hasLinkedDevice", "hasUsers", "kind", "review", "version"}
)
"""Google: set by the platform, or of old and without effect."""


def sendable(read: Mapping[str, object], kind: str) -> dict[str, object]:
    """``read``, a ``kind`` (``"LoyaltyObject"``), without what Google sets and what our part of the
    discovery document does not know; enums in today's spelling.

    Answers still spell enums as of old (``"active"``, ``"statusUnspecified"``). A class that Google
    approved goes out for review again: its issuer may set nothing else.
    """
    made = cast("dict[str, object]", _part(read, kind))
    if made.get("reviewStatus") in {"APPROVED", "REJECTED"}:
        made["reviewStatus"] = "UNDER_REVIEW"
    return made


def _part(value: object, kind: str) -> object:
    properties = discovery()["schemas"][kind]["properties"]
    if not isinstance(value, Mapping):
        return value
    made = {}
    for name, inner in value.items():
        if name in _SET_BY_GOOGLE or name not in properties:
            continue
        kept = _value(inner, properties[name])
        if kept is not None:
            made[name] = kept
    return made


def _value(value: object, shape: Mapping[str, object]) -> object | None:
    if isinstance(value, list):
        items = cast("Mapping[str, object]", shape.get("items", {}))
        return [kept for entry in value if (kept := _value(entry, items)) is not None]
    if "$ref" in shape:
        return _part(value, str(shape["$ref"]))
    if "enum" in shape:
        return _spelled(str(value), cast("list[str]", shape["enum"]))
    return value


def _spelled(value: str, members: list[str]) -> str | None:
    """``TEXT_AND_NOTIFY`` for ``textAndNotify``; None for one that says nothing."""
    spelled = next((each for each in members if each.isupper() and _bare(each) == _bare(value)), "")
    return spelled if spelled and not spelled.endswith("_UNSPECIFIED") else None


def _bare(member: str) -> str:
    return member.replace("_", "").upper()
