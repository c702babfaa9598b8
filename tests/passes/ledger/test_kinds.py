"""Stamps and multipasses: what each verb does to a card (D.4.1, D.4.2); figures of all kinds."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passes.card_templates.kinds import KINDS as FACTS
from passes.card_templates.kinds import Kind
from passes.card_templates.rules import RULES, MultipassRules, StampRules
from passes.cards.models import UNITS
from passes.errors import Conflict, Invalid
from passes.ledger.kinds import KINDS, multipass, stamp
from passes.ledger.kinds.base import Asked, Booking
from tests.passes.conftest import NOON


def card(**units: int) -> Any:
    dates = dict.fromkeys(("last_redemption_at", "last_added_at", "last_visit_at", "terms"))
    return SimpleNamespace(**(dict.fromkeys(UNITS, 0) | units), **dates)


def asked(value: int | None = None, purchase: int | None = None) -> Asked:
    return Asked(value, purchase, "EUR", NOON, "Europe/Berlin")


def moved(booking: Booking) -> dict[str, int]:
    return {unit: delta for unit, delta in booking.deltas.items() if delta}


@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_of_a_kind_is_made_and_every_unit_exists(kind: Kind) -> None:
    made = KINDS[kind].figures(card(), RULES[kind](), "EUR", NOON)
    assert set(FACTS[kind].figures) <= set(made)
    for units in KINDS[kind].opening.values():
        assert set(units) <= set(UNITS)


# --- multipass -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "n", "deltas"),
    [
        ("add-visits", 4, {"available_visits": 4, "sold_visits": 4}),
        (
            "redeem-visits",
            4,
            {"available_visits": -4, "redeemed_visits": 4, "total_visits": 4, "bonus": 20},
        ),
        (
            "subtract-visits",
            4,
            {"available_visits": -4, "redeemed_visits": -3, "total_visits": 4},
        ),
        ("add-bonus", 4, {"bonus": 4}),
        ("subtract-bonus", 4, {"bonus": -4}),
        ("redeem-bonus", 4, {"bonus": -4}),
    ],
)
def test_D_4_2_verbs_of_a_multipass(verb: str, n: int, deltas: dict[str, int]) -> None:
    rules = MultipassRules(points_per_visit=5)
    there = card(available_visits=10, redeemed_visits=3, sold_visits=13, bonus=30)
    assert moved(multipass.KIND.operations[verb](there, rules, asked(n))) == deltas


def test_AMB_06_a_correction_leaves_what_was_used() -> None:
    rules = MultipassRules(multipass_subtract_rule="correction")
    there = card(available_visits=10, redeemed_visits=3)
    booking = multipass.subtract_visits(there, rules, asked(4))
    assert moved(booking) == {"available_visits": -4, "total_visits": 4}


@pytest.mark.parametrize(
    ("verb", "unit"),
    [
        ("redeem-visits", "available_visits"),
        ("subtract-visits", "available_visits"),
        ("subtract-bonus", "bonus"),
        ("redeem-bonus", "bonus"),
    ],
)
def test_no_more_is_taken_than_there_is(verb: str, unit: str) -> None:
    operation = multipass.KIND.operations[verb]
    operation(card(**{unit: 9}), MultipassRules(), asked(9))
    with pytest.raises(Conflict) as refusal:
        operation(card(**{unit: 9}), MultipassRules(), asked(10))
    assert refusal.value.code == "INSUFFICIENT_BALANCE"
    assert refusal.value.facts == {"available": 9, "wanted": 10}


@pytest.mark.parametrize(
    ("operations", "rules", "verb", "most"),
    [
        (multipass.KIND.operations, MultipassRules(), "add-visits", 1_000),
        (multipass.KIND.operations, MultipassRules(), "add-bonus", 1_000_000),
        (stamp.KIND.operations, StampRules(), "add-stamps", 100),
    ],
)
def test_R_GEN_7_limits_per_entry(operations: Any, rules: Any, verb: str, most: int) -> None:
    operations[verb](card(), rules, asked(most))
    for wrong in (most + 1, 0, -1, None):
        with pytest.raises(Invalid) as refusal:
            operations[verb](card(), rules, asked(wrong))
        assert refusal.value.fields[0].field == "value"


# --- stamp ---------------------------------------------------------------------------------------

rules_of_stamps = st.builds(
    StampRules,
    required=st.integers(1, 12),
    thresholds=st.lists(st.integers(1, 12), max_size=4, unique=True).map(sorted),
    carry_over=st.booleans(),
    auto_redeem=st.booleans(),
)


def one_by_one(stamps: int, added: int, rules: StampRules) -> tuple[int, int]:
    """Stamps and rewards, as somebody with a stamp in their hand would do it."""
    rewards = 0
    for _ in range(added):
        stamps += 1
        full = stamps >= rules.steps[-1]
        rewards += full or stamps in rules.steps
        stamps = 0 if full else stamps
        if full and not rules.carry_over:
            break
    return stamps, rewards


@given(st.integers(0, 15), st.integers(1, 100), rules_of_stamps)
def test_D_4_1_stamps_make_rewards_as_if_stamped_one_by_one(
    stamps: int, added: int, rules: StampRules
) -> None:
    """``stamps`` may be more than a round has: a new version of the template made it shorter."""
    booking = stamp.add_stamps(card(stamps=stamps), rules, asked(added))
    after, rewards = one_by_one(stamps, added, rules)
    assert stamps + booking.deltas["stamps"] == after
    assert booking.deltas["stamps_earned"] == added
    assert booking.deltas["rewards_earned"] == rewards
    kept, handed_out = (0, rewards) if rules.auto_redeem else (rewards, 0)
    assert (booking.deltas["rewards"], booking.deltas["rewards_redeemed"]) == (kept, handed_out)


@pytest.mark.parametrize(
    ("rules", "value", "purchase", "earned"),
    [
        ({"mechanic": "visit", "stamps_per_visit": 3}, None, None, 3),
        ({"mechanic": "visit", "stamps_per_visit": 3}, 2, None, 6),
        ({"mechanic": "spend", "amount_per_stamp": "5.00"}, None, 1_499, 2),
        ({"mechanic": "spend", "amount_per_stamp": "5.00"}, None, 499, 0),
        ({"mechanic": "spend", "amount_per_stamp": "5.00"}, 4, 499, 4),
        ({"mechanic": "stamps"}, 4, 100_000, 4),
    ],
)
def test_D_4_1_mechanics(
    rules: dict[str, Any], value: int | None, purchase: int | None, earned: int
) -> None:
    booking = stamp.add_stamps(card(), StampRules(**rules), asked(value, purchase))
    assert booking.deltas["stamps_earned"] == earned
    assert booking.adds is (earned > 0)


def test_the_largest_purchase_takes_no_time() -> None:
    rules = StampRules(mechanic="spend", amount_per_stamp="0.01")
    began = time.perf_counter()
    booking = stamp.add_stamps(card(), rules, asked(None, 100_000_000))
    assert time.perf_counter() - began < 0.1
    assert booking.deltas["rewards_earned"] == 10_000_000


def test_the_spend_mechanic_needs_an_amount() -> None:
    rules = StampRules(mechanic="spend", amount_per_stamp="5.00")
    with pytest.raises(Invalid) as refusal:
        stamp.add_stamps(card(), rules, asked())
    assert refusal.value.fields[0].field == "purchase_amount"


def test_T_ST_1_stamps_and_rewards_are_taken_one_by_one() -> None:
    there = card(stamps=3, rewards=1)
    with pytest.raises(Conflict, match="3 stamps"):
        stamp.subtract_stamps(there, StampRules(), asked(4))
    assert moved(stamp.redeem_reward(there, StampRules(), asked())) == {
        "rewards": -1,
        "rewards_redeemed": 1,
    }
    assert moved(stamp.subtract_reward(there, StampRules(), asked(1))) == {"rewards": -1}
    for operation in (stamp.redeem_reward, stamp.subtract_reward):
        with pytest.raises(Conflict):
            operation(card(stamps=3), StampRules(), asked())
    with pytest.raises(Invalid):
        stamp.redeem_reward(there, StampRules(), asked(2))
    with pytest.raises(Conflict, match="1 rewards"):
        stamp.subtract_reward(there, StampRules(), asked(2))


@pytest.mark.parametrize(("stamps", "missing"), [(0, 3), (2, 1), (3, 3), (8, 1), (9, 1), (12, 1)])
def test_stamps_missing_are_those_to_the_next_reward(stamps: int, missing: int) -> None:
    rules = StampRules(thresholds=[3, 6, 9])
    assert stamp.figures(card(stamps=stamps), rules, "EUR", NOON)["stamps_missing"] == missing
