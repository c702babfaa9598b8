"""Sets merchants up, and answers what the rest needs of them: facts, keys, locations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from babel.core import get_global
from babel.numbers import list_currencies
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from passes import i18n, ids
from passes.errors import Invalid, NotFound, WrongField
from passes.merchants import directory
from passes.merchants.models import Location, Merchant
from passes.store import Store, merchant_of, table_of
from passes.vault import Vault

_TOKEN_KEY = "token-key"

# Made once, because every drawing of a card asks both.
_merchants = table_of(Merchant)
_OWN = select(_merchants).where(_merchants.c.id == bindparam("own"))
_LOCATIONS = (
    select(Location)
    .where(Location.merchant_id == bindparam("of_merchant"))
    .order_by(Location.created_at, Location.id)
)


@dataclass(frozen=True, slots=True)
class Business:
    """A merchant as the rest of the domain needs it; ``token_key`` derives all its tokens."""

    id: UUID
    slug: str
    name: str
    language: str
    time_zone: str
    currency: str
    country: str
    contact_email: str | None
    contact_phone: str | None
    website: str | None
    address: str | None
    privacy_text: Mapping[str, str]
    token_key: bytes = field(repr=False)
    wrapped_key: str = field(repr=False)


def set_up(
    store: Store,
    *,
    name: str,
    now: datetime,
    language: str = "de",
    time_zone: str = "Europe/Berlin",
    currency: str = "EUR",
    country: str = "DE",
    slug: str | None = None,
    contact_email: str | None = None,
    contact_phone: str | None = None,
    website: str | None = None,
    address: str | None = None,
    privacy_text: Mapping[str, str] | None = None,
) -> UUID:
    """Makes a merchant with keys of its own; its id. Raises Invalid. One transaction."""
    _check(name, language, time_zone, currency, country)
    merchant_id = ids.new_id()
    vault = store.vault
    wrapped = vault.new_merchant_key(merchant_id)
    with store.write(merchant_id) as session:
        merchant = Merchant(
            id=merchant_id,
            slug=merchant_id.hex,
            name=name.strip(),
            language=language,
            time_zone=time_zone,
            currency=currency,
            country=country,
            contact_email=contact_email,
            contact_phone=contact_phone,
            website=website,
            address=address,
            privacy_text=dict(privacy_text) if privacy_text else None,
            wrapped_key=wrapped,
            sealed_token_key=vault.seal(merchant_id, wrapped, _TOKEN_KEY, "", ids.new_key()),
            created_at=now,
        )
        session.add(merchant)
        session.flush()
        merchant.slug = directory.enter_slug(
            session, directory.Known.MERCHANT, slug or name, merchant_id
        )
    return merchant_id


def business(session: Session) -> Business:
    """The session's merchant."""
    known = session.info.get("business")
    if isinstance(known, Business):
        return known
    row = session.execute(_OWN, {"own": merchant_of(session)}).one_or_none()
    if row is None:
        raise NotFound("merchant")
    found = session.info["business"] = business_of(session.info["vault"], row)
    return found


def business_of(vault: Vault, row: Any) -> Business:
    """The merchant in a row of all its columns."""
    return Business(
        id=row.id,
        slug=row.slug,
        name=row.name,
        language=row.language,
        time_zone=row.time_zone,
        currency=row.currency,
        country=row.country,
        contact_email=row.contact_email,
        contact_phone=row.contact_phone,
        website=row.website,
        address=row.address,
        privacy_text=row.privacy_text or {},
        token_key=token_key_of(vault, row.id, row),
        wrapped_key=row.wrapped_key,
    )


def token_key_of(vault: Vault, merchant_id: UUID, row: Any) -> bytes:
    """The key that derives a merchant's tokens, from a row with its two sealed columns."""
    return vault.unseal_kept(merchant_id, row.wrapped_key, _TOKEN_KEY, "", row.sealed_token_key)


def add_location(
    session: Session,
    *,
    name: str,
    now: datetime,
    address: str | None = None,
    latitude: float | None = None,
    longitude: float | None = None,
    nearby_text: Mapping[str, str] | None = None,
) -> Location:
    """A branch. ``nearby_text`` per language is what a phone shows near it."""
    wrong = []
    if latitude is not None and not -90 <= latitude <= 90:
        wrong.append(WrongField("latitude", "must be between -90 and 90"))
    if longitude is not None and not -180 <= longitude <= 180:
        wrong.append(WrongField("longitude", "must be between -180 and 180"))
    if (latitude is None) != (longitude is None):
        wrong.append(WrongField("longitude", "latitude and longitude belong together"))
    if wrong:
        raise Invalid(wrong)
    location = Location(
        merchant_id=merchant_of(session),
        id=ids.new_id(),
        name=name,
        address=address,
        latitude=latitude,
        longitude=longitude,
        nearby_text=dict(nearby_text) if nearby_text else None,
        created_at=now,
    )
    session.add(location)
    session.flush()
    return location


def locations(session: Session) -> list[Location]:
    """The merchant's branches, oldest first."""
    return list(session.scalars(_LOCATIONS, {"of_merchant": merchant_of(session)}))


def rewrap_keys(store: Store) -> int:
    """Brings every merchant's key under the current master key; how many were behind."""
    changed = 0
    with store.write_all() as session:
        for merchant in session.scalars(select(Merchant)):
            if not store.vault.is_current(merchant.wrapped_key):
                merchant.wrapped_key = store.vault.rewrap(merchant.id, merchant.wrapped_key)
                changed += 1
    return changed


def _check(name: str, language: str, time_zone: str, currency: str, country: str) -> None:
    wrong = []
    if not 1 <= len(name.strip()) <= 100:
        wrong.append(WrongField("name", "must have 1 to 100 characters"))
    if language not in i18n.LANGUAGES:
        wrong.append(WrongField("language", f"must be one of {', '.join(i18n.LANGUAGES)}"))
    if time_zone not in available_timezones():
        wrong.append(WrongField("time_zone", "must be an IANA time zone such as Europe/Berlin"))
    if currency not in list_currencies():
        wrong.append(WrongField("currency", "must be an ISO 4217 code such as EUR"))
    if country not in get_global("territory_currencies"):
        wrong.append(WrongField("country", "must be an ISO 3166 code such as DE"))
    if wrong:
        raise Invalid(wrong)
