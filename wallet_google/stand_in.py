"""Answers in Google's place while nothing may leave the machine: test mode without an API base."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock

from wallet_google.credentials import Credentials
from wallet_google.transport import Answer

_KEPT = 10_000

_log = logging.getLogger("wallet_google.stand_in")


class StandIn:
    """Keeps classes and objects in memory and behaves as Google does; every request is logged.

    It forgets the oldest beyond 10,000, and everything with the process: then an insert answers
    404 for a class that is gone, as Google would, and the wallet sends the class again.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[str, dict[str, object]] = OrderedDict()
        self._lock = Lock()

    def send(
        self, credentials: Credentials, method: str, path: str, body: Mapping[str, object]
    ) -> Answer:
        with self._lock:
            answer = self._answer(method, path, dict(body))
        _log.info(
            "Google's stand-in (nothing left this machine): %s %s %s -> %s",
            method,
            path.partition("/")[0],
            body.get("id"),
            answer.status,
        )
        return answer

    def kept(self, resource: str, resource_id: str) -> Mapping[str, object] | None:
        """What Google would have now, e.g. ``kept("loyaltyObject", "3388….123")``."""
        with self._lock:
            return self._kept.get(f"{resource}/{resource_id}")

    def _answer(self, method: str, path: str, body: dict[str, object]) -> Answer:
        if method == "POST":
            resource, path = path, f"{path}/{body['id']}"
            of_class = f"{resource.removesuffix('Object')}Class/{body.get('classId')}"
            if path in self._kept:
                return Answer(409)
            if resource.endswith("Object") and of_class not in self._kept:
                return Answer(404)
        elif path not in self._kept:
            return Answer(404)
        if method == "PATCH":
            body = self._kept[path] | body
        self._kept[path] = body
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return Answer(200, body)
