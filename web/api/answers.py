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


class ExpiryPreviewShape(Shape):
    """``cards`` go by the template's rule; ``expire_now`` of them would not be valid any more."""

    cards: int
    expire_now: int


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


class TotalsShape(Shape):
    """Over all cards of a customer: points now, points collected in all, money spent (LTV)."""

    points: int
    points_lifetime: int
    ltv: str


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
    totals: TotalsShape
    created_at: datetime


class DeletedCustomer(Shape):
    id: UUID
    deleted_at: datetime
    restorable_until: datetime


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
    took a pass, or found that it had the newest; what wallets do not fetch stays null.
    ``push_address``: this very device can be pushed; whose vendor keeps the pass needs none."""

    wallet: str
    status: str
    first_installed_at: datetime
    last_seen_at: datetime
    removed_at: datetime | None
    pushed_at: datetime | None
    fetched_at: datetime | None
    fetched_version: int
    stale: bool
    push_address: bool


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


class SuccessorShape(Shape):
    """The card that a coupon turned into; ``install`` is the link to get it."""

    id: UUID
    serial_number: str
    install: str


class RatingShape(Shape):
    """What a customer's ratings on all their cards come to: such as "4.5", and of how many."""

    mean: str
    count: int


class CardShape(BaseModel):
    """A card (contract §3). Wallets add their own ids under their name, such as ``google``.

    ``many_devices``: it is on more devices at once than one person usually has (R-INST-5).
    ``listeners``: devices that only want to hear of changes, which are no installations.
    ``rating`` null: its holder said nothing yet.
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
    listeners: int
    rating: RatingShape | None
    issued_at: datetime
    enrolled_at: datetime
    issue_channel: str
    expires_at: datetime | None
    expiry_mode: str
    units_expire_at: datetime | None
    utm: UtmShape
    figures: dict[str, bool | int | str | datetime | date | None]
    deliveries: list[DeliveryShape]
    links: dict[str, str]
    code: str
    successor: SuccessorShape | None
    version: int


class GiftLinkShape(Shape):
    """``url`` is as good as the money on the card: it belongs to whom it is given."""

    card_id: UUID
    url: str


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


class ClaimShape(Shape):
    """What became of a customer's wish for a reward: requested, granted or refused. ``number`` is
    for people. ``code``: what the customer shows; only in the answers that are for the customer."""

    id: UUID
    number: str
    reward_id: UUID
    card_id: UUID
    customer_id: UUID
    status: str
    cost: int
    code: str | None
    needs_code: bool
    entry_id: UUID | None
    requested_at: datetime
    settled_at: datetime | None
    settled_by: str | None


class PostedShape(Shape):
    """``claim``: of the reward that was redeemed from a catalogue."""

    entry: EntryShape
    figures: dict[str, bool | int | str | datetime | date | None]
    card: CardShape
    claim: ClaimShape | None


class TrialEntryShape(Shape):
    """What would be written."""

    type: str
    deltas: dict[str, int | str]
    purchase_amount: str | None
    details: dict[str, Any] | None


class PreviewShape(Shape):
    """What a posting would do, or why it would be refused: ``code`` and so on as in a problem."""

    allowed: bool
    code: str | None
    detail: str | None
    facts: dict[str, Any] | None
    fields: list[ProblemField] | None
    figures_before: dict[str, bool | int | str | datetime | date | None]
    figures_after: dict[str, bool | int | str | datetime | date | None]
    entry: TrialEntryShape | None


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


class ReferralShape(Shape):
    """Somebody who came, or tried to, through a customer's link; ``friend_card_id`` null: they got
    no card by it. ``reason``: why it ended, waits, or the referrer got nothing. ``review``: what
    looks odd about it. ``due_at``: when the hold or the time to qualify ends."""

    id: UUID
    template_id: UUID
    referrer_card_id: UUID
    friend_card_id: UUID | None
    friend_customer_id: UUID | None
    state: str
    reason: str | None
    review: list[str]
    trigger: str
    enrolled_at: datetime
    installed_at: datetime | None
    qualified_at: datetime | None
    rewarded_at: datetime | None
    ended_at: datetime | None
    due_at: datetime | None
    referrer_units: int
    friend_units: int
    trigger_entry_id: UUID | None
    referrer_entry_id: UUID | None
    friend_entry_id: UUID | None


class ReferralList(Shape):
    items: list[ReferralShape]
    next: str | None


class FriendShape(Shape):
    """A friend as the referrer may see them: first name and initial. ``units``: what the referrer
    got for them."""

    id: UUID
    name: str
    state: str
    units: int
    enrolled_at: datetime
    rewarded_at: datetime | None


class FriendList(Shape):
    items: list[FriendShape]
    next: str | None


class ReferralStatisticsShape(Shape):
    """``opened``: how often referral links were; ``revenue``: of all who came, on all cards."""

    opened: int
    enrolled: int
    installed: int
    rewarded: int
    revenue: str


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
