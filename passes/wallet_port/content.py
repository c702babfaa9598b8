"""What a pass must show, in no vendor's terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum

Text = Mapping[str, str]


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
    ``link`` (https, tel or mailto) makes the value of a BACK field clickable. ``mark``: where the
    value is a state in words, the API's word for it, such as "redeemed".
    """

    key: str
    label: Text
    value: FieldValue
    place: Place
    change: Text | None = None
    link: str | None = None
    mark: str | None = None


@dataclass(frozen=True, slots=True)
class Location:
    """A place near which the phone may show the card, with the line that it shows."""

    latitude: float
    longitude: float
    text: Text


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

    ``role`` is one of the four pictures a merchant uploads: "icon", "logo", "strip", or "photo",
    which is shown behind the face, such as a menu, a map or the shop.
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
