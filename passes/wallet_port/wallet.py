"""What the domain asks of a wallet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

from passes.wallet_port.content import Account, NewAccount, PassContent, PictureSize, Style
from passes.wallet_port.pushes import Finding, Installation, Reason, Receipt, WalletError
from passes.wallet_port.visitors import Download, Fit, Redirect, Visitor


class Wallet(Protocol):
    """What the domain asks of a wallet. No method touches the database."""

    kind: str
    """Stored in rows and part of links: "apple", "google", "pwa"."""
    title: str
    """A trade mark, never translated: "Apple Wallet"."""
    pictures: tuple[PictureSize, ...]
    """The renditions that its passes use."""
    pace: float | None
    """Requests a second that one account may make of the vendor; None: as many as there are. Who
    is paced asks for ``Issuer.turn`` before each request."""
    together: int
    """How many passes of a campaign one request to the vendor carries; 1: each has its own. Only
    who is paced is asked."""
    loud_a_day: int | None
    """How many changes of one pass the vendor announces in 24 hours; None: all. What goes beyond
    is pushed with ``Reason.CONTENT``, which is silent."""

    def suits(self, visitor: Visitor) -> Fit: ...

    def identity(self, template: str, serial: str, account: Account | None) -> Mapping[str, str]:
        """The vendor's own ids for the card, for developers; empty where there are none."""
        ...

    def offer(self, content: PassContent, visitor: Visitor) -> Download | Redirect:
        """What the visitor gets who chose this wallet. Raises WalletError."""
        ...

    def push(
        self, content: PassContent, installations: Sequence[Installation], reason: Reason
    ) -> Sequence[Receipt]:
        """Brings the installations up to date: one receipt for each, in their order.

        Safe to repeat. A vendor that keeps the pass itself is told even without installations.
        Raises WalletError when the vendor as a whole cannot serve.
        """
        ...

    def push_many(
        self,
        batch: Sequence[tuple[PassContent, Sequence[Installation], Reason]],
        *,
        urgent: bool = True,
    ) -> Sequence[Sequence[Receipt] | WalletError]:
        """``push`` for each; an error in one leaves the others untouched.

        ``urgent``: somebody stands at the counter. Only who is paced makes a difference.
        """
        ...

    def try_out(self, account: Account) -> Sequence[Finding]:
        """Asks the vendor whether it takes these credentials; over the network, so never inside a
        transaction. A finding that stops and names a ``field`` keeps them from being stored;
        where the vendor cannot be asked or gives no clear answer, there is none of that sort."""
        ...

    def check(self, now: datetime, accounts: Sequence[Account] = ()) -> Sequence[Finding]:
        """What stops this wallet with a merchant's accounts, or will soon. No network.

        Without accounts: with the example ones, in test mode.
        """
        ...

    def accept(
        self,
        given: Mapping[str, object],
        known: Sequence[Account],
        pending: Sequence[Account],
        now: datetime,
    ) -> NewAccount:
        """What a merchant entered, a JSON object, as it is to be stored.

        ``known`` are the merchant's accounts, one of which it may renew; ``pending`` are keys
        that wait, one of which it may complete. Raises CredentialsRefused. No network.
        """
        ...

    def request(self, given: Mapping[str, object], now: datetime) -> tuple[str, NewAccount]:
        """A certificate signing request (PEM) for the vendor, and the key to keep until it answers.

        Raises CredentialsRefused, also where a vendor issues no certificates.
        """
        ...

    def facts(self, account: Account) -> Mapping[str, object]:
        """What may be shown of stored or pending credentials: nothing secret, JSON and times.

        ``expires_at`` where they end. Empty when they cannot be read: ``check`` says why.
        """
        ...


@runtime_checkable
class Bundles(Wallet, Protocol):
    """A wallet that hands out several cards of one customer in one file."""

    most_in_bundle: int

    def bundle(self, contents: Sequence[PassContent], visitor: Visitor) -> Download:
        """One file with all of them, 1 to ``most_in_bundle``. Raises WalletError."""
        ...


@runtime_checkable
class Reconciles(Wallet, Protocol):
    """A wallet whose vendor can be asked which passes somebody has: events may get lost."""

    def held(
        self, template: str, style: Style, account: Account | None
    ) -> Iterator[tuple[str, bool]]:
        """Serial numbers of the template's passes at the vendor, and whether anybody has each.

        Page after page, not urgent. Raises WalletError, also in the middle.
        """
        ...


def push_each(
    wallet: Wallet, batch: Sequence[tuple[PassContent, Sequence[Installation], Reason]]
) -> list[Sequence[Receipt] | WalletError]:
    """``push_many`` for wallets that have nothing to gain from a batch."""
    answers: list[Sequence[Receipt] | WalletError] = []
    for content, installations, reason in batch:
        try:
            answers.append(wallet.push(content, installations, reason))
        except WalletError as error:
            answers.append(error)
    return answers


@dataclass(frozen=True, slots=True)
class WalletSettings:
    """What a wallet is mounted with. Each wallet reads its own settings from ``environment``.

    ``base_url`` is the public address without a final slash; ``data_dir`` holds the example
    certificates in ``certs_example/``; ``now`` is the clock of the whole product.
    """

    base_url: str
    data_dir: Path
    environment: Mapping[str, str] = field(repr=False)
    now: Callable[[], datetime]
