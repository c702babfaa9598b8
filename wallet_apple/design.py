"""What all cards of a design share, made ready once, so that a card only fills in its figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from itertools import compress, pairwise

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

Common = tuple[object, ...]
"""What is alike in all cards of a design, or in one field of all these cards."""

_DATES = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS
_MARKUP = b',"attributedValue":'
_NUMERIC = (int, Amount, date)


@dataclass(frozen=True, slots=True)
class _Model:
    """A card that was drawn in full; the next ones are drawn by their difference from it.

    ``parts`` is its pass.json: pieces, and at the odd places what fills the holes between them,
    first those before the fields, then those of ``own``: the position of a field in which cards
    differ, that of its part, and what is alike in it. All other fields stand in the pieces;
    ``is_shared`` picks them from a card's fields, and they must be ``shared``. ``keys`` are those
    of all lines of pass.strings; ``package`` is all but pass.json.
    """

    fields: tuple[Field, ...]
    parts: list[bytes]
    own: tuple[tuple[int, int, Common], ...]
    is_shared: list[bool]
    shared: list[Field]
    keys: Set[str]
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
        self._is_expired = content.state is State.EXPIRED
        # Parts of the document: pieces at even places, what fills the holes at odd ones.
        fields_start = 2 * (len(self._pieces) - 1 - len(ordered)) + 1
        places = {field.key: fields_start + 2 * rank for rank, field in enumerate(ordered)}
        self._members_at = slice(1, fields_start, 2)
        self._places = [places[field.key] for field in content.fields]
        self._pictures = pictures
        self._packages: Recent[Entries, pkpass.Package] = Recent(16)
        self._ends = content.expires_at is not None
        self._common = _common(content)
        self._common_of_fields = [*map(_common_of_field, content.fields)]
        self._differing: Set[int] = frozenset()
        self._model = self._draw_fields(content.fields)
        self._prove(content)

    def draw(self, content: PassContent) -> tuple[pkpass.Package, bytes] | None:
        """The package of pictures and texts, and the card's pass.json.

        None when the card is not of this design: all that its cards share is compared, so nothing
        is taken for granted from the name or the version of a template. Raises ContentRefused.
        """
        fields, model = content.fields, self._model
        if (
            len(fields) != len(self._common_of_fields)
            or (content.expires_at is not None) != self._ends
            or _common(content) != self._common
        ):
            return None
        # Terms, address, telephone: the very same objects on all cards, hence a quick comparison.
        if [*compress(fields, model.is_shared)] != model.shared:
            return self._draw_in_full(content)
        parts = self._begin(model, content)
        for position, part, common in model.own:
            field = fields[position]
            # _common_of_field spelt out, as this runs several times for every pass.
            if (field.key, field.place, field.label, field.change) != common:
                return None
            figure = self._figure(field.value, field.link, model.keys)
            if figure is None:
                return self._draw_in_full(content)
            parts[part] = figure
        return model.package, b"".join(parts)

    def _draw_in_full(self, content: PassContent) -> tuple[pkpass.Package, bytes] | None:
        """Draws a card that differs too much from the model, and makes it the model of the next.

        From then on each field in which cards ever differed has its hole.
        """
        fields = content.fields
        if [*map(_common_of_field, fields)] != self._common_of_fields:
            return None
        known = self._model.fields
        self._differing |= {at for at, field in enumerate(fields) if field != known[at]}
        self._model = model = self._draw_fields(fields)
        return model.package, b"".join(self._begin(model, content))

    def _prove(self, content: PassContent) -> None:
        """Raises ContentRefused for what Wallet would refuse, with this card as the sample.

        Done once for all cards of the design. What differs between them cannot break a pass:
        numbers, days, texts and links are written by ``_figure``, and ``_begin`` looks at what
        identifies the card.
        """
        face = orjson.loads(b"".join(self._begin(self._model, content)))
        files = {**picture_files(content), **self._strings(self._texts)}
        for remark in check_document(face, files):
            if remark.level is ERROR:
                raise ContentRefused(f"{remark.where}: {remark.sentence}")

    def _begin(self, model: _Model, content: PassContent) -> list[bytes]:
        """The model's parts with what identifies this card in the holes before the fields.

        They come in the order that ``layout.lay_out`` names. Raises ContentRefused.
        """
        dumps, code = orjson.dumps, content.code
        if not (content.serial and code):
            raise ContentRefused("The card's serial number or its code is empty.")
        if len(content.secret) < LEAST_SECRET:
            raise ContentRefused(f"The card's secret is shorter than {LEAST_SECRET} characters.")
        if not code.isascii():
            raise ContentRefused("The card's code has characters that a barcode cannot hold.")
        members = [dumps(content.serial), dumps(content.secret)]
        if self._has_end:
            ends = content.expires_at or content.changed_at
            # A card that has expired did not end after its last change.
            if self._is_expired:
                ends = min(ends, content.changed_at)
            members.append(dumps(ends, option=_DATES))
        if self._codes:
            # In groups of four, as people read it aloud.
            caption = f"{code[:4]} {code[4:8]} {code[8:12]} {code[12:]}".rstrip()
            members += (dumps(code), dumps(caption)) * self._codes
        parts = model.parts.copy()
        parts[self._members_at] = members
        return parts

    def _figure(self, value: FieldValue, link: str | None, keys: Set[str]) -> bytes | None:
        """What fills the hole of a field, or None if that takes a line of pass.strings.

        ``keys`` are those of the lines that there are: a text that reads like one of them would be
        translated.
        """
        # Words are a dict nearly always, and isinstance takes its time to deny.
        if type(value) is not dict and isinstance(value, _NUMERIC):
            figure, text = values.figure(value), values.plain(value) if link else ""
        else:
            translate = self._translate
            translations = translate(value)
            text = translations[0]
            if translations.count(text) < len(translations) or text in keys:
                return None
            if not text.isprintable() and clean(text) != text:
                return None
            figure = orjson.dumps(text)
        if link is not None:
            markup = values.anchor(link, text)
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
                links = tuple([values.anchor(link, words) for words in text])
                figure += _MARKUP + key(links, position)
            document[self._places[position]] = figure
        # A text with lines of its own gets no hole: they may speak of a holder, so they must not
        # stay behind for the next card.
        differing = sorted(self._differing - with_lines, key=self._places.__getitem__)
        places = [*range(len(document))[self._members_at], *(self._places[at] for at in differing)]
        first_own = 2 * (len(places) - len(differing)) + 1
        is_shared = [at not in differing for at in range(len(fields))]
        return _Model(
            fields=fields,
            parts=_joined(document, places),
            own=tuple(
                (at, first_own + 2 * rank, self._common_of_fields[at])
                for rank, at in enumerate(differing)
            ),
            is_shared=is_shared,
            shared=[*compress(fields, is_shared)],
            keys=self._texts.keys() | lines.keys(),
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


def _common(content: PassContent) -> Common:
    return (
        content.style,
        content.code_format,
        content.state,
        content.merchant,
        content.language,
        content.languages,
        content.title,
        content.description,
        content.locations,
        content.look,
        content.personalisation,
    )


def _common_of_field(field: Field) -> Common:
    return field.key, field.place, field.label, field.change


def _joined(document: Sequence[bytes], places: Sequence[int]) -> list[bytes]:
    """The document with its parts joined but for those at ``places`` (rising, none next to it)."""
    joined = [b"".join(document[: places[0]])]
    for place, following in pairwise((*places, len(document))):
        joined += document[place], b"".join(document[place + 1 : following])
    return joined
