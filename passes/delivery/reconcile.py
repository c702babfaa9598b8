"""Asks vendors that keep the pass, each night, who has it: what they told may have got lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

import structlog
from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from passes import clock
from passes.card_templates.kinds import KINDS, Kind
from passes.card_templates.models import CardTemplate
from passes.cards import cards
from passes.cards.models import Card, Delivery, Installation
from passes.delivery.models import Reconciliation
from passes.delivery.vendor_events import set_saved
from passes.merchants.accounts import wallet_accounts
from passes.merchants.merchants import business
from passes.merchants.models import Merchant
from passes.store import Store, lock_name, merchant_of
from passes.wallet_port import Account, Reconciles, Style, Wallet, WalletError

RECONCILING_HOUR = 4
"""On the merchant's clock."""
CHUNK = 500
SETTLED = timedelta(hours=1)
"""What is younger than this may be newer than the vendor's list."""

log = structlog.get_logger("treuepass.delivery")


@dataclass(frozen=True, slots=True)
class _Asked:
    """One merchant's passes of one design, to be asked for in one wallet."""

    merchant_id: UUID
    template_id: UUID
    style: Style


def reconcile_due(
    store: Store,
    wallets: Mapping[str, Wallet],
    now: Callable[[], datetime],
    goes_on: Callable[[], bool] = lambda: True,
) -> None:
    """Every merchant whose night has come, unless ``goes_on`` says no more.

    Talks to vendors for as long as they take, so it must not stand in anybody's way.
    """
    asking = [wallet for wallet in wallets.values() if isinstance(wallet, Reconciles)]
    with store.read_all() as session:
        merchant_ids = session.scalars(select(Merchant.id)).all() if asking else ()
    for merchant_id in merchant_ids:
        for wallet in asking:
            if not goes_on():
                return
            reconcile_when_due(store, wallet, merchant_id, now(), goes_on)


def reconcile_when_due(
    store: Store,
    wallet: Reconciles,
    merchant_id: UUID,
    now: datetime,
    goes_on: Callable[[], bool] = lambda: True,
) -> bool:
    """Corrects where the merchant's cards are by what the vendor says, once a night (R-INST-4).

    Whether it was this one's turn. Trouble with the vendor ends it until the next night.
    """
    with store.read(merchant_id) as session:
        if not _is_due(session, wallet.kind, now):
            return False
        asked = _to_ask(session, wallet.kind)
        accounts = wallet_accounts(session, wallet.kind) or (None,)
    if not asked or not _claim(store, merchant_id, wallet.kind, now):
        return False
    try:
        for each in asked:
            _reconcile(store, wallet, each, accounts, now, goes_on)
    except WalletError as error:
        log.warning(
            "reconciling_stopped",
            merchant_id=str(merchant_id),
            wallet=wallet.kind,
            error=type(error).__name__,
        )
    return True


def _is_due(session: Session, wallet: str, now: datetime) -> bool:
    merchant_id = merchant_of(session)
    row = session.get(Reconciliation, (merchant_id, wallet))
    since = row.started_at if row else session.get_one(Merchant, merchant_id).created_at
    return since < clock.last_at_hour(now, RECONCILING_HOUR, business(session).time_zone)


def _claim(store: Store, merchant_id: UUID, wallet: str, now: datetime) -> bool:
    """False when another worker was faster. Who dies after this leaves it to the next night."""
    with store.write(merchant_id) as session:
        lock_name(session, "reconciliation", wallet)
        if not _is_due(session, wallet, now):
            return False
        session.merge(Reconciliation(merchant_id=merchant_id, wallet=wallet, started_at=now))
        session.flush()
        return True


def _to_ask(session: Session, wallet: str) -> list[_Asked]:
    """The designs of which some card was handed out for this wallet."""
    merchant_id = merchant_of(session)
    handed_out = exists().where(
        Card.merchant_id == merchant_id,
        Card.template_id == CardTemplate.id,
        Delivery.merchant_id == merchant_id,
        Delivery.card_id == Card.id,
        Delivery.wallet == wallet,
    )
    rows = session.execute(
        select(CardTemplate.id, CardTemplate.kind)
        .where(CardTemplate.merchant_id == merchant_id, handed_out)
        .order_by(CardTemplate.id)
    )
    return [_Asked(merchant_id, row.id, KINDS[Kind(row.kind)].style) for row in rows]


def _reconcile(
    store: Store,
    wallet: Reconciles,
    asked: _Asked,
    accounts: tuple[Account | None, ...],
    now: datetime,
    goes_on: Callable[[], bool],
) -> None:
    """With several accounts, passes that one does not have may be held under another: who has one
    is noted for all of them first."""
    rounds = ({True, False},) if len(accounts) == 1 else ({True}, {False})
    for heeded in rounds:
        for account in accounts:
            held = wallet.held(asked.template_id.hex, asked.style, account)
            for chunk in _chunks(held):
                if not goes_on():
                    return
                said = {serial: has for serial, has in chunk.items() if has in heeded}
                _correct(store, wallet.kind, asked, said, now, note=len(accounts) > 1)


def _chunks(held: Iterator[tuple[str, bool]]) -> Iterator[dict[str, bool]]:
    while chunk := dict(islice(held, CHUNK)):
        yield chunk


def _correct(
    store: Store, wallet: str, asked: _Asked, said: Mapping[str, bool], now: datetime, *, note: bool
) -> None:
    """Each card that differs in a transaction of its own, as if the vendor had told of it now."""
    with store.read(asked.merchant_id) as session:
        known = _known(session, wallet, asked.template_id, said)
    if note and (held := [card_id for card_id, serial, active in known if active and said[serial]]):
        with store.write(asked.merchant_id) as session:
            _note_seen(session, wallet, held, now)
    for card_id, serial, active in known:
        if active == said[serial]:
            continue
        with store.write(asked.merchant_id) as session:
            card = cards.get(session, card_id, locked=True)
            row = session.get(Installation, (card.merchant_id, card.id, wallet, wallet))
            if row is None or max(row.last_seen_at, row.changed_at) < now - SETTLED:
                set_saved(session, card, wallet, said[serial], now)


def _known(
    session: Session, wallet: str, template_id: UUID, said: Mapping[str, bool]
) -> list[tuple[UUID, str, bool]]:
    """Id and serial number of our cards among those, and whether we think that somebody has it."""
    merchant_id = merchant_of(session)
    rows = session.execute(
        select(Card.id, Card.serial_number, Installation.status)
        .outerjoin(
            Installation,
            (Installation.merchant_id == merchant_id)
            & (Installation.card_id == Card.id)
            & (Installation.wallet == wallet)
            & (Installation.device == wallet),
        )
        .where(
            Card.merchant_id == merchant_id,
            Card.template_id == template_id,
            Card.serial_number.in_(said),
        )
        .order_by(Card.id)
    )
    return [(row.id, row.serial_number, row.status == "active") for row in rows]


def _note_seen(session: Session, wallet: str, card_ids: list[UUID], now: datetime) -> None:
    session.execute(
        update(Installation)
        .where(
            Installation.merchant_id == merchant_of(session),
            Installation.card_id.in_(card_ids),
            Installation.wallet == wallet,
            Installation.device == wallet,
            Installation.last_seen_at < now,
        )
        .values(last_seen_at=now)
    )
