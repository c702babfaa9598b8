"""Draws one card with a single look at the database: a device waits for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, bindparam, exists, select
from sqlalchemy.orm import Session

from passes.card_templates.models import CardTemplate
from passes.cards import fetches
from passes.cards.models import Card, Installation
from passes.content.draw import draw, places_of
from passes.merchants import accounts
from passes.merchants.directory import Known
from passes.merchants.merchants import business_of
from passes.merchants.models import DirectoryEntry, Location, Merchant, WalletAccount
from passes.prepared import Line, Prepared
from passes.store import Store, table_of
from passes.wallet_port import PassContent

_directory, _cards, _templates = table_of(DirectoryEntry), table_of(Card), table_of(CardTemplate)
_merchants, _locations = table_of(Merchant), table_of(Location)
_accounts, _installations = table_of(WalletAccount), table_of(Installation)

_HAS_PLACES = exists().where(_locations.c.merchant_id == _merchants.c.id).label("has_places")
_PARTS: dict[str, Sequence[ColumnElement[Any]]] = {
    "card": [*_cards.c],
    "merchant": [*_merchants.c, _HAS_PLACES],
    "template": [_templates.c.id, _templates.c.kind, _templates.c.version, _templates.c.status],
    "account": accounts.COLUMNS,
    "installation": fetches.COLUMNS,
}
_LOOK = Prepared(
    select(*(column for columns in _PARTS.values() for column in columns))
    .join_from(_directory, _merchants, _merchants.c.id == _directory.c.merchant_id)
    .join(
        _cards,
        (_cards.c.merchant_id == _directory.c.merchant_id)
        & (_cards.c.id == _directory.c.subject_id),
    )
    .join(
        _templates,
        (_templates.c.merchant_id == _cards.c.merchant_id)
        & (_templates.c.id == _cards.c.template_id),
    )
    .outerjoin(
        _accounts,
        (_accounts.c.merchant_id == _cards.c.merchant_id)
        & (_accounts.c.wallet == bindparam("of_wallet"))
        & _accounts.c.pending.is_(False),
    )
    .outerjoin(
        _installations,
        (_installations.c.merchant_id == _cards.c.merchant_id)
        & (_installations.c.card_id == _cards.c.id)
        & (_installations.c.wallet == bindparam("of_wallet"))
        & (_installations.c.status == "active"),
    )
    .where(_directory.c.kind == bindparam("kind"), _directory.c.key == bindparam("key"))
    .order_by(*accounts.NEWEST_FIRST),
    _PARTS,
)
_PLACES = (
    select(_locations)
    .where(_locations.c.merchant_id == bindparam("of_merchant"))
    .order_by(_locations.c.created_at, _locations.c.id)
)


@dataclass(frozen=True, slots=True, repr=False)
class Seen:
    """A card with what its pass in one wallet needs: rows of ``card``, ``merchant`` (with
    ``has_places``) and ``template``, the merchant's ``accounts`` there, the newest first, and the
    active ``installations`` there, with ``fetches.COLUMNS``."""

    wallet: str
    card: Any
    merchant: Any
    template: Any
    accounts: Sequence[Any]
    installations: Sequence[Any]


def look(connection: Connection, kind: Known, key: str, wallet: str) -> Seen | None:
    """The card that the directory has under ``key``; None when there is none.

    All in one statement: to ask takes many times as long as to find.
    """
    if "\x00" in key:
        return None  # no database can hold such a name, and PostgreSQL will not even look for it
    # One for each of the card's installations and each of the merchant's accounts: a few.
    rows = _LOOK.ask(connection, kind=kind.value, key=key, of_wallet=wallet)
    if not rows:
        return None
    return Seen(
        wallet,
        rows[0]["card"],
        rows[0]["merchant"],
        rows[0]["template"],
        _different((row["account"] for row in rows), "id"),
        _different((row["installation"] for row in rows), "device"),
    )


def draw_seen(store: Store, seen: Seen, base_url: str, now: datetime) -> PassContent:
    """``draw`` of what ``look`` saw, without a further look wherever that is enough."""
    places = []
    if seen.merchant.has_places:
        with store.look_all() as connection:
            own = {"of_merchant": seen.merchant.id}
            places = places_of(connection.execute(_PLACES, own))
    with _LateSession(store, seen.merchant.id) as session:
        session.info["business"] = business_of(store.vault, seen.merchant)
        session.info["templates"] = {seen.template.id: seen.template}
        session.info[accounts.READ] = seen.accounts
        session.info["places"] = places
        return draw(cast(Session, session), seen.card, seen.wallet, base_url, now)


class _LateSession:
    """A session of the merchant that begins when the database is asked for anything.

    What ``draw`` wants to know of every card stands in ``info`` already; what it wants of some (the
    first of a design) it finds as usual.
    """

    def __init__(self, store: Store, merchant_id: UUID) -> None:
        self.info: dict[str, Any] = {"merchant_id": merchant_id, "vault": store.vault}
        self._store = store
        self._begun = ExitStack()

    def __enter__(self) -> _LateSession:
        return self

    def __exit__(self, *error: Any) -> None:
        self._begun.__exit__(*error)

    @cached_property
    def _session(self) -> Session:
        session = self._begun.enter_context(self._store.read(self.info["merchant_id"]))
        session.info.update(self.info)
        self.info = session.info
        return session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


def _different(lines: Iterable[Line], key: str) -> list[Line]:
    """Each once. What an outer join did not find has no key."""
    found = {getattr(line, key): line for line in lines}
    found.pop(None, None)
    return list(found.values())
