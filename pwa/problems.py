"""What a script on a card's page is answered when something is wrong: RFC 9457, as in the API."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A report that cannot be kept, with its HTTP status and a stable ``code``.

    ``fields`` are pairs of a field's name and what is wrong with it. ``retry_after`` in seconds.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        fields: Sequence[tuple[str, str]] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.fields = tuple(fields)
        self.retry_after = retry_after

    def document(self) -> bytes:
        """The body of the answer."""
        body: dict[str, object] = {
            "type": "about:blank",
            "title": self.code.replace("_", " ").capitalize(),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.fields:
            body["fields"] = [
                {"field": field, "message": message, "code": "INVALID"}
                for field, message in self.fields
            ]
        return orjson.dumps(body)


def wrong(field: str, message: str) -> Problem:
    """One field is not what it must be."""
    return Problem(422, "INVALID", message, fields=[(field, message)])
