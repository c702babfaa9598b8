"""A server that nobody may ever reach: it counts who did."""

from __future__ import annotations

import socket
import threading
from typing import Self


class Canary:
    """Listens on loopback while the ``with`` block runs, and answers whatever comes with a 201."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family)
        self._thread = threading.Thread(target=self._accept)
        self.visits: list[bytes] = []
        """The first bytes of each connection, in the order of arrival."""

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # On Linux this wakes whoever waits in accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.visits.append(b"")
                connection.settimeout(1)
                try:
                    self.visits[-1] = connection.recv(1_000)
                    connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
                except OSError:
                    continue
