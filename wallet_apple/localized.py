"""Localised texts: the key that stands in pass.json, and the pass.strings that Wallet finds it in.

Source: Apple, Building a Pass (one folder per language, UTF-16, the same keys in each).
"""

from __future__ import annotations

import re
from codecs import BOM_UTF16_LE
from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import itemgetter

from passes.wallet_port import Text

Translations = tuple[str, ...]
"""One text in every language of the pass, in the order of ``PassContent.languages``."""

# Invisible and without width: tells two keys apart that read the same.
_WORD_JOINER = "\u2060"

# Control characters (a line feed and a tab may stay) and halves of surrogate pairs: neither JSON
# readers nor UTF-16 can be trusted with them.
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


@lru_cache(maxsize=64)
def translator(languages: tuple[str, ...]) -> Callable[[Text], Translations]:
    """A function that brings a Text into the order of ``languages``; KeyError if one is missing."""
    if len(languages) == 1:
        only = languages[0]
        return lambda text: (text[only],)
    return itemgetter(*languages)


def clean(text: str) -> str:
    """The text without what cannot be written."""
    return text if text.isprintable() else _UNWRITABLE.sub("", text)


def key(translations: Translations, own: int, taken: dict[str, Translations]) -> str:
    """The key of a text, which is in ``taken`` afterwards: the text itself in the card's language.

    Such a key is also what a reader shows who knows none of the languages. Two texts that read
    alike in the card's language but differ in another get different keys all the same. ``own`` is
    the position of the card's language, ``taken`` says which text stands behind each key.
    """
    key = clean(translations[own])
    while taken.setdefault(key, translations) != translations:
        key += _WORD_JOINER
    return key


def strings(entries: Mapping[str, Translations], language: int) -> bytes:
    """A pass.strings (UTF-16 with byte order mark) for the language at this position."""
    lines = [
        f'"{_escaped(key)}" = "{_escaped(clean(translations[language]))}";\n'
        for key, translations in entries.items()
    ]
    return BOM_UTF16_LE + "".join(lines).encode("utf-16-le")


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return text.replace("\n", "\\n").replace("\t", "\\t")
