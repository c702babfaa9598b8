"""Localised texts and pictures: reads pass.strings and compares the languages of a pass.

Source: Apple, Building a Pass (UTF-16 for what is not ASCII, the same keys in every language).
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping

from wallet_apple.format.fields import check_change_message
from wallet_apple.format.remarks import ERROR, WARNING, Remark, quoted
from wallet_apple.format.styles import fields_of

STRINGS = "pass.strings"
MOST_BYTES = 1024 * 1024
_FOLDER = re.compile(r"([a-z]{2,3}(?:-[A-Za-z]{4})?(?:-(?:[A-Z]{2}|[0-9]{3}))?)\.lproj")
_FOLDER_LIKE = re.compile(r"[^/]+\.lproj")

_SPACE = re.compile(r"(?:\s+|/\*.*?\*/|//[^\n]*)*", re.DOTALL)
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|([A-Za-z0-9_.\-]+)', re.DOTALL)
_ESCAPE = re.compile(r"\\(U[0-9A-Fa-f]{4}|[0-7]{1,3}|.)", re.DOTALL)
_NAMED = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class BadStrings(ValueError):
    """A pass.strings that Wallet cannot read; the text says why and what to do."""


def read_strings(body: bytes) -> dict[str, str]:
    """Keys and texts of a pass.strings in UTF-16, or in UTF-8 as Wallet tolerates it.

    Raises BadStrings.
    """
    text, at = _decoded(body), 0
    entries: dict[str, str] = {}
    while True:
        at = _skip(text, at)
        if at == len(text):
            return entries
        key, at = _token(text, at, "a text in quotation marks")
        at = _expect(text, at, "=")
        value, at = _token(text, at, "a text in quotation marks after the =")
        at = _expect(text, at, ";")
        if key in entries:
            raise BadStrings(f"{quoted(key)} stands twice (line {_line(text, at)}). Keep one.")
        entries[key] = value


def _decoded(body: bytes) -> str:
    if len(body) > MOST_BYTES:
        raise BadStrings("The file has more than 1 MB. Shorten it.")
    try:
        if body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            return body.decode("utf-16")
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadStrings("The file is neither UTF-16 nor UTF-8. Save it as UTF-16.") from None
    if "\0" in text:
        raise BadStrings("The file is UTF-16 without a byte order mark. Save it with one (BOM).")
    return text


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _token(text: str, at: int, expected: str) -> tuple[str, int]:
    found = _TOKEN.match(text, at)
    if found is None:
        raise BadStrings(f"Line {_line(text, at)}: here must stand {expected}.")
    quoted_text, bare = found.groups()
    return (_ESCAPE.sub(_unescaped, quoted_text) if bare is None else bare), found.end()


def _expect(text: str, at: int, sign: str) -> int:
    at = _skip(text, at)
    if text[at : at + 1] != sign:
        instead = text[at : at + 1] or "the end"
        raise BadStrings(
            f"Line {_line(text, at)}: here must stand {sign} and not {instead!a}. Every line reads "
            f'"key" = "text";'
        )
    return _skip(text, at + 1)


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    if code[0] == "U" and len(code) == 5:
        return chr(int(code[1:], 16))
    if code[0] in "01234567":
        return chr(int(code, 8))
    return _NAMED.get(code, code)


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


# --- the languages of a pass ---------------------------------------------------------------------


def check_languages(document: Mapping[str, object], files: Mapping[str, bytes]) -> Iterator[Remark]:
    """Remarks on the folders of languages: their names, texts and pictures."""
    folders: dict[str, dict[str, bytes]] = {}
    for name, body in files.items():
        folder, slash, leaf = name.partition("/")
        if slash and _FOLDER_LIKE.fullmatch(folder):
            folders.setdefault(folder, {})[leaf] = body
    for folder in folders:
        if _FOLDER.fullmatch(folder) is None:
            sentence = "The name must be a language, such as de.lproj, pt-BR.lproj or zh-Hans.lproj"
            yield Remark(WARNING, folder, sentence)
    yield from _check_texts(document, folders)
    yield from _check_pictures(folders, files)


def _check_texts(
    document: Mapping[str, object], folders: Mapping[str, Mapping[str, bytes]]
) -> Iterator[Remark]:
    read: dict[str, dict[str, str]] = {}
    for folder, inside in folders.items():
        body = inside.get(STRINGS)
        if body is None:
            continue
        where = f"{folder}/{STRINGS}"
        try:
            read[where] = read_strings(body)
        except BadStrings as error:
            yield Remark(ERROR, where, str(error))
            continue
        if body.startswith(BOM_UTF8) or not (
            body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or body.isascii()
        ):
            sentence = "Some systems show no texts from this file. Save it as UTF-16."
            yield Remark(WARNING, where, sentence)
    every = set().union(*read.values()) if read else set()
    for where, entries in read.items():
        if missing := sorted(every - entries.keys()):
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            sentence = (
                f"The text {quoted(missing[0])}{more} stands in another language, but not here. "
                "Add it."
            )
            yield Remark(WARNING, where, sentence)
    for message, path in _change_messages(document):
        for where, entries in read.items():
            translated = entries.get(message)
            if translated is not None and translated != message:
                yield from check_change_message(translated, path, where)


def _change_messages(document: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for where, _, field in fields_of(document):
        message = field.get("changeMessage")
        if isinstance(message, str):
            yield message, f"{where}.changeMessage"


def _check_pictures(
    folders: Mapping[str, Mapping[str, bytes]], files: Mapping[str, bytes]
) -> Iterator[Remark]:
    pictures = {
        folder: {leaf for leaf in inside if leaf.endswith(".png")}
        for folder, inside in folders.items()
    }
    every = set().union(*pictures.values()) if pictures else set()
    for folder, own in pictures.items():
        for leaf in sorted(own & files.keys()):
            sentence = f"{leaf} beside the folders is shown instead of this one. Remove one."
            yield Remark(WARNING, f"{folder}/{leaf}", sentence)
        for leaf in sorted(every - own - files.keys()) if own else ():
            sentence = f"Another language has {leaf}, this one has not. Add it."
            yield Remark(WARNING, folder, sentence)
