"""The rules of the domain that can be broken, each with a stable code and a readable sentence.

HTTP status codes live in ``web/problems.py`` only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError


@dataclass(frozen=True, slots=True)
class WrongField:
    """One field that cannot be accepted; ``field`` is a path such as ``customer.phone``."""

    field: str
    message: str
    code: str = "INVALID"


class RuleBroken(Exception):
    """A request that the domain refuses.

    ``code`` is stable and for programs; the message is for a merchant: English, or ``i18n.text``
    where staff read it in their own language. ``facts`` are numbers or names that a program needs
    to react, such as how many visits are available.
    """

    code = "REFUSED"

    def __init__(
        self, message: str | Mapping[str, str], *, code: str | None = None, **facts: object
    ) -> None:
        self.words = {"en": message} if isinstance(message, str) else message
        super().__init__(self.words["en"])
        if code is not None:
            self.code = code
        self.facts = facts


class NotFound(RuleBroken):
    """Nothing of this merchant has this name; a foreign row looks the same as no row."""

    code = "NOT_FOUND"

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.")


class Gone(RuleBroken):
    """It existed, and was withdrawn for good."""

    code = "GONE"


class Invalid(RuleBroken):
    """Input that cannot be accepted; ``fields`` names every wrong field."""

    code = "INVALID"

    def __init__(self, fields: Iterable[WrongField]) -> None:
        self.fields = tuple(fields)
        super().__init__("; ".join(f"{wrong.field}: {wrong.message}" for wrong in self.fields))

    @classmethod
    def field(cls, field: str, message: str, code: str = "INVALID") -> Invalid:
        """One wrong field."""
        return cls([WrongField(field, message, code)])


class Conflict(RuleBroken):
    """The request makes sense, but not in the state in which things are."""

    code = "CONFLICT"


class Forbidden(RuleBroken):
    """Whoever asks may not do this."""

    code = "FORBIDDEN"


def wrong_fields(error: ValidationError, prefix: str = "") -> list[WrongField]:
    """What pydantic found, as fields of ours; ``prefix`` is the path to the checked document."""
    found = []
    for part in error.errors(include_url=False, include_input=False):
        path = [str(step) for step in part["loc"] if step not in _NOISE]
        name = ".".join([prefix, *path] if prefix else path) or "body"
        message = part["msg"].removeprefix("Value error, ")
        found.append(WrongField(name, message[:1].lower() + message[1:], part["type"].upper()))
    return found


_NOISE = {"function-after", "function-before", "[key]"}
