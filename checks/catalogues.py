"""Proves that everything people read exists in German, English and Dutch.

Messages of the code and the templates are compared with ``passes/locale/*/LC_MESSAGES``: none may
be missing, empty, fuzzy, obsolete or unused, and placeholders must be the same. Wallet folders,
which may not import the catalogues, write their few texts as ``{"de": …, "en": …, "nl": …}``.

``python -m checks.catalogues`` (``make texts``) adds what is missing, to be translated, and drops
what nothing uses.
"""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

LANGUAGES = ("de", "en", "nl")
WALLETS = ("wallet_apple", "wallet_google", "pwa")
SOURCES = ("app.py", "commands", "passes", "web", *WALLETS)

ARGUMENTS = {"text": (0,), "dated": (0,), "translate": (1,), "translate_plural": (1, 2), "_": (0,)}
"""Which arguments of which function are messages."""


@dataclass(frozen=True, slots=True)
class Use:
    """A message, and where it stands first."""

    message: str
    place: str


def findings(root: Path) -> list[str]:
    """What is wrong in the sources and catalogues beneath ``root``, as ``file:line: sentence``."""
    wrong = [
        finding
        for place, tree in _modules(root)
        if place.split("/")[0] in WALLETS
        for finding in _incomplete_texts(tree, place)
    ]
    used = _uses(root)
    for language in LANGUAGES:
        wrong += _catalogue_findings(root, language, used)
    return wrong


def update(root: Path) -> None:
    """Brings the catalogues in line with the sources; new texts stay empty but in English."""
    used = _uses(root)
    for language in LANGUAGES:
        path = _catalogue_path(root, language)
        head = path.read_bytes().split(b"\n\n", 1)[0]
        catalogue = _read(path, language)
        for message in list(catalogue):
            if message.id and message.id not in used:
                catalogue.delete(message.id)
        for text in used:
            if text not in catalogue:
                catalogue.add(text, text if language == "en" else "")
        body = BytesIO()
        write_po(
            body,
            catalogue,
            width=100,
            omit_header=True,
            no_location=True,
            sort_output=True,
            ignore_obsolete=True,
        )
        path.write_bytes(head + b"\n\n" + body.getvalue().strip() + b"\n")


# --- what the sources say ------------------------------------------------------------------------


def _uses(root: Path) -> dict[str, Use]:
    """Every message of code and templates, with its first use."""
    used: dict[str, Use] = {}
    for place, tree in _modules(root):
        for use in _python_uses(tree, place):
            used.setdefault(use.message, use)
    for path in _files(root, "templates/**/*"):
        for use in _template_uses(path, path.relative_to(root).as_posix()):
            used.setdefault(use.message, use)
    return used


def _modules(root: Path) -> Iterator[tuple[str, ast.Module]]:
    for path in _files(root, "*.py"):
        yield path.relative_to(root).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def _files(root: Path, pattern: str) -> Iterator[Path]:
    for source in SOURCES:
        start = root / source
        if start.is_dir():
            yield from sorted(path for path in start.rglob(pattern) if path.is_file())
        elif start.match(pattern) and start.exists():
            yield start


def _python_uses(tree: ast.Module, place: str) -> Iterator[Use]:
    names = _message_functions(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        for index in names.get(ast.unparse(node.func), ()):
            argument = node.args[index] if index < len(node.args) else None
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield Use(argument.value, f"{place}:{argument.lineno}")


def _message_functions(tree: ast.Module) -> dict[str, tuple[int, ...]]:
    """What this module calls the functions of ``passes.i18n``, and their message arguments."""
    names: dict[str, tuple[int, ...]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "passes.i18n":
            for alias in node.names:
                if alias.name in ARGUMENTS:
                    names[alias.asname or alias.name] = ARGUMENTS[alias.name]
        elif isinstance(node, ast.ImportFrom) and node.module == "passes":
            for alias in node.names:
                if alias.name == "i18n":
                    module = alias.asname or alias.name
                    names |= {f"{module}.{name}": places for name, places in ARGUMENTS.items()}
    return names


def _template_uses(path: Path, place: str) -> Iterator[Use]:
    with path.open("rb") as file:
        found = list(babel_extract(file, list(ARGUMENTS), (), {"encoding": "utf-8"}))
    for line, _, arguments, _ in found:
        for message in (arguments,) if isinstance(arguments, str) else arguments or ():
            if message:
                yield Use(message, f"{place}:{line}")


def _incomplete_texts(tree: ast.Module, place: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Dict) or not node.keys:
            continue
        texts = {
            key.value: value.value
            for key, value in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Constant) and isinstance(value, ast.Constant)
        }
        if len(texts) < len(node.keys) or not texts.keys() <= set(LANGUAGES):
            continue
        for language in LANGUAGES:
            if not texts.get(language):
                yield f"{place}:{node.lineno}: the text lacks {language}"


# --- what the catalogues say ---------------------------------------------------------------------


def _catalogue_path(root: Path, language: str) -> Path:
    return root / "passes" / "locale" / language / "LC_MESSAGES" / "messages.po"


def _read(path: Path, language: str) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=language)


def _catalogue_findings(root: Path, language: str, used: dict[str, Use]) -> Iterator[str]:
    path = _catalogue_path(root, language)
    place = path.relative_to(root).as_posix()
    if not path.exists():
        yield f"{place}: the catalogue is missing"
        return
    catalogue = _read(path, language)
    if catalogue.fuzzy:
        yield f"{place}: the catalogue as a whole is marked fuzzy"
    for message in catalogue.obsolete.values():
        yield f"{place}: obsolete: {message.id!r}"
    present = {str(message.id): message for message in catalogue if message.id}
    for text, use in used.items():
        if text not in present:
            yield f"{use.place}: {language} lacks {text!r}"
    for text, message in present.items():
        where = f"{place}:{message.lineno}"
        if text not in used:
            yield f"{where}: nothing uses {text!r}"
        yield from (f"{where}: {trouble}: {text!r}" for trouble in _troubles(message))


def _troubles(message: Message) -> Iterator[str]:
    original, translation = str(message.id), str(message.string)
    if message.fuzzy:
        yield "fuzzy"
    if not translation.strip():
        yield "empty"
    elif _placeholders(original) != _placeholders(translation):
        yield "the placeholders differ"


def _placeholders(text: str) -> set[str]:
    """The names in braces; a text with a stray brace has one that no other text has."""
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError:
        return {f"malformed: {text}"}


if __name__ == "__main__":
    update(Path.cwd())
