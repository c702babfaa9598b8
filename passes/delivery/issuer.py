"""What the wallets' own web routes may ask of the domain; each call is one transaction."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Row, Select, bindparam, select

from passes.cards import cards, fetches, installations, links, personalise
from passes.cards.models import Card, Installation
from passes.content.at_once import draw_at_once
from passes.content.draw import draw
from passes.delivery import reports
from passes.delivery.fetch_notes import FetchNotes
from passes.delivery.offers import follow
from passes.merchants import directory
from passes.merchants.directory import Found, Known
from passes.merchants.merchants import token_key_of
from passes.merchants.models import DirectoryEntry, Merchant, WalletAccount
from passes.store import Store, table_of
from passes.wallet_port import (
    CardFacts,
    Changes,
    Complaint,
    NoSuchCard,
    PassContent,
)

_directory, _merchants, _cards = table_of(DirectoryEntry), table_of(Merchant), table_of(Card)
_places, _accounts = table_of(Installation), table_of(WalletAccount)

# Made once: devices ask these all the time.
_BY_SERIAL = (
    select(
        _cards.c.merchant_id,
        _cards.c.id,
        _cards.c.version,
        _cards.c.changed_at,
        _merchants.c.wrapped_key,
        _merchants.c.sealed_token_key,
    )
    .join_from(_directory, _merchants, _merchants.c.id == _directory.c.merchant_id)
    .join(
        _cards,
        (_cards.c.merchant_id == _directory.c.merchant_id)
        & (_cards.c.id == _directory.c.subject_id),
    )
    .where(_directory.c.kind == Known.SERIAL.value, _directory.c.key == bindparam("serial"))
)
# A row for each of the card's installations and each of the merchant's accounts: a few.
_FACTS = (
    _BY_SERIAL.add_columns(
        _accounts.c.name,
        *fetches.COLUMNS,
    )
    .outerjoin(
        _accounts,
        (_accounts.c.merchant_id == _cards.c.merchant_id)
        & (_accounts.c.wallet == bindparam("of_wallet"))
        & _accounts.c.pending.is_(False),
    )
    .outerjoin(
        _places,
        (_places.c.merchant_id == _cards.c.merchant_id)
        & (_places.c.card_id == _cards.c.id)
        & (_places.c.wallet == bindparam("of_wallet"))
        & (_places.c.status == "active"),
    )
)
_SERVES = (
    select(_accounts.c.id)
    .where(
        _accounts.c.wallet == bindparam("of_wallet"),
        _accounts.c.name == bindparam("name"),
        _accounts.c.pending.is_(False),
    )
    .limit(1)
)
_ON_DEVICE = (
    select(
        _cards.c.merchant_id,
        _cards.c.id,
        _cards.c.serial_number,
        _cards.c.change_tag,
        _cards.c.version,
        _places.c.told_version,
        _places.c.fetched_version,
    )
    .join_from(
        _places,
        _cards,
        (_places.c.merchant_id == _cards.c.merchant_id) & (_places.c.card_id == _cards.c.id),
    )
    .where(
        _places.c.wallet == bindparam("of_wallet"),
        _places.c.device == bindparam("of_device"),
        _places.c.status == "active",
    )
    .order_by(_cards.c.change_tag)
)
_LONGEST_TAG = 18
"""Digits of a tag that any database can compare; none of ours will ever be longer."""


class _Card(NamedTuple):
    """What ``facts`` found and its caller may hand back: the card, and where it is installed."""

    found: Found
    places: Sequence[Row[Any]]


def _of(facts: CardFacts) -> _Card:
    if not isinstance(facts.card, _Card):
        raise NoSuchCard
    return facts.card


class DomainIssuer:
    """The Issuer of the port."""

    def __init__(self, store: Store, base_url: str, now: Callable[[], datetime]) -> None:
        self._store = store
        self._base_url = base_url
        self._now = now
        self._fetches = FetchNotes(store, now)

    def knows(self, serial: str, secret: str) -> bool:
        with self._store.look_all() as connection:
            return bool(self._prove(connection, serial, secret, _BY_SERIAL))

    def facts(self, wallet: str, serial: str, secret: str) -> CardFacts:
        with self._store.look_all() as connection:
            rows = self._prove(connection, serial, secret, _FACTS, of_wallet=wallet)
        if not rows:
            raise NoSuchCard
        first = rows[0]
        places = {row.device: row for row in rows if row.device is not None}
        card = _Card(Found(first.merchant_id, first.id), [*places.values()])
        return CardFacts(
            version=first.version,
            changed_at=first.changed_at,
            account_names=frozenset(row.name for row in rows if row.name is not None),
            fetch_is_news=bool(fetches.credit(card.places, first.version, self._now())),
            card=card,
        )

    def drawn(self, wallet: str, facts: CardFacts) -> PassContent:
        return self._draw(wallet, _of(facts).found)

    def content(self, wallet: str, serial: str, secret: str) -> PassContent:
        with self._store.look_all() as connection:
            rows = self._prove(connection, serial, secret, _BY_SERIAL)
        return self._draw(wallet, Found(rows[0].merchant_id, rows[0].id) if rows else None)

    def page(self, wallet: str, token: str) -> PassContent:
        return self._draw(wallet, self._find(Known.PAGE_TOKEN, token))

    def installed(
        self,
        wallet: str,
        serial: str,
        device: str,
        address: Mapping[str, str],
        at: datetime | None = None,
    ) -> bool:
        found = self._card(serial)
        with self._store.write(found.merchant_id) as session:
            card = cards.get(session, found.subject_id, locked=True)
            moment = at or self._now()
            follow(session, card, wallet, card.version, moment)
            return installations.install(session, card, wallet, device, address, moment)

    def removed(self, wallet: str, serial: str, device: str, at: datetime | None = None) -> bool:
        found = self._card(serial)
        with self._store.write(found.merchant_id) as session:
            card = cards.get(session, found.subject_id, locked=True)
            return installations.remove(session, card, wallet, device, at or self._now())

    def changed_since(self, wallet: str, device: str, tag: str | None) -> Changes:
        since = _number(tag)
        with self._store.look_all() as connection:
            key = {"of_wallet": wallet, "of_device": device}
            rows = connection.execute(_ON_DEVICE, key).all()
        named = [row for row in rows if row.change_tag > since or row.version > row.fetched_version]
        news = [row for row in named if row.version > row.told_version]
        if news:
            with self._store.note_all() as connection:
                told = [fetches.Told(row.merchant_id, row.id, row.version) for row in news]
                fetches.record_told(connection, wallet, device, told)
        newest = max((row.change_tag for row in named), default=since)
        if named and since >= newest:
            # Changes that were committed out of order, or not fetched the last time. A device that
            # is told of something under the tag that it asked with takes that for a fault; the tag
            # may run ahead, because what was not fetched is named whatever its tag is.
            newest = since + 1
        return Changes(tuple(row.serial_number for row in named), str(newest))

    def fetched(self, wallet: str, facts: CardFacts, version: int) -> None:
        card = _of(facts)
        counted = fetches.credit(card.places, version, self._now())
        self._fetches.add(
            fetches.Fetched(*card.found, wallet, device, as_version)
            for device, as_version in counted.items()
        )

    def serves(self, wallet: str, name: str) -> bool:
        with self._store.read_all() as session:
            return session.execute(_SERVES, {"of_wallet": wallet, "name": name}).first() is not None

    def reported(self, wallet: str, subject: str, complaints: Mapping[Complaint, int]) -> None:
        with self._store.write_all() as session:
            reports.count(session, wallet, subject, complaints, self._now())

    def asks(self, wallet: str, serial: str) -> PassContent:
        found = self._card(serial)
        with self._store.read(found.merchant_id) as session:
            card = cards.get(session, found.subject_id)
            if personalise.asked_for(session, card) is None:
                raise NoSuchCard
            return draw(session, card, wallet, self._base_url, self._now())

    def personalised(self, wallet: str, serial: str, given: Mapping[str, str]) -> None:
        found = self._card(serial)
        with self._store.write(found.merchant_id) as session:
            card = cards.get(session, found.subject_id, locked=True)
            personalise.personalise(session, card, given, self._now())

    def _draw(self, wallet: str, found: Found | None) -> PassContent:
        if found is None:
            raise NoSuchCard
        drawn = draw_at_once(self._store, *found, wallet, self._base_url, self._now())
        if drawn is None:
            raise NoSuchCard
        return drawn

    def _prove(
        self, connection: Connection, serial: str, secret: str, query: Select[Any], **asked: str
    ) -> Sequence[Row[Any]]:
        """What the query, one that begins as ``_BY_SERIAL``, finds of the card; nothing unless the
        secret is its own. Whose it is comes out here."""
        rows: Sequence[Row[Any]] = ()
        if "\x00" not in serial:  # which no database will look for
            rows = connection.execute(query, {"serial": serial, **asked}).all()
        # As long for a card that does not exist, so that guessing serials tells nothing.
        key, card_id = b"", UUID(int=0)
        if rows:
            key = token_key_of(self._store.vault, rows[0].merchant_id, rows[0])
            card_id = rows[0].id
        right = links.wallet_secret(key, card_id)
        is_right = hmac.compare_digest(secret.encode(), right.encode())
        return rows if rows and is_right else ()

    def _card(self, serial: str) -> Found:
        found = self._find(Known.SERIAL, serial)
        if found is None:
            raise NoSuchCard
        return found

    def _find(self, kind: Known, key: str) -> Found | None:
        with self._store.read_all() as session:
            return directory.find(session, kind, key)


def _number(tag: str | None) -> int:
    """The tag as it was given out; 0, which is older than all, for what none of ours can be."""
    if tag is None or not (tag.isascii() and tag.isdecimal() and len(tag) <= _LONGEST_TAG):
        return 0
    return int(tag)
