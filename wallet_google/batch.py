"""Google's batch endpoint: several requests in one multipart body, and their answers in another."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser

from passes.wallet_port import WalletMisconfigured

SETTING = "TREUEPASS_GOOGLE_BATCH"
MOST = 100
"""Google advises no more than that (Google: 1.9); a thousand it would take."""
SECONDS = 2.0
"""No batch takes more turns than come in that time: for so long it holds its cards back."""


def together_in(environment: Mapping[str, str], pace: float) -> int:
    """How many passes of a campaign share a request; 1 unless the setting says more.

    Raises WalletMisconfigured for what is no whole number from 1 to 100.
    """
    given = environment.get(SETTING, "").strip() or "1"
    if not (given.isascii() and given.isdecimal() and 1 <= int(given) <= MOST):
        raise WalletMisconfigured(
            f"{SETTING} must be a whole number from 1 to {MOST}: how many passes of a campaign go"
            " to Google in one request."
        )
    return min(int(given), max(1, int(pace * SECONDS)))


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One request: ``path`` and ``body`` as in ``Transport.send``."""

    method: str
    path: str
    body: Mapping[str, object] = field(repr=False)


Part = tuple[int, Message, bytes]
"""Status, headers and body of one answer."""


def written(calls: Sequence[Call], api_path: str, boundary: str) -> bytes:
    """The body of a batch; ``api_path`` is what stands before each path (``/walletobjects/v1``).

    Part n has the Content-ID ``<n>``. ``boundary`` must stand in none of the bodies.
    """
    return b"".join(
        [
            *(_part(number, call, api_path, boundary) for number, call in enumerate(calls)),
            f"--{boundary}--\r\n".encode(),
        ]
    )


def read(content_type: str, received: bytes, count: int) -> list[Part | None]:
    """The answers in the order of their requests; None where there is none that can be read.

    They come in any order, with ``response-`` before the Content-ID that was asked with.
    """
    answers: list[Part | None] = [None] * count
    whole = BytesParser().parsebytes(
        b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + received
    )
    for part in whole.get_payload() if whole.is_multipart() else []:
        if not isinstance(part, Message):
            continue
        number = (part.get("Content-ID") or "").strip(" <>").removeprefix("response-")
        inner = part.get_payload(decode=True)
        if number.isdecimal() and int(number) < count and isinstance(inner, bytes):
            answers[int(number)] = _answer(inner)
    return answers


def _part(number: int, call: Call, api_path: str, boundary: str) -> bytes:
    body = json.dumps(call.body, separators=(",", ":")).encode()
    head = (
        f"--{boundary}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
        f"Content-ID: <{number}>\r\n\r\n"
        f"{call.method} {api_path}/{call.path} HTTP/1.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body + b"\r\n"


def _answer(inner: bytes) -> Part | None:
    line, _, rest = inner.lstrip().partition(b"\n")
    _, _, after = line.partition(b" ")
    status = after[:3]
    if not (line.startswith(b"HTTP/") and len(status) == 3 and status.isdigit()):
        return None
    headers = BytesParser().parsebytes(rest)
    body = headers.get_payload(decode=True)
    return int(status), headers, body if isinstance(body, bytes) else b""
