"""What is known of a person, checked and brought to one form (R-GEN-5, R-GEN-7)."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Annotated, Any, Literal

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

GENDERS = ("unknown", "female", "male", "diverse")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def plain_line(given: str) -> str:
    """One line of text: NFC, trimmed, without control characters."""
    return _CONTROL.sub("", unicodedata.normalize("NFC", given)).strip()


def _line(given: str) -> str | None:
    return plain_line(given) or None


def _email(given: str) -> str | None:
    line = _line(given)
    if line is None:
        return None
    try:
        return validate_email(line, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        raise ValueError("must be an e-mail address") from None


def _birthday(given: date) -> date:
    if given.year < 1900:
        raise ValueError("must be a date after 1899")
    return given


Line = Annotated[str, StringConstraints(max_length=100), AfterValidator(_line)]
CustomValue = (
    Annotated[str, StringConstraints(max_length=500), AfterValidator(plain_line)]
    | Annotated[int, Field(strict=True, ge=-(2**53), le=2**53)]
    | Annotated[bool, Field(strict=True)]
    | Annotated[float, Field(allow_inf_nan=False)]
    | None
)


class Details(BaseModel):
    """A person's data as they come in; absent and empty are the same."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first_name: Line | None = None
    last_name: Line | None = None
    phone: Annotated[str, StringConstraints(max_length=40), AfterValidator(_line)] | None = None
    email: Annotated[str, StringConstraints(max_length=254), AfterValidator(_email)] | None = None
    birthday: Annotated[date, AfterValidator(_birthday)] | None = None
    gender: Literal["unknown", "female", "male", "diverse"] = "unknown"
    language: Literal["de", "en", "nl"] | None = None
    external_id: Line | None = None
    custom_fields: Annotated[
        dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")], CustomValue],
        Field(max_length=50),
    ] = {}


def phone_key(phone: str, country: str) -> str | None:
    """The number in E.164, read as from ``country`` when it has no country code; None if wrong."""
    try:
        parsed = phonenumbers.parse(phone, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def email_key(email: str) -> str:
    """The address as it is compared."""
    return plain_line(email).lower()


def changed_fields(details: Details) -> dict[str, Any]:
    """The fields that were given, for a change of an existing person."""
    return details.model_dump(exclude_unset=True)
