"""A card's page as a script on it reads it, and its state as lines of text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

_CARD = "data-serial-hash"
"""Only the pages of cards have it, on their body."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A page that a browser has opened. ``facts`` are the data attributes of its body.

    ``card_link`` is where it offers the card as a page; ``is_card``: it is one.
    """

    title: str
    language: str
    facts: Mapping[str, str] = field(repr=False)
    card_link: str | None = field(repr=False)

    @property
    def is_card(self) -> bool:
        return _CARD in self.facts


def read(html: str) -> Opened:
    """What a script needs of a page."""
    reader = _Reader()
    reader.feed(html)
    return Opened(reader.title.strip(), reader.language, reader.facts, reader.card_link)


def show(title: str, state: Mapping[str, Any], language: str) -> str:
    """A card as lines of text: its title, what it says of itself, its figures and its code.

    ``state`` is what state.json holds.
    """
    lines = [title]
    if state["state"] != "valid":
        lines.append(f"{state['state'].upper()}: this card cannot be used now")
    elif state["expires_at"]:
        lines.append(f"valid until {state['expires_at']}")
    cells = [(_text(each["label"], language), _value(each["value"], language))
             for each in state["fields"]]  # fmt: skip
    width = max((len(label) for label, _ in cells), default=0)
    lines += (f"  {label:<{width}}  {value}" for label, value in cells)
    lines.append(f"  [QR]  {state['code']}")
    return "\n".join(lines)


def _value(value: Any, language: str) -> str:
    if isinstance(value, dict) and "minor" in value:
        amount = Decimal(value["minor"]).scaleb(-value["digits"])
        return f"{amount:.{value['digits']}f} {value['currency']}"
    return _text(value, language) if isinstance(value, dict) else str(value)


def _text(text: Mapping[str, str], language: str) -> str:
    return text.get(language) or next(iter(text.values()), "")


class _Reader(HTMLParser):
    """Reads the title, the body's data attributes and the link to the card's page."""

    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        self.language = ""
        self.facts: dict[str, str] = {}
        self.card_link: str | None = None
        self._is_in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.language = given.get("lang", "")
        elif tag == "title":
            # Pictures in SVG have titles, too.
            self._is_in_title = not self.title
        elif tag == "body":
            self.facts = {name: value for name, value in given.items() if name[:5] == "data-"}
        elif tag == "a" and given.get("data-wallet") == "pwa":
            self.card_link = self.card_link or given.get("href")

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._is_in_title = False

    def handle_data(self, data: str) -> None:
        if self._is_in_title:
            self.title += data
