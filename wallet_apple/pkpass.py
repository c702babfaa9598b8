"""Packs a pass: a ZIP of files that were laid out before, with their sums and headers ready.

Everything is stored, nothing deflated: PNG pictures do not shrink, and deflating them costs eight
times as much as signing the pass.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping
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
_HEADER_SIZE = _LOCAL.size
_END = Struct("<4sHHHHIIH")


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
    manifest = bytearray(package.manifest)
    block, directory = bytearray(), bytearray(package.directory)
    for name, body in files.items():
        encoded = name.encode()
        manifest += _manifest_line(encoded, body) + b","
        header, record = _records(encoded, body, package.size + len(block))
        block += header + body
        directory += record
    return Package(
        (*package.entries, bytes(block)),
        bytes(directory),
        bytes(manifest),
        package.size + len(block),
        package.count + len(files),
    )


def pack(package: Package, pass_json: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """The whole .pkpass: the package, pass.json, the manifest and its signature.

    ``sign`` gets the exact bytes of manifest.json and returns the signature file.
    """
    manifest = b"".join((b"{", package.manifest, _manifest_line(b"pass.json", pass_json), b"}"))
    signature = sign(manifest)

    at_manifest = package.size + _HEADER_SIZE + len(b"pass.json") + len(pass_json)
    at_signature = at_manifest + _HEADER_SIZE + len(b"manifest.json") + len(manifest)
    at_end = at_signature + _HEADER_SIZE + len(b"signature") + len(signature)
    header1, record1 = _records(b"pass.json", pass_json, package.size)
    header2, record2 = _records(b"manifest.json", manifest, at_manifest)
    header3, record3 = _records(b"signature", signature, at_signature)
    directory = b"".join((package.directory, record1, record2, record3))
    count = package.count + 3
    end = _END.pack(b"PK\5\6", 0, 0, count, count, len(directory), at_end, 0)
    own = (header1, pass_json, header2, manifest, header3, signature)
    return b"".join((*package.entries, *own, directory, end))


def _manifest_line(name: bytes, body: bytes) -> bytes:
    # Apple's manifest demands SHA-1; the signature over it is SHA-256.
    sha1 = hashlib.sha1(body, usedforsecurity=False).hexdigest()
    return b'"' + name + b'":"' + sha1.encode() + b'"'


def _records(name: bytes, body: bytes, offset: int) -> tuple[bytes, bytes]:
    """What stands before the file's body at ``offset``, and its line of the directory."""
    crc, size = zlib.crc32(body), len(body)
    return (
        _LOCAL.pack(_LOCAL_START, crc, size, size, len(name), 0) + name,
        _CENTRAL.pack(_CENTRAL_START, crc, size, size, len(name), _CENTRAL_REST, offset) + name,
    )
