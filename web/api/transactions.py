"""Postings: one call per verb of a card, the list of them, and their undo."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    AliasChoices,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from passes.card_templates.parts import Key
from passes.cards import cards
from passes.errors import NotFound
from passes.ledger.book import Posted, Posting
from passes.ledger.models import LedgerEntry
from passes.ledger.preview import preview
from passes.ledger.timeline import entries_of
from passes.ledger.undo import undo
from passes.rewards.redeem import post
from passes.store import merchant_of
from web import problems
from web.api import answers, paging, reading, shown
from web.api.cards import actor_of
from web.api.operation import Call, View, operation
from web.api.reading import Body, Comment, MoneyText, WholeNumber
from web.api.templates import row_id

Short = Annotated[str, StringConstraints(max_length=100)]


class Item(Body):
    """A line of the receipt (AMB-25)."""

    sku: Short | None = None
    name: Short | None = None
    category: Short | None = None
    labels: Annotated[list[Short], Field(max_length=20)] = []
    quantity: Annotated[WholeNumber, Field(ge=1, le=100_000)] = 1
    price: MoneyText | None = None


class Booked(Body):
    """What every verb takes besides its value; ``location_id`` is where it happened.

    ``override``: limits shall not stop it, and the comment says why.
    """

    purchase_amount: MoneyText | None = None
    comment: Comment | None = None
    items: Annotated[list[Item], Field(max_length=200)] | None = None
    location_id: UUID | None = None
    occurred_at: reading.Moment | None = None
    override: bool = False


class Counted(Booked):
    value: Annotated[WholeNumber, Field(ge=1, le=1_000_000)]


class MaybeCounted(Booked):
    value: Annotated[WholeNumber, Field(ge=1, le=1_000_000)] | None = None


class RewardsCounted(Booked):
    """``rewards``, as Boomerangme says, is ``value``."""

    value: Annotated[
        Annotated[WholeNumber, Field(ge=1, le=100)] | None,
        Field(validation_alias=AliasChoices("value", "rewards")),
    ] = None


class One(Booked):
    value: Annotated[WholeNumber, Field(ge=1, le=1)] | None = None


class Loaded(Booked):
    """Money."""

    value: MoneyText


class TakenFromGift(Loaded):
    """``give_up_rest``: yes, what is left on a card for one use is lost (D.4.4)."""

    give_up_rest: bool = False


class Redeemed(Counted):
    """``repeated``: the value once more, where the template asks for it (D.4.3)."""

    repeated: WholeNumber | None = None


class RewardTaken(One):
    """``reward_id``: which, on a card that has a catalogue of them."""

    reward_id: UUID | None = None


class Active(MaybeCounted):
    """``activity``: its key in the template; ``value`` instead of its own points (S5.22).

    ``proof`` honour: the customer says so themselves, where the activity takes their word.
    """

    activity: Key
    proof: Literal["staff", "honour"] = "staff"


class Planned(Booked):
    """``plan``: its key in the template; None: the one that the card has."""

    plan: Key | None = None


class Undo(Body):
    """Nothing to say."""


class TrialUndo(Body):
    transaction_id: UUID


VERBS: Mapping[str, tuple[str, type[Booked]]] = {
    "add-visits": ("Add visits to a multipass", Counted),
    "redeem-visits": ("Use visits of a multipass or a membership", Counted),
    "subtract-visits": ("Take visits off a multipass that were added by mistake", Counted),
    "add-bonus": ("Add points to the bonus balance of a multipass", Counted),
    "subtract-bonus": ("Take points off the bonus balance of a multipass", Counted),
    "redeem-bonus": ("Use points of the bonus balance of a multipass", Counted),
    "add-stamps": ("Give stamps, by the mechanic of the template", MaybeCounted),
    "subtract-stamps": ("Take stamps back", Counted),
    "redeem-reward": ("Hand out a reward of a stamp card or a points card", RewardTaken),
    "add-reward": ("Give rewards of a stamp card without stamps", RewardsCounted),
    "subtract-reward": ("Take back rewards that were not used", RewardsCounted),
    "accrue": ("Give points, by the mechanic of the template", MaybeCounted),
    "subtract-points": ("Take points off that were given by mistake", Counted),
    "redeem-points": ("Pay with points", Redeemed),
    "activity": ("Give the points of an activity", Active),
    "add-money": ("Load money on a gift card", Loaded),
    "redeem-money": ("Pay with a gift card", TakenFromGift),
    "subtract-money": ("Take money off a gift card that was loaded by mistake", Loaded),
    "purchase": ("Record a purchase, whatever the card", Booked),
    "redeem-coupon": ("Redeem a coupon", One),
    "check-in": ("Let a member in", One),
    "renew": ("Renew a membership, or begin it", Planned),
    "change-plan": ("Change the plan of a membership", Planned),
    "cancel-membership": ("End a membership with its period", Booked),
}

UNDO = "undo"
_COMMON = set(Booked.model_fields) | {"value", "reward_id"}


def _known_operation(given: str) -> str:
    if given != UNDO and given not in VERBS:
        raise ValueError(f"must be one of {', '.join((*VERBS, UNDO))}")
    return given


class Trial(Body):
    """``operation``: a verb, with the fields of that verb beside it; or ``undo`` with the
    ``transaction_id`` of one of the card's postings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    operation: Annotated[
        str,
        AfterValidator(_known_operation),
        WithJsonSchema({"type": "string", "enum": [*VERBS, UNDO]}),
    ]


