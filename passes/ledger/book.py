"""Writes one booking to the ledger with all that follows from it, in one transaction (R-LED-3).

The path of a till: it is written in plain statements that are built once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from passes import ids
from passes.card_templates.kinds import Kind
from passes.card_templates.models import CardTemplate
from passes.card_templates.templates import definition_of
from passes.cards import expiry
from passes.cards.change import next_version, want_delivery
from passes.cards.models import UNITS, Card
from passes.errors import Conflict, NotFound
from passes.ledger.figures import units_of
from passes.ledger.kinds.base import Booking
from passes.ledger.models import LedgerEntry
from passes.merchants.merchants import business
from passes.store import merchant_of, next_change_tag, rows_changed, table_of
from passes.wallet_port import Reason

SAME_VISIT = timedelta(minutes=5)

_cards = table_of(Card)
_templates = table_of(CardTemplate)
_entries = table_of(LedgerEntry)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who posts: ``kind`` is staff, api, system or automation; ``role`` is that of D.22.

    Programs act with the rights of an owner within the scopes of their key.
    """

    kind: str
    id: str | None
    channel: str
    role: str = "owner"


@dataclass(frozen=True, slots=True)
class Posting:
    """What is asked for. ``purchase`` in minor units, None for none; ``value`` as the verb says.

    ``options``: what the verb takes besides, see ``kinds.base.Asked``. ``override``: limits and
    the like shall not stop it, for which ``comment`` gives the reason (R-EARN-2). ``again``: yes,
    once more (R-LED-5).
    """

    verb: str
    value: int | None = None
    purchase: int | None = None
    comment: str | None = None
    items: list[dict[str, Any]] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    override: bool = False
    again: bool = False
    reward_id: UUID | None = None
    referral_id: UUID | None = None
    location_id: UUID | None = None
    occurred_at: datetime | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """The entry and the card as they stand now; attributes are those of the tables' columns.

    ``card`` also carries ``kind`` and ``definition`` of its template.
    """

    entry: Any
    card: Any


def _card_for_update(condition: Any) -> Any:
    return (
        select(
            *_cards.c,
            _templates.c.kind,
            _templates.c.status.label("template_status"),
            _templates.c.version.label("template_newest"),
        )
        .join(
            _templates,
            (_templates.c.merchant_id == _cards.c.merchant_id)
            & (_templates.c.id == _cards.c.template_id),
        )
        .where(_cards.c.merchant_id == bindparam("of_merchant"), condition)
        .with_for_update(of=_cards)
    )


_BY_ID = _card_for_update(_cards.c.id == bindparam("name"))
_BY_SERIAL = _card_for_update(_cards.c.serial_number == bindparam("name"))
_INSERT = insert(_entries)
_UPDATE = (
    update(_cards)
    .where(
        _cards.c.merchant_id == bindparam("of_merchant"),
        _cards.c.id == bindparam("of_card"),
        _cards.c.ledger_seq == bindparam("seq_before"),
    )
    .values(
        {
            **{unit: bindparam(unit) for unit in UNITS},
            "ledger_seq": bindparam("seq"),
            "last_redemption_at": bindparam("last_redemption_at"),
            "last_added_at": bindparam("last_added_at"),
            "last_visit_at": bindparam("last_visit_at"),
            "expires_at": bindparam("expires_at"),
            "terms": bindparam("terms"),
            "units_expire_at": bindparam("units_expire_at"),
            "wakes_at": bindparam("wakes_at"),
            "version": bindparam("version"),
            "changed_at": bindparam("changed_at"),
            "change_tag": next_change_tag(),
        }
    )
)


def lock(session: Session, name: str) -> SimpleNamespace:
    """The card, locked until the transaction ends, with its template's kind and definition."""
    parameters: dict[str, Any] = {"of_merchant": merchant_of(session)}
    try:
        statement, parameters["name"] = _BY_ID, UUID(name)
    except ValueError:
        statement, parameters["name"] = _BY_SERIAL, ids.read_serial_number(name) or ""
    row = session.execute(statement, parameters).one_or_none()
    if row is None:
        raise NotFound("card")
    card = SimpleNamespace(**row._mapping)
    card.kind = Kind(card.kind)
    card.definition = definition_of(session, card.template_id, card.template_newest, card.kind)
    return card


