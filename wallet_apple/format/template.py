"""Imports templates of Apple's Pass Designer (.pkpasstemplate) and makes passes of them.

Source: Apple, Pass Builder, Personalizing pass templates: values are set by the key of a field, in
all styles of the pass; whatever else the template holds stays as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from wallet_apple import pkpass
from wallet_apple.format import values
from wallet_apple.format.archive import BadArchive, is_stray, read_zip, without_folder
from wallet_apple.format.folders import read_folder
from wallet_apple.format.keys import IDENTITY
from wallet_apple.format.strict_json import NotReadable, read_object
from wallet_apple.format.styles import fields_of
from wallet_apple.signing import Credentials

_OWN_FILES = {"pass.json", "manifest.json", "signature"}
_OF_CREDENTIALS = {"passTypeIdentifier", "teamIdentifier"}
TOP_KEYS = (*(name for name in IDENTITY if name not in _OF_CREDENTIALS), "logoText")
"""Texts of the pass itself that may be set like a field."""

Value = str | int | float


class BadTemplate(ValueError):
    """A template cannot be read, or a value has no place in it; the text says why."""


@dataclass(frozen=True, slots=True)
class Template:
    """A template: pass.json as it was read, and all other files (pictures, texts, tooling.json)."""

    face: Mapping[str, object]
    files: Mapping[str, bytes]


def read_template(source: Path | bytes) -> Template:
    """Reads a template from a folder, from a ZIP on disk, or from the bytes of a ZIP.

    A signed pass can be read as well: its manifest and signature are left behind. Raises
    BadTemplate and, for a path, OSError.
    """
    try:
        if isinstance(source, bytes):
            found = read_zip(source)
        else:
            found = read_folder(source) if source.is_dir() else read_zip(source.read_bytes())
        files, _ = without_folder({name: found[name] for name in found if not is_stray(name)})
        face = read_object(files["pass.json"])
    except KeyError:
        raise BadTemplate("The template has no pass.json.") from None
    except NotReadable as error:
        raise BadTemplate(f"pass.json: {error}") from error
    except BadArchive as error:
        raise BadTemplate(str(error)) from error
    return Template(face, {name: files[name] for name in files if name not in _OWN_FILES})


def field_values(template: Template) -> dict[str, object]:
    """The keys of all fields with the values that the template shows."""
    return {str(field["key"]): field.get("value") for field in _fields(template.face)}


def to_pass(
    template: Template, given: Mapping[str, Value], credentials: Credentials
) -> dict[str, bytes]:
    """The files of a pass, not yet listed and signed: the template with these values.

    ``given`` names fields by their key; each is set wherever the key stands. The names in
    ``TOP_KEYS`` set the text of the pass itself, unless a field is called so. Identifiers come
    from the certificate. Raises BadTemplate.
    """
    face = copy.deepcopy(dict(template.face))
    known = field_values(template)
    for name, value in given.items():
        if name in known:
            for field in _fields(face):
                if field["key"] == name:
                    _set(field, value)
        elif name in TOP_KEYS:
            face[name] = str(value)
        else:
            names = ", ".join((*known, *TOP_KEYS))
            raise BadTemplate(f"The template has no field {name}. It has {names}.")
    face.setdefault("formatVersion", 1)
    face["passTypeIdentifier"] = credentials.pass_type_id
    face["teamIdentifier"] = credentials.team_id
    return {**template.files, "pass.json": orjson.dumps(face)}


def packed(files: Mapping[str, bytes], sign: Callable[[bytes], bytes]) -> bytes:
    """The .pkpass of the files; ``sign`` makes the signature over the bytes of manifest.json."""
    others = {name: body for name, body in files.items() if name not in _OWN_FILES}
    return pkpass.pack(pkpass.extended(pkpass.EMPTY, others), files["pass.json"], sign)


def read_value(template: Template, key: str, text: str) -> Value:
    """A value that was typed, as a number where the template shows a number at this field.

    Raises BadTemplate.
    """
    if not values.is_number(field_values(template).get(key)):
        return text
    try:
        number = orjson.loads(text)
    except orjson.JSONDecodeError:
        number = None
    if not values.is_number(number):
        raise BadTemplate(f"The template shows a number at {key}. Write one, such as 12 or 3.50.")
    return int(number) if isinstance(number, int) else float(number)


def _set(field: dict[str, object], value: Value) -> None:
    field["value"] = value
    # It would be shown instead of the new value.
    field.pop("attributedValue", None)


def _fields(face: Mapping[str, object]) -> Iterator[dict[str, object]]:
    """All fields with a key, in every style."""
    for _, _, field in fields_of(face):
        if isinstance(field.get("key"), str):
            yield field
