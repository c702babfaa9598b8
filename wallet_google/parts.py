"""What passes of every family are made of: money, text modules, links, pictures."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from passes.wallet_port import Amount, Field, FieldValue, PassContent, Place, WalletMisconfigured
from wallet_google.addresses import LOGO_PATH, Site
from wallet_google.texts import localized, written

Body = dict[str, object]
Family = Literal["loyalty", "offer", "giftCard", "generic"]

LOGO = "google-logo"
HERO = "google-hero"
PHOTO = "google-photo"

_WEIGHT = {
    place: weight
    for weight, place in enumerate(
        (Place.PRIMARY, Place.HEADER, Place.SECONDARY, Place.AUXILIARY, Place.BACK)
    )
}


@dataclass(frozen=True, slots=True)
class FamilyRules:
    """How one of Google's families shows a card.

    ``figures``: the fields that have a place of their own in the object, by the path of that place;
    all others become text modules. ``blank``: what an object must have although it says nothing.
    """

    name: Family
    figures: Callable[[PassContent], Mapping[str, Field]]
    class_fields: Callable[[PassContent, Site], Body]
    object_fields: Callable[[PassContent, Site], Body]
    blank: Callable[[PassContent], Body]


def present(**fields: Body | None) -> Body:
    """The fields that are there."""
    return {name: value for name, value in fields.items() if value is not None}


def by_weight(fields: Iterable[Field]) -> list[Field]:
    """The weightiest first, those of one place in their order."""
    return sorted(fields, key=lambda field: _WEIGHT[field.place])


def is_name(field: Field, content: PassContent) -> bool:
    """Whether the field says nothing but who holds the card."""
    value = field.value
    return isinstance(value, Mapping) and value.get(content.language) == content.holder != ""


def is_link(field: Field) -> bool:
    """Whether the field is one of the links behind the face."""
    return field.place is Place.BACK and field.link is not None


# --- values --------------------------------------------------------------------------------------


def moment(at: datetime) -> Body:
    """A DateTime in UTC, to the second."""
    utc = at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    return {"date": f"{utc.isoformat()}Z"}


def money(value: FieldValue) -> Body | None:
    """A Money; None for what is no money, or more than its 64 bits of millionths hold."""
    if not (isinstance(value, Amount) and value.digits <= 6):
        return None
    micros = value.minor * 10 ** (6 - value.digits)
    if not -(2**63) <= micros < 2**63 or not re.fullmatch("[A-Z]{3}", value.currency):
        return None
    return {"micros": str(micros), "currencyCode": value.currency}


def readable(serial: str) -> str:
    """1234-5678-9012, as staff may type it (R-ID-1)."""
    if len(serial) == 12 and serial.isascii() and serial.isdigit():
        return f"{serial[:4]}-{serial[4:8]}-{serial[8:]}"
    return serial


# --- modules and links ---------------------------------------------------------------------------


def module(field: Field, language: str, languages: tuple[str, ...]) -> Body | None:
    """A text module; None when there is nothing to show."""
    # Not "body" beside "localizedBody": Google would show one after the other.
    value = localized(field.value, language, languages)
    if value is None:
        return None
    header = localized(field.label, language, languages)
    return {"id": module_id(field.key), **present(localizedHeader=header), "localizedBody": value}


def link(field: Field, content: PassContent) -> Body:
    """An entry of a LinksModuleData."""
    described = localized(field.label, content.language, content.languages)
    named = {
        "description": written(field.label, content.language),
        "localizedDescription": described,
    }
    return {"id": module_id(field.key), "uri": field.link, **(named if described else {})}


def module_id(key: str) -> str:
    """The key, where Google takes it: a dot would break the paths in the rows of the class."""
    if re.fullmatch("[A-Za-z0-9_-]+", key):
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()[:8]
    return f"{re.sub('[^A-Za-z0-9_-]', '_', key)}-{digest}"


# --- what merchant and design look like ----------------------------------------------------------


def brand(content: PassContent, site: Site) -> Body:
    """What every class has but the generic one; there each object says it.

    Google approves a class by itself; every later change must say UNDER_REVIEW again. Raises
    WalletMisconfigured when Google could not fetch a picture, as all pictures do.
    """
    language = content.languages[0]
    return {
        "reviewStatus": "UNDER_REVIEW",
        "issuerName": content.merchant,
        "hexBackgroundColor": content.look.background,
        **present(heroImage=hero(content, language, site)),
    }


def logo(content: PassContent, language: str, site: Site) -> Body:
    """The merchant's logo; Google wants one, so without an upload our neutral card."""
    described = localized({language: content.merchant}, language, ())
    return _image(_url(content, LOGO) or site.base_url + LOGO_PATH, described, site)


def hero(content: PassContent, language: str, site: Site) -> Body | None:
    """The broad picture, where the merchant uploaded one."""
    return _picture(content, HERO, language, site)


def photo(content: PassContent, language: str, site: Site) -> Body | None:
    """The picture behind the face, where the merchant uploaded one."""
    return _picture(content, PHOTO, language, site)


def _picture(content: PassContent, name: str, language: str, site: Site) -> Body | None:
    url = _url(content, name)
    return _image(url, localized(content.title, language, content.languages), site) if url else None


def _url(content: PassContent, name: str) -> str | None:
    picture = content.look.pictures.get(name)
    return picture.url if picture else None


def _image(url: str, described: Body | None, site: Site) -> Body:
    if not site.is_fetchable(url):
        raise WalletMisconfigured(
            "Google fetches the pictures of a pass from this server, which it cannot reach at"
            f" {site.base_url}. Set TREUEPASS_BASE_URL to a public https address."
        )
    return {"sourceUri": {"uri": url}, **present(contentDescription=described)}
