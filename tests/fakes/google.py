"""Google as far as a wallet meets it: a token endpoint and walletobjects v1, served on loopback.

    with FakeGoogle() as google:
        settings = {"TREUEPASS_GOOGLE_API_BASE": google.api_base}
        account = google.account()          # JSON for a merchant's Google account
        ...
        google.resources["loyaltyObject/3388….123"], google.requests, google.refuse(…)

Errors have Google's shapes (by a reading of its documents and of recorded answers). Field names are
checked against Google's discovery document, loosely, as Google does: unknown names are refused.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import wallet_google.schema

ISSUER_ID = "3388000000022222222"
EMAIL = "passes@treuepass-tests.iam.gserviceaccount.com"
API_PATH = "/walletobjects/v1"

_SCHEMAS = json.loads(
    (Path(wallet_google.schema.__file__).with_name("walletobjects.json")).read_text()
)["schemas"]


@dataclass(frozen=True)
class Request:
    """One request that arrived, in the order of arrival."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict


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


class FakeGoogle:
    """Runs while the ``with`` block runs. ``resources`` is what Google has; edit it freely."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key_id = "0123456789abcdef0123456789abcdef01234567"
        self.resources: dict[str, dict] = {}
        self.requests: list[Request] = []
        self.token_requests: list[dict] = []
        self.token_lifetime = 3599
        self._tokens: set[str] = set()
        self._refusals: deque[Refusal] = deque()
        self._lock = threading.RLock()

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

    def allow_everything(self) -> None:
        """Forgets refusals that no request has met."""
        with self._lock:
            self._refusals.clear()
            self.token_lifetime = 3599

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
                    options={"require": ["iss", "iat", "exp", "scope"]},
                )
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
        with self._lock:
            self.requests.append(request)
            refusal = self._refusal_of(request)
            if refusal:
                body = error(refusal.status, refusal.message, refusal.reason)
                return refusal.status, body, refusal.headers, refusal.raw
            if request.headers.get("authorization", "").removeprefix("Bearer ") not in self._tokens:
                return 401, error(401, "Request had invalid credentials."), {}, None
            status, body = self._answer(request)
            return status, body, {}, None

    def _refusal_of(self, request: Request) -> Refusal | None:
        if not self._refusals:
            return None
        first = self._refusals[0]
        if first.method not in {None, request.method}:
            return None
        if first.only_if and first.only_if not in json.dumps(request.body):
            return None
        return self._refusals.popleft()

    def _answer(self, request: Request) -> tuple[int, dict]:
        resource, _, resource_id = request.path.partition("/")
        schema = resource[:1].upper() + resource[1:]
        if schema not in _SCHEMAS:
            return 404, error(404, "Requested entity was not found.")
        unknown = next(unknown_names(request.body, schema), None)
        if unknown:
            message = f'Invalid JSON payload received. Unknown name "{unknown}"'
            return 400, error(400, message, "invalid")
        if request.method == "POST":
            return self._insert(resource, request.body)
        path = f"{resource}/{resource_id}"
        if path not in self.resources:
            what = "Class" if resource.endswith("Class") else ""
            return 404, error(404, f"Wallet Object {what} {resource_id} not found.")
        if request.method == "PATCH":
            self.resources[path] = merged(self.resources[path], request.body)
        elif request.method == "PUT":
            self.resources[path] = request.body
        return 200, {**self.resources[path], "kind": f"walletobjects#{resource}"}

    def _insert(self, resource: str, body: dict) -> tuple[int, dict]:
        path = f"{resource}/{body['id']}"
        if not str(body["id"]).partition(".")[0].isdecimal():
            return 400, error(400, f"Invalid resource ID: {body['id']}", "invalidResource")
        if path in self.resources:
            return 409, error(409, f"Wallet Object {body['id']} already exists.")
        class_path = f"{resource.removesuffix('Object')}Class/{body.get('classId')}"
        if resource.endswith("Object") and class_path not in self.resources:
            return 404, error(404, f"Wallet Object Class {body.get('classId')} not found.")
        self.resources[path] = body
        return 200, {**body, "kind": f"walletobjects#{resource}"}


def error(status: int, message: str, reason: str = "") -> dict:
    """Google's error format."""
    detail = {"message": message, "domain": "walletobjects", "reason": reason}
    errors = {"errors": [detail]} if reason else {}
    return {"error": {"code": status, "message": message, **errors}}


def merged(kept: dict, patch: dict) -> dict:
    """Google's PATCH: named fields only, objects merged, lists replaced whole."""
    result = dict(kept)
    for name, value in patch.items():
        both = isinstance(value, dict) and isinstance(kept.get(name), dict)
        result[name] = merged(kept[name], value) if both else value
    result.pop("notifyPreference", None)
    return result


def unknown_names(value: object, schema: str) -> Iterator[str]:
    """Names in the body that Google's discovery document does not have."""
    if isinstance(value, list):
        for entry in value:
            yield from unknown_names(entry, schema)
    elif isinstance(value, dict):
        properties = _SCHEMAS[schema]["properties"]
        for name, inner in value.items():
            if name not in properties:
                yield name
                continue
            inner_schema = properties[name].get("$ref") or properties[name].get("items", {}).get(
                "$ref"
            )
            if inner_schema:
                yield from unknown_names(inner, inner_schema)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exception(), ConnectionError):  # a client may hang up at any time
            super().handle_error(request, client_address)


def _handler(google: FakeGoogle) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def handle_any(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path == "/token":
                status, body = google.token(parse_qs(sent.decode()))
                self.reply(status, json.dumps(body).encode(), {})
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            path = self.path.removeprefix(API_PATH + "/")
            request = Request(self.command, path, headers, json.loads(sent or b"{}"))
            status, body, extra, raw = google.api(request)
            self.reply(status, json.dumps(body).encode() if raw is None else raw, extra)

        def reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_PUT = handle_any  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            """Quiet: tests read ``requests`` instead."""

    return Handler
