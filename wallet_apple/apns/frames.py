"""HTTP/2 as bytes: frames (RFC 9113) and the requests to APNs, which differ in little.

Source of the requests: Apple, Sending notification requests to APNs. A pass is told by an empty
JSON dictionary. Every header of a request is the same for a whole topic, so it is encoded once, and
without the dynamic table; only the path, which holds the push token, and the stream differ.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat

DATA, HEADERS, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    0x0, 0x1, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, 0x9,
)  # fmt: skip
ACK = END_STREAM = 0x1
END_HEADERS, PADDED, PRIORITY = 0x4, 0x8, 0x20

NO_ERROR, REFUSED_STREAM, ENHANCE_YOUR_CALM = 0x0, 0x7, 0xB

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 0x1, 0x2, 0x3, 0x4

FRAME_HEAD = struct.Struct(">IBI")
"""Length and type together, flags, stream."""
LONGEST_FRAME = 16_384
"""What a peer may send unless told otherwise (RFC 9113, 6.5.2)."""
FIRST_WINDOW = 65_535
LARGEST_WINDOW = 2**31 - 1
LAST_STREAM = 2**31 - 1
STREAM_BITS = 2**31 - 1
STATUS_200 = 0x88
"""``:status: 200`` as an entry of HPACK's static table (RFC 7541, appendix A)."""

BODY = b"{}"

_PATH = b"/3/device/"
_POST, _HTTPS, _HTTP = b"\x83", b"\x87", b"\x86"
_WITHOUT_INDEX, _NEVER_INDEXED = 0x00, 0x10
_AUTHORITY, _PATH_NAME, _AUTHORIZATION = 1, 4, 23


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return FRAME_HEAD.pack(len(payload) << 8 | kind, flags, stream) + payload


def settings(values: Iterable[tuple[int, int]]) -> bytes:
    """A SETTINGS frame of (identifier, value)."""
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", *value) for value in values))


def read_settings(payload: bytes) -> list[tuple[int, int]]:
    """(identifier, value) in order. Raises struct.error for a wrong length."""
    return list(struct.iter_unpack(">HI", payload))


def window_update(bytes_more: int) -> bytes:
    """For the connection as a whole."""
    return frame(WINDOW_UPDATE, payload=bytes_more.to_bytes(4, "big"))


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings(
    # Without a dynamic table each answer can be read by itself.
    [(HEADER_TABLE_SIZE, 0), (ENABLE_PUSH, 0)]
)


_Layout = tuple[Callable[..., bytes], bytes, bytes, bytes]
"""Packs head, stream, middle, token, data, stream and body; and three of these."""


class Requests:
    """The requests of one topic. What they share is encoded once; to be used for one batch."""

    def __init__(
        self, authority: str, headers: Sequence[tuple[str, str]], secret: str = "", *, tls: bool
    ) -> None:
        """``authority``: host and port; ``secret``: the whole value of an authorization header.

        Names of ``headers`` in small letters.
        """
        scheme = _HTTPS if tls else _HTTP
        self._before = _POST + scheme + _literal(_WITHOUT_INDEX, _AUTHORITY, authority.encode())
        self._after = b"".join(_named(name.encode(), value.encode()) for name, value in headers)
        if secret:
            self._after += _literal(_NEVER_INDEXED, _AUTHORIZATION, secret.encode())
        self._layouts: dict[int, _Layout] = {}

    def encode(self, streams: Sequence[int], tokens: Sequence[bytes]) -> bytes:
        """A request for each token, on the stream beside it."""
        lengths = set(map(len, tokens))
        if len(lengths) == 1:
            return self._encode_alike(lengths.pop(), streams, tokens)
        return b"".join(
            self._encode_alike(len(token), (stream,), (token,))
            for stream, token in zip(streams, tokens, strict=True)
        )

    def _encode_alike(self, length: int, streams: Sequence[int], tokens: Sequence[bytes]) -> bytes:
        """The same where all tokens have ``length`` bytes, which they do as a rule."""
        layout = self._layouts.get(length)
        if layout is None:
            layout = self._layouts[length] = self._lay_out(length)
        pack, head, middle, data = layout
        return b"".join(
            map(
                pack, repeat(head), streams, repeat(middle), tokens, repeat(data), streams,
                repeat(BODY),
            )
        )  # fmt: skip

    def _lay_out(self, length: int) -> _Layout:
        path = bytes((_NEVER_INDEXED | _PATH_NAME,)) + _integer(length + len(_PATH), 7) + _PATH
        block_length = len(self._before) + len(path) + length + len(self._after)
        head = FRAME_HEAD.pack(block_length << 8 | HEADERS, END_HEADERS, 0)[:5]
        middle = self._before + path
        data = self._after + FRAME_HEAD.pack(len(BODY) << 8 | DATA, END_STREAM, 0)[:5]
        form = struct.Struct(f">5sI{len(middle)}s{length}s{len(data)}sI{len(BODY)}s")
        return form.pack, head, middle, data


def _named(name: bytes, value: bytes) -> bytes:
    return bytes((_WITHOUT_INDEX,)) + _string(name) + _string(value)


def _literal(form: int, name: int, value: bytes) -> bytes:
    """A header whose name is an entry of the static table."""
    return _integer(name, 4, form) + _string(value)


def _string(text: bytes) -> bytes:
    """Without Huffman: a shorter block is not worth the time."""
    return _integer(len(text), 7) + text


def _integer(value: int, bits: int, form: int = 0) -> bytes:
    """RFC 7541, 5.1: an integer whose first byte shares ``bits`` of its bits with ``form``."""
    most = (1 << bits) - 1
    if value < most:
        return bytes((form | value,))
    encoded = [form | most]
    value -= most
    while value >= 128:
        encoded.append(value % 128 + 128)
        value //= 128
    return bytes((*encoded, value))
