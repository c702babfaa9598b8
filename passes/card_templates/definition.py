"""The definition of a card template: everything a merchant decides, checked, in one document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date as Day
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from passes.card_templates.earning import Earning, ReferralRules, Units
from passes.card_templates.kinds import FIGURES, KINDS, Kind
from passes.card_templates.parts import Count, Days, Key, Language, Name, Part, Prose, Sentence
from passes.card_templates.rules import RULES
from passes.errors import Invalid, WrongField, wrong_fields
from passes.wallet_port import Detail

TEXT_CONTRAST = 4.5
LABEL_CONTRAST = 3.0


# --- look ----------------------------------------------------------------------------------------


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two ``#rrggbb`` colours, 1 to 21 (WCAG 2.2, 1.4.3)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _colour(given: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", given):
        raise ValueError("must be a colour such as #0f3d3e")
    return given.lower()


Colour = Annotated[str, AfterValidator(_colour)]


class Look(Part):
    """Colours, and the ids of uploaded pictures."""

    # The usual text colours must be readable too when only the background was chosen.
    model_config = ConfigDict(validate_default=True)

    background: Colour = "#0f3d3e"
    foreground: Colour = "#ffffff"
    label: Colour = "#a9d6d2"
    icon: UUID | None = None
    logo: UUID | None = None
    strip: UUID | None = None
    photo: UUID | None = None

    @field_validator("foreground", "label")
    @classmethod
    def _is_readable(cls, colour: str, info: Any) -> str:
        background = info.data.get("background")
        least = TEXT_CONTRAST if info.field_name == "foreground" else LABEL_CONTRAST
        if background and (ratio := contrast(colour, background)) < least:
            raise ValueError(
                f"can hardly be read on {background}: contrast {ratio:.1f}, needs {least}"
            )
        return colour


class FieldPlace(Part):
    """A figure on the face of the pass, with the merchant's own label if given."""

    figure: str
    place: Literal["header", "primary", "secondary", "auxiliary", "back"]
    label: Name | None = None

    @field_validator("figure")
    @classmethod
    def _is_known(cls, figure: str) -> str:
        if figure not in FIGURES:
            raise ValueError(f"must be one of {', '.join(FIGURES)}")
        return figure


class Texts(Part):
    """What stands on the back of the pass and on the sign-up page."""

    how_to_earn: Prose | None = None
    rewards: Prose | None = None
    terms: Prose | None = None
    referral: Prose | None = None


# --- expiry, limits, form ------------------------------------------------------------------------


class Expiry(Part):
    """D.8.1."""

    kind: Literal["unlimited", "fixed_date", "days_after_issue", "days_after_last_visit"] = (
        "unlimited"
    )
    date: Day | None = None
    days: Days | None = None

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if (self.kind == "fixed_date") != (self.date is not None):
            raise ValueError("date belongs to the kind fixed_date, and to no other")
        if self.kind.startswith("days_after") != (self.days is not None):
            raise ValueError("days belongs to the kinds that count days, and to no other")
        return self


class Limits(Part):
    """R-ISS-5."""

    max_issued: Count | None = None
    max_active: Count | None = None
    max_per_customer: Count | None = 1
    max_per_day: Count | None = None
    issue_from: datetime | None = None
    issue_until: datetime | None = None

    @field_validator("issue_from", "issue_until")
    @classmethod
    def _has_a_zone(cls, moment: datetime | None) -> datetime | None:
        if moment is not None and moment.tzinfo is None:
            raise ValueError("must say its time zone, such as 2026-11-21T09:00:00Z")
        return moment

    @model_validator(mode="after")
    def _until_follows_from(self) -> Self:
        if self.issue_from and self.issue_until and self.issue_from >= self.issue_until:
            raise ValueError("issue_until must come after issue_from")
        return self


PERSONAL_FIELDS = (
    "first_name",
    "last_name",
    "phone",
    "email",
    "birthday",
    "gender",
    "language",
)
CONTACT_FIELDS = ("phone", "email")


class FormField(Part):
    """A personal field of the sign-up form. ``unique`` only for phone and e-mail (R-ISS-2)."""

    key: Literal["first_name", "last_name", "phone", "email", "birthday", "gender", "language"]
    required: bool = False
    unique: bool = False

    @model_validator(mode="after")
    def _only_contacts_are_unique(self) -> Self:
        if self.unique and self.key not in CONTACT_FIELDS:
            raise ValueError("only phone and email can be unique")
        return self


class CustomFormField(Part):
    """A question of the merchant's own; the answer goes to the customer's custom fields."""

    key: Key
    label: Name
    type: Literal["text", "number", "date", "choice", "yes_no"] = "text"
    required: bool = False
    options: Annotated[list[Name], Field(max_length=50)] = []

    @model_validator(mode="after")
    def _choice_has_options(self) -> Self:
        if (self.type == "choice") != bool(self.options):
            raise ValueError("options belong to the type choice, and to no other")
        return self


