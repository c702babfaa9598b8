"""Reads the files of a pass or a template from a folder on disk."""

from __future__ import annotations

from pathlib import Path

from wallet_apple.format.archive import (
    MOST_BYTES,
    MOST_BYTES_OF_FILE,
    MOST_FILES,
    BadArchive,
    refuse_name,
)


def read_folder(folder: Path) -> dict[str, bytes]:
    """The files beneath the folder by their path in it. Raises BadArchive and OSError.

    Links are left out: they may lead anywhere.
    """
    files: dict[str, bytes] = {}
    left = MOST_BYTES
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()
        refuse_name(name)
        size = path.stat().st_size
        if len(files) == MOST_FILES:
            raise BadArchive(f"The folder holds more than {MOST_FILES} files.")
        if size > min(left, MOST_BYTES_OF_FILE):
            raise BadArchive(f"{name} is too large to be part of a pass.")
        files[name] = path.read_bytes()
        left -= size
    return files
