"""Opens the ZIP of a pass without trusting it: sizes, counts and names are limited.

Source of the limits: Apple, Distributing and updating a pass (a bundle has at most 10 passes or
150 MB); one pass is far smaller.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

MOST_FILES = 1000
MOST_BYTES_OF_FILE = 32 * 1024 * 1024
MOST_BYTES = 64 * 1024 * 1024
"""Of all files together, unpacked."""
MOST_BYTES_OF_BUNDLE = 150 * 1024 * 1024
LONGEST_NAME = 200

_ENTRY = b"PK\1\2"
_ENCRYPTED = 0x1


class BadArchive(ValueError):
    """The file cannot be opened, or must not be; the text says why and what to do."""


def read_zip(body: bytes, most_bytes: int = MOST_BYTES) -> dict[str, bytes]:
    """The files of a ZIP by name; folders are left out. Raises BadArchive.

    ``most_bytes`` limits all files together, unpacked, and no file is unpacked beyond it.
    """
    if len(body) > most_bytes:
        raise BadArchive(f"The file has more than {most_bytes // 1024**2} MB.")
    # Before the directory is read, since reading alone can take long; a picture with these four
    # bytes in it counts as one more.
    if body.count(_ENTRY) > MOST_FILES:
        raise BadArchive(f"The file holds more than {MOST_FILES} files.")
    try:
        with ZipFile(BytesIO(body)) as archive:
            return _files(archive, most_bytes)
    except BadArchive:
        raise
    except (
        # What zipfile is known to raise for garbage.
        BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, IndexError,
        NotImplementedError, RuntimeError, OverflowError, MemoryError,
    ) as error:  # fmt: skip
        raise BadArchive(
            "The file is no ZIP archive, or a damaged one. A .pkpass is a ZIP of the pass's files."
        ) from error


def _files(archive: ZipFile, most_bytes: int) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    left = most_bytes
    for entry in archive.infolist():
        name = entry.filename
        if entry.is_dir():
            continue
        refuse_name(name)
        if name in files:
            raise BadArchive(f"The file {name} is in the archive twice. Keep one of them.")
        if entry.compress_type not in {ZIP_STORED, ZIP_DEFLATED} or entry.flag_bits & _ENCRYPTED:
            raise BadArchive(f"{name} is packed in a way that Wallet cannot open. Use plain ZIP.")
        files[name] = _read(archive, entry, min(left, MOST_BYTES_OF_FILE))
        left -= len(files[name])
    return files


def _read(archive: ZipFile, entry: ZipInfo, most: int) -> bytes:
    # What the directory says of the size is not believed: reading stops one byte behind the limit.
    with archive.open(entry) as file:
        body = file.read(most + 1)
        if len(body) > most:
            raise BadArchive(f"{entry.filename} is too large to be part of a pass.")
        # Reads on to the end of the packed data, where the checksum is compared.
        file.read(1)
        return body


def refuse_name(name: str) -> None:
    """Raises BadArchive for a name that leads out of the pass or cannot be shown."""
    parts = name.split("/")
    if (
        len(name) > LONGEST_NAME
        or not name.isprintable()
        or "\\" in name
        or ":" in name
        or any(part in {"", ".", ".."} for part in parts)
    ):
        shown = ascii(name[:40])
        raise BadArchive(f"The archive has a file with the forbidden name {shown}. Remove it.")


def without_folder(files: Mapping[str, bytes]) -> tuple[dict[str, bytes], str]:
    """The files and, if all lie in one folder together with pass.json, that folder's name."""
    folders = {name.partition("/")[0] for name in files if not is_stray(name)}
    if len(folders) == 1:
        [folder] = folders
        if f"{folder}/pass.json" in files:
            inside = {
                name.removeprefix(f"{folder}/"): body
                for name, body in files.items()
                if name.startswith(f"{folder}/")
            }
            return inside, folder
    return dict(files), ""


def is_stray(name: str) -> bool:
    """Whether a file came along by accident: what macOS and Windows leave in folders."""
    parts = name.split("/")
    return (
        parts[0] == "__MACOSX"
        or parts[-1] in {".DS_Store", "Thumbs.db", "desktop.ini"}
        or parts[-1].startswith("._")
    )
