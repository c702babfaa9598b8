"""What the wallets' own web routes may ask of the domain; each call is one transaction."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import select

from passes import ids
from passes.cards import cards, installations, links
from passes.cards.models import Card, Installation
from passes.content.draw import draw
from passes.delivery.offers import follow
from passes.merchants import directory
from passes.merchants.directory import Found, Known
from passes.merchants.merchants import business
from passes.store import Store
from passes.wallet_port import Changes, NoSuchCard, PassContent


class DomainIssuer:
    """The Issuer of the port."""

    def __init__(self, store: Store, base_url: str, now: Callable[[], datetime]) -> None:
        self._store = store
        self._base_url = base_url
        self._now = now

    def knows(self, serial: str, secret: str) -> bool:
        found = self._find(Known.SERIAL, serial)
        if found is None:
            # As long as for a card that exists, so that guessing serials tells nothing.
            hmac.compare_digest(secret.encode(), ids.fingerprint(serial)[:22].encode())
            return False
        with self._store.read(found.merchant_id) as session:
            right = links.wallet_secret(business(session).token_key, found.subject_id)
        return hmac.compare_digest(secret.encode(), right.encode())

    def content(self, wallet: str, serial: str, secret: str) -> PassContent:
        if not self.knows(serial, secret):
            raise NoSuchCard
        return self._draw(wallet, self._find(Known.SERIAL, serial))

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
        since = int(tag) if tag is not None and tag.isdecimal() and len(tag) < 19 else 0
        with self._store.read_all() as session:
            rows = session.execute(
                select(Card.serial_number, Card.change_tag)
                .join(
                    Installation,
                    (Installation.merchant_id == Card.merchant_id)
                    & (Installation.card_id == Card.id),
                )
                .where(
                    Installation.wallet == wallet,
                    Installation.device == device,
                    Installation.status == "active",
                    Card.change_tag > since,
                )
                .order_by(Card.change_tag)
            ).all()
        newest = max((row.change_tag for row in rows), default=since)
        return Changes(tuple(row.serial_number for row in rows), str(newest))

    def _draw(self, wallet: str, found: Found | None) -> PassContent:
        if found is None:
            raise NoSuchCard
        with self._store.read(found.merchant_id) as session:
            card = cards.get(session, found.subject_id)
            return draw(session, card, wallet, self._base_url, self._now())

    def _card(self, serial: str) -> Found:
        found = self._find(Known.SERIAL, serial)
        if found is None:
            raise NoSuchCard
        return found

    def _find(self, kind: Known, key: str) -> Found | None:
        with self._store.read_all() as session:
            return directory.find(session, kind, key)