class Form(Part):
    """R-ISS-2. Consents are asked for one by one and never ticked (R-GDPR-3)."""

    fields: Annotated[list[FormField], Field(max_length=len(PERSONAL_FIELDS))] = [
        FormField(key="first_name", required=True),
        FormField(key="last_name"),
        FormField(key="phone", required=False),
        FormField(key="email", required=True, unique=True),
    ]
    custom: Annotated[list[CustomFormField], Field(max_length=10)] = []
    consents: list[Literal["push", "email", "sms"]] = ["push", "email"]
    anonymous: bool = False

    @model_validator(mode="after")
    def _finds_people_again(self) -> Self:
        keys = [field.key for field in self.fields] + [field.key for field in self.custom]
        if len(set(keys)) != len(keys):
            raise ValueError("each field may stand in the form once")
        if not self.anonymous and not any(field.unique for field in self.fields):
            raise ValueError("needs a unique phone or email, or must allow anonymous cards")
        return self


class Personalisation(Part):
    """What a card without a name asks its holder for, where a wallet can ask (Apple, with NFC)."""

    details: Annotated[list[Detail], Field(min_length=1, max_length=len(Detail))]
    description: Sentence
    terms: Prose | None = None

    @field_validator("details")
    @classmethod
    def _asks_once(cls, details: list[Detail]) -> list[Detail]:
        if len(set(details)) != len(details):
            raise ValueError("each detail may be asked for once")
        return details


AccountName = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Definition(Part):
    """Everything about a template except its kind, status and slug.

    ``fields`` None: the places of the kind. ``location_ids`` None: all of the merchant's places.
    ``wallet_accounts``: by kind of wallet, the name of the account that new passes are made with;
    without one it is the merchant's newest. ``welcome_bonus``: units that a new card starts with;
    of money, minor units. ``reminders``: days before an end at which the holder is reminded.
    ``rotating_code``: where a wallet can (Google), the till code changes every 30 seconds, so that
    a screenshot is soon worthless there; the code of the other wallets, which stands still, scans
    as ever.
    """

    name: Name
    description: Sentence | None = None
    language: Language = "de"
    look: Look = Look()
    texts: Texts = Texts()
    fields: Annotated[list[FieldPlace], Field(min_length=1, max_length=20)] | None = None
    code_format: Literal["qr", "pdf417", "aztec", "code128"] = "qr"
    rotating_code: bool = False
    expiry: Expiry = Expiry()
    limits: Limits = Limits()
    form: Form = Form()
    location_ids: Annotated[list[UUID], Field(max_length=10)] | None = None
    wallet_accounts: Annotated[dict[Key, AccountName], Field(max_length=10)] = {}
    personalisation: Personalisation | None = None
    earning: Earning = Earning()
    welcome_bonus: Units = 0
    referral: ReferralRules = ReferralRules()
    reminders: Annotated[list[Days], Field(max_length=3)] = [7, 1]
    rules: SerializeAsAny[Part]

    @field_validator("rotating_code")
    @classmethod
    def _can_rotate(cls, wanted: bool, info: ValidationInfo) -> bool:
        if wanted and info.data.get("code_format") in {"aztec", "code128"}:
            raise ValueError("needs the code_format qr or pdf417")
        return wanted

    @field_validator("fields")
    @classmethod
    def _stand_once(cls, fields: list[FieldPlace] | None) -> list[FieldPlace] | None:
        figures = [place.figure for place in fields or ()]
        if len(set(figures)) != len(figures):
            raise ValueError("each figure may stand on the pass once")
        return fields


def parse(kind: Kind, document: Mapping[str, Any], *, currency: str | None = None) -> Definition:
    """The definition in a document. Raises Invalid that names every wrong field.

    With a ``currency``, amounts must be such as it has.
    """
    wrong: list[WrongField] = []
    rules: Part | None = None
    try:
        rules = RULES[kind].model_validate(
            document.get("rules") or {}, context={"currency": currency}
        )
    except ValidationError as error:
        wrong += wrong_fields(error, "rules")
    try:
        definition = Definition.model_validate({**document, "rules": rules or Part()})
    except ValidationError as error:
        raise Invalid(wrong + wrong_fields(error)) from None
    if kind is Kind.GIFT and definition.referral.enabled:
        wrong.append(WrongField("referral.enabled", "a gift card cannot reward with money"))
    known = (*KINDS[kind].figures, "expires_at", "customer_name")
    wrong += [
        WrongField(f"fields.{number}.figure", f"must be one of {', '.join(known)}")
        for number, place in enumerate(definition.fields or ())
        if place.figure not in known
    ]
    if wrong:
        raise Invalid(wrong)
    return definition
