"""The alarm for changes at Google: what we keep of its discovery document is the newest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from googleapiclient.discovery_cache import get_static_doc

from wallet_google.schema import discovery
from wallet_google.schema.trim import ROOTS, trim

RENEW = "Read what is new, then run `python -m wallet_google.schema.trim WHEEL`."


def newest() -> bytes:
    """The document in the installed google-api-python-client."""
    document = get_static_doc("walletobjects", "v1")
    assert document is not None
    return str(document).encode()


def differences(kept: Mapping[str, Any], new: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """The paths at which two documents differ: ``+`` is new at Google, ``-`` gone, ``~`` other."""
    for name in sorted({*kept, *new}):
        here = f"{path}.{name}".lstrip(".")
        if name not in kept:
            yield f"+ {here}"
        elif name not in new:
            yield f"- {here}"
        elif isinstance(kept[name], dict) and isinstance(new[name], dict):
            yield from differences(kept[name], new[name], here)
        elif kept[name] != new[name]:
            yield f"~ {here}"


def test_the_schemas_that_we_keep_are_those_of_the_newest_package() -> None:
    found = list(differences(discovery()["schemas"], trim(newest())["schemas"]))
    assert not found, "\n".join([RENEW, *found])


def test_all_four_families_are_kept() -> None:
    families = ("Loyalty", "Generic", "Offer", "GiftCard")
    needed = {f"{family}{part}" for family in families for part in ("Class", "Object")}
    assert set(ROOTS) == needed | {"AddMessageRequest"}
    assert set(ROOTS) <= set(discovery()["schemas"])


def test_the_alarm_names_what_differs() -> None:
    kept = {"A": {"properties": {"old": {"type": "string"}, "same": {"type": "string"}}}}
    new = {
        "A": {"properties": {"new": {"type": "string"}, "same": {"type": "number"}}},
        "B": {},
    }
    assert list(differences(kept, new)) == [
        "+ A.properties.new",
        "- A.properties.old",
        "~ A.properties.same.type",
        "+ B",
    ]
