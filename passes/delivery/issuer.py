"""What the wallets' own web routes may ask of the domain; each call is one transaction."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from passes import ids
from passes.cards import (
    cards,
    fetches,
    installations,
    links,
    listeners,
    page_events,
    personalise,
)
from passes.cards.models import Card, Installation
from passes.content.at_once import Seen, draw_seen, look
from passes.content.draw import draw
from passes.content.page import page_of, rating
from passes.delivery import pages, reports, turns, vendor_events
from passes.delivery.agreed_clock import AgreedClock
from passes.delivery.fetch_notes import FetchNotes
from passes.delivery.offers import follow
from passes.feedback import feedback
from passes.merchants import directory
from passes.merchants.directory import Found, Known
from passes.merchants.merchants import business_of, token_key_of
from passes.merchants.models import WalletAccount
from passes.prepared import Line, Prepared
from passes.store import Store, table_of
from passes.wallet_port import (
    CardFacts,
    CardPage,
    Changes,
    Complaint,
    NoSuchCard,
    PageEvent,
    PassContent,
    Rating,
    SaveEvent,
)

_cards, _places, _accounts = table_of(Card), table_of(Installation), table_of(WalletAccount)

# Made once: devices ask these all the time.
_SERVES = (
    select(_accounts.c.id)
    .where(
        _accounts.c.wallet == bindparam("of_wallet"),
        _accounts.c.name == bindparam("name"),
        _accounts.c.pending.is_(False),
    )
    .limit(1)
)
_COLUMNS = (
    _cards.c.merchant_id,
    _cards.c.id,
    _cards.c.serial_number,
    _cards.c.change_tag,
    _cards.c.version,
    _places.c.told_version,
    _places.c.fetched_version,
)
_ON_DEVICE = Prepared(
    select(*_COLUMNS)
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
    .order_by(_cards.c.change_tag),
    {"card": _COLUMNS},
)
_LONGEST_TAG = 18
"""Digits of a tag that any database can compare; none of ours will ever be longer."""


def _of(facts: CardFacts) -> Seen:
    if not isinstance(facts.card, Seen):
        raise NoSuchCard
    return facts.card


class DomainIssuer:
    """The Issuer of the port."""

    def __init__(self, store: Store, base_url: str, now: Callable[[], datetime]) -> None:
        self._store = store
        self._base_url = base_url
        self._now = now
        self._agreed_now = AgreedClock(store, now)
        self._fetches = FetchNotes(store)

    def knows(self, serial: str, secret: str) -> bool:
        return self._proved("", serial, secret) is not None

    def facts(self, wallet: str, serial: str, secret: str) -> CardFacts:
        seen = self._proved(wallet, serial, secret)
        if seen is None:
            raise NoSuchCard
        card = seen.card
        return CardFacts(
            version=card.version,
            changed_at=card.changed_at,
            account_names=frozenset(account.name for account in seen.accounts),
            fetch_is_news=bool(fetches.credit(seen.installations, card.version, self._now())),
            card=seen,
        )

    def drawn(self, wallet: str, facts: CardFacts) -> PassContent:
        return self._drawn(_of(facts))

    def content(self, wallet: str, serial: str, secret: str) -> PassContent:
        return self._drawn(self._proved(wallet, serial, secret))

    def page(self, wallet: str, token: str) -> PassContent:
        with self._store.look_all() as connection:
            seen = look(connection, Known.PAGE_TOKEN, ids.fingerprint(token), wallet)
        return self._drawn(seen)

    def card_page(self, wallet: str, token: str) -> CardPage:
        with self._store.look_all() as connection:
            seen = look(connection, Known.PAGE_TOKEN, ids.fingerprint(token), wallet)
        if seen is None:
            raise NoSuchCard
        content = self._drawn(seen)
        with self._store.read(seen.merchant.id) as session:
            session.info["business"] = business_of(self._store.vault, seen.merchant)
            return page_of(session, seen.card, seen.template, content, self._base_url, self._now())

    def versions(self, wallet: str, tokens: Collection[str]) -> Mapping[str, int]:
        return pages.versions(self._store, tokens)

    def happened(self, wallet: str, token: str, event: PageEvent) -> bool:
        with pages.writing(self._store, token) as (session, card):
            return page_events.count(session, card, event, self._now())

    def rated(self, wallet: str, token: str, stars: int, comment: str) -> Rating:
        now = self._now()
        with pages.writing(self._store, token) as (session, card):
            return rating(feedback.give(session, card, stars, comment, "page", now), now)

    def listening(
        self,
        wallet: str,
        serial: str,
        device: str,
        address: Mapping[str, str],
        at: datetime | None = None,
    ) -> bool:
        with pages.refusing(), self._locked(serial) as (session, card):
            moment = at or self._now()
            follow(session, card, wallet, card.version, moment)
            return listeners.listen(session, card, wallet, device, address, moment)

    def silent(self, wallet: str, serial: str, device: str, at: datetime | None = None) -> bool:
        with self._locked(serial) as (session, card):
            return listeners.fall_silent(session, card, wallet, device)

    def installed(
        self,
        wallet: str,
        serial: str,
        device: str,
        address: Mapping[str, str],
        at: datetime | None = None,
    ) -> bool:
        with self._locked(serial) as (session, card):
            moment = at or self._now()
            follow(session, card, wallet, card.version, moment)
            return installations.install(session, card, wallet, device, address, moment)

    def removed(self, wallet: str, serial: str, device: str, at: datetime | None = None) -> bool:
        with self._locked(serial) as (session, card):
            return installations.remove(session, card, wallet, device, at or self._now())

    def heard(self, wallet: str, event: SaveEvent) -> bool:
        with self._locked(event.serial) as (session, card):
            return vendor_events.hear(session, card, wallet, event, self._now())

    def turn(self, wallet: str, subject: str, pace: float, *, urgent: bool) -> float:
        self._agreed_now.compare()
        now = self._agreed_now()
        return turns.take(self._store, wallet, subject, pace, now, urgent=urgent)

    def changed_since(self, wallet: str, device: str, tag: str | None) -> Changes:
        since = _number(tag)
        with self._store.look_all() as connection:
            found = _ON_DEVICE.ask(connection, of_wallet=wallet, of_device=device)
        rows = [each["card"] for each in found]
        named = [
            row
            for row in rows
            if row.change_tag > since or row.version > self._fetched_version(wallet, device, row)
        ]
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
        seen, now = _of(facts), self._now()
        counted = fetches.credit(seen.installations, version, now)
        key = seen.card.merchant_id, seen.card.id, seen.wallet
        self._fetches.add(
            fetches.Fetched(fetches.Place(*key, device), as_version, now)
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
        with self._locked(serial) as (session, card):
            personalise.personalise(session, card, given, self._now())

    def _drawn(self, seen: Seen | None) -> PassContent:
        if seen is None:
            raise NoSuchCard
        return draw_seen(self._store, seen, self._base_url, self._now())

    def _proved(self, wallet: str, serial: str, secret: str) -> Seen | None:
        """The card of this serial number, if the secret is its own."""
        with self._store.look_all() as connection:
            seen = look(connection, Known.SERIAL, serial, wallet)
        # As long for a card that does not exist, so that guessing serials tells nothing.
        key, card_id = b"", UUID(int=0)
        if seen is not None:
            key = token_key_of(self._store.vault, seen.merchant.id, seen.merchant)
            card_id = seen.card.id
        right = links.wallet_secret(key, card_id)
        is_right = hmac.compare_digest(secret.encode(), right.encode())
        return seen if is_right else None

    def _fetched_version(self, wallet: str, device: str, row: Line) -> int:
        """What the device has of a card (a row of ``_ON_DEVICE``)."""
        place = fetches.Place(row.merchant_id, row.id, wallet, device)
        return max(int(row.fetched_version), self._fetches.version(place))

    @contextmanager
    def _locked(self, serial: str) -> Iterator[tuple[Session, Card]]:
        """The card in a transaction of its merchant, locked until that ends. Raises NoSuchCard."""
        found = self._card(serial)
        with self._store.write(found.merchant_id) as session:
            yield session, cards.get(session, found.subject_id, locked=True)

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
