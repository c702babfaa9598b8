"""Whatever is done to cards of all kinds, in any order: the invariants of D.3 hold.

A state machine drives the API as tills and merchants do, and lets time pass. ``TREUEPASS_RUNS``
says how many runs of fifty steps there are on each database.
"""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from commands.parts import Parts
from passes.card_templates.kinds import Kind
from passes.cards.models import UNITS
from passes.ledger.figures import disagreements
from passes.ledger.kinds import KINDS
from tests.conftest import Clock, Shop

RUNS = int(os.environ.get("TREUEPASS_RUNS", "100"))
SHARES = 5
"""The runs are shared out, so that several processes can work."""
STEPS = 50

LIFE = {"kind": "days_after_earned", "days": 10}
LEVELS = [
    {"from_amount": "0", "percent": "1"},
    {"from_amount": "50", "percent": "3.5"},
    {"from_amount": "200", "percent": "10"},
]
RULES: dict[Kind, list[dict[str, Any]]] = {
    Kind.STAMP: [
        {"required": 5},
        {"thresholds": [3, 6, 9], "auto_redeem": True},
        {"required": 4, "carry_over": False, "life": LIFE},
        {"mechanic": "spend", "amount_per_stamp": "7.50", "save_remainder": True},
    ],
    Kind.MULTIPASS: [
        {"points_per_visit": 3},
        {
            "multipass_subtract_rule": "correction",
            "packages": [{"visits": 5, "price": "40.00", "valid_days": 7}],
            "bonus_life": LIFE,
        },
    ],
    Kind.CASHBACK: [{"levels": LEVELS}, {"levels": LEVELS, "life": LIFE}],
    Kind.GIFT: [{}, {"use": "single_use"}, {"life": LIFE}],
    Kind.COUPON: [{}],
    Kind.DISCOUNT: [{"levels": LEVELS}],
    Kind.MEMBERSHIP: [
        {
            "plans": [
                {"key": "month", "name": "Monat", "visits_per_period": 4, "grace_days": 3},
                {"key": "year", "name": "Jahr", "period": "year", "trial_days": 7},
            ]
        }
    ],
    Kind.POINTS: [
        {
            "activities": [{"key": "workshop", "name": "Workshop", "points": 20, "max_per_day": 2}],
            "life": LIFE,
        },
        {"mechanic": "spend", "points_per_currency": 2, "currency_step": "3"},
        {"mechanic": "visit", "points_per_visit": 5},
    ],
}
MONEY_VERBS = {"add-money", "redeem-money", "subtract-money"}
AMOUNTS = st.sampled_from(["0.01", "7.50", "12.40", "49.99", "100.00", "0.00", "1e3", "-1"])
COUNTS = st.sampled_from([1, 1, 1, 2, 3, 5, 7, 20, 0, -1, 1_000_001])


