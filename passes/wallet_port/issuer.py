"""What a wallet's own routes may ask of the domain."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol

from passes.wallet_port.content import PassContent
from passes.wallet_port.page import CardPage, PageEvent, Rating


class NoSuchCard(LookupError):
    """No card has this serial number and secret; which of the two is wrong is not said."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a wallet may know of a card without drawing it.

    ``changed_at`` as in PassContent. ``account_names`` are the names of the merchant's accounts.
    ``fetch_is_news``: ``Issuer.fetched`` of this version would change something.
    """

    version: int
    changed_at: datetime
    account_names: frozenset[str]
    fetch_is_news: bool
    card: object = field(default=None, repr=False)
    """The Issuer's own name for the card, which spares it to look for it again."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Serial numbers of a device's passes that changed, and the tag to ask with next time."""

    serials: tuple[str, ...]
    tag: str


@dataclass(frozen=True, slots=True)
class SaveEvent:
    """A vendor says, signed, that somebody added a pass or took it off.

    ``template`` and ``account`` as the vendor's message names them; ``account`` None: the example
    one of test mode. ``nonce`` is unique to the event, which may come more than once; a greater
    ``order`` happened later. After ``valid_until`` it does not count any more.
    """

    serial: str = field(repr=False)
    template: str
    account: str | None
    saved: bool
    nonce: str
    order: int
    valid_until: datetime


class Complaint(Enum):
    """What a device may hold against us, in no vendor's words."""

    UNCHANGED = "unchanged"
    """Told of a change, it fetched a pass that had not changed."""
    UNDATED = "undated"
    """A pass came without the time of its last change."""
    SENT_AGAIN = "sent_again"
    """An unchanged pass was sent although the device said which one it has."""
    NOTHING_NEW = "nothing_new"
    """It was pushed, asked what changed, and nothing had."""
    NOT_ITS_OWN = "not_its_own"
    """It was told of a pass that it never registered."""
    NO_TAG = "no_tag"
    """A list of changes came without a tag."""
    SAME_TAG = "same_tag"
    """A list of changes came with the tag of the list before."""


class Issuer(Protocol):
    """What a wallet's own web routes may ask of the domain; each call is one transaction."""

    def knows(self, serial: str, secret: str) -> bool:
        """Whether ``secret`` belongs to the card; constant time."""
        ...

    def facts(self, wallet: str, serial: str, secret: str) -> CardFacts:
        """What is known of the card without drawing it. Raises NoSuchCard; constant time."""
        ...

    def content(self, wallet: str, serial: str, secret: str) -> PassContent:
        """The pass as it must look now. Raises NoSuchCard."""
        ...

    def drawn(self, wallet: str, facts: CardFacts) -> PassContent:
        """The pass of a card that ``facts`` told of, as it must look now. Raises NoSuchCard."""
        ...

    def page(self, wallet: str, token: str) -> PassContent:
        """The pass behind the address of a card page. Raises NoSuchCard."""
        ...

    def installed(
        self,
        wallet: str,
        serial: str,
        device: str,
        address: Mapping[str, str],
        at: datetime | None = None,
    ) -> bool:
        """Records proof that the pass is on a device; False when that was known already."""
        ...

    def removed(self, wallet: str, serial: str, device: str, at: datetime | None = None) -> bool:
        """Records proof that the pass left a device; False when that was known already."""
        ...

    def heard(self, wallet: str, event: SaveEvent) -> bool:
        """Records an event of a vendor that keeps the pass itself, once for each nonce.

        False: it changed nothing, as it came before or is older than what is known. Raises
        NoSuchCard when the card, its template and the merchant's account do not belong together.
        """
        ...

    def turn(self, wallet: str, subject: str, pace: float, *, urgent: bool) -> float:
        """0: a request to the vendor may go now, and is counted. Else: seconds to wait before
        asking again.

        ``subject`` is whose quota it is; all processes share its ``pace``, in requests a second.
        Who is not ``urgent`` leaves the way to those who are.
        """
        ...

    def changed_since(self, wallet: str, device: str, tag: str | None) -> Changes:
        """The device's passes that changed after ``tag`` (None or unreadable: all of them), and
        those whose newest version it has not fetched."""
        ...

    def fetched(self, wallet: str, facts: CardFacts, version: int) -> None:
        """Records that some device has this version now: it took it, or had it already.

        Soon rather than at once: when it is forgotten, the device is told once more.
        """
        ...

    def serves(self, wallet: str, name: str) -> bool:
        """Whether some merchant has an account of this name."""
        ...

    def reported(self, wallet: str, subject: str, complaints: Mapping[Complaint, int]) -> None:
        """Counts what devices complained about; ``subject`` is the vendor's public id."""
        ...

    def asks(self, wallet: str, serial: str) -> PassContent:
        """The pass of a card whose template asks its holder who they are, whether that is known by
        now or not. Raises NoSuchCard for all other cards."""
        ...

    def personalised(self, wallet: str, serial: str, given: Mapping[str, str]) -> None:
        """Notes what a holder told of themselves: first_name, last_name, email, phone, postal_code.

        Nobody proves here to hold the card, so only who is not known yet becomes known, once, by
        what the card asks for; the rest is dropped. Raises NoSuchCard.
        """
        ...

    def card_page(self, wallet: str, token: str) -> CardPage:
        """All that the page behind this address shows. Raises NoSuchCard."""
        ...

    def versions(self, wallet: str, tokens: Collection[str]) -> Mapping[str, int]:
        """The version of each card page that there is, by its token; one look for all of them.

        A card that was withdrawn has none.
        """
        ...

    def happened(self, wallet: str, token: str, event: PageEvent) -> bool:
        """Counts what a script on the page reported, once per card and day; False: counted
        already. Raises NoSuchCard."""
        ...

    def listening(
        self,
        wallet: str,
        serial: str,
        device: str,
        address: Mapping[str, str],
        at: datetime | None = None,
    ) -> bool:
        """A device wants to hear of changes; that alone is no installation (R-INST-2).

        False when its address was known already. Raises NotAllowed beyond ten devices of a card.
        """
        ...

    def silent(self, wallet: str, serial: str, device: str, at: datetime | None = None) -> bool:
        """A device wants to hear no more; if it is an installation, it stays one."""
        ...

    def rated(self, wallet: str, token: str, stars: int, comment: str) -> Rating:
        """Keeps what the holder says of their visit; within 24 hours it replaces what they said
        before (D.16). Raises NoSuchCard, NotAllowed with ``stars`` or ``comment``."""
        ...
