"""What is to be pushed over the connections of one credential, and what Apple answered to each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

MOST_BODY_BYTES = 4096
LONGEST_REASON = 64

TOO_MANY_PROVIDER_TOKENS = "TooManyProviderTokenUpdates"
EXPIRED_PROVIDER_TOKEN = "ExpiredProviderToken"


@dataclass(frozen=True, slots=True)
class Answer:
    """Apple's answer to one push. ``timestamp`` in milliseconds since 1970, ``retry_after`` in
    seconds; both only where Apple gave them."""

    status: int
    reason: str = ""
    timestamp: int | None = None
    retry_after: float | None = None


ACCEPTED = Answer(200)


def read_answer(status: int, body: bytes, retry_after: str) -> Answer:
    """Reads what came; an odd body or header counts as none. Nothing of it can reach a log but
    a word of letters."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        said = {}
    reason, timestamp = said.get("reason"), said.get("timestamp")
    return Answer(
        status,
        clean_reason(reason),
        timestamp if type(timestamp) is int else None,
        float(retry_after) if retry_after.isdecimal() and len(retry_after) < 7 else None,
    )


def clean_reason(reason: object) -> str:
    """The word if it can be one of Apple's, else nothing."""
    if isinstance(reason, str) and reason.isascii() and reason.isalpha():
        return reason[:LONGEST_REASON]
    return ""


class Batch:
    """Tokens in a queue and their answers by position; for one thread.

    ``answers`` holds None where there is none, and ``trouble`` says why, in a sentence without
    secrets. ``stopped`` is the answer after which nothing more may be sent with this credential,
    ``refused_certificate`` what Apple's end said of it while connecting.
    """

    def __init__(self, tokens: Sequence[bytes]) -> None:
        self.tokens = tokens
        self.answers: list[Answer | None] = [None] * len(tokens)
        self.trouble = ""
        self.stopped: Answer | None = None
        self.refused_certificate = ""
        self._queue = list(range(len(tokens)))
        self._next = 0
        self._repeated: set[int] = set()

    @property
    def left(self) -> int:
        """How many may still be sent."""
        if self.stopped is not None or self.refused_certificate:
            return 0
        return len(self._queue) - self._next

    @property
    def heard(self) -> bool:
        """Whether anything was answered at all."""
        return any(answer is not None for answer in self.answers)

    def take(self, count: int) -> list[int]:
        """The positions of the next ones."""
        taken = self._queue[self._next : self._next + count]
        self._next += len(taken)
        return taken

    def repeat(self, positions: Iterable[int]) -> None:
        """Those that Apple surely did not process: each may go once more."""
        again = [each for each in positions if each not in self._repeated]
        self._repeated.update(again)
        self._queue.extend(again)
        self.trouble = self.trouble or "Apple's push service refused requests unprocessed."

    def record(self, position: int, answer: Answer) -> None:
        """Any answer but 200, for which ``answers`` may be written directly."""
        self.answers[position] = answer
        if answer.status == 403 or answer.reason == TOO_MANY_PROVIDER_TOKENS:
            self.stopped = answer

    def resume_after_refresh(self) -> None:
        """Queues again what was refused for an old provider token; Apple processed none of it."""
        self.stopped = None
        expired = [
            position
            for position, answer in enumerate(self.answers)
            if answer is not None and answer.reason == EXPIRED_PROVIDER_TOKEN
        ]
        for position in expired:
            self.answers[position] = None
        self._queue.extend(expired)
