"""Google as far as a wallet meets it: a token endpoint and walletobjects v1, served on loopback.

    with FakeGoogle() as google:
        settings = {"TREUEPASS_GOOGLE_API_BASE": google.api_base}
        account = google.account()          # JSON for a merchant's Google account
        ...
        google.resources["loyaltyObject/3388….123"], google.requests, google.refuse(…)

``google_rules`` holds what Google does, ``google_shapes`` how its answers look. Field names are
checked against Google's discovery document, loosely, as Google does: unknown names are refused.
"""

from __future__ import annotations

import gzip
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.fakes import google_batch
from tests.fakes.google_rules import Rules
from tests.fakes.google_shapes import error

ISSUER_ID = "3388000000022222222"
EMAIL = "passes@treuepass-tests.iam.gserviceaccount.com"
API_PATH = "/walletobjects/v1"


@dataclass(frozen=True)
class Request:
    """One request that arrived, in the order of arrival."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict
    query: dict[str, str] = field(default_factory=dict)


@dataclass
class Refusal:
    """What the next matching requests get instead of an answer."""

    status: int
    reason: str = ""
    message: str = "Refused by the test."
    headers: dict[str, str] = field(default_factory=dict)
    method: str | None = None
    raw: bytes | None = None
    only_if: str | None = None
    after_doing_it: bool = False
    """The request is carried out, and its answer gets lost: the connection breaks."""


class FakeGoogle:
    """Runs while the ``with`` block runs. ``resources`` is what Google has; edit it freely."""

    rules: Rules
    clock: Callable[[], float]
    """Seconds since 1970; for tests in which time stands still."""
    before_answering: Callable[[Request], None] | None
    """Called with each request to the API, in a thread of its own, so it may take its time."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key_id = "0123456789abcdef0123456789abcdef01234567"
        self.token_requests: list[dict] = []
        self._tokens: set[str] = set()
        self._lock = threading.RLock()
        self.forget()

    def forget(self) -> None:
        """Everything but the tokens that it gave out."""
        with self._lock:
            self.rules = Rules()
            self.resources = self.rules.resources
            self.requests: list[Request] = []
            self.batches: list[google_batch.Batch] = []
            self.batch_status = 200
            self.lost_parts: set[int] = set()
            self.token_requests.clear()
            self.turned_away = 0
            self._limit = 0
            self._limit_status = 429
            self.clock = time.monotonic
            self._arrivals: deque[float] = deque()
            self._refusals: deque[Refusal] = deque()
            self.allow_everything()

    def __enter__(self) -> FakeGoogle:
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def api_base(self) -> str:
        """The value of TREUEPASS_GOOGLE_API_BASE."""
        return self.address + API_PATH

    def service_account(self) -> dict[str, str]:
        """A key file that this Google accepts, with its own token endpoint."""
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return {
            "type": "service_account",
            "project_id": "treuepass-tests",
            "private_key_id": self.key_id,
            "private_key": pem.decode(),
            "client_email": EMAIL,
            "client_id": "100000000000000000001",
            "token_uri": f"{self.address}/token",
        }

    def account(self) -> str:
        """What a merchant enters, as JSON."""
        return json.dumps({"issuer_id": ISSUER_ID, "service_account": self.service_account()})

    def revoke_tokens(self) -> None:
        """Every token given out so far is answered 401 from now on."""
        with self._lock:
            self._tokens.clear()

    def refuse(self, status: int, reason: str = "", times: int = 1, **details) -> None:
        """The next ``times`` requests to the API (``method``, ``only_if``: a text in the body)."""
        with self._lock:
            self._refusals.extend(Refusal(status, reason, **details) for _ in range(times))

    def lose_answer(self, method: str | None = None, times: int = 1) -> None:
        """The next ``times`` requests are carried out, and never answered."""
        with self._lock:
            lost = Refusal(0, method=method, after_doing_it=True)
            self._refusals.extend(lost for _ in range(times))

    def limit(self, per_second: int, status: int = 429) -> None:
        """Turns away what is more than that in any second, by 429 or by 403 rateLimitExceeded."""
        with self._lock:
            self._limit, self._limit_status = per_second, status
            self._arrivals.clear()

    def allow_everything(self) -> None:
        """Forgets refusals that no request has met, the limit, and what was announced."""
        with self._lock:
            self.new_day()
            self._refusals.clear()
            self._limit = 0
            self.rules.unreachable.clear()
            self.token_lifetime = 3599
            self.clock = time.time
            self.before_answering = None

    def save(self, object_id: str) -> None:
        """Somebody adds the pass: ``hasUsers``."""
        with self._lock:
            self.rules.holders.add(object_id)

    def remove(self, object_id: str) -> None:
        """Nobody has the pass any more."""
        with self._lock:
            self.rules.holders.discard(object_id)

    def announced(self, object_id: str, kind: str = "update") -> int:
        """How often phones were told of a changed balance, or of a ``message``, today."""
        with self._lock:
            return self.rules.announced[object_id, kind]

    def new_day(self) -> None:
        """24 hours went by: announcements are free again."""
        with self._lock:
            self.rules.announced.clear()

    def calls(self) -> list[str]:
        """``["POST loyaltyClass", "PATCH loyaltyObject"]``, for comparing at a glance."""
        with self._lock:
            return [f"{seen.method} {seen.path.split('/')[0]}" for seen in self.requests]

    # --- answers ---------------------------------------------------------------------------------

    def token(self, form: dict[str, list[str]]) -> tuple[int, dict]:
        with self._lock:
            self.token_requests.append(form)
            try:
                claims = jwt.decode(
                    form["assertion"][0],
                    self.key.public_key(),
                    algorithms=["RS256"],
                    audience="https://oauth2.googleapis.com/token",
                    # The times by our own clock, below.
                    options={
                        "require": ["iss", "iat", "exp", "scope"],
                        "verify_exp": False,
                        "verify_iat": False,
                    },
                )
                if not claims["iat"] - 300 <= self.clock() < claims["exp"]:
                    raise jwt.ExpiredSignatureError
            except (jwt.InvalidTokenError, KeyError):
                return 400, {
                    "error": "invalid_grant",
                    "error_description": "Invalid JWT Signature.",
                }
            if form["grant_type"] != ["urn:ietf:params:oauth:grant-type:jwt-bearer"]:
                return 400, {"error": "unsupported_grant_type"}
            if claims["scope"] != "https://www.googleapis.com/auth/wallet_object.issuer":
                return 400, {"error": "invalid_scope"}
            token = f"ya29.{len(self.token_requests):06d}"
            self._tokens.add(token)
            lifetime = self.token_lifetime
            return 200, {"access_token": token, "expires_in": lifetime, "token_type": "Bearer"}

    def api(self, request: Request) -> tuple[int, dict, dict[str, str], bytes | None]:
        """Status (0: no answer at all), body, headers, and a body that is no JSON."""
        if self.before_answering:
            self.before_answering(request)
        with self._lock:
            self.requests.append(request)
            if not self._is_in_time():
                self.turned_away += 1
                reason = "rateLimitExceeded" if self._limit_status == 403 else ""
                refused = error(self._limit_status, "Rate Limit Exceeded", reason)
                return self._limit_status, refused, {}, None
            refusal = self._refusal_of(request)
            if refusal and not refusal.after_doing_it:
                body = error(refusal.status, refusal.message, refusal.reason)
                return refusal.status, body, refusal.headers, refusal.raw
            if request.headers.get("authorization", "").removeprefix("Bearer ") not in self._tokens:
                return 401, error(401, "Request had invalid credentials."), {}, None
            if request.method == "POST" and request.path == "jwt/validate":
                status, body = self.rules.validate(request.body, self.key.public_key())
            else:
                status, body = self.rules.answer(
                    request.method, request.path, request.query, request.body
                )
            return (0 if refusal else status), body, {}, None

    def _is_in_time(self) -> bool:
        now = self.clock()
        while self._arrivals and now - self._arrivals[0] >= 1:
            self._arrivals.popleft()
        if self._limit and len(self._arrivals) >= self._limit:
            return False
        self._arrivals.append(now)
        return True

    def _refusal_of(self, request: Request) -> Refusal | None:
        if not self._refusals:
            return None
        first = self._refusals[0]
        if first.method not in {None, request.method}:
            return None
        if first.only_if and first.only_if not in json.dumps(request.body):
            return None
        return self._refusals.popleft()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exception(), ConnectionError):  # a client may hang up at any time
            super().handle_error(request, client_address)


