"""A small reader of DER and BER, enough for a signature (ITU-T X.690)."""

from __future__ import annotations

from dataclasses import dataclass

SEQUENCE, SET, INTEGER, BIT_STRING, OCTET_STRING = 0x30, 0x31, 0x02, 0x03, 0x04
NULL, OID, UTC_TIME, GENERALIZED_TIME = 0x05, 0x06, 0x17, 0x18

_DEEPEST = 24
_OPEN_LENGTH = 0x80


class BadDer(ValueError):
    """The bytes are not what they should be."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its tag, its content, and all of its bytes with tag and length.

    ``is_open``: its length is not told in front, as BER allows and DER does not.
    """

    tag: int
    body: bytes
    whole: bytes
    is_open: bool = False

    def children(self) -> list[Element]:
        """The elements inside. Raises BadDer."""
        found: list[Element] = []
        at = 0
        while at < len(self.body):
            element, at = _read(self.body, at, 0)
            found.append(element)
        return found

    def expect(self, tag: int) -> Element:
        """Itself if it has the tag. Raises BadDer."""
        if self.tag != tag:
            raise BadDer(f"tag {self.tag:#x} where {tag:#x} should be")
        return self

    def integer(self) -> int:
        """The value of an INTEGER. Raises BadDer."""
        return int.from_bytes(self.expect(INTEGER).body, "big", signed=True)

    def oid(self) -> bytes:
        """The content of an OBJECT IDENTIFIER, not decoded. Raises BadDer."""
        return self.expect(OID).body


def read(data: bytes) -> Element:
    """The one element that the bytes consist of. Raises BadDer."""
    element, end = _read(data, 0, 0)
    if end != len(data):
        raise BadDer("bytes behind the end")
    return element


def _read(data: bytes, start: int, depth: int) -> tuple[Element, int]:
    if depth > _DEEPEST or start + 2 > len(data):
        raise BadDer("too deep or too short")
    tag, first, at = data[start], data[start + 1], start + 2
    if tag & 0x1F == 0x1F:
        raise BadDer("a tag of several bytes")
    if first == _OPEN_LENGTH:
        return _read_open(data, start, depth)
    length = first
    if first > _OPEN_LENGTH:
        count = first & 0x7F
        length = int.from_bytes(data[at : at + count], "big")
        if count > 4 or at + count > len(data) or length < 128 or data[at] == 0:
            raise BadDer("a length in the wrong form")
        at += count
    end = at + length
    if end > len(data):
        raise BadDer("shorter than it says")
    return Element(tag, data[at:end], data[start:end]), end


def _read_open(data: bytes, start: int, depth: int) -> tuple[Element, int]:
    """An element that ends at two zero bytes behind its last child."""
    if not data[start] & 0x20:
        raise BadDer("an open length without children")
    at = start + 2
    while data[at : at + 2] != b"\0\0":
        _, at = _read(data, at, depth + 1)
    end = at + 2
    return Element(data[start], data[start + 2 : at], data[start:end], is_open=True), end
