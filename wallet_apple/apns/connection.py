"""A connection to APNs: its streams over a socket that never blocks. For one thread at a time."""

from __future__ import annotations

import socket
import ssl
import struct
import time

import hpack

from wallet_apple.apns import frames
from wallet_apple.apns.endpoint import is_about_certificate
from wallet_apple.apns.streams import ProtocolBroken, Streams

READ = 65_536


class Connection(Streams):
    """``refused_certificate``: what the server's TLS alert said about ours, if it did."""

    def __init__(
        self, plain: socket.socket | ssl.SSLSocket, last_stream: int = frames.LAST_STREAM
    ) -> None:
        super().__init__(last_stream)
        self.refused_certificate = ""
        self._socket = plain

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def wants_write(self) -> bool:
        return bool(self.outgoing)

    def ping(self) -> None:
        """Asks for a sign of life, which raises ``pongs``."""
        self.outgoing += frames.frame(frames.PING, payload=b"treuepas")

    def flush(self) -> None:
        """Writes as much as the network takes now."""
        try:
            while self.outgoing:
                written = self._socket.send(memoryview(self.outgoing)[:READ])
                del self.outgoing[:written]
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            pass
        except OSError as error:
            self.receive()  # what the server said before it hung up
            self._break(error)

    def receive(self) -> None:
        """Reads all that is there."""
        try:
            while not self.broken:
                received = self._socket.recv(READ)
                if not received:
                    self._break(None)
                    return
                self.read(received)
                self.heard_at = time.monotonic()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            pass
        except OSError as error:
            self._break(error)
        except ProtocolBroken as error:
            self.broken = self.broken or str(error)
        except (hpack.HPACKError, struct.error, IndexError):
            self.broken = self.broken or "the answer was no HTTP/2"

    def close(self) -> None:
        if not self.broken:
            self.outgoing += frames.frame(frames.GOAWAY, payload=bytes(8))
            self.flush()
        self.leaving = True
        self._socket.close()

    def _break(self, error: OSError | None) -> None:
        if isinstance(error, ssl.SSLError) and is_about_certificate(error):
            self.refused_certificate = str(error.reason)
        why = "the connection was closed"
        if error is not None:
            why = (error.reason if isinstance(error, ssl.SSLError) else "") or type(error).__name__
        self.broken = self.broken or why
