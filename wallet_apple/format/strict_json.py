"""Reads JSON as strictly as Wallet does, and says what is wrong in a designer's words."""

from __future__ import annotations

import json
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter

import orjson

MOST_BYTES = 1024 * 1024
"""A pass.json has some kilobytes."""
DEEPEST = 32
"""Levels of nesting; pass.json needs eight."""


class NotReadable(ValueError):
    """The file is no JSON object; the text says why and what to do."""


def read_object(body: bytes) -> dict[str, object]:
    """The JSON object in a file. Raises NotReadable.

    Refuses what lenient readers pass over: byte order marks, trailing commas, comments, NaN, keys
    that come twice, half surrogate pairs.
    """
    if len(body) > MOST_BYTES:
        raise NotReadable("The file has more than 1 MB. Shorten it.")
    if body.startswith((BOM_UTF8, BOM_UTF16_LE, BOM_UTF16_BE)):
        raise NotReadable(
            "The file begins with a byte order mark. Save it as UTF-8 without one (BOM)."
        )
    try:
        loose = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotReadable(
            f"This is no valid JSON: {error.msg} (line {error.lineno}, column {error.colno}). "
            "Often a comma too many before a bracket is the cause."
        ) from None
    if not isinstance(loose, dict):
        raise NotReadable("The file must hold an object in braces.")
    if _is_deeper(loose, DEEPEST):
        raise NotReadable(f"The file is nested more than {DEEPEST} levels deep.")
    # Once more, because orjson takes the last of two equal keys without a word.
    return dict(json.loads(body, object_pairs_hook=_unique))


def _is_deeper(value: object, levels: int) -> bool:
    """Whether lists and objects are nested deeper; level by level, so depth costs no stack."""
    layer = [value]
    for _ in range(levels + 1):
        below: list[object] = []
        for item in layer:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        if not below:
            return False
        layer = below
    return True


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise NotReadable(f'The key "{twice[:40]}" stands twice in one object. Keep one of them.')
    return found
