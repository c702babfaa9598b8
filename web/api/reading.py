"""Reads what programs send: strict JSON, and the number, money and time forms of the API."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)

from passes import clock, money
from passes.errors import Invalid, WrongField, wrong_fields
from web.problems import BadRequest


class Body(BaseModel):
    """A JSON object from outside: closed, so that a misspelt field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


B = TypeVar("B", bound=BaseModel)

_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")


def _whole(given: object) -> object:
    """JSON has one kind of number: 5.0 is 5. Text and booleans are no numbers."""
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise ValueError("must be a whole number")
    if isinstance(given, float):
        if not given.is_integer():
            raise ValueError("must be a whole number")
        return int(given)
    return given


_MONEY = r"^[0-9]{1,7}(\.[0-9]{1,3})?$"


def _decimal(given: object) -> object:
    if given is None:
        return None
    if not isinstance(given, str) or not re.fullmatch(_MONEY, given):
        raise ValueError('must be a decimal string such as "12.50"')
    return given


WholeNumber = Annotated[int, BeforeValidator(_whole)]
MoneyText = Annotated[
    str,
    BeforeValidator(_decimal),
    StringConstraints(pattern=_MONEY),
]
Comment = Annotated[str, StringConstraints(max_length=500)]
Moment = Annotated[
    str,
    StringConstraints(max_length=40),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
DayOrMoment = Annotated[
    str,
    StringConstraints(max_length=40),
    WithJsonSchema(
        {"type": "string", "description": "A day (2027-06-30: through its end) or an RFC 3339 time"}
    ),
]


def read(model: type[B], raw: bytes, content_type: str) -> B:
    """The body as a model. Raises BadRequest for what is no JSON, Invalid for wrong fields."""
    if content_type.split(";", maxsplit=1)[0].strip() not in {"application/json", ""}:
        raise BadRequest("The body must be JSON (Content-Type: application/json).")
    if not raw.strip():
        given: Any = {}
    else:
        try:
            given = _decoder().decode(raw.decode(json.detect_encoding(raw), "surrogatepass"))
        except (ValueError, RecursionError) as error:
            raise BadRequest(f"The body is not valid JSON: {error}") from None
    if not isinstance(given, dict):
        raise BadRequest("The body must be a JSON object.")
    return check(model, given)


def check(model: type[B], given: Mapping[str, Any]) -> B:
    """``given`` as a model. Raises Invalid."""
    unwritable = [
        WrongField(path, "must not contain characters that cannot be written", "UNWRITABLE")
        for path in _unwritable(given, "")
    ]
    if unwritable:
        raise Invalid(unwritable)
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise Invalid(wrong_fields(error)) from None


def amount(given: str | None, currency: str, field: str) -> int | None:
    """Minor units of a decimal string. Raises Invalid."""
    if given is None:
        return None
    try:
        return money.parse_decimal(given, currency)
    except money.NotAnAmount as error:
        raise Invalid.field(field, str(error)) from None


def moment(given: str | None, field: str) -> datetime | None:
    """An RFC 3339 time with its zone, in UTC. Raises Invalid."""
    if given is None:
        return None
    try:
        read_ = datetime.fromisoformat(given)
    except ValueError:
        read_ = None
    if read_ is None or read_.tzinfo is None:
        raise Invalid.field(field, "must be a time such as 2026-11-21T09:00:00Z")
    try:
        return read_.astimezone(UTC)
    except OverflowError:
        raise Invalid.field(field, "is out of range") from None


def day_or_moment(given: str | None, time_zone: str, field: str) -> datetime | None:
    """A day means through its last second at the merchant's (AMB-11). Raises Invalid."""
    if given is None:
        return None
    try:
        day = date.fromisoformat(given)
    except ValueError:
        day = None
    try:
        if day is None:
            return moment(given, field)
        if not 2000 <= day.year <= 9000:
            raise Invalid.field(field, "is out of range")
        return clock.end_of_day(day, time_zone)
    except OverflowError:
        raise Invalid.field(field, "is out of range") from None


def _unwritable(value: Any, path: str) -> Iterator[str]:
    """Where text holds NUL or half a character: no database and no pass can keep these."""
    if isinstance(value, str):
        if _UNWRITABLE.search(value):
            yield path
    elif isinstance(value, Mapping):
        for name, part in value.items():
            if _UNWRITABLE.search(str(name)):
                yield path or "body"
            else:
                yield from _unwritable(part, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _unwritable(part, f"{path}.{number}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


@cache
def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)
