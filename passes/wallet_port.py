"""The port between the domain and every wallet: what a pass must show, and what became of a push.

A wallet folder imports this module and nothing else of the domain; this module imports the
standard library only. Text that a customer reads is a mapping language -> string, because Apple
localises on the device and Google wants translations. Secrets and addresses never show in a
``repr``, so that they cannot reach a log by accident.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum, IntEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

Text = Mapping[str, str]


# --- what a pass must show -----------------------------------------------------------------------


class Style(Enum):
    """What sort of card it is, as far as its looks go."""

    BALANCE = "balance"
    COUPON = "coupon"
    GIFT = "gift"
    MEMBERSHIP = "membership"


class State(Enum):
    """Whether the card may be used. EXPIRED may come back to life, VOID was withdrawn."""

    VALID = "valid"
    EXPIRED = "expired"
    VOID = "void"


class Place(Enum):
    """Where a field stands on the face, in falling order of weight; BACK is behind it."""

    HEADER = "header"
    PRIMARY = "primary"
    SECONDARY = "secondary"
    AUXILIARY = "auxiliary"
    BACK = "back"


class CodeFormat(Enum):
    """How the till code is drawn."""

    QR = "qr"
    PDF417 = "pdf417"
    AZTEC = "aztec"
    CODE128 = "code128"


@dataclass(frozen=True, slots=True)
class Amount:
    """Money: integer minor units, ISO 4217 currency, and how many digits its minor unit has."""

    minor: int
    currency: str
    digits: int = 2


FieldValue = int | Amount | date | Text


@dataclass(frozen=True, slots=True)
class Field:
    """One labelled value.

    ``key`` is unique in the pass and stable between versions. ``change`` is what a person reads
    when the value changes, with ``{value}`` where the new one stands; None: the change is silent.
    ``link`` (https, tel or mailto) makes the value of a BACK field clickable.
    """

    key: str
    label: Text
    value: FieldValue
    place: Place
    change: Text | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Location:
    """A place near which the phone may show the card, with the line that it shows."""

    latitude: float
    longitude: float
    text: Text


class Fit(IntEnum):
    """How well a wallet suits a visitor's device; the highest is offered first."""

    NO = 0
    POSSIBLE = 1
    NATIVE = 2


class Crop(Enum):
    """How one uploaded picture is brought to a size.

    CONTAIN: whole picture, transparent around it, result exactly width x height.
    SHRINK: whole picture, no padding, result at most width x height.
    COVER: fills width x height, the overhang is cut off.
    MASKABLE: whole picture in the middle 80 %, its own corner colour around it, opaque.
    """

    CONTAIN = "contain"
    SHRINK = "shrink"
    COVER = "cover"
    MASKABLE = "maskable"


@dataclass(frozen=True, slots=True)
class PictureSize:
    """A rendition that a wallet needs. ``name`` is unique among all wallets; pixels; PNG.

    ``role`` is one of the three pictures a merchant uploads: "icon", "logo" or "strip".
    """

    name: str
    role: str
    width: int
    height: int
    crop: Crop


@dataclass(frozen=True, slots=True)
class Picture:
    """A rendition: PNG bytes, their SHA-256 in hex, and the public address that serves them."""

    name: str
    sha256: str
    png: bytes = field(repr=False)
    url: str


@dataclass(frozen=True, slots=True)
class Look:
    """Colours as ``#rrggbb`` and the pictures by the name of their size (absent: not uploaded)."""

    background: str
    foreground: str
    label: str
    pictures: Mapping[str, Picture] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """The merchant's own credentials for one wallet; ``data`` is the JSON that wallet stored.

    ``id`` and ``version`` identify the content, so that a wallet can keep parsed keys. ``name`` is
    the vendor's public id, such as a pass type identifier or an issuer id.
    """

    id: str
    version: int
    data: str = field(repr=False)
    name: str = ""


@dataclass(frozen=True, slots=True)
class NewAccount:
    """Credentials as a wallet wants them stored. ``fulfils``: the id of the pending ones that they
    complete, such as a key that waited for its certificate."""

    name: str
    data: str = field(repr=False)
    fulfils: str | None = None


class Detail(Enum):
    """What a customer may be asked for when the card has no name yet."""

    NAME = "name"
    EMAIL = "email"
    PHONE = "phone"
    POSTAL_CODE = "postal_code"


@dataclass(frozen=True, slots=True)
class Personalisation:
    """The card belongs to nobody known yet: what its holder is asked for, and in which words."""

    details: tuple[Detail, ...]
    description: Text
    terms: Text | None


@dataclass(frozen=True, slots=True)
class Rotating:
    """A till code that changes with time: the card's own code, a dot, and a TOTP (RFC 6238).

    ``key`` is the card's own; ``period`` in seconds. A screenshot of it is worthless soon.
    """

    key: bytes = field(repr=False)
    period: int = 30
    digits: int = 8


@dataclass(frozen=True, slots=True)
class PassContent:
    """Everything that a pass must show now, in no vendor's terms.

    ``languages`` lists what every Text holds, ``language`` is the one the card is in.
    ``version`` counts the card's changes; ``changed_at`` moves by at least a whole second with
    each. ``secret`` proves to a wallet's web service that a device holds the pass; it stays the
    same for the life of the card. ``page_url`` is the card's own page and as good as a key.
    ``template`` and ``template_version`` name what all cards of one design share.
    ``account`` is what new passes are made with, None in test mode; ``earlier_accounts`` are the
    merchant's others, under which passes may still be installed.
    """

    serial: str
    secret: str = field(repr=False)
    page_url: str = field(repr=False)
    code: str = field(repr=False)
    code_format: CodeFormat
    version: int
    changed_at: datetime
    style: Style
    state: State
    expires_at: datetime | None
    time_zone: str
    merchant: str
    merchant_id: str
    title: Text
    description: Text
    holder: str = field(repr=False)
    language: str
    languages: tuple[str, ...]
    fields: tuple[Field, ...] = field(repr=False)
    locations: tuple[Location, ...]
    look: Look
    template: str
    template_version: int
    account: Account | None = None
    earlier_accounts: tuple[Account, ...] = ()
    personalisation: Personalisation | None = None
    rotating: Rotating | None = None


# --- where passes are, and what a push did -------------------------------------------------------


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


# --- the visitor and what is offered -------------------------------------------------------------


class Platform(Enum):
    IOS = "ios"
    ANDROID = "android"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who opened an install link, as far as their browser says."""

    platform: Platform
    language: str
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Download:
    """A file for the visitor's device."""

    body: bytes = field(repr=False)
    media_type: str
    filename: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """An address where the visitor adds the pass."""

    url: str = field(repr=False)


# --- the two sides -------------------------------------------------------------------------------


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
