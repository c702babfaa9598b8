"""Claims: a customer wants a reward, and it is handed out or refused (D.4.8)."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from passes import ids
from passes.errors import Conflict, Invalid, NotFound
from passes.happenings import Undone
from passes.ledger import book
from passes.ledger.book import Actor
from passes.ledger.undo import undo
from passes.rewards.catalogue import Offered
from passes.rewards.models import RewardClaim
from passes.store import merchant_of

MOST_TRIES = 5
STATUSES = ("requested", "granted", "refused")


class WrongCode(Conflict):
    """Another code than the customer's was typed. The try counts, although it is refused."""

    code = "WRONG_CODE"


def make(
    session: Session, reward: Offered, card: Any, entry: Any, actor: Actor, now: datetime
) -> RewardClaim:
    """The claim of an entry that took the points. Without confirmation it is granted at once."""
    at_once = reward.definition.confirmation == "none"
    with_code = reward.definition.confirmation == "code"
    values = {
        "merchant_id": card.merchant_id,
        "id": ids.new_id(),
        "reward_id": reward.id,
        "card_id": card.id,
        "customer_id": card.customer_id,
        "status": "granted" if at_once else "requested",
        "cost": reward.definition.cost,
        "code": f"{secrets.randbelow(10_000):04}" if with_code else None,
        "entry_id": entry.id,
        "requested_at": now,
        "settled_at": now if at_once else None,
        "settled_by": actor.id if at_once else None,
    }
    dialect = session.get_bind().dialect.name
    new = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(RewardClaim)
    while True:  # until the number is one that no other claim has
        row = session.execute(
            new.values({**values, "number": _new_number()})
            .on_conflict_do_nothing(index_elements=["merchant_id", "number"])
            .returning(RewardClaim.id)
        )
        if row.first() is not None:
            return get(session, values["id"])


def get(session: Session, claim_id: UUID) -> RewardClaim:
    """Raises NotFound."""
    claim = session.get(RewardClaim, (merchant_of(session), claim_id))
    if claim is None:
        raise NotFound("claim")
    return claim


def of_entry(session: Session, card_id: UUID, entry_id: UUID) -> RewardClaim | None:
    """The claim for which an entry took the points."""
    return session.scalar(
        select(RewardClaim).where(
            RewardClaim.merchant_id == merchant_of(session),
            RewardClaim.card_id == card_id,
            RewardClaim.entry_id == entry_id,
        )
    )


def waiting(session: Session, card_id: UUID) -> Sequence[RewardClaim]:
    """What a card's holder waits for, the newest first."""
    return newest(session, card_id=card_id, status="requested")


def newest(
    session: Session,
    *,
    card_id: UUID | None = None,
    status: str | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> Sequence[RewardClaim]:
    """The merchant's claims, newest first; ``after`` goes on behind a page."""
    query = select(RewardClaim).where(RewardClaim.merchant_id == merchant_of(session))
    if card_id is not None:
        query = query.where(RewardClaim.card_id == card_id)
    if status is not None:
        query = query.where(RewardClaim.status == status)
    if after is not None:
        at, claim_id = after
        query = query.where(
            (RewardClaim.requested_at < at)
            | ((RewardClaim.requested_at == at) & (RewardClaim.id < claim_id))
        )
    return session.scalars(
        query.order_by(RewardClaim.requested_at.desc(), RewardClaim.id.desc()).limit(limit)
    ).all()


def grant(
    session: Session, claim_id: UUID, code: str | None, actor: Actor, now: datetime
) -> RewardClaim:
    """The reward was handed out. ``code``: the four digits, where the claim has some.

    Raises Conflict: CLAIM_SETTLED, TOO_MANY_TRIES, and WrongCode, whose try is counted: the
    caller commits it all the same.
    """
    claim = _open(session, claim_id, now)
    if claim.code is not None:
        _check_code(session, claim, code)
    _settle(session, claim, "granted", actor.id, now)
    return claim


def refuse(session: Session, claim_id: UUID, actor: Actor, now: datetime) -> RewardClaim:
    """The reward is not handed out; the points go back to the card. Raises Conflict."""
    claim = _open(session, claim_id, now)
    assert claim.entry_id is not None  # noqa: S101 - every claim is made with its entry
    # Whoever may answer a request may refuse it, however old it is: it corrects nobody's mistake.
    undo(session, claim.entry_id, replace(actor, role="owner"), now)
    session.refresh(claim)
    return claim


def follow_undo(session: Session, undone: Undone, now: datetime) -> None:
    """Whose points came back has no claim any more, be it granted already or not."""
    if undone.original.reward_id is None:
        return
    claim = of_entry(session, undone.card.id, undone.original.id)
    if claim is not None:
        _settle(session, claim, "refused", undone.mirror.actor_id, now)


def _open(session: Session, claim_id: UUID, now: datetime) -> RewardClaim:
    """The claim, locked behind its card, as everybody does who changes claims."""
    book.lock(session, str(get(session, claim_id).card_id), now)
    claim = session.get_one(
        RewardClaim, (merchant_of(session), claim_id), with_for_update=True, populate_existing=True
    )
    if claim.status != "requested":
        raise Conflict(
            f"This claim was {claim.status} already.", code="CLAIM_SETTLED", claim=claim.status
        )
    return claim


def _check_code(session: Session, claim: RewardClaim, typed: str | None) -> None:
    if typed is None:
        raise Invalid.field("code", "is missing", "MISSING")
    if claim.tries >= MOST_TRIES:
        raise Conflict(
            "A wrong code was typed too often; refuse the claim and let the customer ask anew.",
            code="TOO_MANY_TRIES",
        )
    if not hmac.compare_digest(typed.encode(), (claim.code or "").encode()):
        claim.tries += 1
        session.flush()
        raise WrongCode("This is not the customer's code.", tries_left=MOST_TRIES - claim.tries)


def _settle(
    session: Session, claim: RewardClaim, status: str, by: str | None, now: datetime
) -> None:
    claim.status, claim.settled_at, claim.settled_by = status, now, by
    session.flush()


def _new_number() -> str:
    """Six letters and digits that can be read out and cannot be confused."""
    return "".join(secrets.choice(ids.REFERRAL_ALPHABET) for _ in range(6))
