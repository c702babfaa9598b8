"""What all cards of a design share, made ready once, so that a card only fills in its figures."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from datetime import date, datetime
from html import escape
from itertools import compress
from operator import attrgetter, is_not
from typing import NamedTuple

import orjson

from passes.wallet_port import (
    Amount,
    ContentRefused,
    Field,
    FieldValue,
    PassContent,
    State,
    Text,
)
from wallet_apple import layout, localized, pkpass, values
from wallet_apple.format.check import check_document
from wallet_apple.format.remarks import ERROR
from wallet_apple.localized import Translations, clean
from wallet_apple.pictures import picture_files
from wallet_apple.recent import Recent
from wallet_apple.signing import Credentials

LEAST_SECRET = 16
"""PassKit Package Format Reference: an authenticationToken has 16 characters or more."""

Entries = tuple[tuple[str, Translations], ...]
"""Texts with their keys: lines of pass.strings."""

_DATES = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS
_MARKUP = b',"attributedValue":'
_LINK_SCHEMES = ("https://", "http://", "tel:", "mailto:")
_MARKUP_SIGNS = re.compile("[&<>\"']")
_COMMON = attrgetter(
    "style",
    "code_format",
    "state",
    "merchant",
    "language",
    "languages",
    "title",
    "description",
    "locations",
    "look",
    "personalisation",
)
_COMMON_OF_FIELD = attrgetter("key", "place", "label", "change")
_NUMERIC = (int, Amount, date)


class _Model(NamedTuple):
    """A card that was drawn in full; the next ones are drawn by their difference from it.

    ``document`` is pass.json, a part for each hole and each piece between them; ``keys`` are those
    of all lines of pass.strings, ``with_lines`` the positions of the fields that needed one of
    their own; ``package`` is all but pass.json.
    """

    fields: tuple[Field, ...]
    document: list[bytes]
    keys: Set[str]
    with_lines: Set[int]
    package: pkpass.Package


class Design:
    """pass.json laid out around its holes, the texts with their keys, the pictures.

    Safe between threads: what changes is replaced whole.
    """

    def __init__(
        self,
        content: PassContent,
        pictures: pkpass.Package,
        credentials: Credentials,
        web_service_url: str,
    ) -> None:
        """Lays out the design of this card. Raises ContentRefused."""
        languages = content.languages
        own = languages.index(content.language)
        texts: dict[str, Translations] = {}
        document, ordered = layout.lay_out(
            content, lambda text: localized.key(text, own, texts), credentials, web_service_url
        )
        self._pieces = orjson.dumps(document).split(layout.NUL)
        self._languages = languages
        self._own = own
        self._translate: Callable[[Text], Translations] = localized.translator(languages)
        self._texts = texts
        self._codes = len(layout.code_formats(content))
        self._has_end = layout.has_end(content)
        # Parts of the document: pieces at even places, what fills the holes at odd ones.
        fields_start = 2 * (len(self._pieces) - 1 - len(ordered)) + 1
        places = {field.key: fields_start + 2 * rank for rank, field in enumerate(ordered)}
        self._members_at = slice(1, fields_start, 2)
        self._places = [places[field.key] for field in content.fields]
        self._pictures = pictures
        self._packages: Recent[Entries, pkpass.Package] = Recent(16)
        self._positions = range(len(content.fields))
        self._ends = content.expires_at is not None
        self._common = _COMMON(content)
        self._common_of_fields = [*map(_COMMON_OF_FIELD, content.fields)]
        self._model = self._draw_fields(content.fields)
        self._prove(content)

    def draw(self, content: PassContent) -> tuple[pkpass.Package, bytes] | None:
        """The package of pictures and texts, and the card's pass.json.

        None when the card is not of this design: all that its cards share is compared, so nothing
        is taken for granted from the name or the version of a template. Raises ContentRefused.
        """
        fields = content.fields
        if (
            len(fields) != len(self._common_of_fields)
            or (content.expires_at is not None) != self._ends
            or _COMMON(content) != self._common
        ):
            return None
        model = self._model
        document = model.document.copy()
        redraw = False
        # Most fields are the very same objects on all cards (terms, address, telephone) and most
        # others differ in their value alone.
        for position in compress(self._positions, map(is_not, fields, model.fields)):
            field, known = fields[position], model.fields[position]
            if _COMMON_OF_FIELD(field) != self._common_of_fields[position]:
                return None
            if field.value == known.value and field.link == known.link:
                continue
            # A line that the model needed must not stay behind: it may speak of its holder.
            figure = None
            if position not in model.with_lines:
                figure = self._figure(field.value, field.link, model.keys)
            if figure is None:
                redraw = True
            else:
                document[self._places[position]] = figure
        if redraw:
            model = self._model = self._draw_fields(fields)
            document = model.document.copy()
        document[self._members_at] = self._members(content)
        return model.package, b"".join(document)

    def _prove(self, content: PassContent) -> None:
        """Raises ContentRefused for what Wallet would refuse, with this card as the sample.

        Done once for all cards of the design. What differs between them cannot break a pass:
        numbers, days, texts and links are written by ``_figure``, and ``_members`` looks at what
        identifies the card.
        """
        document = self._model.document.copy()
        document[self._members_at] = self._members(content)
        face = orjson.loads(b"".join(document))
        files = {**picture_files(content), **self._strings(self._texts)}
        for remark in check_document(face, files):
            if remark.level is ERROR:
                raise ContentRefused(f"{remark.where}: {remark.sentence}")

    def _members(self, content: PassContent) -> list[bytes]:
        """What fills the holes before the fields, in the order that ``layout.lay_out`` names."""
        dumps, code = orjson.dumps, content.code
        if not (content.serial and code):
            raise ContentRefused("The card's serial number or its code is empty.")
        if len(content.secret) < LEAST_SECRET:
            raise ContentRefused(f"The card's secret is shorter than {LEAST_SECRET} characters.")
        if not code.isascii():
            raise ContentRefused("The card's code has characters that a barcode cannot hold.")
        members = [dumps(content.serial), dumps(content.secret)]
        if self._has_end:
            members.append(dumps(_end(content), option=_DATES))
        if self._codes:
            # In groups of four, as people read it aloud.
            caption = f"{code[:4]} {code[4:8]} {code[8:12]} {code[12:]}".rstrip()
            members += [dumps(code), dumps(caption)] * self._codes
        return members

    def _figure(self, value: FieldValue, link: str | None, keys: Set[str]) -> bytes | None:
        """What fills the hole of a field, or None if that takes a line of pass.strings.

        ``keys`` are those of the lines that there are: a text that reads like one of them would be
        translated.
        """
        if isinstance(value, _NUMERIC):
            figure, text = values.figure(value), values.plain(value) if link else ""
        else:
            translations = self._translate(value)
            text = translations[0]
            if translations.count(text) < len(translations) or text in keys or clean(text) != text:
                return None
            figure = orjson.dumps(text)
        if link is not None:
            markup = _anchor(link, text)
            if markup in keys:
                return None
            figure += _MARKUP + orjson.dumps(markup)
        return figure

    def _draw_fields(self, fields: tuple[Field, ...]) -> _Model:
        """All fields of a card, with a line of pass.strings for each text that needs one."""
        taken = self._texts.copy()
        lines: dict[str, Translations] = {}
        with_lines: set[int] = set()

        def key(text: Translations, position: int) -> bytes:
            key = localized.key(text, self._own, taken)
            # A text that is the same in every language needs no line: its key says it all.
            if text.count(key) < len(text):
                lines[key] = text
                with_lines.add(position)
            return orjson.dumps(key)

        document = [b""] * (2 * len(self._pieces) - 1)
        document[0::2] = self._pieces
        for position, field in enumerate(fields):
            value, link = field.value, field.link
            if isinstance(value, _NUMERIC):
                text = (values.plain(value),) * len(self._languages)
                figure = values.figure(value)
            else:
                text = self._translate(value)
                figure = key(text, position)
            if link is not None:
                links = tuple([_anchor(link, words) for words in text])
                figure += _MARKUP + key(links, position)
            document[self._places[position]] = figure
        return _Model(
            fields=fields,
            document=document,
            keys=self._texts.keys() | lines.keys(),
            with_lines=with_lines,
            package=self._package(tuple(lines.items())),
        )

    def _package(self, lines: Entries) -> pkpass.Package:
        """Pictures and pass.strings; cards whose texts say the same share them."""
        package = self._packages.get(lines)
        if package is None:
            files = self._strings({**self._texts, **dict(lines)})
            package = pkpass.extended(self._pictures, files)
            self._packages.put(lines, package)
        return package

    def _strings(self, entries: Mapping[str, Translations]) -> dict[str, bytes]:
        """The pass.strings of every language by their place in the package."""
        return {
            f"{language}.lproj/pass.strings": localized.strings(entries, position)
            for position, language in enumerate(self._languages)
        }


def _end(content: PassContent) -> datetime:
    """When the pass ends: for a card that has expired, not after its last change."""
    ends = content.expires_at or content.changed_at
    return min(ends, content.changed_at) if content.state is State.EXPIRED else ends


def _anchor(link: str, text: str) -> str:
    """The only markup that Wallet knows. Raises ContentRefused for what a phone cannot follow."""
    if not link.startswith(_LINK_SCHEMES):
        raise ContentRefused("A link on the back of the card must be https, tel or mailto.")
    link, text = clean(link), clean(text)
    if _MARKUP_SIGNS.search(link + text):
        link, text = escape(link), escape(text, quote=False)
    return f'<a href="{link}">{text}</a>'
