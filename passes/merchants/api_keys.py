"""API keys: made once, kept as a hash, limited by scopes (R-API-1)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from passes import ids
from passes.errors import Invalid
from passes.merchants import accounts, directory
from passes.merchants.merchants import Business, business_of
from passes.merchants.models import ApiKey, DirectoryEntry, Merchant, WalletAccount
from passes.prepared import Prepared
from passes.store import Store, merchant_of, table_of
from passes.tied import Tied

SCOPES = ("read", "issue", "transact", "customers", "messages", "admin")

_PREFIX = "tp_"


class NotAnyMore(Exception):
    """What is remembered of a caller changed meanwhile: ``identify`` anew."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A program that showed a valid key; its merchant, and that one's wallet accounts (rows with
    ``accounts.COLUMNS``), as of that moment."""

    merchant_id: UUID
    key_id: UUID
    scopes: frozenset[str]
    expires_at: datetime | None
    business: Business
    accounts: Sequence[Any] = field(repr=False)
    rows: Sequence[Any] = field(repr=False)
    """What all of this was read from; as long as they are the same, so is the caller."""


def create(
    session: Session,
    *,
    name: str,
    scopes: Sequence[str],
    now: datetime,
    expires_at: datetime | None = None,
) -> str:
    """A new key of the session's merchant; it is never shown again. ``all`` means every scope."""
    wanted = SCOPES if "all" in scopes else tuple(dict.fromkeys(scopes))
    if not wanted or not set(wanted) <= set(SCOPES):
        raise Invalid.field("scopes", f"must be all or some of {', '.join(SCOPES)}")
    key_id = ids.new_id()
    prefix = directory.enter_new(
        session, directory.Known.API_KEY, key_id, lambda: secrets.token_hex(6)
    )
    secret = secrets.token_urlsafe(24)
    session.add(
        ApiKey(
            merchant_id=merchant_of(session),
            id=key_id,
            name=name,
            prefix=prefix,
            secret_hash=_hash(secret),
            scopes=list(wanted),
            created_at=now,
            expires_at=expires_at,
        )
    )
    session.flush()
    return f"{_PREFIX}{prefix}_{secret}"


_keys, _directory, _merchants = table_of(ApiKey), table_of(DirectoryEntry), table_of(Merchant)
_accounts = table_of(WalletAccount)
_PARTS = {
    "key": (
        _keys.c.id,
        _keys.c.secret_hash,
        _keys.c.scopes,
        _keys.c.expires_at,
        _keys.c.revoked_at,
    ),
    "merchant": tuple(_merchants.c),
    "account": accounts.COLUMNS,
}
_ALL_PARTS = [column for columns in _PARTS.values() for column in columns]
_BY_PREFIX = Prepared(
    select(*_ALL_PARTS)
    .join_from(
        _directory,
        _keys,
        (_keys.c.merchant_id == _directory.c.merchant_id) & (_keys.c.id == _directory.c.subject_id),
    )
    .join(_merchants, _merchants.c.id == _directory.c.merchant_id)
    .outerjoin(_accounts, _accounts.c.merchant_id == _directory.c.merchant_id)
    .where(
        _directory.c.kind == directory.Known.API_KEY.value,
        _directory.c.key == bindparam("prefix"),
    )
    .order_by(*accounts.NEWEST_FIRST),
    _PARTS,
)
_AGAIN = Tied(
    select(*_ALL_PARTS)
    .join_from(_keys, _merchants, _merchants.c.id == _keys.c.merchant_id)
    .outerjoin(_accounts, _accounts.c.merchant_id == _keys.c.merchant_id)
    .where(
        _keys.c.merchant_id == bindparam("of_merchant"),
        _merchants.c.id == bindparam("of_merchant"),
        _keys.c.id == bindparam("key_id"),
    )
    .order_by(*accounts.NEWEST_FIRST)
)
_recent: WeakKeyDictionary[Store, dict[str, Caller]] = WeakKeyDictionary()
_MOST_RECENT = 1_024


def identify(store: Store, presented: str, now: datetime) -> Caller | None:
    """Who shows this key; None when it is unknown, expired or revoked."""
    prefix, _, secret = presented.removeprefix(_PREFIX).partition("_")
    if not presented.startswith(_PREFIX) or not secret or not prefix.isalnum():
        return None
    with store.look_all() as connection:
        raw, rows = _BY_PREFIX.ask_both(connection, prefix=prefix)
    if not rows:
        return None
    row, merchant = rows[0]["key"], rows[0]["merchant"]
    if not hmac.compare_digest(row.secret_hash, _hash(secret)):
        return None
    if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        return None
    business = business_of(store.vault, merchant)
    known = [each["account"] for each in rows if each["account"].id is not None]
    caller = Caller(
        business.id, row.id, frozenset(row.scopes), row.expires_at, business, known, raw
    )
    recent = _recent.setdefault(store, {})
    if len(recent) >= _MOST_RECENT:
        recent.clear()
    recent[_hash(presented)] = caller
    return caller


def recall(store: Store, presented: str, now: datetime) -> Caller | None:
    """Who showed this key a while ago: to be believed only with ``know``."""
    caller = _recent.get(store, {}).get(_hash(presented))
    if caller is None or (caller.expires_at is not None and caller.expires_at <= now):
        return None
    return caller


def know(session: Session, caller: Caller) -> None:
    """Tells a session of the caller's merchant what ``identify`` read, once it is seen to be true.

    Raises NotAnyMore when the key, the merchant or its accounts are not what they were.
    """
    if _AGAIN.raw(session, key_id=caller.key_id) != caller.rows:
        raise NotAnyMore
    session.info["business"] = caller.business
    session.info[accounts.READ] = caller.accounts


def revoke(session: Session, key_id: UUID, now: datetime) -> None:
    """The key stops working with the next request."""
    session.execute(
        update(ApiKey)
        .where(ApiKey.merchant_id == merchant_of(session), ApiKey.id == key_id)
        .values(revoked_at=now)
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
