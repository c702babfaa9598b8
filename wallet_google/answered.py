"""A way to Google on which one request was carried out already, together with others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from passes.wallet_port import NotYet, WalletError
from wallet_google.batch import Call
from wallet_google.credentials import Credentials
from wallet_google.transport import Answer, Transport

LONGEST = 20.0
"""Seconds after which what follows a batch stays for later: whoever pushes must be done before
others may take the cards for forgotten (their lease is a minute)."""

Known = Answer | WalletError | None
"""What became of a request; None: it has to go by itself."""


class Answered:
    """A Transport that knows what became of ``call``, once; everything else it sends."""

    def __init__(
        self, transport: Transport, call: Call, known: Known, clock: Callable[[], float]
    ) -> None:
        """``clock`` gives seconds."""
        self._transport = transport
        self._call: Call | None = call
        self._known = known
        self._clock = clock
        self._ends_at = clock() + LONGEST

    def send(
        self, credentials: Credentials, method: str, path: str, body: Mapping[str, object]
    ) -> Answer:
        call, known = self._call, self._known
        if call is not None and (method, path) == (call.method, call.path):
            self._call = None
            if isinstance(known, WalletError):
                raise known
            # A token that ran out meanwhile is replaced where single requests are sent.
            if known is not None and known.status != 401:
                return known
        if self._clock() > self._ends_at:
            raise NotYet("What follows a batch to Google took too long.")
        return self._transport.send(credentials, method, path, body)

    def send_many(self, credentials: Credentials, calls: Sequence[Call]) -> Sequence[Known]:
        return self._transport.send_many(credentials, calls)
