"""Writes one booking to the ledger with all that follows from it, in one transaction (R-LED-3).

The path of a till: its statements are compiled once, see ``tied``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Select, bindparam, insert, select, update
from sqlalchemy.orm import Session

from passes import ids
from passes.card_templates.kinds import Kind
from passes.card_templates.models import CardTemplate
from passes.card_templates.templates import definition_of
from passes.cards import expiry
from passes.cards.change import Urgency, next_version, want_delivery
from passes.cards.models import UNITS, Card
from passes.customers.models import Customer
from passes.errors import Conflict, NotFound
from passes.ledger import dates, lots
from passes.ledger.figures import units_of
from passes.ledger.kinds import KINDS
from passes.ledger.kinds.base import Booking, never_turns
from passes.ledger.models import LedgerEntry
from passes.merchants.merchants import business
from passes.store import next_change_tag, table_of
from passes.tied import Tied
from passes.wallet_port import Reason

_cards = table_of(Card)
_templates = table_of(CardTemplate)
_customers = table_of(Customer)
_entries = table_of(LedgerEntry)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who posts: ``kind`` is staff, api, system or automation; ``role`` is that of D.22.

    Programs act with the rights of an owner within the scopes of their key. ``location_ids``: the
    only places where this person works; none: all of them.
    """

    kind: str
    id: str | None
    channel: str
    role: str = "owner"
    location_ids: tuple[UUID, ...] = ()


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

    ``card`` also carries ``kind`` and ``definition`` of its template, and of its holder
    ``holder_first_name``, ``holder_last_name``, ``holder_ratings`` and ``holder_stars``.
    """

    entry: Any
    card: Any


SYSTEM = Actor(kind="system", id=None, channel="job")
"""What happens by itself."""


def cards_for_update(condition: Any) -> Select[Any]:
    """Selects cards of ``of_merchant`` as ``card_in`` reads them, and locks them."""
    return (
        select(
            *_cards.c,
            _templates.c.kind,
            _templates.c.status.label("template_status"),
            _templates.c.version.label("template_newest"),
            _customers.c.first_name.label("holder_first_name"),
            _customers.c.last_name.label("holder_last_name"),
            _customers.c.ratings.label("holder_ratings"),
            _customers.c.stars.label("holder_stars"),
        )
        .join(
            _templates,
            (_templates.c.merchant_id == _cards.c.merchant_id)
            & (_templates.c.id == _cards.c.template_id),
        )
        .join(
            _customers,
            (_customers.c.merchant_id == _cards.c.merchant_id)
            & (_customers.c.id == _cards.c.customer_id),
        )
        .where(_cards.c.merchant_id == bindparam("of_merchant"), condition)
        .with_for_update(of=_cards)
    )


_BY_ID = Tied(cards_for_update(_cards.c.id == bindparam("name")))
_BY_SERIAL = Tied(cards_for_update(_cards.c.serial_number == bindparam("name")))
_KEPT = (
    *UNITS,
    "last_redemption_at",
    "last_added_at",
    "last_visit_at",
    "expires_at",
    "terms",
    "units_expire_at",
    "wakes_at",
    "reminder",
)
"""What an entry may change on a card, besides what every entry does."""


# A statement for each set of columns that really have a value or another one: there are few such
# sets, and every parameter costs.


@cache
def _inserting(names: frozenset[str]) -> Tied:
    """Inserts an entry with these columns; units that are not named are 0, the others NULL."""
    values: dict[str, Any] = dict.fromkeys(UNITS, bindparam("nothing", 0, BigInteger()))
    values |= {name: bindparam(name) for name in names}
    return Tied(insert(_entries).values({**values, "merchant_id": bindparam("of_merchant")}))


@cache
def _updating(names: frozenset[str]) -> Tied:
    """Sets these of ``_KEPT`` on a card, and what every entry changes."""
    always = ("ledger_seq", "last_entry_at", "version", "changed_at")
    return Tied(
        update(_cards)
        .where(
            _cards.c.merchant_id == bindparam("of_merchant"),
            _cards.c.id == bindparam("of_card"),
            _cards.c.ledger_seq == bindparam("seq_before"),
        )
        .values(
            {
                **{name: bindparam(f"new_{name}") for name in (*always, *names)},
                "change_tag": next_change_tag(),
            }
        )
    )


def lock(session: Session, name: str, now: datetime) -> SimpleNamespace:
    """The card, locked until the transaction ends, with its template's kind and definition.

    What has run out on it is written off first, so a late job never allows a use (D.8.3).
    """
    try:
        found = _BY_ID.ask(session, name=UUID(name))
    except ValueError:
        found = _BY_SERIAL.ask(session, name=ids.read_serial_number(name) or "")
    if not found:
        raise NotFound("card")
    card = _with_template(session, found[0])
    if expiry.has_passed(card.units_expire_at, now):
        expire_units(session, card, now)
    return card


def card_in(session: Session, row: Any) -> SimpleNamespace:
    """The card in a row of ``cards_for_update``."""
    return _with_template(session, SimpleNamespace(**row._mapping))


def _with_template(session: Session, card: SimpleNamespace) -> SimpleNamespace:
    card.as_kept = _kept(card)
    card.kind = Kind(card.kind)
    card.definition = definition_of(session, card.template_id, card.template_newest, card.kind)
    return card


def _kept(card: SimpleNamespace) -> dict[str, Any]:
    columns = vars(card)
    return {name: columns[name] for name in _KEPT}


def expire_units(
    session: Session, card: SimpleNamespace, now: datetime, urgency: Urgency = Urgency.TILL
) -> None:
    """Writes off the units whose life is over, in one entry (D.8.3)."""
    gone = lots.overdue(session, card, now)
    if not gone:
        return
    booking = Booking("expire", {unit: -amount for unit, amount in gone.items()})
    write(session, card, booking, Posting("expire"), SYSTEM, now, urgency=urgency)


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
    urgency: Urgency = Urgency.TILL,
) -> Posted:
    """Entry, figures, lots, expiry, version and deliveries: all or nothing.

    A card's entries are in order of time, although a request that began earlier may come later.
    """
    recorded_at = max(now, card.last_entry_at or now)
    occurred_at = posting.occurred_at or recorded_at
    deltas = dict.fromkeys(UNITS, 0) | dict(booking.deltas)
    deltas["purchases"] = posting.purchase or 0
    if booking.is_one_visit and not dates.is_same_visit(session, card, actor, occurred_at):
        deltas["total_visits"] += 1
    for unit in UNITS:
        setattr(card, unit, getattr(card, unit) + deltas[unit])
    seq_before, expires_at = card.ledger_seq, card.expires_at
    card.ledger_seq += 1
    card.last_entry_at = recorded_at
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
        "recorded_at": recorded_at,
        "idempotency_key": posting.idempotency_key,
        "balance_after": units_of(card),
        **deltas,
    }
    given = {
        name: value
        for name, value in entry.items()
        if value is not None and not (value == 0 and name in UNITS)
    }
    _inserting(frozenset(given)).change(session, **given)
    dates.move(session, card, booking, occurred_at)
    dates.settle_terms(session, card, booking)
    if reverses_id is None:
        ends = lots.follow(session, card, booking, deltas, entry["id"], occurred_at)
    else:
        ends = lots.follow_undo(session, card, reverses_id, entry["id"])
    _plan(session, card, ends, expires_at, now)
    changes = next_version(card, now)
    card.version, card.changed_at = changes["version"], changes["changed_at"]
    kept = _kept(card)
    changed = {name: value for name, value in kept.items() if value != card.as_kept[name]}
    card.as_kept = kept
    updated = _updating(frozenset(changed)).change(
        session,
        of_card=card.id,
        seq_before=seq_before,
        new_ledger_seq=card.ledger_seq,
        new_last_entry_at=card.last_entry_at,
        new_version=card.version,
        new_changed_at=card.changed_at,
        **{f"new_{name}": value for name, value in changed.items()},
    )
    if updated != 1:
        raise Conflict("The card changed at the same moment; try again.", code="CHANGED_MEANWHILE")
    want_delivery(session, card.id, card.version, Reason.BALANCE, now, urgency)
    if expiry.has_passed(card.units_expire_at, now):
        # An undo gave back, or an entry of an earlier day earned, what is over already.
        expire_units(session, card, now, urgency)
    return Posted(SimpleNamespace(**entry), card)


def _plan(
    session: Session,
    card: Any,
    ends: Iterable[datetime],
    expires_at: datetime | None,
    now: datetime,
) -> None:
    """Has the worker look at the card no later than time alone changes it."""
    days = card.definition.reminders
    if card.expires_at != expires_at:
        expiry.plan(card, days, business(session).time_zone, now)
    for end in ends:
        expiry.wake_by(card, expiry.next_moment(end, days, business(session).time_zone, now))
    turns = KINDS[card.kind].turns_at
    if turns is not never_turns:
        moments = turns(card, card.definition.rules)
        expiry.wake_by(card, *(moment for moment in moments if moment > now))
    period_ends = KINDS[card.kind].ends_at(card, card.definition.rules)
    if period_ends is not None and period_ends > now:
        zone = business(session).time_zone
        expiry.wake_by(card, expiry.next_moment(period_ends, days, zone, now))
