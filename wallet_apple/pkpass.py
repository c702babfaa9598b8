"""Packs a pass: a ZIP of files that were laid out before, with their sums and headers ready.

Everything is stored, nothing deflated: PNG pictures do not shrink, and deflating them costs eight
times as much as signing the pass.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from struct import Struct

# A stored file of midnight 1980-01-01, the oldest time a ZIP knows: version needed, flags, method,
# time, date. The same pass has the same bytes, whenever it was packed.
_STORED = Struct("<HHHHH").pack(10, 0, 0, 0, 0x21)
_LOCAL_START = b"PK\3\4" + _STORED
_CENTRAL_START = b"PK\1\2" + Struct("<H").pack(0x0314) + _STORED  # made by: Unix
# No extra field, no comment, first disk, no attributes but Unix's "a file all may read".
_CENTRAL_REST = bytes(8) + Struct("<I").pack(0o100644 << 16)

# Then come CRC-32, size stored, size unpacked, length of the name; the name ends the record.
_LOCAL = Struct("<14sIIIHH")
_CENTRAL = Struct("<16sIIIH12sI")

# The three files that are each card's own, always in this order; their records with the names.
_PASS, _MANIFEST, _SIGNATURE = b"pass.json", b"manifest.json", b"signature"
_LOCAL_9 = Struct("<14sIIIHH9s")
_LOCAL_13 = Struct("<14sIIIHH13s")
_OWN_DIRECTORY = Struct("<16sIIIH12sI9s 16sIIIH12sI13s 16sIIIH12sI9s".replace(" ", ""))
_END = Struct("<4sHHHHIIH")
_SIZE_9, _SIZE_13, _SIZE_OF_DIRECTORY = _LOCAL_9.size, _LOCAL_13.size, _OWN_DIRECTORY.size


@dataclass(frozen=True, slots=True)
class Package:
    """The files that come first: their entries, directory records and lines of the manifest.

    ``entries`` are blocks that follow each other, ``size`` is their length in bytes. A package is
    never changed, so that several may share a block.
    """

    entries: tuple[bytes, ...] = field(repr=False)
    directory: bytes = field(repr=False)
    manifest: bytes = field(repr=False)
    size: int
    count: int


EMPTY = Package((), b"", b"", 0, 0)


def extended(package: Package, files: Mapping[str, bytes]) -> Package:
    """The package with more files (name -> bytes) after those it has."""
    named = [(name.encode(), body) for name, body in files.items()]
    entries, records, size = _stored(named, package.size)
    lines = [b'"%b":"%b",' % (name, _sha1(body)) for name, body in named]
    return Package(
        (*package.entries, b"".join(entries)),
        b"".join((package.directory, *records)),
        b"".join((package.manifest, *lines)),
        size,
        package.count + len(files),
    )


def pack(package: Package, pass_json: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """The whole .pkpass: the package, pass.json, the manifest and its signature.

    ``sign`` gets the exact bytes of manifest.json and returns the signature file.
    """
    manifest = b"".join((b"{", package.manifest, b'"pass.json":"', _sha1(pass_json), b'"}'))
    signature = sign(manifest)
    # This runs for every pass, hence three files spelt out instead of a loop.
    pass_crc, pass_size = zlib.crc32(pass_json), len(pass_json)
    manifest_crc, manifest_size = zlib.crc32(manifest), len(manifest)
    signature_crc, signature_size = zlib.crc32(signature), len(signature)
    pass_at = package.size
    manifest_at = pass_at + _SIZE_9 + pass_size
    signature_at = manifest_at + _SIZE_13 + manifest_size
    directory_at = signature_at + _SIZE_9 + signature_size
    directory_size = len(package.directory) + _SIZE_OF_DIRECTORY
    count = package.count + 3
    return b"".join(
        (
            *package.entries,
            _LOCAL_9.pack(_LOCAL_START, pass_crc, pass_size, pass_size, 9, 0, _PASS),
            pass_json,
            _LOCAL_13.pack(
                _LOCAL_START, manifest_crc, manifest_size, manifest_size, 13, 0, _MANIFEST
            ),
            manifest,
            _LOCAL_9.pack(
                _LOCAL_START, signature_crc, signature_size, signature_size, 9, 0, _SIGNATURE
            ),
            signature,
            package.directory,
            _OWN_DIRECTORY.pack(
                _CENTRAL_START, pass_crc, pass_size, pass_size,
                9, _CENTRAL_REST, pass_at, _PASS,
                _CENTRAL_START, manifest_crc, manifest_size, manifest_size,
                13, _CENTRAL_REST, manifest_at, _MANIFEST,
                _CENTRAL_START, signature_crc, signature_size, signature_size,
                9, _CENTRAL_REST, signature_at, _SIGNATURE,
            ),
            _END.pack(b"PK\5\6", 0, 0, count, count, directory_size, directory_at, 0),
        )
    )  # fmt: skip


def _sha1(body: bytes) -> bytes:
    """In hex. Apple's manifest demands SHA-1; the signature over it is SHA-256."""
    return hashlib.sha1(body, usedforsecurity=False).hexdigest().encode()


def _stored(files: Iterable[tuple[bytes, bytes]], at: int) -> tuple[list[bytes], list[bytes], int]:
    """What stands in the ZIP from the offset ``at``, the directory of it, and where it ends."""
    entries: list[bytes] = []
    records: list[bytes] = []
    for name, body in files:
        crc, size = zlib.crc32(body), len(body)
        entries += (_LOCAL.pack(_LOCAL_START, crc, size, size, len(name), 0), name, body)
        record = _CENTRAL.pack(_CENTRAL_START, crc, size, size, len(name), _CENTRAL_REST, at)
        records += (record, name)
        at += _LOCAL.size + len(name) + size
    return entries, records, at
