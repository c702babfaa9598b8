"""HTTP/2 as the sender speaks it, frame by frame over a pair of sockets."""

import socket
import struct

import h2.config
import h2.connection
import h2.events
import hpack
import pytest

from wallet_apple.apns import frames
from wallet_apple.apns.batch import ACCEPTED, Answer, Batch
from wallet_apple.apns.connection import Connection
from wallet_apple.apns.frames import Requests, frame

HELLO = frames.settings([(frames.MAX_CONCURRENT_STREAMS, 100)])
OK = frame(frames.HEADERS, 5, 1, b"\x88")
TOKEN = b"ab" * 32
BODY = b'{"reason":"Unregistered","timestamp":1454948015990}'


class Peer:
    """The server's end, and a connection with one request on its way."""

    def __init__(self, pushes: int = 1, hello: bytes = HELLO) -> None:
        ours, self.socket = socket.socketpair()
        ours.setblocking(False)
        self.batch = Batch([TOKEN] * pushes)
        self.connection = Connection(ours)
        self.connection.begin(self.batch)
        self.requests = Requests("apns.example", [("apns-topic", "pass.example")], tls=True)
        self.say(hello)

    def say(self, *said: bytes) -> None:
        self.socket.sendall(b"".join(said))
        self.connection.receive()
        self.connection.fill(self.requests)
        self.connection.flush()

    def hear(self) -> bytes:
        self.socket.setblocking(False)
        try:
            return self.socket.recv(1 << 20)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        self.connection.close()
        self.socket.close()


@pytest.fixture
def make_peer():
    peers = []

    def make(*arguments, **options):
        peers.append(Peer(*arguments, **options))
        return peers[-1]

    yield make
    for peer in peers:
        peer.close()


@pytest.fixture
def peer(make_peer):
    return make_peer()


def headers(*pairs: tuple[str, str]) -> bytes:
    encoder = hpack.Encoder()
    encoder.header_table_size = 0
    return encoder.encode(pairs).removeprefix(b"\x20")  # the table's size, due at the very first


def test_an_independent_reader_understands_the_requests(make_peer):
    peer = make_peer(3)
    reader = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    reader.initiate_connection()
    events = reader.receive_data(peer.hear())
    requests = [each for each in events if isinstance(each, h2.events.RequestReceived)]
    assert [request.stream_id for request in requests] == [1, 3, 5]
    assert dict(requests[0].headers) == {
        b":method": b"POST", b":scheme": b"https", b":authority": b"apns.example",
        b":path": b"/3/device/" + TOKEN, b"apns-topic": b"pass.example",
    }  # fmt: skip
    assert sum(isinstance(each, h2.events.StreamEnded) for each in events) == 3


def test_tokens_of_different_lengths_go_together():
    requests = Requests("apns.example", [], tls=True)
    tokens = [b"ab", b"abcd", b"cd"]
    alone = [requests.encode([2 * at + 1], [token]) for at, token in enumerate(tokens)]
    assert requests.encode([1, 3, 5], tokens) == b"".join(alone)


def test_the_token_is_never_indexed(peer):
    assert b"\x14\x4a/3/device/" + TOKEN in peer.hear()  # 0001 0100: RFC 7541, 6.2.3


def test_an_authorization_is_never_indexed():
    requests = Requests("apns.example", [], "bearer x", tls=True)
    assert b"\x1f\x08\x08bearer x" in requests.encode([1], [TOKEN])


def test_nothing_is_sent_before_the_server_named_its_limits(make_peer):
    peer = make_peer(hello=b"")
    peer.connection.flush()
    assert peer.hear() == frames.PREFACE
    peer.say(HELLO)
    assert TOKEN in peer.hear()


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        frame(frames.HEADERS, 5, 1, b"\x20\x88"),  # the table's size first
        frame(frames.HEADERS, 5, 1, b"\x88" + headers(("apns-id", "1-2-3"))),
        frame(frames.HEADERS, 5, 1, headers(("x-first", "1"), (":status", "200"))),
        frame(frames.HEADERS, 4, 1, b"\x88") + frame(frames.DATA, 1, 1),
        frame(frames.HEADERS, 4, 1, b"\x88"),  # no end, but the answer is clear
        frame(frames.HEADERS, 0x2D, 1, b"\x02" + bytes(5) + b"\x88" + bytes(2)),
        frame(frames.HEADERS, 1, 1, b"\x88")
        + frame(frames.CONTINUATION, 4, 1, headers(("a", "b"))),
        frame(frames.HEADERS, 4, 1, headers((":status", "103"))) + OK,
        frame(0xAB, 0xFF, 1, b"unknown") + OK,
        frame(frames.WINDOW_UPDATE, 0, 1, bytes((0, 0, 1, 0))) + OK,
    ],
)
def test_ways_to_say_200(make_peer, answer):
    whole = make_peer()
    whole.say(answer)
    assert whole.batch.answers == [ACCEPTED]
    assert not whole.connection.broken
    bytewise = make_peer()
    for at in range(len(answer)):
        bytewise.say(answer[at : at + 1])
    assert bytewise.batch.answers == [ACCEPTED]


