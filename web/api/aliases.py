"""The names of Boomerangme's API v2 for our calls, so that a program moves by address and key.

Which of our verbs an alias means depends on the kind of card; docs/moving-from-boomerangme.md is
this table for people. Answers are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import AliasChoices, BeforeValidator, ConfigDict, Field, WithJsonSchema

from passes.card_templates.kinds import Kind
from passes.errors import Conflict, Invalid
from passes.ledger.book import lock
from passes.ledger.purchases import newest_purchase
from passes.ledger.undo import undo
from web.api import answers, reading, shown
from web.api.cards import actor_of
from web.api.operation import Call, View, operation
from web.api.reading import Body, Comment, WholeNumber
from web.api.transactions import VERBS, Loaded, post_on_card


def _amount(given: object) -> object:
    """A JSON number as the decimal string that amounts are with us."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        return format(Decimal(str(given)), "f")
    return given


Amount = Annotated[
    reading.MoneyText,
    BeforeValidator(_amount),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}),
]
Number = Annotated[WholeNumber, Field(ge=1, le=1_000_000)]


class Alias(Body):
    """Other fields are let by: programs go on sending what the other system once took."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    comment: Comment | None = None


class Visits(Alias):
    visits: Number = 1


class Stamps(Alias):
    stamps: Number = 1


class Points(Alias):
    """A whole number; on gift cards and discount cards an amount of money."""

    points: Amount


class Scores(Alias):
    scores: Number


class Amounts(Alias):
    amount: Amount


class Received(Alias):
    """``reward_id``: which, on a points card."""

    reward_id: Annotated[
        UUID | None, Field(validation_alias=AliasChoices("reward_id", "rewardId"))
    ] = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """One of our verbs, and the field of its body that takes the number."""

    verb: str
    field: str = "value"


Meant = Meaning | Callable[[Any], Meaning | None]
"""Or, where the mechanic of the template matters: its rules -> the meaning, if it has one."""


def _visits_on_stamps(rules: Any) -> Meaning | None:
    return Meaning("add-stamps") if rules.mechanic == "visit" else None


def _visits_on_points(rules: Any) -> Meaning | None:
    return Meaning("accrue") if rules.mechanic == "visit" else None


def _stamps(rules: Any) -> Meaning | None:
    """Where a visit gives several stamps, one of them alone cannot be given."""
    by_visit = rules.mechanic == "visit" and rules.stamps_per_visit != 1
    return None if by_visit else Meaning("add-stamps")


def _scores(rules: Any) -> Meaning | None:
    return None if rules.mechanic == "visit" else Meaning("accrue")


ALIASES: Mapping[str, tuple[type[Alias], Mapping[Kind, Meant]]] = {
    "add-visit": (
        Visits,
        {
            Kind.MULTIPASS: Meaning("add-visits"),
            Kind.MEMBERSHIP: Meaning("check-in"),
            Kind.STAMP: _visits_on_stamps,
            Kind.POINTS: _visits_on_points,
        },
    ),
    "subtract-visit": (
        Visits,
        {Kind.MULTIPASS: Meaning("subtract-visits"), Kind.MEMBERSHIP: Meaning("redeem-visits")},
    ),
    "add-stamp": (Stamps, {Kind.STAMP: _stamps}),
    "subtract-stamp": (Stamps, {Kind.STAMP: Meaning("subtract-stamps")}),
    "add-point": (
        Points,
        {
            Kind.CASHBACK: Meaning("accrue"),
            Kind.GIFT: Meaning("add-money"),
            Kind.DISCOUNT: Meaning("purchase", "purchase_amount"),
        },
    ),
    "subtract-point": (
        Points,
        {Kind.CASHBACK: Meaning("redeem-points"), Kind.GIFT: Meaning("redeem-money")},
    ),
    "add-scores": (Scores, {Kind.MULTIPASS: Meaning("add-bonus"), Kind.POINTS: _scores}),
    "subtract-scores": (
        Scores,
        {Kind.MULTIPASS: Meaning("subtract-bonus"), Kind.POINTS: Meaning("subtract-points")},
    ),
    "add-transaction-amount": (
        Amounts,
        dict.fromkeys(Kind, Meaning("purchase", "purchase_amount")),
    ),
    "receive-reward": (
        Received,
        {
            Kind.STAMP: Meaning("redeem-reward", "reward_id"),
            Kind.POINTS: Meaning("redeem-reward", "reward_id"),
        },
    ),
}
"""By their names; the number of a body is its one field besides the comment.

Not here because they are called so with us: add-reward, subtract-reward, redeem-coupon.
"""


def _register(alias: str, body: type[Alias], meanings: Mapping[Kind, Meant]) -> View:
    verbs = " or ".join(dict.fromkeys(each.verb for each in _constant(meanings))) or "our verb"

    def view(call: Call) -> dict[str, Any]:
        return _post(call, alias, call.body(body), meanings)

    return operation(
        "POST",
        f"/cards/<card>/{alias}",
        f"Boomerangme's {alias}: {verbs}, by the kind of card",
        scope="transact",
        body=body,
        answer=answers.PostedShape,
        name=f"alias_{alias.replace('-', '_')}",
        alias=True,
    )(view)


def _post(call: Call, alias: str, asked: Any, meanings: Mapping[Kind, Meant]) -> dict[str, Any]:
    card = lock(call.session, call.path["card"], call.now)
    meant = meanings.get(card.kind)
    meaning = meant(card.definition.rules) if callable(meant) else meant
    if meaning is None:
        raise Conflict(f"{alias} means nothing on this card.", code="WRONG_KIND")
    (name,) = set(type(asked).model_fields) - {"comment"}
    body = VERBS[meaning.verb][1]
    number = getattr(asked, name)
    if isinstance(number, str) and meaning.field == "value" and not issubclass(body, Loaded):
        number = _whole(number, name)
    given = {"comment": asked.comment, meaning.field: number}
    if "repeated" in body.model_fields:
        given["repeated"] = number
    try:
        return post_on_card(call, meaning.verb, reading.check(body, given))
    except Invalid as error:
        raise Invalid(
            type(wrong)(name, wrong.message, wrong.code) if wrong.field == meaning.field else wrong
            for wrong in error.fields
        ) from None


@operation(
    "POST",
    "/cards/<card>/subtract-transaction-amount",
    "Boomerangme's subtract-transaction-amount: undo the newest purchase of this amount",
    scope="transact",
    body=Amounts,
    answer=answers.PostedShape,
    name="alias_subtract_transaction_amount",
    alias=True,
)
def subtract_transaction_amount(call: Call) -> dict[str, Any]:
    asked = call.body(Amounts)
    card = lock(call.session, call.path["card"], call.now)
    amount = reading.amount(asked.amount, call.merchant.currency, "amount")
    entry_id = newest_purchase(call.session, card.id, amount or 0)
    if entry_id is None:
        raise Conflict("This card has no purchase of this amount.", code="NO_SUCH_PURCHASE")
    posted = undo(call.session, entry_id, actor_of(call), call.now)
    return shown.posted(call.session, posted, call.services, call.now)


def _whole(number: str, field: str) -> int:
    value = Decimal(number)
    if value != value.to_integral_value():
        raise Invalid.field(field, "must be a whole number on this card")
    return int(value)


def _constant(meanings: Mapping[Kind, Meant]) -> list[Meaning]:
    return [each for each in meanings.values() if isinstance(each, Meaning)]


for _alias, (_body, _meanings) in ALIASES.items():
    _register(_alias, _body, _meanings)
