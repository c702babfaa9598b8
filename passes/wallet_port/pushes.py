"""Where passes are, why they are pushed, and what became of a push."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum


@dataclass(frozen=True, slots=True)
class Installation:
    """One card on one device or wallet account; ``address`` is the wallet's own, opaque JSON.

    ``registered_at`` is when the device last said that it has the card.
    """

    device: str = field(repr=False)
    address: Mapping[str, str] = field(repr=False)
    registered_at: datetime


class Reason(Enum):
    """Why a pass is brought up to date; decides how loudly a wallet tells the customer."""

    BALANCE = "balance"
    CONTENT = "content"
    STATE = "state"
    MESSAGE = "message"


class Outcome(Enum):
    """What became of one installation in one push."""

    DELIVERED = "delivered"
    GONE = "gone"
    LATER = "later"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    """Nothing reaches the device any more, though the pass may still be on it: its address is
    forgotten, until it shows a new one."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer for one installation. ``retry_after`` in seconds, with LATER only.

    ``told`` False: nothing left the machine, as in test mode, so nobody can have heard of it.
    ``loud``: the vendor was asked to announce the change, which counts in ``Wallet.loud_a_day``.
    """

    outcome: Outcome
    detail: str = ""
    retry_after: float | None = None
    told: bool = True
    loud: bool = False


class WalletError(Exception):
    """Trouble with a vendor as a whole; trouble with one device is a Receipt."""


class WalletDown(WalletError):
    """The vendor cannot be reached or asks us to wait; ``retry_after`` in seconds if it said so."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotYet(WalletDown):
    """Our own pace, not the vendor, makes this card wait (``Wallet.pace``); nothing is wrong."""


class ContentRefused(WalletError):
    """This pass cannot be shown in this wallet; trying again will not help until it changes."""


class WalletMisconfigured(WalletError):
    """Certificates, keys or identifiers are wrong; the sentence says what the merchant must do."""


class CredentialsRefused(WalletMisconfigured):
    """What a merchant entered cannot be used; ``field`` names the part that is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that stops a wallet now (``stops``) or will soon; ``sentence`` says what to do.

    ``field``: the part of what a merchant entered that is to blame, as in CredentialsRefused.
    """

    wallet: str
    stops: bool
    sentence: str
    field: str | None = None
