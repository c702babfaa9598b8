"""How long certificates hold: what may be shown of them, and what to do before they end.

Apple's pass certificates live some 13 months. When one ended, installed passes stay as they are,
but none can be added, updated or told to update.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from cryptography import x509

from passes.wallet_port import Account, Finding, WalletMisconfigured
from wallet_apple import signing

WARN_DAYS = (60, 30, 14, 7)
"""A finding stands from the first of these days before the end, and is more pressing from each."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """A stored certificate with its intermediate."""

    leaf: x509.Certificate
    wwdr: x509.Certificate

    @property
    def begins(self) -> datetime:
        return max(self.leaf.not_valid_before_utc, self.wwdr.not_valid_before_utc)

    @property
    def ends(self) -> datetime:
        return min(self.leaf.not_valid_after_utc, self.wwdr.not_valid_after_utc)


def facts(account: Account) -> Mapping[str, object]:
    """Team, end and certificates of an account; the request of one that waits. Nothing secret."""
    try:
        pairs = _pairs(account)
    except WalletMisconfigured:
        return _request(account)
    last = max(pairs, key=lambda pair: pair.ends)
    return {
        "team": signing.identifiers(last.leaf)[1],
        "nfc": signing.may_speak_nfc(last.leaf),
        "expires_at": last.ends,
        "certificates": [
            {
                "serial_number": f"{pair.leaf.serial_number:x}",
                "begins_at": pair.leaf.not_valid_before_utc,
                "expires_at": pair.leaf.not_valid_after_utc,
                "issued_by": signing.generation_of(pair.leaf.issuer),
                "issuer_expires_at": pair.wwdr.not_valid_after_utc,
            }
            for pair in sorted(pairs, key=lambda pair: pair.ends)
        ],
    }


def findings(account: Account, now: datetime) -> list[Finding]:
    """What stops passes of this account, or will soon: of the certificate that ends last."""
    try:
        pairs = _pairs(account)
    except WalletMisconfigured as error:
        return [Finding("apple", True, f"{account.name}: {error}")]
    name = account.name or signing.identifiers(pairs[0].leaf)[0]
    last = max(pairs, key=lambda pair: pair.ends)
    if not any(pair.begins <= now < pair.ends for pair in pairs) and now < last.ends:
        first = min(pair.begins for pair in pairs if pair.begins > now)
        sentence = (
            f"The Apple certificate for {name} holds only from {first:%Y-%m-%d} on. Until then no "
            "pass can be added or updated. If that is wrong, set the clock of this machine."
        )
        return [Finding("apple", True, sentence)]
    generation = signing.generation_of(last.leaf.issuer)
    return [
        *_ending(
            f"The Apple certificate for {name}",
            last.leaf.not_valid_after_utc,
            now,
            "Make a request here, let Apple issue a certificate for the same pass type identifier "
            "with it, and import that; the old one stays in use until it ends.",
        ),
        *_ending(
            f"Apple's intermediate certificate ({generation}) behind {name}",
            last.wwdr.not_valid_after_utc,
            now,
            "Let Apple issue a new pass certificate, which a newer intermediate signs, and import "
            "both.",
        ),
    ]


def _ending(what: str, end: datetime, now: datetime, order: str) -> list[Finding]:
    day = f"{end:%Y-%m-%d}"
    if now >= end:
        sentence = f"{what} ended on {day}: no pass can be added, updated or notified. {order}"
        return [Finding("apple", True, sentence)]
    reached = [step for step in WARN_DAYS if end - now <= timedelta(days=step)]
    if not reached:
        return []
    days = (end - now).days
    left = "in less than a day" if days < 1 else "in 1 day" if days == 1 else f"in {days} days"
    pressing = {
        60: "Plan for a new one.",
        30: "Get a new one now.",
        14: "Get a new one now: after that day no pass can be added, updated or notified.",
        7: "Get a new one today: after that day no pass can be added, updated or notified.",
    }[min(reached)]
    return [Finding("apple", False, f"{what} ends on {day}, {left}. {pressing} {order}")]


def _pairs(account: Account) -> list[_Pair]:
    """Raises WalletMisconfigured, also for what is stored and no certificate."""
    try:
        return [
            _Pair(
                x509.load_pem_x509_certificate(part["certificate"].encode()),
                x509.load_pem_x509_certificate(part["wwdr"].encode()),
            )
            for part in signing.stored_parts(account)
        ]
    except signing.UNREADABLE:
        raise WalletMisconfigured(
            "The stored Apple credentials cannot be read. Import them again."
        ) from None


def _request(account: Account) -> Mapping[str, object]:
    try:
        return {"csr": str(orjson.loads(account.data)["csr"])}
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return {}
