"""Sets merchants up, and answers what the rest needs of them: facts, keys, locations, accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID
from zoneinfo import available_timezones

from babel.core import get_global
from babel.numbers import list_currencies
from sqlalchemy import select
from sqlalchemy.orm import Session

from passes import i18n, ids
from passes.errors import Invalid, NotFound, WrongField
from passes.merchants import directory
from passes.merchants.models import Location, Merchant, WalletAccount
from passes.store import Store, merchant_of
from passes.vault import Vault
from passes.wallet_port import Account

_TOKEN_KEY = "token-key"


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
    row = session.get(Merchant, merchant_of(session))
    if row is None:
        raise NotFound("merchant")
    vault: Vault = session.info["vault"]
    found = Business(
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
        token_key=vault.unseal_kept(row.id, row.wrapped_key, _TOKEN_KEY, "", row.sealed_token_key),
    )
    session.info["business"] = found
    return found


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
    return list(
        session.scalars(
            select(Location)
            .where(Location.merchant_id == merchant_of(session))
            .order_by(Location.created_at, Location.id)
        )
    )


def keep_wallet_account(
    session: Session, wallet: str, name: str, data: str, now: datetime
) -> WalletAccount:
    """Seals a merchant's credentials for a wallet; an account of the same name is replaced."""
    merchant_id = merchant_of(session)
    merchant = session.get_one(Merchant, merchant_id)
    account = session.scalar(
        select(WalletAccount).where(
            WalletAccount.merchant_id == merchant_id,
            WalletAccount.wallet == wallet,
            WalletAccount.name == name,
        )
    )
    if account is None:
        account = WalletAccount(
            merchant_id=merchant_id,
            id=ids.new_id(),
            wallet=wallet,
            name=name,
            version=0,
            sealed="",
            created_at=now,
            updated_at=now,
        )
        session.add(account)
    vault: Vault = session.info["vault"]
    account.sealed = vault.seal(
        merchant_id, merchant.wrapped_key, wallet, account.id.hex, data.encode()
    )
    account.version += 1
    account.updated_at = now
    session.flush()
    return account


def wallet_account(session: Session, wallet: str) -> Account | None:
    """The merchant's newest credentials for a wallet, opened; None in test mode."""
    accounts = wallet_accounts(session, wallet)
    return accounts[0] if accounts else None


def wallet_accounts(session: Session, wallet: str, *, pending: bool = False) -> tuple[Account, ...]:
    """All of the merchant's credentials for a wallet, the newest first; or those that wait."""
    merchant_id = merchant_of(session)
    rows = session.scalars(
        select(WalletAccount)
        .where(
            WalletAccount.merchant_id == merchant_id,
            WalletAccount.wallet == wallet,
            WalletAccount.pending == pending,
        )
        .order_by(WalletAccount.updated_at.desc(), WalletAccount.id.desc())
    ).all()
    if not rows:
        return ()
    vault: Vault = session.info["vault"]
    wrapped = session.get_one(Merchant, merchant_id).wrapped_key
    return tuple(
        Account(
            id=row.id.hex,
            name=row.name,
            version=row.version,
            data=vault.unseal_kept(merchant_id, wrapped, wallet, row.id.hex, row.sealed).decode(),
        )
        for row in rows
    )


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
