"""Carries one request to Google over HTTP, with an access token that is fresh enough."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from threading import Lock
from typing import Protocol
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

import jwt
import requests

from passes.wallet_port import WalletDown, WalletMisconfigured
from wallet_google.credentials import Credentials

SCOPE = "https://www.googleapis.com/auth/wallet_object.issuer"
AUDIENCE = "https://oauth2.googleapis.com/token"
"""A constant, even where the key file names another token endpoint."""

_TIMEOUT = 10  # seconds, Google's advice
_LARGEST_ANSWER = 2_000_000  # bytes
_FRESH = 225  # seconds that a token must have left


@dataclass(frozen=True, slots=True)
class Answer:
    """What Google said. ``retry_after`` in seconds, where it asked for a pause."""

    status: int
    body: Mapping[str, object] = field(default_factory=dict, repr=False)
    retry_after: float | None = None


class Transport(Protocol):
    """The way to Google, or to its stand-in."""

    def send(
        self, credentials: Credentials, method: str, path: str, body: Mapping[str, object]
    ) -> Answer:
        """``path`` is ``loyaltyObject`` or ``loyaltyObject/<id>``. Raises WalletError."""
        ...


class HttpTransport:
    """Google's REST API; safe to use from several threads."""

    def __init__(self, api_base: str, clock: Callable[[], float]) -> None:
        self._api_base = api_base
        self._clock = clock
        self._session = requests.Session()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # Google compresses answers only for a client whose name says so, too.
        self._session.headers["User-Agent"] = "treuepass (gzip)"
        self._tokens: WeakKeyDictionary[Credentials, TokenSource] = WeakKeyDictionary()
        self._lock = Lock()

    def send(
        self, credentials: Credentials, method: str, path: str, body: Mapping[str, object]
    ) -> Answer:
        """One request; a token that Google no longer takes is replaced once."""
        tokens = self._tokens_of(credentials)
        token = tokens.get()
        answer = self._request(token, method, path, body)
        if answer.status == 401:
            answer = self._request(tokens.get(refused=token), method, path, body)
        return answer

    def _request(self, token: str, method: str, path: str, body: Mapping[str, object]) -> Answer:
        return _ask(
            self._session,
            method,
            f"{self._api_base}/{path}",
            data=json.dumps(body, separators=(",", ":")).encode(),
            content_type="application/json",
            clock=self._clock,
            auth=_Bearer(token),
        )

    def _tokens_of(self, credentials: Credentials) -> TokenSource:
        with self._lock:
            source = self._tokens.get(credentials)
            if source is None:
                source = TokenSource(credentials, self._session, self._clock)
                self._tokens[credentials] = source
            return source


class TokenSource:
    """Access tokens of one service account (RFC 7523); several threads fetch one token once."""

    def __init__(
        self, credentials: Credentials, session: requests.Session, clock: Callable[[], float]
    ) -> None:
        # Not the credentials themselves: they are the weak key under which this source is kept.
        self._email = credentials.email
        self._key = credentials.key
        self._key_id = credentials.key_id
        self._token_uri = credentials.token_uri
        self._session = session
        self._clock = clock
        self._token = ""
        self._fresh_until = 0.0
        self._lock = Lock()

    def get(self, refused: str | None = None) -> str:
        """A token with at least 225 s left; never ``refused``, which Google did not take.

        Raises WalletDown, and WalletMisconfigured when Google refuses the key.
        """
        with self._lock:
            if not self._token or self._token == refused or self._clock() >= self._fresh_until:
                self._fetch()
            return self._token

    def _fetch(self) -> None:
        now = int(self._clock())
        claims = {
            "iss": self._email,
            "scope": SCOPE,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 3600,
        }
        assertion = jwt.encode(claims, self._key, "RS256", headers={"kid": self._key_id})
        grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        answer = _ask(
            self._session,
            "POST",
            self._token_uri,
            data=urlencode({"grant_type": grant, "assertion": assertion}).encode(),
            content_type="application/x-www-form-urlencoded",
            clock=self._clock,
            auth=_Bearer(None),
        )
        if 400 <= answer.status < 500 and answer.status not in {408, 429}:
            said = answer.body.get("error_description") or answer.body.get("error") or answer.status
            raise WalletMisconfigured(
                f"Google gives the service account {self._email} no access token ({said}). Check"
                " that its key was not deleted and that this server's clock is right."
            )
        token, lifetime = answer.body.get("access_token"), answer.body.get("expires_in")
        if answer.status != 200 or not isinstance(token, str) or not isinstance(lifetime, int):
            raise WalletDown(
                f"Google's token endpoint answered {answer.status}", answer.retry_after
            )
        self._token = token
        self._fresh_until = now + lifetime - _FRESH


class _Bearer(requests.auth.AuthBase):
    """Sets the Authorization header; also keeps requests from taking one from a .netrc file."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _ask(
    session: requests.Session,
    method: str,
    url: str,
    *,
    data: bytes,
    content_type: str,
    clock: Callable[[], float],
    auth: _Bearer,
) -> Answer:
    """One request without redirects, its answer bounded in size. Raises WalletDown."""
    try:
        with session.request(
            method,
            url,
            data=data,
            headers={"Content-Type": content_type},
            auth=auth,
            timeout=_TIMEOUT,
            allow_redirects=False,
            stream=True,
        ) as response:
            received = bytearray()
            for chunk in response.iter_content(65_536):
                received += chunk
                if len(received) > _LARGEST_ANSWER:
                    raise WalletDown("Google's answer is too long")
            pause = _seconds(response.headers.get("Retry-After", ""), clock())
            return Answer(response.status_code, _json_object(bytes(received)), pause)
    except requests.RequestException as error:
        # Only the kind of trouble: the text of some of these errors holds whole addresses.
        raise WalletDown(f"Google cannot be reached ({type(error).__name__})") from error


def _seconds(retry_after: str, now: float) -> float | None:
    """The pause in a Retry-After header: seconds or a date (RFC 9110, 10.2.3)."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - now)
    except ValueError:
        return None


def _json_object(received: bytes) -> Mapping[str, object]:
    try:
        value = json.loads(received)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
