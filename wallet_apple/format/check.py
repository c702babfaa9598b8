"""The validator: what is wrong with a pass, in sentences that a designer understands."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator, Mapping

from wallet_apple.format import archive, document, images, strings, styles
from wallet_apple.format.archive import BadArchive, is_stray, read_zip, without_folder
from wallet_apple.format.keys import PERSONALIZATION
from wallet_apple.format.kinds import walk
from wallet_apple.format.remarks import ERROR, NOTE, WARNING, Remark, collected, quoted
from wallet_apple.format.signature import FILE as SIGNATURE
from wallet_apple.format.signature import NO_ROOTS, Roots, check_signature
from wallet_apple.format.strict_json import NotReadable, read_object

PASS, MANIFEST, PERSONALIZE = "pass.json", "manifest.json", "personalization.json"
MOST_PASSES = 10


def check_package(body: bytes, roots: Roots = NO_ROOTS) -> list[Remark]:
    """Remarks on a .pkpass, or on a .pkpasses with several; never raises."""
    try:
        files = read_zip(body)
    except BadArchive as error:
        bundle = _bundle(body)
        if bundle is None:
            return [Remark(ERROR, "", str(error))]
        files = bundle
    if PASS not in files and any(name.endswith(".pkpass") for name in files):
        return collected(_check_bundle(files, roots))
    return collected(_check_signed(files, roots))


def check_folder(
    files: Mapping[str, bytes], *, is_template: bool = False, roots: Roots = NO_ROOTS
) -> list[Remark]:
    """Remarks on the files of a pass that is not packed: a folder ``.pass``, or a template."""
    if MANIFEST in files or SIGNATURE in files:
        return collected(_check_signed(files, roots))
    return collected(_check_files(files, is_template=is_template))


def check_document(face: Mapping[str, object], files: Mapping[str, bytes]) -> list[Remark]:
    """Remarks on pass.json as it was read, with the pictures and texts of the pass by name."""
    return collected(_check_content(face, files, is_template=False))


def _bundle(body: bytes) -> dict[str, bytes] | None:
    """The passes of a bundle that is larger than one pass may be."""
    try:
        files = read_zip(body, archive.MOST_BYTES_OF_BUNDLE)
    except BadArchive:
        return None
    return files if any(name.endswith(".pkpass") for name in files) else None


def _check_bundle(files: Mapping[str, bytes], roots: Roots) -> Iterator[Remark]:
    passes = [name for name in files if name.endswith(".pkpass")]
    if len(passes) > MOST_PASSES:
        sentence = f"A bundle holds {MOST_PASSES} passes at most; here are {len(passes)}."
        yield Remark(ERROR, "", sentence)
    for name in files:
        if name not in passes or "/" in name:
            sentence = "A bundle holds .pkpass files alone, and no folders."
            yield Remark(ERROR, name, sentence)
    for name in passes[:MOST_PASSES]:
        try:
            inside = read_zip(files[name])
        except BadArchive as error:
            yield Remark(ERROR, name, str(error))
            continue
        for remark in _check_signed(inside, roots):
            yield Remark(remark.level, f"{name}: {remark.where}", remark.sentence)


def _check_signed(files: Mapping[str, bytes], roots: Roots) -> Iterator[Remark]:
    """Remarks on the files of a packed pass."""
    inside, folder = without_folder(files)
    if folder:
        sentence = (
            f"The files lie in the folder {quoted(folder)}. Pack the files themselves, without the "
            "folder around them."
        )
        yield Remark(ERROR, folder, sentence)
    face = yield from _check_files(inside, is_template=False)
    manifest, signature = inside.get(MANIFEST), inside.get(SIGNATURE)
    if manifest is None:
        yield Remark(ERROR, MANIFEST, "The list of all files with their SHA-1 is missing.")
    else:
        yield from _check_manifest(manifest, inside)
    if signature is None:
        yield Remark(ERROR, SIGNATURE, "The pass is not signed, and no phone opens it. Sign it.")
    elif manifest is not None:
        yield from check_signature(signature, manifest, face or {}, roots)


def _check_files(
    files: Mapping[str, bytes], *, is_template: bool
) -> Generator[Remark, None, dict[str, object] | None]:
    """As a generator, it returns pass.json, or None where that cannot be read."""
    for name in files:
        if is_stray(name):
            sentence = "This file came along by accident. Remove it."
            yield Remark(NOTE if is_template else ERROR, name, sentence)
    body = files.get(PASS)
    if body is None:
        yield Remark(ERROR, PASS, "The file is missing; without it this is no pass.")
        return None
    try:
        face = read_object(body)
    except NotReadable as error:
        yield Remark(ERROR, PASS, str(error))
        return None
    yield from _check_content(face, files, is_template=is_template)
    return face


def _check_content(
    face: Mapping[str, object], files: Mapping[str, bytes], *, is_template: bool
) -> Iterator[Remark]:
    yield from document.check_keys(face, is_template=is_template)
    yield from images.check_images(face, files)
    yield from styles.check_demands(face, images.base_names(files))
    yield from strings.check_languages(face, files)
    if PERSONALIZE in files:
        yield from _check_personalization(face, files)


def _check_personalization(
    face: Mapping[str, object], files: Mapping[str, bytes]
) -> Iterator[Remark]:
    """The form with which a new member of a rewards scheme signs up (Apple, Rewards Enrollment)."""
    try:
        form = read_object(files[PERSONALIZE])
    except NotReadable as error:
        yield Remark(ERROR, PERSONALIZE, str(error))
        return
    yield from walk(form, PERSONALIZATION, PERSONALIZE)
    if form.get("requiredPersonalizationFields") == []:
        sentence = "The form asks for nothing. Name at least one field."
        yield Remark(ERROR, f"{PERSONALIZE}.requiredPersonalizationFields", sentence)
    if "nfc" not in face or "webServiceURL" not in face:
        sentence = "Signing up works on passes with nfc and a webServiceURL only. Add both."
        yield Remark(WARNING, PERSONALIZE, sentence)
    if "personalizationLogo" not in images.base_names(files):
        sentence = "The form has no picture. Add it with 150 x 40 points, also @2x and @3x."
        yield Remark(WARNING, "personalizationLogo.png", sentence)


def _check_manifest(body: bytes, files: Mapping[str, bytes]) -> Iterator[Remark]:
    """Every file but two is listed with its SHA-1 in lower case, and nothing else is."""
    try:
        listed = read_object(body)
    except NotReadable as error:
        yield Remark(ERROR, MANIFEST, str(error))
        return
    for name, file in files.items():
        if name in {MANIFEST, SIGNATURE}:
            continue
        sha1 = hashlib.sha1(file, usedforsecurity=False).hexdigest()
        if name not in listed:
            sentence = "The file is not listed in manifest.json. List it, or remove it."
            yield Remark(ERROR, name, sentence)
        elif listed[name] != sha1:
            sentence = (
                "The file was changed after manifest.json was made: its SHA-1 is another one. "
                "Make the pass again."
            )
            yield Remark(ERROR, name, sentence)
    for name in listed:
        if name in {MANIFEST, SIGNATURE}:
            yield Remark(ERROR, MANIFEST, f"{name} must not be listed. Remove the line.")
        elif name not in files:
            sentence = (
                f"{quoted(name, 80)} is listed, but the file is missing. Add it, or unlist it."
            )
            yield Remark(ERROR, MANIFEST, sentence)
