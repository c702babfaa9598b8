"""What a card's own page asks and tells by its token, which is all that it knows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from passes import ids
from passes.cards import cards
from passes.cards.models import Card
from passes.errors import Conflict, Invalid
from passes.merchants import directory
from passes.merchants.directory import Known
from passes.merchants.models import DirectoryEntry
from passes.store import Store, table_of
from passes.wallet_port import NoSuchCard, NotAllowed

MOST_ASKED = 10_000
"""Tokens in one statement: databases take no more than some 32,000 parameters."""

_directory, _cards = table_of(DirectoryEntry), table_of(Card)
_VERSIONS = (
    select(_directory.c.key, _cards.c.version)
    .join(
        _cards,
        (_cards.c.merchant_id == _directory.c.merchant_id)
        & (_cards.c.id == _directory.c.subject_id),
    )
    .where(
        _directory.c.kind == Known.PAGE_TOKEN.value,
        _directory.c.key.in_(bindparam("fingerprints", expanding=True)),
        or_(_cards.c.status != "deleted", _cards.c.status_cause == "customer"),
    )
)


def versions(store: Store, tokens: Collection[str]) -> Mapping[str, int]:
    """The version of each page, by its token; of cards that were withdrawn none."""
    found: dict[str, int] = {}
    by_fingerprint = {ids.fingerprint(token): token for token in tokens}
    left = iter(by_fingerprint)
    with store.look_all() as connection:
        while asked := list(islice(left, MOST_ASKED)):
            rows = connection.execute(_VERSIONS, {"fingerprints": asked})
            found |= {by_fingerprint[row.key]: row.version for row in rows}
    return found


@contextmanager
def writing(store: Store, token: str) -> Iterator[tuple[Session, Card]]:
    """A transaction on the card behind a page, which is locked.

    Raises NoSuchCard, also for a card that was withdrawn: it has no page. What the domain refuses
    in the block becomes NotAllowed.
    """
    with store.read_all() as session:
        found = directory.find(session, Known.PAGE_TOKEN, token)
    if found is None:
        raise NoSuchCard
    with refusing(), store.write(found.merchant_id) as session:
        card = cards.get(session, found.subject_id, locked=True)
        if card.status == "deleted" and card.status_cause != "customer":
            raise NoSuchCard
        yield session, card


@contextmanager
def refusing() -> Iterator[None]:
    """What the domain refuses, in the words of the port."""
    try:
        yield
    except Invalid as error:
        wrong = error.fields[0]
        raise NotAllowed(wrong.field, wrong.message) from None
    except Conflict as error:
        raise NotAllowed("device", str(error)) from None
