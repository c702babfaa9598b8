"""A card's newest postings in words for its holder: what was done, and the balance then.

No names of staff, no comments: those are the merchant's (D.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from passes import money
from passes.card_templates.kinds import Kind
from passes.content import history_words as words
from passes.content.sheet import Sheet, every
from passes.ledger.models import LedgerEntry
from passes.merchants.merchants import Business
from passes.rewards import catalogue
from passes.store import table_of
from passes.wallet_port import Amount, FieldValue, Movement, Text

SHOWN = 20

_MAIN: Mapping[Kind, str] = {
    Kind.STAMP: "stamps",
    Kind.MULTIPASS: "available_visits",
    Kind.CASHBACK: "points",
    Kind.GIFT: "money",
    Kind.MEMBERSHIP: "available_visits",
    Kind.POINTS: "points",
}
"""The unit that the holder thinks of as the card's balance."""

_OTHER = ("bonus", "rewards", "money", "points", "stamps", "available_visits")
"""What an entry may be about when it leaves the balance alone."""

_entries = table_of(LedgerEntry)
_OWN = (
    _entries.c.merchant_id == bindparam("of_merchant"),
    _entries.c.card_id == bindparam("of_card"),
)
# By the index of (card, seq): as quick for a card with very many entries.
_NEWEST = (
    select(_entries)
    .where(*_OWN, _entries.c.seq > bindparam("seen"))
    .order_by(_entries.c.seq.desc())
    .limit(SHOWN)
)
_THESE = select(_entries).where(*_OWN, _entries.c.id.in_(bindparam("ids", expanding=True)))


def history_of(
    session: Session, card: Any, sheet: Sheet, merchant: Business
) -> tuple[Movement, ...]:
    """The newest 20, newest first; with a statement more for what was undone, and one for the
    rewards' names."""
    key = {"of_merchant": card.merchant_id, "of_card": card.id}
    entries = session.execute(_NEWEST, {**key, "seen": card.ledger_seq - SHOWN}).all()
    known = {entry.id: entry for entry in entries}
    missing = {entry.reverses_id for entry in entries} - {None, *known}
    if missing:
        originals = session.execute(_THESE, {**key, "ids": list(missing)})
        known |= {entry.id: entry for entry in originals}
    names = catalogue.names_of(session, _rewards_in(known.values()))
    return tuple(_movement(entry, known, names, sheet, merchant) for entry in entries)


def _rewards_in(entries: Iterable[Any]) -> set[UUID]:
    return {entry.reward_id for entry in entries if entry.reward_id is not None}


def _movement(
    entry: Any,
    known: Mapping[UUID, Any],
    names: Mapping[UUID, Text],
    sheet: Sheet,
    merchant: Business,
) -> Movement:
    original = known.get(entry.reverses_id)
    about = original or entry
    unit = _unit(about, sheet.kind)
    change = (_delta(entry, unit) or None) if unit else None
    said = _said(about, unit, names, sheet)
    return Movement(
        at=entry.occurred_at,
        what=words.undone(said) if entry.reverses_id is not None else said,
        change=_value(unit, change, merchant),
        after=_value(unit, entry.balance_after.get(unit, 0) if change else None, merchant),
    )


def _unit(entry: Any, kind: Kind) -> str | None:
    """What the entry is about."""
    main = _MAIN.get(kind)
    named = words.UNIT_OF.get(entry.type)
    if kind is Kind.STAMP and entry.type == "redeem_reward":
        named = "rewards"
    for unit in (named, main, *_OTHER):
        if unit is not None and _delta(entry, unit):
            return unit
    return named or main


def _delta(entry: Any, unit: str) -> int:
    """By how much the entry moved it. A full round of stamps begins anew: all of them count."""
    if unit == "stamps" and entry.stamps_earned:
        return int(entry.stamps_earned)
    return int(getattr(entry, unit))


def _said(entry: Any, unit: str | None, names: Mapping[UUID, Text], sheet: Sheet) -> Text:
    if entry.type == "redeem_reward" and entry.reward_id in names:
        return words.redeemed(every(names[entry.reward_id]))
    if entry.type == "activity" and (name := _activity(sheet, entry.activity)):
        return name
    if entry.type == "referral_reward":
        return words.referral((entry.details or {}).get("role"))
    count = abs(_delta(entry, unit)) if unit else 0
    if entry.type == "redeem_points":  # what was paid so, and what the same purchase earned
        count = int((entry.details or {}).get("redeemed", count))
    return words.said(entry.type, unit, count, _own_word(sheet, unit), entry.purchase_amount)


def _activity(sheet: Sheet, key: str | None) -> Text | None:
    activities: Sequence[Any] = getattr(sheet.definition.rules, "activities", ())
    found = next((activity for activity in activities if activity.key == key), None)
    return every(found.name) if found else None


def _own_word(sheet: Sheet, unit: str | None) -> Text | None:
    """What the merchant calls points, if not points."""
    own = sheet.rewards.unit if unit == "points" else None
    return every(own) if own else None


def _value(unit: str | None, amount: int | None, merchant: Business) -> FieldValue | None:
    if amount is None or unit != "money":
        return amount
    return Amount(amount, merchant.currency, money.digits_of(merchant.currency))