class Tills(RuleBasedStateMachine):
    """``known``: what the card answered last. ``booked``: its entries that count, by their id."""

    parts: ClassVar[Parts]
    clock: ClassVar[Clock]
    shop: ClassVar[Shop]
    templates: ClassVar[list[tuple[Kind, str]]]

    @initialize(chosen=st.data())
    def open_cards(self, chosen: st.DataObject) -> None:
        picked = chosen.draw(st.lists(st.sampled_from(self.templates), min_size=1, max_size=3))
        self.kinds: dict[str, Kind] = {}
        self.known: dict[str, Any] = {}
        self.booked: dict[str, dict[str, Any]] = {}
        self.latest: tuple[str, str, dict[str, Any]] | None = None
        for kind, template in picked:
            card = self.shop.card(template)
            self.kinds[card["id"]], self.known[card["id"]] = kind, card
            self.booked[card["id"]] = {}

    @rule(chosen=st.data())
    def operate(self, chosen: st.DataObject) -> None:
        card = chosen.draw(st.sampled_from(sorted(self.known)))
        verb = chosen.draw(st.sampled_from(sorted(KINDS[self.kinds[card]].operations)))
        body: dict[str, Any] = {}
        if chosen.draw(st.integers(0, 9)):
            body["value"] = chosen.draw(AMOUNTS if verb in MONEY_VERBS else COUNTS)
        if chosen.draw(st.booleans()):
            body["purchase_amount"] = chosen.draw(AMOUNTS)
        if verb == "activity":
            body["activity"] = chosen.draw(st.sampled_from(["workshop", "workshop", "nonsense"]))
        if verb in {"renew", "change-plan"}:
            body["plan"] = chosen.draw(st.sampled_from(["month", "year", "week"]))
        if verb == "redeem-money" and chosen.draw(st.booleans()):
            body["give_up_rest"] = True
        before = self._balance(card)
        answer = self._call("POST", f"/cards/{card}/{verb}", body)
        if answer.status_code == 201:
            entry = answer.json["entry"]
            self.booked[card][entry["id"]] = entry
            self.latest = (card, entry["id"], before)
        self._check(card, changed=answer.status_code == 201)

    @rule(chosen=st.data())
    def undo(self, chosen: st.DataObject) -> None:
        card = chosen.draw(st.sampled_from(sorted(self.known)))
        if not self.booked[card]:
            return
        entry_id = chosen.draw(st.sampled_from(list(self.booked[card])))
        answer = self._call("POST", f"/transactions/{entry_id}/undo", {})
        if answer.status_code == 201:
            taken_back = self.booked[card].pop(entry_id)
            mirror = answer.json["entry"]
            assert mirror["deltas"] == _negative(taken_back["deltas"])
        self.latest = None
        self._check(card, changed=answer.status_code == 201)
        again = self._call("POST", f"/transactions/{entry_id}/undo", {})
        assert answer.status_code != 201 or again.status_code == 409

    @precondition(lambda self: self.latest is not None)
    @rule()
    def take_back_the_latest(self) -> None:
        """An undo at once leaves everything as it was before."""
        assert self.latest is not None
        (card, entry_id, before), self.latest = self.latest, None
        answer = self._call("POST", f"/transactions/{entry_id}/undo", {})
        assert answer.status_code == 201, answer.text
        del self.booked[card][entry_id]
        self._check(card, changed=True)
        assert self._balance(card) == before

    @rule(hours=st.sampled_from([1, 12, 24, 100, 400, 3_000]))
    def time_passes(self, hours: int) -> None:
        self.clock.move(hours=hours)
        if hours != 12:  # a late job must not matter
            self.parts.worker.work_once()
        self.latest = None
        for card in self.known:
            self.known[card] = self.shop.get(f"/cards/{card}")

    @rule(chosen=st.data(), status=st.sampled_from(["deleted", "restored"]))
    def withdraw_or_restore(self, chosen: st.DataObject, status: str) -> None:
        card = chosen.draw(st.sampled_from(sorted(self.known)))
        self._call("POST", f"/cards/{card}/status", {"status": status})
        self.latest = None
        self.known[card] = self.shop.get(f"/cards/{card}")

    def teardown(self) -> None:
        if not hasattr(self, "known"):
            return
        with self.parts.store.read(self.shop.merchant_id) as session:
            assert disagreements(session) == []

    def _call(self, method: str, path: str, body: Any) -> Any:
        answer = self.shop.call(method, path, body)
        assert answer.status_code in {200, 201, 404, 409, 422}, (path, body, answer.text)
        return answer

    def _balance(self, card: str) -> dict[str, Any]:
        """The figures, but for dates: an undo gives those back too, if nothing else was booked."""
        figures: dict[str, Any] = self.known[card]["figures"]
        return {name: value for name, value in figures.items() if not name.endswith("_at")}

    def _check(self, card: str, *, changed: bool) -> None:
        before, now = self.known[card], self.shop.get(f"/cards/{card}")
        self.known[card] = now
        assert now["version"] >= before["version"] + changed
        for name, value in now["figures"].items():
            if isinstance(value, int):
                assert value >= 0, name
            elif isinstance(value, str) and value[:1] == "-":
                raise AssertionError(name)
        counted = sum(
            Decimal(entry["purchase_amount"] or 0) for entry in self.booked[card].values()
        )
        assert Decimal(now["figures"]["ltv"]) == counted
        if self.kinds[card] is Kind.MULTIPASS:
            figures = now["figures"]
            assert figures["sold_visits"] >= figures["available_visits"]


def _negative(deltas: dict[str, Any]) -> dict[str, Any]:
    return {
        unit: _minus(value) if isinstance(value, str) else -value for unit, value in deltas.items()
    }


def _minus(amount: str) -> str:
    return amount[1:] if amount.startswith("-") else f"-{amount}"


@pytest.fixture
def machine(parts: Parts, now: Clock, alma: Shop) -> type[Tills]:
    """The machine over templates of all kinds."""

    class Here(Tills):
        pass

    Here.parts, Here.clock, Here.shop = parts, now, alma
    Here.templates = [
        (kind, alma.template(kind.value, rules=rules, limits={"max_per_customer": None})["id"])
        for kind in KINDS
        for rules in RULES[kind]
    ]
    return Here


@pytest.mark.long
@pytest.mark.parametrize("share", range(SHARES))
def test_D_3_the_invariants_hold_in_any_order(machine: type[Tills], share: int) -> None:
    assert set(KINDS) == set(Kind) == set(RULES)
    assert set(UNITS)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=RUNS // SHARES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