@pytest.mark.parametrize(
    "body",
    [
        [frame(frames.DATA, 1, 1, BODY)],
        [frame(frames.DATA, 9, 1, b"\x03" + BODY + bytes(3))],
        [
            frame(frames.DATA, 0, 1, b'{"reason":"Unregistered",'),
            frame(frames.PING, 0, 0, b"12345678"),
            frame(frames.DATA, 0, 1, b'"timestamp":1454948015990}'),
            frame(frames.HEADERS, 5, 1, headers(("trailer", "1"))),
        ],
    ],
)  # fmt: skip
def test_an_error_with_its_body(peer, body):
    peer.say(frame(frames.HEADERS, 4, 1, headers((":status", "410"))), *body)
    assert peer.batch.answers == [Answer(410, "Unregistered", 1454948015990)]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"nonsense", b'{"reason":{}}', b'{"timestamp":"x"}', b"x" * 16_000]
)
def test_an_error_with_an_odd_body(peer, body):
    head = frame(frames.HEADERS, 4, 1, headers((":status", "410")))
    peer.say(head, frame(frames.DATA, 1, 1, body))
    assert peer.batch.answers == [Answer(410)]


def test_an_error_without_its_end_is_no_answer(peer):
    peer.say(frame(frames.HEADERS, 4, 1, headers((":status", "410"))))
    peer.socket.close()
    peer.connection.receive()
    assert peer.connection.broken
    assert peer.batch.answers == [None]


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        OK,  # before any SETTINGS
        b"\0" * 9,
        b"\xff" * 64,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_bytes_that_are_no_http2(make_peer, said):
    peer = make_peer(hello=b"")
    peer.say(said)
    assert peer.connection.broken
    assert peer.batch.answers == [None]


@pytest.mark.parametrize(
    "said",
    [
        frame(frames.HEADERS, 5, 1, b"\xbe"),  # an entry that the table cannot have
        frame(frames.HEADERS, 5, 1, b""),
        frame(frames.HEADERS, 5, 1, headers(("no", "status"))),
        frame(frames.HEADERS, 5, 1, headers((":status", "two"))),
        frame(frames.HEADERS, 0, 1, b"\x88") + frame(frames.PING, payload=bytes(8)),
        frame(frames.HEADERS, 0, 1, b"\x88") + frame(frames.CONTINUATION, 4, 3),
        frame(frames.CONTINUATION, 4, 1, b"\x88"),
        frame(frames.HEADERS, 0xD, 1, b"\x09\x88"),  # more padding than frame
        frame(frames.HEADERS, 0, 1) + 3 * frame(frames.CONTINUATION, 0, 1, b"x" * 16_000),
        b"\x00\x40\x01" + frame(frames.DATA, 0, 1)[3:],
        frame(frames.SETTINGS, payload=b"12345"),
        frame(frames.PUSH_PROMISE, 4, 1, bytes(8)),
        frame(frames.GOAWAY, payload=b"123"),
        frames.window_update(2**31 - 1),
    ],
)
def test_a_server_that_breaks_the_rules_is_left(peer, said):
    peer.say(said)
    assert peer.connection.broken
    assert peer.batch.answers == [None]
    assert peer.connection.waiting


def test_a_flood_of_pings_does_not_fill_the_memory(peer):
    """The server asks on and on and never reads the answers."""
    flood = frame(frames.PING, payload=bytes(8)) * 1000
    for _ in range(500):
        peer.say(flood)
        if peer.connection.broken:
            break
    assert peer.connection.broken


def test_a_ping_is_answered_with_its_bytes(peer):
    peer.hear()
    peer.say(frame(frames.PING, payload=b"12345678"))
    assert frame(frames.PING, frames.ACK, payload=b"12345678") in peer.hear()


def test_settings_are_acknowledged(peer):
    assert frame(frames.SETTINGS, frames.ACK) in peer.hear()


def test_the_window_of_the_connection_is_kept(make_peer):
    """65,535 bytes at first, two for each push."""
    unlimited = frames.settings([(frames.MAX_CONCURRENT_STREAMS, 1000)])
    peer = make_peer(33_000, hello=unlimited)
    stream = 1
    for _ in range(40):
        ended = range(stream, stream + 2000, 2)
        peer.say(*(frame(frames.HEADERS, 5, each, b"\x88") for each in ended))
        peer.hear()
        stream += 2000
    assert peer.connection.sent == 65_535 // 2
    peer.say(frames.window_update(10))
    assert peer.connection.sent == 65_535 // 2 + 5


def test_a_stream_without_room_for_the_body_is_not_opened(make_peer):
    peer = make_peer(hello=frames.settings([(frames.INITIAL_WINDOW_SIZE, 1)]))
    assert peer.connection.sent == 0
    peer.say(frames.settings([(frames.INITIAL_WINDOW_SIZE, 2)]))
    assert peer.connection.sent == 1


def test_the_servers_window_is_opened_again(make_peer):
    peer = make_peer(2)
    peer.hear()
    peer.say(frame(frames.HEADERS, 4, 1, headers((":status", "410"))))
    peer.say(frame(frames.DATA, 0, 1, b"x" * 16_384))
    assert frames.window_update(16_384) in peer.hear()


def test_goaway_tells_apart_what_was_processed(make_peer):
    peer = make_peer(3)
    gone = struct.pack(">II", 3, 0) + b'{"reason":"Shutdown"}'
    peer.say(frame(frames.GOAWAY, payload=gone))
    connection = peer.connection
    assert (connection.leaving, connection.goodbye) == (True, "Shutdown")
    assert (list(connection.waiting), connection.refused) == ([1, 3], [2])
    peer.say(frame(frames.HEADERS, 5, 1, b"\x88"))
    assert peer.batch.answers == [ACCEPTED, None, None]


@pytest.mark.parametrize("said", [b"", b"no json", b'{"reason":"abc def"}', b"[1]", b"\xff"])
def test_a_goaway_without_a_reason(peer, said):
    peer.say(frame(frames.GOAWAY, payload=struct.pack(">II", 0, 11) + said))
    assert peer.connection.goodbye == "code 11"
