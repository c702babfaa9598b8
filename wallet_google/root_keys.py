"""Google's root keys for callbacks: fetched, kept as long as they may be, fetched anew in need."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock

import requests

from passes.wallet_port import WalletDown, WalletMisconfigured
from wallet_google import ecv2
from wallet_google.ecv2 import RootKey

KEYS_URL = "https://pay.google.com/gp/m/issuer/keys"
REFETCH_SECONDS = 60.0

_TIMEOUT = 10.0
_LARGEST = 256 * 1024
_WITHOUT_MAX_AGE = 3_600.0
_AFTER_FAILURE = 1.0
"""Seconds in which nobody asks again after a failure while there is no key at all."""
_RETRY_AFTER = 5.0

_log = logging.getLogger(__name__)


class RootKeys:
    """The keys of one document; safe to use from several threads, of which one fetches.

    Fresh for the max-age of its Cache-Control less its Age (RFC 9111), an hour without one, and
    never beyond the first of its keys to end. While it cannot be fetched, keys that have not ended
    keep serving.
    """

    def __init__(
        self, url: str, clock: Callable[[], float], refetch_seconds: float = REFETCH_SECONDS
    ) -> None:
        """``clock`` gives seconds since 1970. Nothing is fetched before it is needed.

        ``refetch_seconds``: least time between two fetches that bad signatures ask for, which
        anybody can send.
        """
        self._url = url
        self._clock = clock
        self._pause = refetch_seconds
        self._keys: tuple[RootKey, ...] = ()
        self._fresh_until = 0.0
        self._failed_at: float | None = None
        self._forced_at: float | None = None
        self._fetching = Lock()

    def get(self) -> tuple[RootKey, ...]:
        """One key or more, all of which may still be used. Raises WalletDown for want of any."""
        if kept := self._good_keys():
            # Who finds another thread fetching goes on with what there is.
            if self._clock() >= self._fresh_until and self._fetching.acquire(blocking=False):
                try:
                    if not self._just_failed(self._pause):
                        self._fetch()
                finally:
                    self._fetching.release()
            return self._good_keys() or kept
        with self._fetching:
            if not self._good_keys() and not self._just_failed(_AFTER_FAILURE):
                self._fetch()
        if kept := self._good_keys():
            return kept
        raise WalletDown("Google's callback keys cannot be fetched", _RETRY_AFTER)

    def newer_than(self, seen: tuple[RootKey, ...]) -> tuple[RootKey, ...] | None:
        """Other keys than those ``seen``, under which a signature was bad; None: there are none.

        Fetches at most once in ``refetch_seconds``.
        """
        with self._fetching:
            newer = self._good_keys()
            if newer == seen and not self._is_within(self._forced_at, self._pause):
                self._forced_at = self._clock()
                self._fetch()
                newer = self._good_keys()
        return newer if newer and newer != seen else None

    def _good_keys(self) -> tuple[RootKey, ...]:
        return _unexpired(self._keys, self._clock() * 1000)

    def _just_failed(self, seconds: float) -> bool:
        return self._is_within(self._failed_at, seconds)

    def _is_within(self, moment: float | None, seconds: float) -> bool:
        # A clock that was put back does not make anybody wait longer.
        return moment is not None and 0 <= self._clock() - moment < seconds

    def _fetch(self) -> None:
        """Replaces the keys, or leaves them as they are and says so in the log."""
        try:
            document, fresh = _download(self._url)
            keys = _unexpired(ecv2.root_keys(document), self._clock() * 1000)
            if not keys:
                raise ecv2.Refused("no key in it can be used")
        except (requests.RequestException, ecv2.Refused, WalletDown) as error:
            # Only the kind of trouble: the text of some of these errors holds whole addresses.
            reason = type(error).__name__ if isinstance(error, requests.RequestException) else error
            _log.warning("Google's callback keys cannot be fetched: %s", reason)
            self._failed_at = self._clock()
            return
        self._keys, self._failed_at = keys, None
        now = self._clock()
        self._fresh_until = min(now + fresh, min(key.expires_at for key in keys) / 1000)


def refetch_seconds(environment: Mapping[str, str]) -> float:
    """TREUEPASS_GOOGLE_KEYS_REFETCH_SECONDS. Raises WalletMisconfigured."""
    given = environment.get("TREUEPASS_GOOGLE_KEYS_REFETCH_SECONDS", "").strip()
    if not given:
        return REFETCH_SECONDS
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", given):
        raise WalletMisconfigured(
            "TREUEPASS_GOOGLE_KEYS_REFETCH_SECONDS must be a number of seconds, such as 60."
        )
    return float(given)


def example_keys(data_dir: Path) -> tuple[RootKey, ...]:
    """The public part of the example keys with which a simulated Google signs in test mode."""
    try:
        document = (data_dir / "certs_example" / "google-callback-keys.json").read_bytes()
        return ecv2.root_keys(document)
    except (OSError, ecv2.Refused):
        return ()


def _unexpired(keys: tuple[RootKey, ...], now: float) -> tuple[RootKey, ...]:
    return tuple(key for key in keys if key.expires_at > now)


def _download(url: str) -> tuple[bytes, float]:
    """The document, and for how many seconds it may be kept. Raises WalletDown and requests'."""
    with requests.get(
        url, timeout=_TIMEOUT, allow_redirects=False, stream=True, auth=_nothing_shown
    ) as response:
        if response.status_code != 200:
            raise WalletDown(f"status {response.status_code}")
        received = bytearray()
        for chunk in response.iter_content(16_384):
            received += chunk
            if len(received) > _LARGEST:
                raise WalletDown("the document is too long")
        headers = response.headers
        return bytes(received), _lifetime(headers.get("Cache-Control", ""), headers.get("Age", ""))


def _nothing_shown(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps requests from taking a password from a .netrc file."""
    return request


def _lifetime(cache_control: str, age: str) -> float:
    """Seconds (RFC 9111, 4.2); at least one, so that nobody makes us fetch at every callback."""
    named = re.search(r"(?:^|[\s,])max-age=\"?([0-9]{1,9})\b", cache_control, re.IGNORECASE)
    if named is None:
        return _WITHOUT_MAX_AGE
    spent = int(age) if re.fullmatch("[0-9]{1,9}", age.strip()) else 0
    return float(max(1, int(named[1]) - spent))
