"""What one part of the domain tells the parts that stand above it, in the same transaction.

A posting may earn a friend's reward, an installation may start a referral: the ledger and the
cards know nothing of that. They tell what happened; who follows is written down in one table,
``passes/followers.py``, which the store hands to every session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Issued:
    """A card (a Card of the session) of ``template`` came into being.

    ``brings_balance``: it goes on with what its holder had elsewhere.
    """

    card: Any
    template: Any
    brings_balance: bool


@dataclass(frozen=True, slots=True)
class Installed:
    """A card (locked, a Card of the session) is now on a device. ``first``: never before."""

    card: Any
    wallet: str
    device: str
    first: bool


@dataclass(frozen=True, slots=True)
class Removed:
    """A card (locked, a Card of the session) left a device; ``remaining`` still have it."""

    card: Any
    remaining: int


@dataclass(frozen=True, slots=True)
class Posted:
    """An entry was written. ``card`` is locked; both as in ``ledger.book.Posted``."""

    card: Any
    entry: Any


@dataclass(frozen=True, slots=True)
class Undone:
    """An entry was undone: ``mirror`` takes back ``original``. ``card`` is locked."""

    card: Any
    original: Any
    mirror: Any


Happening = Issued | Installed | Removed | Posted | Undone
Follower = Callable[[Session, Any, datetime], None]
"""(session, what happened, now). What it raises undoes the whole transaction."""
Followers = Mapping[type[Any], Sequence[Follower]]


def tell(session: Session, happening: Happening, now: datetime) -> None:
    """Calls those who follow this kind of happening, in the order of the table."""
    for follow in session.info["followers"].get(type(happening), ()):
        follow(session, happening, now)
