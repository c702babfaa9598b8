"""Cursor paging: ``{"items": […], "next": …}``, where ``next`` goes on behind the last item."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import Field, StringConstraints

from passes.errors import Invalid
from web.api.reading import Body

MOST = 200

R = TypeVar("R")


class Page(Body):
    """``limit`` at most 200; ``cursor`` is an earlier answer's ``next``."""

    limit: Annotated[int, Field(ge=1, le=MOST)] = 50
    cursor: Annotated[str, StringConstraints(max_length=200)] | None = None

    def after(self) -> tuple[datetime, UUID] | None:
        """The place of the last item seen. Raises Invalid for a cursor that is none of ours."""
        if self.cursor is None:
            return None
        try:
            raw = base64.urlsafe_b64decode(self.cursor.encode() + b"==")
            return (
                datetime.fromtimestamp(int.from_bytes(raw[:8], "big") / 1_000_000, UTC),
                UUID(bytes=raw[8:]),
            )
        except (ValueError, OverflowError, OSError, binascii.Error):
            raise Invalid.field("cursor", "is not one that this list gave") from None


def page(
    rows: Sequence[R],
    limit: int,
    shown: Callable[[R], dict[str, Any]],
    place: Callable[[R], tuple[datetime, UUID]],
) -> dict[str, Any]:
    """A page of ``rows``, of which one more than ``limit`` was asked for."""
    here = rows[:limit]
    more = len(rows) > limit
    return {
        "items": [shown(row) for row in here],
        "next": _cursor(place(here[-1])) if more else None,
    }


def _cursor(place: tuple[datetime, UUID]) -> str:
    moment, row_id = place
    microseconds = round(moment.timestamp() * 1_000_000)
    return (
        base64.urlsafe_b64encode(microseconds.to_bytes(8, "big") + row_id.bytes)
        .rstrip(b"=")
        .decode()
    )
