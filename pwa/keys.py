"""Whose key signs a push: the server's own pair, or a merchant's, and whom the service may ask."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from passes.wallet_port import (
    Account,
    CredentialsRefused,
    NewAccount,
    PassContent,
    WalletMisconfigured,
)
from pwa.vapid import KeyPair, checked_subject

FILE = Path("certs_example") / "vapid.json"
KEY_SETTING = "TREUEPASS_VAPID_KEY"
SUBJECT_SETTING = "TREUEPASS_VAPID_SUBJECT"
_MOST_KEPT = 1_024


@dataclass(frozen=True, slots=True)
class Sender:
    """``subject``: the contact that push services demand, None where there is none yet."""

    pair: KeyPair
    subject: str | None
    made_at: datetime | None = None


class PushKeys:
    """The server's pair and those of merchants, parsed once. Safe between threads."""

    def __init__(self, data_dir: Path, environment: Mapping[str, str], base_url: str) -> None:
        """Raises WalletMisconfigured for a setting that cannot be used."""
        self._file = data_dir / FILE
        self.subject = _server_subject(environment, base_url)
        self._server: Sender | None = None
        if given := environment.get(KEY_SETTING, "").strip():
            try:
                self._server = Sender(KeyPair.load(given), self.subject)
            except ValueError:
                raise WalletMisconfigured(
                    f"{KEY_SETTING} must be the private key of a VAPID pair: 32 bytes in base64url,"
                    ' such as "private_key" in certs_example/vapid.json in the data folder.'
                ) from None
        self._parsed: dict[tuple[str, int], Sender] = {}
        self._lock = Lock()

    def server(self) -> Sender:
        """The server's own. Raises WalletMisconfigured when its file is missing or unreadable."""
        if self._server is None:
            try:
                kept = json.loads(self._file.read_text(encoding="utf-8"))
                self._server = Sender(KeyPair.load(kept["private_key"]), self.subject)
            except (OSError, ValueError, KeyError, TypeError):
                raise WalletMisconfigured(
                    "The key pair for pushes, certs_example/vapid.json, is missing from the data"
                    " folder or cannot be read. `treuepass certs example` makes it; or set"
                    f" {KEY_SETTING}."
                ) from None
        return self._server

    def of(self, account: Account) -> Sender:
        """A merchant's. Raises WalletMisconfigured."""
        key = (account.id, account.version)
        with self._lock:
            parsed = self._parsed.get(key)
        if parsed is None:
            parsed = _parse(account.data)
            with self._lock:
                if len(self._parsed) >= _MOST_KEPT:
                    self._parsed.clear()
                self._parsed[key] = parsed
        return parsed

    def newest(self, account: Account | None) -> Sender:
        """What a browser subscribes with now. Raises WalletMisconfigured when there is nothing.

        An account that cannot be read does not keep anybody from subscribing: ``check`` tells.
        """
        if account is not None:
            try:
                return self.of(account)
            except WalletMisconfigured:
                pass
        return self.server()

    def find(self, content: PassContent, key_id: str) -> Sender | None:
        """Whose subscription it is; None when that key is not known any more."""
        return next((each for each in self._all(content) if each.pair.key_id == key_id), None)

    def _all(self, content: PassContent) -> Iterator[Sender]:
        for account in filter(None, (content.account, *content.earlier_accounts)):
            try:
                yield self.of(account)
            except WalletMisconfigured:
                continue
        try:
            yield self.server()
        except WalletMisconfigured:
            return


def accept(given: Mapping[str, object], now: datetime) -> NewAccount:
    """A fresh pair for a merchant; ``given``: ``subject``, whom push services may write to.

    Raises CredentialsRefused.
    """
    for name in given:
        if name != "subject":
            raise CredentialsRefused(name, "There is no such part; there is only subject.")
    subject = given.get("subject")
    try:
        checked = checked_subject(subject if isinstance(subject, str) else "")
    except ValueError as error:
        raise CredentialsRefused("subject", str(error)) from None
    pair = KeyPair.generate()
    data = {
        "subject": checked,
        "private_key": pair.scalar,
        "made_at": now.astimezone(UTC).isoformat(),
    }
    return NewAccount(pair.key_id, json.dumps(data))


def _parse(data: str) -> Sender:
    try:
        kept = json.loads(data)
        return Sender(
            KeyPair.load(kept["private_key"]),
            checked_subject(kept["subject"]),
            datetime.fromisoformat(kept["made_at"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WalletMisconfigured(
            "The merchant's key pair for pushes cannot be read. Enter the contact once more, which"
            " makes a new pair; customers are asked again when they open their card."
        ) from None


def _server_subject(environment: Mapping[str, str], base_url: str) -> str | None:
    given = environment.get(SUBJECT_SETTING, "").strip()
    try:
        if given:
            return checked_subject(given)
        return checked_subject(base_url) if base_url.startswith("https://") else None
    except ValueError as error:
        if given:
            raise WalletMisconfigured(f"{SUBJECT_SETTING}: {error}") from None
        return None
