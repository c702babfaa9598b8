"""Any order of postings and undos: the figures are what a plain model says (D.3, R-LED-1, R-LED-6).

The model keeps a list of what was booked and counts anew each time. It knows nothing of caches,
rows or sequence numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from passes.card_templates.kinds import Kind
from passes.card_templates.rules import StampRules
from passes.card_templates.templates import Template
from passes.cards.models import UNITS, Card
from passes.errors import Conflict
from passes.ledger.figures import disagreements, summed_up
from passes.ledger.models import LedgerEntry
from tests.passes.conftest import NOON, Shop
from tests.passes.ledger.test_kinds import one_by_one

NEVER_BELOW_NOTHING = {
    "available_visits", "redeemed_visits", "sold_visits", "bonus", "stamps", "rewards",
    "rewards_redeemed",
}  # fmt: skip
SAME_VISIT = timedelta(minutes=5)


@dataclass
class Booked:
    """What the model remembers of a posting."""

    entry_id: UUID
    at: datetime
    deltas: dict[str, int]
    redeems: bool = False
    adds: bool = False
    undone_by: UUID | None = None


@dataclass
class Model:
    """A card as a list of what happened to it."""

    booked: list[Booked] = field(default_factory=list)

    @property
    def counting(self) -> list[Booked]:
        return [each for each in self.booked if each.undone_by is None]

    def __getitem__(self, unit: str) -> int:
        return sum(each.deltas.get(unit, 0) for each in self.counting)

    def sums(self) -> dict[str, int]:
        return {unit: total for unit in UNITS if (total := self[unit])}

    def newest(self, what: str) -> datetime | None:
        return max((each.at for each in self.counting if getattr(each, what)), default=None)

    def would_fall_below_nothing(self, undone: Booked) -> bool:
        return any(self[unit] < undone.deltas.get(unit, 0) for unit in NEVER_BELOW_NOTHING)


class Ledger(RuleBasedStateMachine):
    """What both kinds share: undo, and all that must hold at any time."""

    shop: ClassVar[Shop]
    templates: ClassVar[list[Template]]

    @initialize(number=st.integers(0, 5))
    def issue(self, number: int) -> None:
        self.template = self.templates[number % len(self.templates)]
        self.card = self.shop.card(self.template)
        self.now = NOON
        self.model = Model()
        self.entries = 0

    def book(
        self,
        verb: str,
        value: int | None,
        deltas: dict[str, int],
        purchase: int | None = None,
        *,
        redeems: bool = False,
        adds: bool = False,
    ) -> None:
        """Books what the model expects, or expects a refusal when there is not enough."""
        self.now += timedelta(minutes=1)
        deltas = {**deltas, "purchases": purchase or 0}
        if any(self.model[unit] + deltas.get(unit, 0) < 0 for unit in NEVER_BELOW_NOTHING):
            with pytest.raises(Conflict) as refusal:
                self.shop.post(self.card, verb, value, self.now, purchase=purchase)
            assert refusal.value.code == "INSUFFICIENT_BALANCE"
            return
        posted = self.shop.post(self.card, verb, value, self.now, purchase=purchase)
        self.entries += 1
        booked = Booked(posted.entry.id, self.now, deltas, redeems=redeems, adds=adds)
        self.model.booked.append(booked)

    @precondition(lambda self: self.model.booked)
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        booked = data.draw(st.sampled_from(self.model.booked))
        self.now += timedelta(minutes=1)
        code = None
        if booked.undone_by is not None:
            code = "ALREADY_UNDONE"
        elif self.model.would_fall_below_nothing(booked):
            code = "INSUFFICIENT_BALANCE"
        elif self.fills_a_card_up_again(booked):
            code = "COUNTED_ON"
        if code is None:
            booked.undone_by = self.shop.undo(booked.entry_id, self.now).entry.id
            self.entries += 1
        else:
            with pytest.raises(Conflict) as refusal:
                self.shop.undo(booked.entry_id, self.now)
            assert refusal.value.code == code

    @precondition(lambda self: any(each.undone_by for each in self.model.booked))
    @rule(data=st.data())
    def undo_an_undo(self, data: st.DataObject) -> None:
        mirrors = [each.undone_by for each in self.model.booked if each.undone_by]
        with pytest.raises(Conflict) as refusal:
            self.shop.undo(data.draw(st.sampled_from(mirrors)), self.now)
        assert refusal.value.code == "IS_AN_UNDO"

    @invariant()
    def figures_are_what_was_booked(self) -> None:
        if not hasattr(self, "model"):
            return
        with self.shop.read() as session:
            card = session.get_one(Card, (self.shop.merchant_id, self.card))
        cached = {unit: value for unit in UNITS if (value := getattr(card, unit))}
        assert cached == self.model.sums()
        assert card.last_redemption_at == self.model.newest("redeems")
        assert card.last_added_at == self.model.newest("adds")
        assert card.version == 1 + self.entries
        self.check(card)

    def teardown(self) -> None:
        """Entries never change, so they are read once, when all are there."""
        with self.shop.read() as session:
            entries = session.scalars(
                select(LedgerEntry)
                .where(
                    LedgerEntry.merchant_id == self.shop.merchant_id,
                    LedgerEntry.card_id == self.card,
                )
                .order_by(LedgerEntry.seq)
            ).all()
            summed = summed_up(session, self.card)
            assert disagreements(session) == []
        assert {unit: total for unit, total in summed.items() if total} == self.model.sums()
        assert [entry.seq for entry in entries] == list(range(1, self.entries + 1))
        running = dict.fromkeys(UNITS, 0)
        for entry in entries:
            running = {unit: total + getattr(entry, unit) for unit, total in running.items()}
            assert entry.balance_after == {unit: total for unit, total in running.items() if total}

    def fills_a_card_up_again(self, undone: Booked) -> bool:
        """Whether an undo would leave a full card that never became a reward."""
        return False

    def check(self, card: Card) -> None:
        """The invariants of the kind."""


purchases = st.none() | st.integers(0, 10_000)


class Multipass(Ledger):
    """D.4.2 and the invariants of D.3."""

    @property
    def terms(self) -> Any:
        return self.template.definition.rules

    @rule(n=st.integers(1, 20), purchase=purchases)
    def add_visits(self, n: int, purchase: int | None) -> None:
        deltas = {"available_visits": n, "sold_visits": n}
        self.book("add-visits", n, deltas, purchase, adds=True)

    @rule(n=st.integers(1, 8), purchase=purchases)
    def redeem_visits(self, n: int, purchase: int | None) -> None:
        deltas = {
            "available_visits": -n,
            "redeemed_visits": n,
            "total_visits": n,
            "bonus": n * self.terms.points_per_visit,
        }
        self.book("redeem-visits", n, deltas, purchase, redeems=True)

    @rule(n=st.integers(1, 8), purchase=purchases)
    def subtract_visits(self, n: int, purchase: int | None) -> None:
        literal = self.terms.multipass_subtract_rule == "source"
        given_back = min(n, self.model["redeemed_visits"]) if literal else 0
        deltas = {"available_visits": -n, "redeemed_visits": -given_back, "total_visits": n}
        self.book("subtract-visits", n, deltas, purchase)

    @rule(n=st.integers(1, 30), purchase=purchases)
    def add_bonus(self, n: int, purchase: int | None) -> None:
        self.book("add-bonus", n, {"bonus": n}, purchase)

    @rule(n=st.integers(1, 30), verb=st.sampled_from(["subtract-bonus", "redeem-bonus"]))
    def take_bonus(self, n: int, verb: str) -> None:
        self.book(verb, n, {"bonus": -n})

    def check(self, card: Card) -> None:
        assert min(card.available_visits, card.redeemed_visits) >= 0
        assert card.sold_visits >= card.available_visits + card.redeemed_visits
        taken_off = any(
            each.deltas.get("available_visits", 0) < 0 and not each.redeems
            for each in self.model.counting
        )
        if not taken_off:
            assert card.sold_visits == card.available_visits + card.redeemed_visits


class Stamps(Ledger):
    """D.4.1."""

    @property
    def terms(self) -> StampRules:
        terms = self.template.definition.rules
        assert isinstance(terms, StampRules)
        return terms

    def visits(self) -> int:
        """One, unless a visit of the last five minutes stands in the book (D.3)."""
        since = self.now + timedelta(minutes=1) - SAME_VISIT
        there = any(each.redeems or each.adds for each in self.model.counting if each.at > since)
        return 0 if there else 1

    @rule(minutes=st.integers(1, 10))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(n=st.integers(1, 12), purchase=purchases)
    def add_stamps(self, n: int, purchase: int | None) -> None:
        stamps, made = one_by_one(self.model["stamps"], n, self.terms)
        handed_out = made if self.terms.auto_redeem else 0
        deltas = {
            "stamps": stamps - self.model["stamps"],
            "stamps_earned": n,
            "rewards": made - handed_out,
            "rewards_earned": made,
            "rewards_redeemed": handed_out,
            "total_visits": self.visits(),
        }
        self.book("add-stamps", n, deltas, purchase, adds=True, redeems=handed_out > 0)

    @rule(n=st.integers(1, 6))
    def subtract_stamps(self, n: int) -> None:
        self.book("subtract-stamps", n, {"stamps": -n})

    @rule()
    def redeem_reward(self) -> None:
        deltas = {"rewards": -1, "rewards_redeemed": 1, "total_visits": self.visits()}
        self.book("redeem-reward", None, deltas, redeems=True)

    @rule()
    def subtract_reward(self) -> None:
        self.book("subtract-reward", None, {"rewards": -1})

    def fills_a_card_up_again(self, undone: Booked) -> bool:
        left = self.model["stamps"] - undone.deltas.get("stamps", 0)
        return left >= self.terms.steps[-1]

    def check(self, card: Card) -> None:
        assert 0 <= card.stamps < self.terms.steps[-1]
        assert card.rewards_earned >= card.rewards + card.rewards_redeemed
        assert card.stamps_earned >= card.stamps


RULES: dict[type[Ledger], tuple[Kind, list[dict[str, Any]]]] = {
    Multipass: (
        Kind.MULTIPASS,
        [
            {"multipass_subtract_rule": rule_, "points_per_visit": points}
            for rule_ in ("source", "correction")
            for points in (0, 5)
        ],
    ),
    Stamps: (
        Kind.STAMP,
        [
            {"required": 10},
            {"thresholds": [3, 6, 9]},
            {"required": 5, "carry_over": False},
            {"thresholds": [2, 5], "carry_over": False},
            {"required": 4, "auto_redeem": True},
            {"required": 1},
        ],
    ),
}


@pytest.mark.parametrize("machine", RULES, ids=lambda machine: machine.__name__.lower())
def test_R_LED_1_figures_after_any_order_of_postings(shop: Shop, machine: type[Ledger]) -> None:
    kind, rules = RULES[machine]
    made = [shop.template(kind, rules=each) for each in rules]
    checked = type(machine.__name__, (machine,), {"shop": shop, "templates": made})
    run_state_machine_as_test(
        checked,
        settings=settings(
            max_examples=60,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
