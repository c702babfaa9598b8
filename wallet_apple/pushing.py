"""Tells devices that a pass changed: through Apple, or in test mode through a log.

A batch may hold cards of several merchants. Devices are grouped by the certificate that their pass
was made with; a group that cannot be served leaves the others alone.
"""

from __future__ import annotations

import logging
import re
import ssl
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from passes.wallet_port import (
    Account,
    Installation,
    Outcome,
    PassContent,
    Reason,
    Receipt,
    WalletError,
    WalletMisconfigured,
)
from wallet_apple import shown_pushes
from wallet_apple.apns import receipts
from wallet_apple.apns.batch import ACCEPTED, EXPIRED_PROVIDER_TOKEN, Batch
from wallet_apple.apns.endpoint import Endpoint, client_context, read_endpoint
from wallet_apple.apns.frames import Requests
from wallet_apple.apns.pool import Credential
from wallet_apple.apns.provider_token import ProviderTokens, read_provider_tokens
from wallet_apple.apns.receipts import Result
from wallet_apple.apns.sender import Sender
from wallet_apple.recent import Recent
from wallet_apple.shown_pushes import ShownPush
from wallet_apple.signing import Credentials

PATIENCE = 30.0
"""Seconds for a whole batch, so that a vendor that hangs never holds a worker longer."""
EXPIRATION = timedelta(days=1)
"""How long Apple keeps the newest push for a device that is off; later it asks by itself."""
AT_ONCE = 8
"""Groups that are served at the same time."""

SCHEME = "ApplePass"
"""Devices with another scheme are no iPhones and have no push token of Apple's."""
DELIVERED = Receipt(Outcome.DELIVERED)
FETCHES = Receipt(Outcome.DELIVERED, "the device asks for changes by itself", told=False)
SHOWN = Receipt(Outcome.DELIVERED, "test mode: shown in the log", told=False)
NO_TOKEN = Receipt(Outcome.GONE, "the device gave no usable push token")

_TOKEN = re.compile(r"[0-9A-Za-z_-]{1,200}", re.ASCII)

Push = tuple[PassContent, Sequence[Installation], Reason]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PushSettings:
    """``test_mode``: pushes for the example certificate go into a log. ``patience`` in seconds."""

    endpoint: Endpoint
    test_mode: bool
    provider_tokens: ProviderTokens | None = field(default=None, repr=False)
    patience: float = PATIENCE


def read_settings(environment: Mapping[str, str]) -> PushSettings:
    """Raises WalletMisconfigured for a setting that cannot be used."""
    return PushSettings(
        endpoint=read_endpoint(environment),
        test_mode=not environment.get("TREUEPASS_APNS_URL"),
        provider_tokens=read_provider_tokens(environment),
    )


@dataclass(slots=True)
class _Group:
    """Devices behind one certificate: where their results go (a card's row and the place in it),
    since when they have the card, and their tokens."""

    credentials: Credentials
    credential: Credential
    rows: list[list[Result]] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    registered: list[datetime] = field(default_factory=list)
    tokens: list[bytes] = field(default_factory=list, repr=False)


_Way = _Group | str | WalletError
"""A connection, or the topic to show in the log, or why there is no way."""