def write(
    session: Session,
    card: SimpleNamespace,
    booking: Booking,
    posting: Posting,
    actor: Actor,
    now: datetime,
    *,
    entry_id: UUID | None = None,
    reverses_id: UUID | None = None,
) -> Posted:
    """Entry, figures, expiry, version and deliveries: all or nothing."""
    occurred_at = posting.occurred_at or now
    deltas = dict.fromkeys(UNITS, 0) | dict(booking.deltas)
    deltas["purchases"] = posting.purchase or 0
    if booking.is_one_visit and not _is_same_visit(session, card, actor, occurred_at):
        deltas["total_visits"] += 1
    for unit in UNITS:
        setattr(card, unit, getattr(card, unit) + deltas[unit])
    seq_before = card.ledger_seq
    card.ledger_seq += 1
    entry = {
        "merchant_id": card.merchant_id,
        "id": entry_id or ids.new_id(),
        "card_id": card.id,
        "seq": card.ledger_seq,
        "type": booking.type,
        "is_visit": booking.is_visit,
        "purchase_amount": posting.purchase,
        "items": posting.items,
        "details": booking.details,
        "terms": booking.terms,
        "activity": booking.activity,
        "reward_id": posting.reward_id,
        "referral_id": posting.referral_id,
        "comment": posting.comment,
        "reverses_id": reverses_id,
        "reversed_by_id": None,
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "location_id": posting.location_id,
        "channel": actor.channel,
        "occurred_at": occurred_at,
        "recorded_at": now,
        "idempotency_key": posting.idempotency_key,
        "balance_after": units_of(card),
        **deltas,
    }
    session.execute(_INSERT, [entry])
    _move_dates(session, card, booking, occurred_at)
    _settle_terms(session, card, booking)
    changes = next_version(card, now)
    card.version, card.changed_at = changes["version"], changes["changed_at"]
    updated = session.execute(
        _UPDATE,
        {
            **{unit: getattr(card, unit) for unit in UNITS},
            "of_merchant": card.merchant_id,
            "of_card": card.id,
            "seq_before": seq_before,
            "seq": card.ledger_seq,
            "last_redemption_at": card.last_redemption_at,
            "last_added_at": card.last_added_at,
            "last_visit_at": card.last_visit_at,
            "expires_at": card.expires_at,
            "terms": card.terms,
            "units_expire_at": card.units_expire_at,
            "wakes_at": card.wakes_at,
            "version": card.version,
            "changed_at": card.changed_at,
        },
    )
    if rows_changed(updated) != 1:
        raise Conflict("The card changed at the same moment; try again.", code="CHANGED_MEANWHILE")
    want_delivery(session, card.id, card.version, Reason.BALANCE, now)
    return Posted(SimpleNamespace(**entry), card)


def _is_same_visit(session: Session, card: Any, actor: Actor, occurred_at: datetime) -> bool:
    """Whether this actor booked a visit on the card in the five minutes before (D.3)."""
    if card.last_visit_at is None or card.last_visit_at < occurred_at - SAME_VISIT:
        return False
    return bool(
        session.scalar(
            select(func.count())
            .select_from(_entries)
            .where(
                _entries.c.merchant_id == card.merchant_id,
                _entries.c.card_id == card.id,
                _entries.c.is_visit.is_(True),
                _entries.c.reversed_by_id.is_(None),
                _entries.c.actor_id.is_not_distinct_from(actor.id),
                _entries.c.occurred_at > occurred_at - SAME_VISIT,
                _entries.c.occurred_at <= occurred_at,
            )
        )
    )


def _move_dates(session: Session, card: Any, booking: Booking, occurred_at: datetime) -> None:
    """Last redemption, addition and visit; and the expiry that slides with the visit."""
    visit_before = card.last_visit_at
    if booking.type == "reverse":
        _recall_dates(session, card)
    else:
        for moves, column in (
            (booking.redeems, "last_redemption_at"),
            (booking.adds, "last_added_at"),
            (booking.is_visit, "last_visit_at"),
        ):
            if moves:
                setattr(card, column, max(getattr(card, column) or occurred_at, occurred_at))
    rule = card.definition.expiry
    slides = rule.kind == "days_after_last_visit" and card.expiry_mode == "rule"
    if slides and card.last_visit_at != visit_before:
        card.expires_at = expiry.by_rule(
            rule,
            issued_at=card.issued_at,
            last_visit_at=card.last_visit_at,
            time_zone=business(session).time_zone,
        )


def _settle_terms(session: Session, card: Any, booking: Booking) -> None:
    """A membership's terms are those of the newest entry that counts and has any."""
    if booking.type == "reverse" and card.terms is not None:
        card.terms = session.scalar(
            select(_entries.c.terms)
            .where(
                _entries.c.merchant_id == card.merchant_id,
                _entries.c.card_id == card.id,
                _entries.c.terms.is_not(None),
                _entries.c.reversed_by_id.is_(None),
            )
            .order_by(_entries.c.seq.desc())
            .limit(1)
        )
    elif booking.terms is not None:
        card.terms = dict(booking.terms)


def _recall_dates(session: Session, card: Any) -> None:
    """The dates from the entries that still count."""
    latest = func.max(_entries.c.occurred_at)
    row = session.execute(
        select(
            latest.filter(
                (_entries.c.redeemed_visits > 0) | (_entries.c.rewards_redeemed > 0)
            ).label("redeemed"),
            latest.filter((_entries.c.sold_visits > 0) | (_entries.c.stamps_earned > 0)).label(
                "added"
            ),
            latest.filter(_entries.c.is_visit.is_(True)).label("visited"),
        ).where(
            _entries.c.merchant_id == card.merchant_id,
            _entries.c.card_id == card.id,
            _entries.c.reverses_id.is_(None),
            _entries.c.reversed_by_id.is_(None),
        )
    ).one()
    card.last_redemption_at, card.last_added_at, card.last_visit_at = row
