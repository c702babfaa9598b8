"""Lots: what was earned together and ends together is used soonest first (D.8.3).

Units without an end have no lot. They are what a card has beyond its lots, and are used last. For
each lot the uses of all entries add up to ``earned - remaining``; what an undo gives back counts
as less than nothing. The card is locked by whoever calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from passes import ids
from passes.card_templates.earning import Life
from passes.cards import expiry
from passes.ledger import life
from passes.ledger.kinds import KINDS
from passes.ledger.kinds.base import Booking
from passes.ledger.models import Lot, LotUse
from passes.merchants.merchants import business
from passes.store import table_of

_lots = table_of(Lot)
_uses = table_of(LotUse)

_EARNED_BY = {"stamps": "stamps_earned", "points": "points_earned"}
"""Where an entry says how much of a unit was earned, although some went at the same moment: a full
round of stamps, a purchase that was paid with points in part."""

_ALIVE = (
    select(_lots)
    .where(
        _lots.c.merchant_id == bindparam("of_merchant"),
        _lots.c.card_id == bindparam("of_card"),
        # Written out, so that the index of what remains serves.
        _lots.c.remaining > bindparam("nothing", 0, literal_execute=True),
    )
    .order_by(_lots.c.expires_at, _lots.c.id)
)
_USED = (
    select(_lots, _uses.c.taken)
    .join(
        _uses,
        (_uses.c.merchant_id == _lots.c.merchant_id) & (_uses.c.lot_id == _lots.c.id),
    )
    .where(
        _lots.c.merchant_id == bindparam("of_merchant"), _uses.c.entry_id == bindparam("of_entry")
    )
)
_EARNED = select(_lots).where(
    _lots.c.merchant_id == bindparam("of_merchant"), _lots.c.entry_id == bindparam("of_entry")
)
_CHANGE = (
    update(_lots)
    .where(_lots.c.merchant_id == bindparam("of_merchant"), _lots.c.id == bindparam("of_lot"))
    .values(remaining=bindparam("left"), expires_at=bindparam("until"))
)
_ADD, _USE = insert(_lots), insert(_uses)


def alive(session: Session, card: Any) -> list[SimpleNamespace]:
    """The card's lots of which something is left, those that end first before others."""
    if card.units_expire_at is None:
        return []
    rows = session.execute(_ALIVE, {"of_merchant": card.merchant_id, "of_card": card.id})
    return [SimpleNamespace(**row._mapping) for row in rows]


def overdue(session: Session, card: Any, now: datetime) -> dict[str, int]:
    """Units in lots that have ended, by name."""
    gone: dict[str, int] = {}
    for lot in alive(session, card):
        if expiry.has_passed(lot.expires_at, now):
            gone[lot.unit] = gone.get(lot.unit, 0) + lot.remaining
    return gone


def follow(
    session: Session,
    card: Any,
    booking: Booking,
    deltas: Mapping[str, int],
    entry_id: UUID,
    occurred_at: datetime,
) -> list[datetime]:
    """Has the lots follow an entry, and keeps ``card.units_expire_at``; the ends that are new.

    ``card`` stands as after the entry. A card without lots that gets none costs no statement.
    """
    earned = _earned(card, booking, deltas)
    ends = _ends(session, card, booking, earned, occurred_at)
    if not ends and card.units_expire_at is None:
        return []
    used = {
        unit: n for unit, delta in deltas.items() if (n := earned.get(unit, max(delta, 0)) - delta)
    }
    renewed = {unit for unit in ends if _renews(card, unit)}
    known = alive(session, card) if used or renewed else []
    before = {lot.id: (lot.remaining, lot.expires_at) for lot in known}
    for unit in renewed:
        for lot in _of(unit, known):
            lot.expires_at = ends[unit]
    new = [_new_lot(card, entry_id, unit, earned[unit], end) for unit, end in ends.items()]
    lots = sorted(known + new, key=lambda lot: (lot.expires_at, lot.id))
    taken: dict[UUID, int] = {}
    for unit, wanted in used.items():
        _take(_of(unit, lots), wanted, taken)
    if new:
        session.execute(_ADD, [vars(lot) for lot in new])
    _write(session, known, before, taken, entry_id)
    if used or renewed:
        _sum_up(card, lots)
    else:
        card.units_expire_at = min([end for end in (card.units_expire_at, *ends.values()) if end])
    return list(ends.values())


def follow_undo(session: Session, card: Any, original_id: UUID, entry_id: UUID) -> list[datetime]:
    """Has the lots follow an undo; ``card`` stands as after it. The ends that are new.

    What the entry used goes back where it came from. What it had earned goes: what was used of it
    meanwhile is taken from the other lots, soonest first, and then from what has no end.
    """
    of_entry = {"of_merchant": card.merchant_id, "of_entry": original_id}
    used = session.execute(_USED, of_entry).all()
    if not used and card.units_expire_at is None:
        return []  # no lot is left of which anything could be taken
    earned = session.execute(_EARNED, of_entry).all()
    by_id = {lot.id: lot for lot in alive(session, card)}
    for row in (*used, *earned):
        own = {column.key: row._mapping[column] for column in _lots.c}
        by_id.setdefault(row.id, SimpleNamespace(**own))
    lots = list(by_id.values())
    before = {lot.id: (lot.remaining, lot.expires_at) for lot in lots}
    taken: dict[UUID, int] = {}
    for row in used:
        by_id[row.id].remaining += row.taken
        taken[row.id] = -row.taken
    lots.sort(key=lambda lot: (lot.expires_at, lot.id))
    for row in earned:
        lot = by_id[row.id]
        used_meanwhile = lot.earned - lot.remaining
        _take([lot], lot.remaining, taken)
        _take(_of(lot.unit, lots), used_meanwhile, taken)
    for unit in {lot.unit for lot in lots}:
        of_unit = _of(unit, lots)
        # Units without an end were earned before and used up by what is undone now.
        _take(of_unit, sum(lot.remaining for lot in of_unit) - getattr(card, unit), taken)
        _recall(session, card, unit, of_unit)
    _write(session, lots, before, taken, entry_id)
    _sum_up(card, lots)
    return sorted({lot.expires_at for lot in lots if lot.remaining})