class Pushing:
    """What a wallet needs to push; keeps connections open. Safe between threads."""

    def __init__(
        self,
        settings: PushSettings,
        credentials: Callable[[Account | None], Credentials],
        test_log: Path,
        clock: Callable[[], datetime],
    ) -> None:
        """``credentials`` gives a merchant's, or for None the example ones."""
        self.sender = Sender(settings.endpoint)
        self._settings, self._credentials = settings, credentials
        self._test_log, self._clock = test_log, clock
        self._contexts: Recent[Credential, ssl.SSLContext] = Recent(16)
        self._alarms = receipts.Alarms()

    def push_many(self, batch: Sequence[Push]) -> list[Sequence[Receipt] | WalletError]:
        """``Wallet.push_many``."""
        now = self._clock()
        results: list[list[Result]] = []
        ways: dict[tuple[str, str], _Way] = {}
        groups: dict[Credential, _Group] = {}
        shown: list[ShownPush] = []
        for content, installations, reason in batch:
            row: list[Result] = []
            for installation in installations:
                address = installation.address
                token = address.get("token")
                if not token or address.get("scheme", SCHEME) != SCHEME:
                    row.append(FETCHES)
                    continue
                key = (content.merchant_id, address.get("topic", ""))
                way = ways.get(key)
                if way is None:
                    way = ways[key] = self._way(content, key[1], groups, now)
                if isinstance(way, _Group):
                    if _TOKEN.fullmatch(token):
                        way.rows.append(row)
                        way.places.append(len(row))
                        way.registered.append(installation.registered_at)
                        way.tokens.append(token.encode())
                    row.append(NO_TOKEN)  # until there is an answer
                elif isinstance(way, str):
                    shown.append(_shown_push(content, reason, way, token, now))
                    row.append(SHOWN)
                else:
                    row.append(way)
            results.append(row)
        self._show(shown)
        self._serve_all([group for group in groups.values() if group.tokens], now)
        return [receipts.together(row) for row in results]

    def shown_to(self, device: str, position: str | None) -> tuple[str, list[ShownPush]] | None:
        """The pushes of test mode to a device, by its hash, after a position; None otherwise."""
        if not self._settings.test_mode:
            return None
        return shown_pushes.since(self._test_log, position, {device})

    # --- which way ---

    def _way(
        self, content: PassContent, topic: str, groups: dict[Credential, _Group], now: datetime
    ) -> _Way:
        """How the merchant's devices with passes of this type are told: over a connection, by the
        log (the topic), or not at all."""
        try:
            account = _account_of(content, topic, self._example_type)
            credentials = self._credentials(account)
        except WalletMisconfigured as error:
            return error
        topic = credentials.pass_type_id
        if self._settings.test_mode and topic == self._example_type():
            return topic
        if now >= credentials.expires:
            day = credentials.expires.date().isoformat()
            return WalletMisconfigured(
                f"The Apple certificate for {topic} ended on {day}. Import a current one."
            )
        credential = Credential(
            account.id if account else "",
            account.version if account else 0,
            credentials.certificate.serial_number,
        )
        return groups.setdefault(credential, _Group(credentials, credential))

    def _example_type(self) -> str | None:
        try:
            return self._credentials(None).pass_type_id
        except WalletMisconfigured:
            return None

    # --- test mode ---

    def _show(self, pushes: Sequence[ShownPush]) -> None:
        if not pushes:
            return
        try:
            shown_pushes.append(self._test_log, pushes)
        except OSError as error:
            log.warning("The log of test pushes cannot be written: %s", error)
        devices = Counter((push.serial, push.version, push.reason) for push in pushes)
        for (serial, version, reason), number in devices.items():
            log.info(
                "Apple push in test mode: card %s, version %d, reason %s, installations %d",
                serial,
                version,
                reason,
                number,
            )

    # --- through Apple ---

    def _serve_all(self, groups: Sequence[_Group], now: datetime) -> None:
        end = time.monotonic() + self._settings.patience
        if len(groups) == 1:
            self._serve(groups[0], now, end)
        elif groups:
            # One merchant's silence must not take the others' time.
            with ThreadPoolExecutor(min(AT_ONCE, len(groups))) as threads:
                list(threads.map(lambda group: self._serve(group, now, end), groups))

    def _serve(self, group: _Group, now: datetime, end: float) -> None:
        """Pushes to a group and puts the results in their places."""
        topic = group.credentials.pass_type_id
        batch = Batch(group.tokens)
        unanswered: Result
        try:
            self._send(group, batch, now, end)
            unanswered = receipts.unanswered(batch, topic, now)
        except WalletMisconfigured as error:
            unanswered = error
        for row, place, registered_at, answer in zip(
            group.rows, group.places, group.registered, batch.answers, strict=True
        ):
            if answer is ACCEPTED:
                row[place] = DELIVERED
            elif answer is None:
                row[place] = unanswered
            elif answer.status == 403:
                row[place] = receipts.misconfigured(topic, answer.reason)
            else:
                self._alarms.look_at(topic, answer)
                row[place] = receipts.receipt(answer, registered_at, now)
        missing = batch.answers.count(None)
        if missing:
            total, why = len(batch.answers), str(unanswered)
            if isinstance(unanswered, Receipt):
                why = unanswered.detail
            log.warning("Apple answered %d of %d pushes: %s", total - missing, total, why)

    def _send(self, group: _Group, batch: Batch, now: datetime, end: float) -> None:
        """Raises WalletMisconfigured where TLS cannot use the certificate."""
        endpoint, tokens = self._settings.endpoint, self._settings.provider_tokens
        team = group.credentials.team_id
        if tokens is not None and not tokens.serves(team):
            tokens = None
        secret = tokens.header(team, now) if tokens else ""

        def context() -> ssl.SSLContext:
            return self._context(group, with_certificate=not secret)

        headers = [("apns-topic", group.credentials.pass_type_id)]
        if endpoint.push_type:
            headers.append(("apns-push-type", endpoint.push_type))
        headers.append(("apns-priority", endpoint.priority))
        headers.append(("apns-expiration", str(int((now + EXPIRATION).timestamp()))))
        while True:
            requests = Requests(endpoint.authority, headers, secret, tls=endpoint.tls)
            make = context if endpoint.tls else None
            self.sender.send(group.credential, make, requests, batch, end)
            expired = batch.stopped is not None and batch.stopped.reason == EXPIRED_PROVIDER_TOKEN
            if tokens is None or not expired:
                return
            fresh = tokens.refresh(team, secret, now)
            if fresh == secret:
                return
            tokens, secret = None, fresh  # refreshed once, and no more
            batch.resume_after_refresh()

    def _context(self, group: _Group, *, with_certificate: bool) -> ssl.SSLContext:
        context = self._contexts.get(group.credential)
        if context is None:
            pem = pem_of(group.credentials) if with_certificate else None
            context = client_context(self._settings.endpoint, pem)
            self._contexts.put(group.credential, context)
        return context


def pem_of(credentials: Credentials) -> bytes:
    """Key, certificate and intermediate, for TLS."""
    return (
        credentials.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + credentials.certificate.public_bytes(Encoding.PEM)
        + credentials.intermediate.public_bytes(Encoding.PEM)
    )


def _account_of(
    content: PassContent, topic: str, example_type: Callable[[], str | None]
) -> Account | None:
    """The merchant's account for passes of this type; "" means the one for new passes.

    Raises WalletMisconfigured when the merchant has none any more.
    """
    if not topic:
        return content.account
    for account in filter(None, (content.account, *content.earlier_accounts)):
        if account.name == topic:
            return account
    if topic == example_type():
        return None
    raise WalletMisconfigured(
        f"There is no certificate for {topic}, under which passes are installed. Import one."
    )


def _shown_push(
    content: PassContent, reason: Reason, topic: str, token: str, now: datetime
) -> ShownPush:
    return ShownPush(
        at=now.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        topic=topic,
        device=shown_pushes.device_hash(token),
        serial=content.serial,
        version=content.version,
        reason=reason.value,
    )
