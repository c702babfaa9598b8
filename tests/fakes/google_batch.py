"""Google's batch endpoint: unpacks the requests, has each answered, and packs the answers.

The answers come in the opposite order, for the order is not promised. What is in ``lost_parts`` is
carried out and not answered; any ``batch_status`` but 200 answers the whole, and nothing is done.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from email.parser import BytesParser
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from tests.fakes.google import FakeGoogle

MOST = 1000


@dataclass(frozen=True)
class Batch:
    """One batch that arrived: its headers, and how many requests were in it."""

    headers: dict[str, str]
    size: int


def answer(google: FakeGoogle, headers: dict[str, str], sent: bytes) -> tuple[int, str, bytes]:
    """Status (0: no answer at all), Content-Type, body."""
    whole = BytesParser().parsebytes(
        f"Content-Type: {headers.get('content-type', '')}\r\n\r\n".encode() + sent
    )
    parts = whole.get_payload() if whole.is_multipart() else []
    with google._lock:
        google.batches.append(Batch(headers, len(parts)))
        status, lost = google.batch_status, set(google.lost_parts)
    if not parts or len(parts) > MOST or whole.get_content_type() != "multipart/mixed":
        return 400, "text/plain", b"Failed to parse batch request"
    if status != 200:
        return status, "application/json", b"{}"
    if headers.get("authorization", "").removeprefix("Bearer ") not in google._tokens:
        return 401, "application/json", b"{}"
    answers = [_answered(google, headers, part) for part in parts]
    kept = [each for number, each in enumerate(answers) if number not in lost]
    if not kept:
        return 0, "", b""
    body = (
        b"".join(b"--batch_answer\r\n" + each for each in reversed(kept)) + b"--batch_answer--\r\n"
    )
    return 200, "multipart/mixed; boundary=batch_answer", body


def _answered(google: FakeGoogle, outer: dict[str, str], part) -> bytes:
    from tests.fakes.google import API_PATH, Request  # which imports this module

    if part.get_content_type() != "application/http":
        return _packed(part["Content-ID"], 400, {}, {})
    line, _, rest = part.get_payload(decode=True).lstrip().partition(b"\n")
    method, target, _ = line.decode().split(" ")
    inner = BytesParser().parsebytes(rest)
    own = {name.lower(): value for name, value in inner.items()}
    url = urlsplit(target)
    body = inner.get_payload(decode=True) or b"{}"
    request = Request(
        method,
        url.path.removeprefix(API_PATH + "/"),
        {"authorization": outer.get("authorization", ""), **own},
        json.loads(body),
        dict(parse_qsl(url.query)),
    )
    status, answered, extra, _ = google.api(request)
    return _packed(part["Content-ID"], status, answered, extra)


def _packed(content_id: str, status: int, body: dict, headers: dict[str, str]) -> bytes:
    data = json.dumps(body).encode()
    own = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = (
        f"Content-Type: application/http\r\nContent-ID: <response-{content_id.strip('<>')}>\r\n\r\n"
        f"HTTP/1.1 {status} Whatever\r\nContent-Type: application/json; charset=UTF-8\r\n{own}"
        f"Content-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data + b"\r\n"
