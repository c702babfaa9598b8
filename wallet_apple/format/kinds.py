"""Kinds of values, and the walk that compares a document with a table of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wallet_apple.format import values
from wallet_apple.format.remarks import ERROR, NOTE, WARNING, Level, Remark, quoted

_OF_JSON = {str: "a text", list: "a list", dict: "an object", bool: "true or false"}


@dataclass(frozen=True, slots=True)
class Kind:
    """A single value. ``expected`` completes "must be …".

    A value of another JSON type is an error, since Wallet cannot read the pass then; one of the
    right type that does not fit is of ``level``. ``types`` empty: any type, and ``fits`` decides.
    """

    expected: str
    types: tuple[type, ...]
    fits: Callable[[Any], bool] = lambda _: True
    level: Level = ERROR


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of values of one kind."""

    kind: Type


@dataclass(frozen=True, slots=True)
class Key:
    """What a key of an object means.

    ``since`` is the first version of iOS that knows it (0: from the beginning); ``styles`` are
    those that it has an effect in (none named: all).
    """

    kind: Type
    needed: bool = False
    since: int = 0
    styles: tuple[str, ...] = ()


Shape = Mapping[str, Key]
Type = Kind | ListOf | Shape

TEXT = Kind("a text", (str,))
BOOL = Kind("true or false", (bool,))
NUMBER = Kind("a number without quotation marks", (int, float))
INTEGER = Kind("a whole number without quotation marks", (int,))
UINT16 = Kind("a whole number from 0 to 65535", (int,), lambda number: 0 <= number <= 65_535)
# Wallet silently drops a distance that is a text.
DISTANCE = Kind(
    "a number of metres without quotation marks, greater than 0",
    (),
    lambda value: values.is_number(value) and value > 0,
    WARNING,
)
LATITUDE = Kind("a number from -90 to 90", (int, float), lambda degrees: -90 <= degrees <= 90)
LONGITUDE = Kind("a number from -180 to 180", (int, float), lambda degrees: -180 <= degrees <= 180)
DATE = Kind(
    "a date with time and zone such as 2027-01-31T18:00:00+01:00",
    (str,),
    lambda text: values.read_date(text) is not None,
)
COLOUR = Kind("a colour such as rgb(59, 36, 22)", (str,), values.is_colour)
WEB_ADDRESS = Kind(
    "a web address that begins with https://", (str,), values.is_web_address, WARNING
)
ADDRESS = Kind("an address such as https://… or tel:…", (str,), values.is_address, WARNING)
EMAIL = Kind("an e-mail address", (str,), lambda text: "@" in text.strip("@"), WARNING)
UUID = Kind("a UUID such as E2C56DB5-DFFB-48D2-B060-D0F5A71096E0", (str,), values.is_uuid)
CURRENCY = Kind("a currency code of three capitals such as EUR", (str,), values.is_currency)
ANYTHING = Kind("anything", ())
TEXTS = ListOf(TEXT)
NUMBERS = ListOf(INTEGER)
FIELD_VALUE = Kind("a text or a number", (str, int, float))


def one_of(*choices: str, level: Level = ERROR) -> Kind:
    """A text out of a fixed set."""
    names = ", ".join(choices[:-1]) + " or " + choices[-1] if len(choices) > 1 else choices[0]
    return Kind(names, (str,), lambda text: text in choices, level)


def walk(value: object, kind: Type, where: str) -> Iterator[Remark]:
    """What is wrong with the value, compared with its kind; ``where`` is its path."""
    if isinstance(kind, Kind):
        yield from _single(value, kind, where)
    elif isinstance(kind, ListOf):
        if not isinstance(value, list):
            yield Remark(ERROR, where, f"This must be a list in square brackets, not {_a(value)}.")
            return
        for position, item in enumerate(value):
            yield from walk(item, kind.kind, f"{where}[{position}]")
    elif not isinstance(value, dict):
        yield Remark(ERROR, where, f"This must be an object in braces, not {_a(value)}.")
    else:
        yield from walk_object(value, kind, where)


def walk_object(value: Mapping[str, object], shape: Shape, where: str) -> Iterator[Remark]:
    """What is wrong with an object: keys that it needs, values that do not fit, unknown keys."""
    for name, key in shape.items():
        if key.needed and name not in value:
            yield Remark(ERROR, below(where, name), f"{name} is missing. Add it.")
    for name, item in value.items():
        known = shape.get(name)
        if known is not None and item is None and not known.needed:
            yield Remark(WARNING, below(where, name), "This is null. Leave the key out instead.")
        elif known is not None:
            yield from walk(item, known.kind, below(where, name))
        else:
            yield Remark(NOTE, below(where, name[:60]), _unknown(name, shape))


def below(where: str, name: str) -> str:
    """The path of a key inside the object at ``where``."""
    return f"{where}.{name}" if where else name


def _single(value: object, kind: Kind, where: str) -> Iterator[Remark]:
    # In Python true is an int as well, in JSON it is no number.
    right = isinstance(value, kind.types) and (not isinstance(value, bool) or bool in kind.types)
    if kind.types and not right:
        sentence = f"This must be {kind.expected}, not {_a(value)}."
        yield Remark(ERROR, where, sentence)
    elif not kind.fits(value):
        yield Remark(kind.level, where, f"{quoted(value)} must be {kind.expected}.")


def _unknown(name: str, shape: Shape) -> str:
    sentence = f"{quoted(name)} is no key that this version knows; it stays as it is."
    meant = next((known for known in shape if known.lower() == name.lower()), None)
    return f"{sentence} Did you mean {meant}?" if meant else sentence


def _a(value: object) -> str:
    if value is None:
        return "null"
    return _OF_JSON.get(type(value), "a number")
