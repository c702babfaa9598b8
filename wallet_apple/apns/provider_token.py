"""The optional key of an Apple team (.p8): a signed token instead of the pass certificate.

Source: Apple, Establishing a token-based connection to APNs. A token may be 20 to 60 minutes old.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from passes.wallet_port import WalletMisconfigured

RENEW_AFTER = timedelta(minutes=40)
YOUNGEST = timedelta(minutes=20)
"""Apple answers 429 TooManyProviderTokenUpdates when a token is renewed more often."""


@dataclass(slots=True)
class _Token:
    text: str = field(repr=False)
    made_at: datetime


class ProviderTokens:
    """Makes and keeps one token for each team. Safe between threads."""

    def __init__(self, key: EllipticCurvePrivateKey, key_id: str, team_id: str = "") -> None:
        """``team_id``: the only team that the key is for; "" for whichever is asked."""
        self._key, self._key_id, self._team_id = key, key_id, team_id
        self._tokens: dict[str, _Token] = {}
        self._lock = threading.Lock()

    def serves(self, team_id: str) -> bool:
        return self._team_id in {"", team_id}

    def header(self, team_id: str, now: datetime) -> str:
        """The value of the authorization header."""
        with self._lock:
            token = self._tokens.get(team_id)
            if token is None or not timedelta(0) <= now - token.made_at < RENEW_AFTER:
                token = self._make(team_id, now)
            return f"bearer {token.text}"

    def refresh(self, team_id: str, refused: str, now: datetime) -> str:
        """Another value after ``refused`` was called expired; the same where another thread has
        renewed it already, or where it is too young for Apple to take another one."""
        with self._lock:
            token = self._tokens.get(team_id)
            if token is None or (
                f"bearer {token.text}" == refused
                and not timedelta(0) <= now - token.made_at < YOUNGEST
            ):
                token = self._make(team_id, now)
            return f"bearer {token.text}"

    def _make(self, team_id: str, now: datetime) -> _Token:
        claims = {"iss": team_id, "iat": int(now.timestamp())}
        text = jwt.encode(claims, self._key, "ES256", {"kid": self._key_id, "typ": None})
        self._tokens[team_id] = token = _Token(text, now)
        return token


def read_provider_tokens(environment: Mapping[str, str]) -> ProviderTokens | None:
    """From TREUEPASS_APNS_KEY (a file), _KEY_ID and _TEAM_ID (optional); None when not set.

    Raises WalletMisconfigured.
    """
    file, key_id = environment.get("TREUEPASS_APNS_KEY"), environment.get("TREUEPASS_APNS_KEY_ID")
    if not file and not key_id:
        return None
    try:
        key = load_pem_private_key(Path(file or "").read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        key = None
    if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name != "secp256r1" or not key_id:
        raise WalletMisconfigured(
            "TREUEPASS_APNS_KEY must name the file of an APNs key (.p8) as Apple gave it, and"
            " TREUEPASS_APNS_KEY_ID its ten-letter id; or leave out both."
        )
    return ProviderTokens(key, key_id, environment.get("TREUEPASS_APNS_TEAM_ID", ""))
