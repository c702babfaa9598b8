"""A merchant's issuer id and service account, parsed once, and the example ones of test mode."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from passes.wallet_port import Account, CredentialsRefused, NewAccount, WalletMisconfigured
from wallet_google.addresses import host_of, is_loopback

TEST_ISSUER_ID = "3388000000000000001"

_GIVEN = ("issuer_id", "service_account")
_USED = ("type", "client_email", "private_key_id", "private_key", "token_uri")

_KEPT = 1024
"""Parsed keys in memory; parsing one costs some 35 ms."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Credentials:
    """What signs save links and fetches access tokens for one issuer; one object per version."""

    issuer_id: str
    email: str
    key_id: str
    key: RSAPrivateKey = field(repr=False)
    token_uri: str


class CredentialStore:
    """Credentials by (account id, version); safe to use from several threads."""

    def __init__(self, data_dir: Path, *, loopback_tokens: bool) -> None:
        """``loopback_tokens``: a merchant's key file may name a token endpoint on this machine.

        Off in production, where it would let a merchant reach services behind the firewall.
        """
        self._example = data_dir / "certs_example" / "google.json"
        self._loopback_tokens = loopback_tokens
        self._parsed: OrderedDict[str, tuple[int, Credentials]] = OrderedDict()
        self._lock = RLock()

    def of(self, account: Account | None) -> Credentials:
        """The account's credentials, or the example ones. Raises WalletMisconfigured."""
        key, version = (account.id, account.version) if account else ("", 0)
        if kept := self._kept(key, version):
            return kept
        # Outside the lock: nobody waits while another merchant's key is parsed.
        parsed = self._read(account) if account else self._read_example()
        with self._lock:
            # A thread that was faster wins, so that all share one access token.
            if kept := self._kept(key, version):
                return kept
            self._parsed[key] = (version, parsed)
            while len(self._parsed) > _KEPT:
                self._parsed.popitem(last=False)
            return parsed

    def accept(self, given: Mapping[str, object]) -> NewAccount:
        """An issuer id and the key file of a service account, checked and reduced to what is used.

        Raises CredentialsRefused with the path of the wrong part.
        """
        for name in given:
            if name not in _GIVEN:
                raise CredentialsRefused(
                    name, f"There is no such part; there are {' and '.join(_GIVEN)}."
                )
        issuer_id, file = given.get("issuer_id"), given.get("service_account")
        if isinstance(file, str):  # the text of the file, as a form sends it
            file = _file_in(file)
        parsed = _parse(str(issuer_id or "").strip(), file, self._loopback_tokens)
        assert isinstance(file, Mapping)  # noqa: S101 - _parse refuses everything else
        kept = {name: file[name] for name in _USED}
        data = json.dumps({"issuer_id": parsed.issuer_id, "service_account": kept})
        return NewAccount(parsed.issuer_id, data)

    def facts(self, account: Account) -> Mapping[str, object]:
        """Whom the merchant has to invite in Google's console, and which of its keys is used."""
        try:
            known = self.of(account)
        except WalletMisconfigured:
            return {}
        return {"service_account": known.email, "key_id": known.key_id}

    def _kept(self, key: str, version: int) -> Credentials | None:
        with self._lock:
            kept = self._parsed.get(key)
            if kept is None or kept[0] != version:
                return None
            self._parsed.move_to_end(key)
            return kept[1]

    def _read(self, account: Account) -> Credentials:
        given = _json_object(account.data, "The Google account")
        return _parse(
            str(given.get("issuer_id", "")), given.get("service_account"), self._loopback_tokens
        )

    def _read_example(self) -> Credentials:
        try:
            text = self._example.read_text(encoding="utf-8")
        except OSError:
            raise WalletMisconfigured(
                "The example service account certs_example/google.json is missing from the data"
                " folder. `treuepass certs example` makes it."
            ) from None
        file = _json_object(text, "certs_example/google.json")
        return _parse(TEST_ISSUER_ID, file, loopback_tokens=True)


def _parse(issuer_id: str, file: object, loopback_tokens: bool) -> Credentials:
    if not re.fullmatch("[0-9]{1,20}", issuer_id):
        raise CredentialsRefused(
            "issuer_id",
            "The Google issuer id must be the number that the Google Pay & Wallet Console shows,"
            " such as 3388000000012345678.",
        )
    if not isinstance(file, Mapping) or file.get("type") != "service_account":
        raise CredentialsRefused(
            "service_account",
            "The Google service account must be the JSON key file of a service account, as"
            ' the Google Cloud Console downloads it ("type": "service_account").',
        )
    email, key_id, token_uri = (
        _text(file, name) for name in ("client_email", "private_key_id", "token_uri")
    )
    for name, value, longest in (("client_email", email, 254), ("private_key_id", key_id, 64)):
        if len(value) > longest:
            raise CredentialsRefused(
                f"service_account.{name}", f"{name} in the Google service account is too long."
            )
    if not _is_token_endpoint(token_uri, loopback_tokens):
        raise CredentialsRefused(
            "service_account.token_uri",
            "token_uri in the Google service account must be Google's own,"
            " https://oauth2.googleapis.com/token.",
        )
    return Credentials(issuer_id, email, key_id, _private_key(file), token_uri)


def _private_key(file: Mapping[str, object]) -> RSAPrivateKey:
    pem = _text(file, "private_key")
    try:
        # RSA with 4096 bits has some 3,300 characters; a longer one would take minutes to check.
        key = load_pem_private_key(pem.encode(), password=None) if len(pem) <= 4_000 else None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    # Google makes keys of 2048 bits; beyond 4096 a save link would be too long for some browsers.
    if not isinstance(key, RSAPrivateKey) or not 2048 <= key.key_size <= 4096:
        raise CredentialsRefused(
            "service_account.private_key",
            "private_key in the Google service account is not an RSA key of 2048 to 4096 bits."
            " Download the key file once more and enter it unchanged.",
        )
    return key


def _is_token_endpoint(url: str, loopback_tokens: bool) -> bool:
    if is_loopback(url):
        return loopback_tokens
    return url.startswith("https://") and host_of(url).endswith((".googleapis.com", ".google.com"))


def _text(file: Mapping[str, object], name: str) -> str:
    value = file.get(name)
    if not isinstance(value, str) or not value:
        raise CredentialsRefused(
            f"service_account.{name}", f"{name} is missing from the Google service account."
        )
    return value


def _file_in(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _json_object(text: str, what: str) -> dict[str, object]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise WalletMisconfigured(f"{what} is not a JSON object.")
    return value
