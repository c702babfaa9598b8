"""A pass as a phone holds it, and its face as text."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

MOST_BYTES = 20_000_000
_GROUPS = ("headerFields", "primaryFields", "secondaryFields", "auxiliaryFields")
_STYLES = ("storeCard", "coupon", "generic", "eventTicket", "boardingPass", "posterGeneric")
_LINE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*=\s*"((?:[^"\\]|\\.)*)"\s*;')
_ESCAPES = {"\\n": "\n", "\\t": "\t", '\\"': '"', "\\\\": "\\"}


class NotAPass(ValueError):
    """A phone would refuse this file; the sentence says why."""


@dataclass(frozen=True, slots=True)
class HeldPass:
    """A pass in one language. ``face`` is pass.json; ``last_modified`` is the server's own date."""

    face: Mapping[str, Any] = field(repr=False)
    strings: Mapping[str, str] = field(repr=False)
    last_modified: str | None

    @property
    def serial(self) -> str:
        return str(self.face["serialNumber"])

    @property
    def type_id(self) -> str:
        return str(self.face["passTypeIdentifier"])

    @property
    def voided(self) -> bool:
        return bool(self.face.get("voided"))

    def fields(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Each field with the name of its group, the front before the back."""
        style: Mapping[str, Any] = next(
            (self.face[name] for name in _STYLES if name in self.face), {}
        )
        for group in (*_GROUPS, "backFields"):
            for each in style.get(group, ()):
                yield group, each

    def said(self, text: object) -> str:
        """A text in the phone's language."""
        return self.strings.get(str(text), str(text))

    def value(self, each: Mapping[str, Any]) -> str:
        """A field's value as a person reads it."""
        value = each.get("value", "")
        if "currencyCode" in each:
            return f"{value} {each['currencyCode']}"
        if "dateStyle" in each:
            return str(value).partition("T")[0]
        return self.said(value)


def open_pass(body: bytes, language: str, last_modified: str | None = None) -> HeldPass:
    """Reads a .pkpass; the hashes of its manifest are checked. Raises NotAPass."""
    if len(body) > MOST_BYTES:
        raise NotAPass("The file is larger than any pass.")
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as package:
            if sum(info.file_size for info in package.infolist()) > MOST_BYTES:
                raise NotAPass("The files in it are larger than any pass.")
            files = {name: package.read(name) for name in package.namelist()}
        manifest = json.loads(files["manifest.json"])
        face = json.loads(files["pass.json"], parse_float=Decimal)  # 12.90 is not 12.9
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise NotAPass("The file is no pass: it cannot be opened.") from error
    if not files.get("signature"):
        raise NotAPass("The pass is not signed.")
    for name, content in files.items():
        if name in {"manifest.json", "signature"}:
            continue
        sha1 = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        if manifest.get(name) != sha1:
            raise NotAPass(f"The pass was changed after it was signed: {name}.")
    strings = files.get(f"{language}.lproj/pass.strings", b"")
    return HeldPass(face, dict(_read_strings(strings)), last_modified)


def show(held: HeldPass, *, back: bool = True) -> str:
    """The face of the pass as lines of text."""
    lines = [f"{held.said(held.face['organizationName'])}: {held.said(held.face['description'])}"]
    if held.voided:
        lines.append("VOID: this card was withdrawn")
    elif "expirationDate" in held.face:
        lines.append(f"valid until {held.face['expirationDate']}")
    front = [each for group, each in held.fields() if group != "backFields"]
    labels = [held.said(each.get("label", "")) for each in front]
    width = max(map(len, labels), default=0)
    for label, each in zip(labels, front, strict=True):
        lines.append(f"  {label:<{width}}  {held.value(each)}")
    for code in held.face.get("barcodes", ())[:1]:
        lines.append(f"  [{code['format'].removeprefix('PKBarcodeFormat')}]  {code['message']}")
    for group, each in held.fields():
        if back and group == "backFields":
            lines.append(f"  on the back, {held.said(each.get('label', ''))}: {held.value(each)}")
    return "\n".join(lines)


def messages(old: HeldPass, new: HeldPass) -> list[str]:
    """What the lock screen says: the change messages of the fields whose value is another one."""
    before = {each["key"]: each for _, each in old.fields()}
    return [
        new.said(each["changeMessage"]).replace("%@", new.value(each)).replace("%%", "%")
        for _, each in new.fields()
        if "changeMessage" in each
        and each["key"] in before
        and before[each["key"]].get("value") != each.get("value")
    ]


def _read_strings(content: bytes) -> Iterator[tuple[str, str]]:
    is_utf16 = content[:2] in {b"\xff\xfe", b"\xfe\xff"}
    text = content.decode("utf-16" if is_utf16 else "utf-8", errors="replace")
    for found in _LINE.finditer(text):
        yield _unescaped(found[1]), _unescaped(found[2])


def _unescaped(text: str) -> str:
    return re.sub(r"\\.", lambda found: _ESCAPES.get(found[0], found[0][1:]), text)
