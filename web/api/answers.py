"""The shapes of what the API answers; the OpenAPI document and the tests hold answers to them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, RootModel


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MerchantShape(Shape):
    id: UUID
    slug: str
    name: str
    language: str
    time_zone: str
    currency: str
    country: str


class LocationShape(Shape):
    id: UUID
    name: str
    address: str | None
    latitude: float | None
    longitude: float | None


class LocationList(Shape):
    items: list[LocationShape]
    next: str | None


class TemplateShape(Shape):
    """``definition`` is what POST takes, with every default filled in."""

    id: UUID
    slug: str
    kind: str
    status: str
    version: int
    name: str
    definition: dict[str, Any]
    sign_up_url: str


class TemplateList(Shape):
    items: list[TemplateShape]
    next: str | None


class PictureShape(Shape):
    """``id`` belongs into ``look`` of a template's definition."""

    id: UUID
    role: str


class ChannelLinkShape(Shape):
    id: UUID
    name: str
    slug: str
    url: str
    utm: dict[str, str | None]


class ChannelLinkList(Shape):
    items: list[ChannelLinkShape]
    next: str | None


class CustomerShape(Shape):
    id: UUID
    first_name: str | None
    last_name: str | None
    phone: str | None
    email: str | None
    birthday: date | None
    gender: str
    language: str
    external_id: str | None
    custom_fields: dict[str, Any]
    first_utm: dict[str, str | None] | None
    consents: dict[str, bool]
    created_at: datetime


class CustomerList(Shape):
    items: list[CustomerShape]
    next: str | None


class CardTemplateRef(Shape):
    id: UUID
    kind: str
    name: str


class CardCustomerRef(Shape):
    id: UUID
    first_name: str | None
    last_name: str | None


class InstallationShape(Shape):
    """``stale``: it let pushes go by for two weeks and may be gone. ``fetched_at``: when it last
    took a pass, or found that it had the newest; what wallets do not fetch stays null."""

    wallet: str
    status: str
    first_installed_at: datetime
    last_seen_at: datetime
    removed_at: datetime | None
    pushed_at: datetime | None
    fetched_at: datetime | None
    fetched_version: int
    stale: bool


class UtmShape(Shape):
    source: str
    medium: str | None
    campaign: str | None
    term: str | None
    content: str | None


class DeliveryShape(Shape):
    wallet: str
    wanted_version: int
    delivered_version: int
    delivered_at: datetime | None
    last_error: str | None


class CardShape(BaseModel):
    """A card (contract §3). Wallets add their own ids under their name, such as ``google``.

    ``many_devices``: it is on more devices at once than one person usually has (R-INST-5).
    """

    model_config = ConfigDict(extra="allow")

    id: UUID
    serial_number: str
    template: CardTemplateRef
    customer: CardCustomerRef
    status: str
    status_cause: str | None
    validity: str
    installations: list[InstallationShape]
    many_devices: bool
    issued_at: datetime
    enrolled_at: datetime
    issue_channel: str
    expires_at: datetime | None
    expiry_mode: str
    utm: UtmShape
    figures: dict[str, int | str | datetime | None]
    deliveries: list[DeliveryShape]
    links: dict[str, str]
    code: str
    version: int


class CardList(Shape):
    items: list[CardShape]
    next: str | None


class EntryShape(Shape):
    """A posting. ``deltas``: what it changed, by unit. Money is a decimal string."""

    id: UUID
    card_id: UUID
    seq: int
    type: str
    deltas: dict[str, int | str]
    purchase_amount: str | None
    comment: str | None
    items: list[dict[str, Any]] | None
    details: dict[str, Any] | None
    activity: str | None
    reward_id: UUID | None
    referral_id: UUID | None
    reverses_id: UUID | None
    reversed_by_id: UUID | None
    actor: dict[str, str | None]
    channel: str
    occurred_at: datetime
    recorded_at: datetime
    balance_after: dict[str, int | str]


class EntryList(Shape):
    items: list[EntryShape]
    next: str | None


class PostedShape(Shape):
    entry: EntryShape
    figures: dict[str, int | str | datetime | None]
    card: CardShape


class EventShape(Shape):
    id: UUID
    type: str
    at: datetime
    wallet: str | None
    data: dict[str, Any]


class EventList(Shape):
    items: list[EventShape]
    next: str | None


class ScanShape(Shape):
    card: CardShape


class AccountShape(BaseModel):
    """A merchant's credentials for a wallet, without what is secret; each wallet adds its facts."""

    model_config = ConfigDict(extra="allow")

    id: UUID
    name: str
    expires_at: datetime | None


class RequestShape(BaseModel):
    """A key that waits for the vendor's certificate; ``csr`` is what the vendor is given."""

    model_config = ConfigDict(extra="allow")

    id: UUID
    name: str
    csr: str | None


class FindingShape(Shape):
    """``stops``: the wallet does not work; otherwise it soon will not. The sentence says what to
    do."""

    stops: bool
    sentence: str


class PauseShape(Shape):
    """The vendor refuses the merchant as a whole; it is tried again, at the latest at ``until``."""

    since: datetime
    until: datetime
    sentence: str


class WalletShape(Shape):
    """``mode`` is ``test`` until there is an account; new passes are made with the first one."""

    kind: str
    title: str
    mode: str
    accounts: list[AccountShape]
    pending: list[RequestShape]
    findings: list[FindingShape]
    pause: PauseShape | None


class WalletList(Shape):
    items: list[WalletShape]
    next: str | None


class StatisticsShape(Shape):
    revenue: str
    cards_issued: int
    cards_installed: int
    transactions: int


class ProblemField(Shape):
    field: str
    message: str
    code: str


class Problem(BaseModel):
    """RFC 9457. ``code`` is stable; ``fields`` names every wrong field."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str
    fields: list[ProblemField] | None = None
    facts: dict[str, Any] | None = None


class AnyDocument(RootModel[dict[str, Any]]):
    """A JSON object."""
