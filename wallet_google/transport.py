"""Carries one request to Google over HTTP, with an access token that is fresh enough."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from threading import Lock
from typing import Protocol
from urllib.parse import urlencode, urlsplit
from weakref import WeakKeyDictionary

import jwt
import requests
from requests.adapters import HTTPAdapter

from passes.wallet_port import NotYet, WalletDown, WalletError, WalletMisconfigured
from wallet_google import batch
from wallet_google.batch import Call
from wallet_google.credentials import Credentials
from wallet_google.pacing import Pacing

SCOPE = "https://www.googleapis.com/auth/wallet_object.issuer"
AUDIENCE = "https://oauth2.googleapis.com/token"
"""A constant, even where the key file names another token endpoint."""

_TIMEOUT = 10  # seconds, Google's advice
_CONNECTIONS = 32  # kept open; more requests than that at once open their own
_LARGEST_ANSWER = 2_000_000  # bytes
_FRESH = 225  # seconds that a token must have left
_NO_TURN = "Google's pace: there was no turn for the rest of a batch."


@dataclass(frozen=True, slots=True)
class Answer:
    """What Google said. ``retry_after`` in seconds, where it asked for a pause."""

    status: int
    body: Mapping[str, object] = field(default_factory=dict, repr=False)
    retry_after: float | None = None


class Unanswered(WalletDown):
    """No answer came; whether Google did what it was asked is not known."""


class Transport(Protocol):
    """The way to Google, or to its stand-in."""

    def send(
        self, credentials: Credentials, method: str, path: str, body: Mapping[str, object]
    ) -> Answer:
        """``path`` is what stands in Google's addresses behind ``v1/``: ``loyaltyObject``,
        ``loyaltyObject/<id>``, a query where there is one. An empty body is none. Raises
        WalletError."""
        ...

    def send_many(
        self, credentials: Credentials, calls: Sequence[Call]
    ) -> Sequence[Answer | WalletError | None]:
        """Several requests at once, such as may be repeated: an answer for each, in their order.
        None: there is none for this one. Raises WalletError when none was carried out."""
        ...


class HttpTransport:
    """Google's REST API; safe to use from several threads."""

    def __init__(self, api_base: str, clock: Callable[[], float], pacing: Pacing) -> None:
        self._api_base = api_base
        address = urlsplit(api_base)
        self._api_path = address.path
        self._batch_url = f"{address.scheme}://{address.netloc}/batch"
        self._clock = clock
        self._pacing = pacing
        self._session = requests.Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS))
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # Google compresses answers only for a client whose name says so, too.
        self._session.headers["User-Agent"] = "treuepass (gzip)"
        self._tokens: WeakKeyDictionary[Credentials, TokenSource] = WeakKeyDictionary()
        self._lock = Lock()

    def unhurried(self) -> Transport:
        """The same way to Google for work that nobody waits for: it lets urgent requests pass."""
        return _Unhurried(self)

    def send(
        self,
        credentials: Credentials,
        method: str,
        path: str,
        body: Mapping[str, object],
        *,
        urgent: bool = True,
    ) -> Answer:
        """One request; a token that Google no longer takes is replaced once.

        Raises NotYet when our own pace does not let it go soon, Unanswered, and other WalletErrors.
        """
        tokens = self._tokens_of(credentials)
        token = tokens.get()
        request = _Request(credentials.email, urgent, method, path, body)
        answer = self._carry(request, token)
        if answer.status == 401:
            answer = self._carry(request, tokens.get(refused=token))
        return answer

    def send_many(
        self, credentials: Credentials, calls: Sequence[Call], *, urgent: bool = True
    ) -> Sequence[Answer | WalletError | None]:
        """All in one request to the batch endpoint. Each call takes a turn, for Google counts each;
        those that get none in time stay here, as NotYet."""
        turns = self._pacing.wait_for_many(credentials.email, len(calls), urgent=urgent)
        sent = calls[:turns]
        tokens = self._tokens_of(credentials)
        token = tokens.get()
        status, parts = self._carry_many(sent, token)
        if status == 401:
            _, parts = self._carry_many(sent, tokens.get(refused=token))
        return [*parts, *(NotYet(_NO_TURN) for _ in calls[turns:])]

    def _carry_many(self, calls: Sequence[Call], token: str) -> tuple[int, Sequence[Answer | None]]:
        """Status of the whole and the answers. Raises WalletDown for any other than 200 and 401."""
        boundary = f"treuepass-{secrets.token_hex(16)}"
        whole = _fetch(
            self._session,
            "POST",
            self._batch_url,
            data=batch.written(calls, self._api_path, boundary),
            content_type=f"multipart/mixed; boundary={boundary}",
            auth=_Bearer(token),
        )
        if whole.status == 401:
            return 401, [None for _ in calls]
        now = self._clock()
        if whole.status != 200:
            raise WalletDown(
                f"Google's batch endpoint answered {whole.status}", _seconds(whole.retry_after, now)
            )
        found = batch.read(whole.content_type, whole.body, len(calls))
        return 200, [
            Answer(part[0], _json_object(part[2]), _seconds(part[1].get("Retry-After", ""), now))
            if part
            else None
            for part in found
        ]

    def _carry(self, request: _Request, token: str) -> Answer:
        """A connection that breaks gets a second chance, where doing it twice does no harm."""
        try:
            return self._carry_once(request, token)
        except Unanswered as error:
            broke = isinstance(error.__cause__, requests.ConnectionError)
            timed_out = isinstance(error.__cause__, requests.Timeout)
            if not broke or timed_out or not request.is_idempotent:
                raise
            return self._carry_once(request, token)

    def _carry_once(self, request: _Request, token: str) -> Answer:
        self._pacing.wait(request.subject, urgent=request.urgent)
        return _ask(
            self._session,
            request.method,
            f"{self._api_base}/{request.path}",
            data=json.dumps(request.body, separators=(",", ":")).encode() if request.body else None,
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


@dataclass(frozen=True, slots=True)
class _Request:
    """One request before it has a token. ``subject``: whose pace it keeps."""

    subject: str
    urgent: bool
    method: str
    path: str
    body: Mapping[str, object] = field(repr=False)

    @property
    def is_idempotent(self) -> bool:
        # Inserts are: their ids are ours, so the second one is answered 409.
        return not self.path.endswith("/addMessage")


class _Unhurried:
    """See ``HttpTransport.unhurried``."""

    def __init__(self, transport: HttpTransport) -> None:
        self._transport = transport

    def send(
        self, credentials: Credentials, method: str, path: str, body: Mapping[str, object]
    ) -> Answer:
        return self._transport.send(credentials, method, path, body, urgent=False)

    def send_many(
        self, credentials: Credentials, calls: Sequence[Call]
    ) -> Sequence[Answer | WalletError | None]:
        return self._transport.send_many(credentials, calls, urgent=False)


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
                f"Google gives the service account {self._email} no access token ({said}). Check in"
                " the Google Cloud Console under IAM & Admin, Service Accounts that the account and"
                " its key are still there and not disabled, and that this server's clock is right."
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
    data: bytes | None,
    content_type: str,
    clock: Callable[[], float],
    auth: _Bearer,
) -> Answer:
    """``_fetch``, read as JSON."""
    raw = _fetch(session, method, url, data=data, content_type=content_type, auth=auth)
    return Answer(raw.status, _json_object(raw.body), _seconds(raw.retry_after, clock()))


@dataclass(frozen=True, slots=True)
class _Raw:
    """An answer as it came; ``retry_after`` and ``content_type`` are headers."""

    status: int
    body: bytes
    retry_after: str
    content_type: str


def _fetch(
    session: requests.Session,
    method: str,
    url: str,
    *,
    data: bytes | None,
    content_type: str,
    auth: _Bearer,
) -> _Raw:
    """One request without redirects, its answer bounded in size. Raises Unanswered, WalletDown."""
    try:
        with session.request(
            method,
            url,
            data=data,
            headers={"Content-Type": content_type} if data else {},
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
            headers = response.headers
            return _Raw(
                response.status_code,
                bytes(received),
                headers.get("Retry-After", ""),
                headers.get("Content-Type", ""),
            )
    except requests.RequestException as error:
        # Only the kind of trouble: the text of some of these errors holds whole addresses.
        raise Unanswered(f"Google cannot be reached ({type(error).__name__})") from error


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