def _handler(google: FakeGoogle) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5
        disable_nagle_algorithm = True

        def handle_any(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path == "/token":
                status, body = google.token(parse_qs(sent.decode()))
                self.reply(status, json.dumps(body).encode(), {})
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            if self.path == "/batch":
                status, media_type, answer = google_batch.answer(google, headers, sent)
                if status == 0:
                    self.close_connection = True
                    return
                self.reply(status, answer, {}, media_type)
                return
            url = urlsplit(self.path)
            path = url.path.removeprefix(API_PATH + "/")
            query = dict(parse_qsl(url.query))
            request = Request(self.command, path, headers, json.loads(sent or b"{}"), query)
            status, body, extra, raw = google.api(request)
            if status == 0:
                self.close_connection = True
                return
            answer = json.dumps(body).encode() if raw is None else raw
            # Google: compressed for who accepts it and has "gzip" in its name.
            names = (headers.get("accept-encoding", ""), headers.get("user-agent", ""))
            if raw is None and all("gzip" in name for name in names):
                answer, extra = gzip.compress(answer, 1), {**extra, "Content-Encoding": "gzip"}
            self.reply(status, answer, extra)

        def reply(
            self,
            status: int,
            body: bytes,
            headers: dict[str, str],
            media_type: str = "application/json; charset=UTF-8",
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_PUT = handle_any  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            """Quiet: tests read ``requests`` instead."""

    return Handler
