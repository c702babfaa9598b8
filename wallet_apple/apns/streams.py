"""The streams of one HTTP/2 connection to APNs (RFC 9113), without its socket.

Answers are read frame by frame. Nearly all are ``200`` in a frame of their own and take a short
way; everything else goes through ``_frame``.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass, field

import hpack
import orjson

from wallet_apple.apns import frames
from wallet_apple.apns.batch import ACCEPTED, MOST_BODY_BYTES, Batch, clean_reason, read_answer
from wallet_apple.apns.frames import Requests

MOST_STREAMS = 1000
"""Where the server sets no limit, and whatever it allows."""
MOST_HEADER_BYTES = 32_768
MOST_UNSENT = 1 << 20
REPLENISH = 16_384

_WHOLE_ANSWER = frames.END_HEADERS | frames.END_STREAM


class ProtocolBroken(Exception):
    """The server does not speak HTTP/2 as it must; the sentence says what was wrong."""


@dataclass(slots=True)
class _Unfinished:
    """An answer other than 200 whose end is still to come."""

    status: int
    retry_after: str
    body: bytearray = field(default_factory=bytearray)


class Streams:
    """Encodes requests of a Batch and writes the answers into it.

    ``waiting``: stream -> position in the batch, for all that is not answered. ``refused``: the
    positions that the server surely did not process, for the sender to take. ``unheard`` counts the
    requests that got no answer and will get none. ``broken`` says why nothing more will come;
    ``leaving`` that no new stream may be opened, and ``goodbye`` the reason that the server gave.
    ``heard_at`` is time.monotonic() of the last byte. ``outgoing`` are bytes to be sent.
    """

    def __init__(self, last_stream: int = frames.LAST_STREAM) -> None:
        self.waiting: dict[int, int] = {}
        self.refused: list[int] = []
        self.sent = 0
        self.unheard = 0
        self.broken = ""
        self.leaving = False
        self.goodbye = ""
        self.pongs = 0
        self.heard_at = time.monotonic()
        self._last_stream = last_stream
        self._batch = Batch(())
        self._next_stream = 1
        self._greeted = False
        self._most_streams = MOST_STREAMS
        self._window = frames.FIRST_WINDOW
        self._first_window = frames.FIRST_WINDOW
        self._unacknowledged = 0
        self._unended: set[int] = set()  # answered 200, but the stream is still open
        self._unfinished: dict[int, _Unfinished] = {}
        self._block: tuple[int, int, bytearray] | None = None  # stream, flags, header block so far
        self._in = b""
        self.outgoing = bytearray(frames.PREFACE)

    # --- what the sender asks ---

    @property
    def greeted(self) -> bool:
        """Whether the server's SETTINGS came; before that nothing is sent."""
        return self._greeted

    @property
    def idle(self) -> bool:
        """Whether every stream is closed and the connection good for more."""
        return not (self.waiting or self._unended or self.leaving or self.broken)

    @property
    def room(self) -> int:
        """How many requests may be sent now."""
        if not self._greeted or self.leaving or self.broken:
            return 0
        body = len(frames.BODY)
        if self._first_window < body:
            return 0
        return max(
            0,
            min(
                self._most_streams - len(self.waiting) - len(self._unended),
                self._window // body,
                (self._last_stream - self._next_stream) // 2 + 1,
            ),
        )

    @property
    def spent(self) -> bool:
        """Whether its stream numbers have run out."""
        return self._next_stream > self._last_stream

    @property
    def answered(self) -> int:
        """How many answers of this batch it brought."""
        return self.sent - len(self.waiting) - self.unheard

    def begin(self, batch: Batch) -> None:
        """From now on answers go into this batch."""
        self._batch, self.sent, self.unheard = batch, 0, 0
        self.heard_at = time.monotonic()

    def fill(self, requests: Requests) -> None:
        """Queues as many requests of the batch as there is room for."""
        count = min(self.room, self._batch.left)
        if count <= 0:
            return
        positions = self._batch.take(count)
        tokens = self._batch.tokens
        streams = range(self._next_stream, self._next_stream + 2 * count, 2)
        self.outgoing += requests.encode(streams, [tokens[position] for position in positions])
        if not self.waiting:
            self.heard_at = time.monotonic()
        self.waiting.update(zip(streams, positions, strict=True))
        self._next_stream += 2 * count
        self._window -= count * len(frames.BODY)
        self.sent += count
        if self.spent:
            self.leaving = True

    # --- what the server says ---

    def read(self, received: bytes) -> None:
        """Takes in bytes from the server. Raises ProtocolBroken, hpack.HPACKError, struct.error or
        IndexError when they are not what they should be."""
        data = self._in + received if self._in else received
        at, end = 0, len(data)
        waiting, answers = self.waiting, self._batch.answers
        read_head = frames.FRAME_HEAD.unpack_from
        while end - at >= 9:
            head, flags, stream = read_head(data, at)
            body = at + 9
            after = body + (head >> 8)
            if after > end:
                break
            # A short way for an answer of one frame that begins with ":status: 200".
            if (
                head & 0xFF == frames.HEADERS
                and flags == _WHOLE_ANSWER
                and after > body
                and data[body] == frames.STATUS_200
                and stream in waiting
            ):
                answers[waiting.pop(stream)] = ACCEPTED
            else:
                self._frame(head & 0xFF, flags, stream & frames.STREAM_BITS, data[body:after])
            at = after
        if end - at >= 3 and int.from_bytes(data[at : at + 3], "big") > frames.LONGEST_FRAME:
            raise ProtocolBroken(
                "a frame was too long" if self._greeted else "the answer was no HTTP/2"
            )
        self._in = data[at:]

    def _frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if not self._greeted and kind != frames.SETTINGS:
            raise ProtocolBroken("the answer was no HTTP/2")
        if (self._block is not None) != (kind == frames.CONTINUATION):
            raise ProtocolBroken("a header block was torn")
        match kind:
            case frames.HEADERS:
                self._headers(flags, stream, _unpadded(payload, flags))
            case frames.CONTINUATION:
                self._continuation(flags, stream, payload)
            case frames.DATA:
                self._data(flags, stream, payload)
            case frames.SETTINGS:
                self._settings(flags, payload)
            case frames.PING:
                if flags & frames.ACK:
                    self.pongs += 1
                else:
                    self._reply(frames.frame(frames.PING, frames.ACK, payload=payload))
            case frames.WINDOW_UPDATE:
                if stream == 0:
                    self._window += int.from_bytes(payload, "big") & frames.STREAM_BITS
                    if self._window > frames.LARGEST_WINDOW:
                        raise ProtocolBroken("a flow-control window was too large")
            case frames.RST_STREAM:
                self._reset(stream, int.from_bytes(payload, "big"))
            case frames.GOAWAY:
                self._go_away(payload)
            case frames.PUSH_PROMISE:
                raise ProtocolBroken("the server pushed, which was switched off")
            case _:
                pass  # RFC 9113, 5.5: what is unknown is ignored

    def _headers(self, flags: int, stream: int, payload: bytes) -> None:
        if flags & frames.PRIORITY:
            payload = payload[5:]
        self._block = (stream, flags, bytearray(payload))
        if flags & frames.END_HEADERS:
            self._block_complete()

    def _continuation(self, flags: int, stream: int, payload: bytes) -> None:
        if self._block is None or self._block[0] != stream:
            raise ProtocolBroken("a header block was torn")
        self._block[2].extend(payload)
        if len(self._block[2]) > MOST_HEADER_BYTES:
            raise ProtocolBroken("a header block was too long")
        if flags & frames.END_HEADERS:
            self._block_complete()

    def _block_complete(self) -> None:
        assert self._block is not None  # noqa: S101 - both callers have just written it
        stream, flags, block = self._block
        self._block = None
        ended = bool(flags & frames.END_STREAM)
        # The table's size is 0, so a decoder needs no memory of earlier blocks.
        headers = {
            _text(name): _text(value) for name, value, *_ in hpack.Decoder().decode(bytes(block))
        }
        if stream not in self.waiting:
            if ended:
                self._unended.discard(stream)
            return
        unfinished = self._unfinished.get(stream)
        if unfinished is None:
            status = headers.get(":status", "")
            if not (status.isdecimal() and len(status) == 3):
                raise ProtocolBroken("an answer had no status")
            if status.startswith("1"):
                return  # there is more to come
            if status == "200":
                # APNs accepted it; nothing that may follow changes that.
                self._batch.answers[self.waiting.pop(stream)] = ACCEPTED
                if not ended:
                    self._unended.add(stream)
                return
            unfinished = _Unfinished(int(status), headers.get("retry-after", ""))
            self._unfinished[stream] = unfinished
        if ended:
            self._finish(stream)

    def _data(self, flags: int, stream: int, payload: bytes) -> None:
        self._unacknowledged += len(payload)
        if self._unacknowledged >= REPLENISH:
            self._reply(frames.window_update(self._unacknowledged))
            self._unacknowledged = 0
        unfinished = self._unfinished.get(stream)
        if unfinished is not None and len(unfinished.body) < MOST_BODY_BYTES:
            unfinished.body.extend(_unpadded(payload, flags))
        if flags & frames.END_STREAM:
            self._unended.discard(stream)
            if unfinished is not None:
                self._finish(stream)

    def _finish(self, stream: int) -> None:
        unfinished = self._unfinished.pop(stream)
        answer = read_answer(unfinished.status, bytes(unfinished.body), unfinished.retry_after)
        self._batch.record(self.waiting.pop(stream), answer)

    def _settings(self, flags: int, payload: bytes) -> None:
        self._greeted = True
        if flags & frames.ACK:
            return
        for name, value in frames.read_settings(payload):
            if name == frames.MAX_CONCURRENT_STREAMS:
                self._most_streams = min(value, MOST_STREAMS)
            elif name == frames.INITIAL_WINDOW_SIZE:
                self._first_window = value
        self._reply(frames.frame(frames.SETTINGS, frames.ACK))

    def _reset(self, stream: int, code: int) -> None:
        self._unended.discard(stream)
        self._unfinished.pop(stream, None)
        position = self.waiting.pop(stream, None)
        if position is None:
            return
        self.unheard += 1
        if code == frames.REFUSED_STREAM:
            self.refused.append(position)
        else:
            self._batch.trouble = "Apple's push service broke off a request."

    def _go_away(self, payload: bytes) -> None:
        last, code = struct.unpack_from(">II", payload)
        self.leaving = True
        try:
            self.goodbye = clean_reason(orjson.loads(payload[8:])["reason"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            self.goodbye = ""
        self.goodbye = self.goodbye or f"code {code}"
        # Higher streams were not and will not be processed (RFC 9113, 6.8).
        for stream in [stream for stream in self.waiting if stream > last & frames.STREAM_BITS]:
            self._unfinished.pop(stream, None)
            self.refused.append(self.waiting.pop(stream))
            self.unheard += 1

    def _reply(self, answer: bytes) -> None:
        self.outgoing += answer
        if len(self.outgoing) > MOST_UNSENT:
            raise ProtocolBroken("the server asked for more than it reads")


def _unpadded(payload: bytes, flags: int) -> bytes:
    if not flags & frames.PADDED:
        return payload
    if payload[0] >= len(payload):
        raise ProtocolBroken("a frame held nothing but padding")
    return payload[1 : len(payload) - payload[0]]


def _text(part: str | bytes) -> str:
    return part if isinstance(part, str) else part.decode("latin-1")
