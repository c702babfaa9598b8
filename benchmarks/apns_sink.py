"""Runs as a process of its own: an HTTP/2 server that answers every request with 200, and at once.

python -m benchmarks.apns_sink CERTIFICATE_AND_KEY CLIENT_ROOT STREAMS

Prints its port, then serves until its standard input ends. It has to be faster than whoever is
measured against it, so it finds a request by its last frame (a body of two bytes) and does nothing
else right. Each answer carries an apns-id, as Apple's do: the one of the request, or always the
same one. A connection has a process of its own, so that several use several cores.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import sys
import threading

import hpack

from wallet_apple.apns import frames

_LAST_FRAME = re.compile(rb"\x00\x00\x02\x00\x01(.{4})\{\}", re.DOTALL)
# How libraries write the name of the header: with Huffman's code, as a literal.
_ID = hpack.Encoder().encode([(b"apns-id", b"")])[1:-1]
_OWN_ID = b"\x00" + _ID + b"\x2412345678-1234-1234-1234-123456789012"
_MUCH = frames.LARGEST_WINDOW - frames.FIRST_WINDOW


def main() -> None:
    certificate, client_root, streams = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.load_verify_locations(client_root)
    context.verify_mode = ssl.CERT_OPTIONAL  # h2load has no certificate to show
    context.set_alpn_protocols(["h2"])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for ended connections
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        plain, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _serve(plain, context, int(streams))
            os._exit(0)
        plain.close()


def _end_with_parent() -> None:
    """Connections end by themselves when their client does."""
    sys.stdin.read()
    os._exit(0)


def _serve(plain: socket.socket, context: ssl.SSLContext, streams: int) -> None:
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    head = frames.frame(frames.HEADERS, 5, payload=b"\x88" + _OWN_ID)
    before, after = head[:5], head[9:]
    limits = [(frames.MAX_CONCURRENT_STREAMS, streams), (frames.HEADER_TABLE_SIZE, 0)]
    hello = (
        frames.settings(limits)
        + frames.frame(frames.SETTINGS, frames.ACK)
        + frames.window_update(_MUCH)
    )
    try:
        with context.wrap_socket(plain, server_side=True) as secure:
            secure.sendall(hello)
            rest = b""
            while received := secure.recv(1 << 16):
                received = rest + received
                found = _LAST_FRAME.findall(received)
                end = received.rindex(b"{}") + 2 if found else 0
                rest = received[end:]
                if not found:
                    continue
                if _ID in received:
                    secure.sendall(_echo(received[:end]))
                else:
                    secure.sendall(before + (after + before).join(found) + after)
    except OSError:
        pass


def _echo(requests: bytes) -> bytes:
    """Answers with the apns-id of each request, in the very bytes in which it came."""
    answers, start = [], 0
    for last in _LAST_FRAME.finditer(requests):
        at = requests.find(_ID, start, last.start()) + len(_ID)
        value = requests[at : at + 1 + (requests[at] & 0x7F)]
        block = b"\x88\x00" + _ID + value
        stream = int.from_bytes(last[1], "big")
        answers.append(frames.frame(frames.HEADERS, 5, stream, block))
        start = last.end()
    return b"".join(answers)


if __name__ == "__main__":
    main()