def _earned(card: Any, booking: Booking, deltas: Mapping[str, int]) -> dict[str, int]:
    """How much of each unit the entry earned, where units may end."""
    earned = {}
    for unit in {*KINDS[card.kind].lives, *(booking.ends or ())}:
        counter = _EARNED_BY.get(unit)
        gain = max(deltas[unit], deltas[counter] if counter else 0)
        if gain > 0:
            earned[unit] = gain
    return earned


def _ends(
    session: Session,
    card: Any,
    booking: Booking,
    earned: Mapping[str, int],
    occurred_at: datetime,
) -> dict[str, datetime]:
    """Until when what was earned is good; without those units that have no end."""
    ends: dict[str, datetime] = {}
    for unit in earned:
        own = booking.ends or {}
        end = own.get(unit)
        rule = _life_of(card, unit)
        if unit not in own and rule is not None and rule.kind != "unlimited":
            since = occurred_at
            if _renews(card, unit):
                since = max(occurred_at, card.last_added_at or occurred_at)
            end = life.end_of(rule, since, business(session).time_zone)
        if end is not None:
            ends[unit] = end
    return ends


def _life_of(card: Any, unit: str) -> Life | None:
    """The template's rule for a unit."""
    rule = KINDS[card.kind].lives.get(unit)
    found: Life | None = getattr(card.definition.rules, rule) if rule else None
    return found


def _renews(card: Any, unit: str) -> bool:
    rule = _life_of(card, unit)
    return rule is not None and rule.kind == "days_after_last_stamp"


def _recall(session: Session, card: Any, unit: str, lots: Iterable[Any]) -> None:
    """Where each stamp renews all, the date is again that of the last one that counts."""
    rule = _life_of(card, unit)
    if rule is None or not _renews(card, unit) or card.last_added_at is None:
        return
    end = life.end_of(rule, card.last_added_at, business(session).time_zone)
    for lot in lots:
        if lot.remaining:
            lot.expires_at = end


def _of(unit: str, lots: Iterable[Any]) -> list[Any]:
    return [lot for lot in lots if lot.unit == unit]


def _new_lot(card: Any, entry_id: UUID, unit: str, earned: int, end: datetime) -> SimpleNamespace:
    return SimpleNamespace(
        merchant_id=card.merchant_id,
        id=ids.new_id(),
        card_id=card.id,
        entry_id=entry_id,
        unit=unit,
        earned=earned,
        remaining=earned,
        expires_at=end,
    )


def _take(lots: Iterable[Any], wanted: int, taken: dict[UUID, int]) -> None:
    """Takes up to ``wanted`` from the lots in their order and notes what came from which."""
    for lot in lots:
        part = min(lot.remaining, max(wanted, 0))
        if part:
            lot.remaining -= part
            taken[lot.id] = taken.get(lot.id, 0) + part
            wanted -= part


def _write(
    session: Session,
    lots: Iterable[Any],
    before: Mapping[UUID, tuple[int, datetime]],
    taken: Mapping[UUID, int],
    entry_id: UUID,
) -> None:
    changed = [lot for lot in lots if (lot.remaining, lot.expires_at) != before[lot.id]]
    if changed:
        session.execute(
            _CHANGE,
            [
                {
                    "of_merchant": lot.merchant_id,
                    "of_lot": lot.id,
                    "left": lot.remaining,
                    "until": lot.expires_at,
                }
                for lot in changed
            ],
        )
    uses = [
        {
            "merchant_id": session.info["merchant_id"],
            "entry_id": entry_id,
            "lot_id": lot_id,
            "taken": part,
        }
        for lot_id, part in taken.items()
        if part
    ]
    if uses:
        session.execute(_USE, uses)


def _sum_up(card: Any, lots: Iterable[Any]) -> None:
    """When the first lot ends, and what the reminder on the pass still has to say."""
    left = [lot for lot in lots if lot.remaining]
    card.units_expire_at = min((lot.expires_at for lot in left), default=None)
    if card.reminder and card.reminder.get("units"):
        said = [about(left, each["unit"], each["ends_at"]) for each in card.reminder["units"]]
        still = [each for each in said if each["amount"]]
        card.reminder = {**card.reminder, "units": still}


def about(lots: Iterable[Any], unit: str, ends_at: str) -> dict[str, Any]:
    """What a reminder says: how much of a unit ends at a moment (RFC 3339)."""
    amount = sum(lot.remaining for lot in _of(unit, lots) if lot.expires_at.isoformat() == ends_at)
    return {"unit": unit, "amount": amount, "ends_at": ends_at}