def _register(verb: str, summary: str, body: type[Booked]) -> View:
    def view(call: Call) -> dict[str, Any]:
        return post_on_card(call, verb, call.body(body))

    return operation(
        "POST",
        f"/cards/<card>/{verb}",
        summary,
        scope="transact",
        body=body,
        answer=answers.PostedShape,
        name=verb.replace("-", "_"),
    )(view)


for _verb, (_summary, _body) in VERBS.items():
    _register(_verb, _summary, _body)


@operation(
    "GET",
    "/cards/<card>/transactions",
    "The postings of a card, newest first",
    scope="read",
    query=paging.Page,
    answer=answers.EntryList,
)
def list_card_transactions(call: Call) -> dict[str, Any]:
    return _page(call, cards.get(call.session, call.path["card"]).id)


@operation(
    "GET",
    "/transactions",
    "The postings of all cards, newest first",
    scope="read",
    query=paging.Page,
    answer=answers.EntryList,
)
def list_transactions(call: Call) -> dict[str, Any]:
    return _page(call, None)


@operation(
    "GET",
    "/transactions/<transaction_id>",
    "One posting",
    scope="read",
    answer=answers.EntryShape,
)
def get_transaction(call: Call) -> dict[str, Any]:
    entry_id = row_id(call, "transaction_id", "transaction")
    entry = call.session.get(LedgerEntry, (merchant_of(call.session), entry_id))
    if entry is None:
        raise NotFound("transaction")
    return shown.entry(entry, call.merchant.currency)


@operation(
    "POST",
    "/transactions/<transaction_id>/undo",
    "Undo a posting; neither it nor its mirror counts any more",
    scope="transact",
    body=Undo,
    answer=answers.PostedShape,
)
def undo_transaction(call: Call) -> dict[str, Any]:
    entry_id = row_id(call, "transaction_id", "transaction")
    posted = undo(call.session, entry_id, actor_of(call), call.now)
    return shown.posted(call.session, posted, call.services, call.now)


@operation(
    "POST",
    "/cards/<card>/preview",
    "Try a posting out: the figures before and after it, or why it is refused; nothing is kept",
    scope="transact",
    status=200,
    body=Trial,
    answer=answers.PreviewShape,
    repeats=False,
)
def preview_posting(call: Call) -> dict[str, Any]:
    asked = call.body(Trial)
    if asked.operation == UNDO:
        wanted = reading.check(TrialUndo, asked.model_extra or {}).transaction_id
        act = partial(_undo_on, call, wanted)
    else:
        body = reading.check(VERBS[asked.operation][1], asked.model_extra or {})
        posting = posting_of(call, asked.operation, body)
        act = partial(post, call.session, call.path["card"], posting, actor_of(call), call.now)
    tried = preview(call.session, call.path["card"], act, call.now)
    refusal = tried.refusal
    entry = shown.entry(tried.entry, call.merchant.currency) if tried.entry else {}
    return {
        "allowed": refusal is None,
        "code": refusal.code if refusal else None,
        "detail": problems.sentence_of(refusal, call.request) if refusal else None,
        "facts": (refusal.facts or None) if refusal else None,
        "fields": (problems.fields_of(refusal) or None) if refusal else None,
        "figures_before": tried.before,
        "figures_after": tried.after,
        "entry": {name: entry[name] for name in answers.TrialEntryShape.model_fields}
        if entry
        else None,
    }


def _undo_on(call: Call, entry_id: UUID) -> Posted:
    """Undoes a posting of the card that the call is about. Raises NotFound for another's."""
    entry = call.session.get(LedgerEntry, (merchant_of(call.session), entry_id))
    if entry is None or entry.card_id != cards.get(call.session, call.path["card"]).id:
        raise NotFound("transaction")
    return undo(call.session, entry_id, actor_of(call), call.now)


def posting_of(call: Call, verb: str, asked: Any) -> Posting:
    """What a call asks for. Raises Invalid."""
    currency = call.merchant.currency
    value = getattr(asked, "value", None)
    return Posting(
        verb=verb,
        value=reading.amount(value, currency, "value") if isinstance(value, str) else value,
        purchase=reading.amount(asked.purchase_amount, currency, "purchase_amount"),
        comment=asked.comment,
        items=[item.model_dump() for item in asked.items] if asked.items else None,
        location_id=asked.location_id,
        occurred_at=reading.moment(asked.occurred_at, "occurred_at"),
        idempotency_key=call.idempotency_key,
        options={
            name: getattr(asked, name) for name in type(asked).model_fields if name not in _COMMON
        },
        override=asked.override,
        reward_id=getattr(asked, "reward_id", None),
    )


def post_on_card(call: Call, verb: str, asked: Any) -> dict[str, Any]:
    """Posts what a body asks for on the card that the call is about; the answer of every verb."""
    posting = posting_of(call, verb, asked)
    posted = post(call.session, call.path["card"], posting, actor_of(call), call.now)
    return shown.posted(call.session, posted, call.services, call.now)


def _page(call: Call, card_id: UUID | None) -> dict[str, Any]:
    asked = call.query(paging.Page)
    found = entries_of(call.session, card_id, after=asked.after(), limit=asked.limit + 1)
    currency = call.merchant.currency
    return paging.page(
        found,
        asked.limit,
        lambda row: shown.entry(row, currency),
        lambda row: (row.occurred_at, row.id),
    )
