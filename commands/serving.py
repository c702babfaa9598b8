"""Inside the server's own process: how many requests are worked on at once, and how it ends.

An answer that goes on for long keeps a thread until it is over, so the server has threads beside
those that work. Only as many as ``at_once`` may use the database together: SQLite has one writer,
and more threads only wait for each other (24 clients at once: a third of the postings in the same
time, and the slow ones take four times as long).
"""

from __future__ import annotations

import importlib
import signal
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def load(target: str, at_once: int) -> Wsgi:
    """The application that ``module:function`` makes, ready to be served by this process."""
    module, _, name = target.partition(":")
    app: Flask = getattr(importlib.import_module(module), name)()

    def stop() -> None:
        for each in app.extensions.get("on_stop", []):
            each()

    _when_told_to_stop(stop)
    return gate(app, at_once)


def gate(app: Wsgi, at_once: int) -> Wsgi:
    """``app``, at most ``at_once`` of whose calls run together; its answers may go on for long."""
    free = threading.Semaphore(at_once)

    def gated(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with free:
            return app(environ, start_response)

    return gated


def _when_told_to_stop(act: Callable[[], object]) -> None:
    """Calls ``act`` when SIGTERM or SIGINT comes, whoever else handles these signals.

    The server sets its own handlers later, waits for every answer that has begun, and tells
    nobody. The number of each signal also goes to this socket (signal.set_wakeup_fd).
    """
    told, teller = socket.socketpair()
    teller.setblocking(False)
    signal.set_wakeup_fd(teller.fileno(), warn_on_full_buffer=False)

    def wait() -> None:
        while told.recv(1)[0] not in {signal.SIGTERM, signal.SIGINT}:
            pass
        act()
        teller.close()

    threading.Thread(target=wait, name="told-to-stop", daemon=True).start()
