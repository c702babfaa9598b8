"""Which devices have which version of a card: what they were told, and what they took (R-UPD-2).

**Why this is written down.** A device asks "what changed since this tag?", and tags come from a
sequence whose numbers can be committed out of order: while the change with tag 7 is still on its
way, a list can already answer 8, and 7 would never be asked for again. So a list answers what is
newer than the tag *or* whose newest version this installation has not fetched (design §5.6). The
second half alone makes sure that nothing is missed; the tag spares a device what it knows.

**Who fetched?** A device names itself when it registers and when it asks for a list, but not when
it fetches a pass: then it only shows the card's secret. So each installation remembers the newest
version that a list named to it (``told_version``), and a fetch counts for

- the only installation of the card in that wallet, if there is one alone: it has what was sent;
- otherwise for each one that was told of something it has not fetched, but of no newer version
  than it was told. Of a phone and a watch that were both told and of which one fetched, both count
  as having it: the other one was told too, so its next step is its own. One that was *not* told,
  whose tag may have skipped the change, never counts, and its next list names the card.

A 304 proves as much as a 200. A list that says nothing new, and a fetch that tells us nothing new,
write nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, bindparam, false, func, or_, true, update
from sqlalchemy.orm import Session

from passes.cards.models import Installation
from passes.store import merchant_of, rows_changed, table_of

ANOTHER_SIGN_OF_LIFE = timedelta(hours=1)
"""A fetch of what a device has already is noted again only after this time."""
UNANSWERED_PUSHES = 3
SILENT_FOR = timedelta(days=14)

_table = table_of(Installation)

COLUMNS = (
    _table.c.device,
    _table.c.told_version,
    _table.c.fetched_version,
    _table.c.fetched_at,
    _table.c.unanswered_pushes,
    _table.c.stale,
)
"""What ``credit`` must know of an installation."""

_FETCHED = (
    update(_table)
    .where(
        _table.c.merchant_id == bindparam("of_merchant"),
        _table.c.card_id == bindparam("of_card"),
        _table.c.wallet == bindparam("of_wallet"),
        _table.c.device == bindparam("of_device"),
        _table.c.fetched_version <= bindparam("new_version"),
    )
    .values(
        fetched_version=bindparam("new_version"),
        fetched_at=bindparam("now"),
        last_seen_at=bindparam("now"),
        unanswered_pushes=0,
        stale=false(),
    )
)
_TOLD = (
    update(_table)
    .where(
        _table.c.merchant_id == bindparam("of_merchant"),
        _table.c.card_id == bindparam("of_card"),
        _table.c.wallet == bindparam("of_wallet"),
        _table.c.device == bindparam("of_device"),
        _table.c.told_version < bindparam("new_version"),
    )
    .values(told_version=bindparam("new_version"))
)


class Told(NamedTuple):
    """A card whose version a list names to a device."""

    merchant_id: UUID
    card_id: UUID
    version: int


class Place(NamedTuple):
    """An installation by its key; sorted, they stand in the order of locking."""

    merchant_id: UUID
    card_id: UUID
    wallet: str
    device: str


class Fetched(NamedTuple):
    """An installation that had a version at some time."""

    place: Place
    version: int
    at: datetime


def record_fetches(connection: Connection, fetched: Iterable[Fetched]) -> None:
    """Notes what devices took, or had. As the system: the cards may be several merchants'."""
    # In one order, as everybody who locks several: nobody waits for each other.
    rows = [
        {
            "of_merchant": each.place.merchant_id,
            "of_card": each.place.card_id,
            "of_wallet": each.place.wallet,
            "of_device": each.place.device,
            "new_version": each.version,
            "now": each.at,
        }
        for each in sorted(set(fetched))
    ]
    if rows:
        connection.execute(_FETCHED, rows)


def record_told(connection: Connection, wallet: str, device: str, told: Iterable[Told]) -> None:
    """Notes what a list named to a device. As the system: the cards may be several merchants'."""
    rows = [
        {
            "of_merchant": merchant_id,
            "of_card": card_id,
            "of_wallet": wallet,
            "of_device": device,
            "new_version": version,
        }
        for merchant_id, card_id, version in sorted(told)
    ]
    if rows:
        connection.execute(_TOLD, rows)


def mark_stale(session: Session, wallet: str, now: datetime) -> int:
    """Marks installations that let 3 pushes go by and fetched nothing for 14 days (R-INST-4).

    They are shown as such and stay: the next fetch makes them good again. How many were marked.
    """
    marked = session.execute(
        update(Installation)
        .where(
            Installation.merchant_id == merchant_of(session),
            Installation.wallet == wallet,
            Installation.status == "active",
            Installation.stale.is_(False),
            Installation.unanswered_pushes >= UNANSWERED_PUSHES,
            func.coalesce(Installation.fetched_at, Installation.first_installed_at)
            <= now - SILENT_FOR,
            or_(
                Installation.registered_at.is_(None),
                Installation.registered_at <= now - SILENT_FOR,
            ),
        )
        .values(stale=true())
        .execution_options(synchronize_session=False)
    )
    return rows_changed(marked)


def credit(rows: Sequence[Any], version: int, now: datetime) -> Mapping[str, int]:
    """For which devices a fetch of ``version`` counts, and as which; only where that is news.

    ``rows`` are the active installations of the card in one wallet, with ``COLUMNS``.
    """
    if len(rows) == 1:
        counted = {rows[0].device: version}
    else:
        counted = {
            row.device: min(version, row.told_version)
            for row in rows
            if row.told_version > row.fetched_version
        }
    return {
        row.device: max(row.fetched_version, counted[row.device])
        for row in rows
        if row.device in counted
        and (
            counted[row.device] > row.fetched_version
            or row.unanswered_pushes
            or row.stale
            or row.fetched_at is None
            or now - row.fetched_at >= ANOTHER_SIGN_OF_LIFE
        )
    }
