"""What rewards promise below the API: races, statements, passes, invariants."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passes.card_templates import templates
from passes.card_templates.kinds import Kind
from passes.cards import cards
from passes.content.draw import draw
from passes.errors import NotFound, RuleBroken
from passes.followers import FOLLOWERS
from passes.ledger.book import Posting
from passes.ledger.undo import undo
from passes.merchants import merchants
from passes.rewards import awards, catalogue, claims, redeem, share
from passes.store import Store
from passes.vault import Vault
from tests.conftest import statements_of
from tests.passes.conftest import KEY, NOON, TILL, Shop, only_postgresql


@pytest.fixture
def store(database_url: str) -> Any:
    """Like the usual one, with everybody who follows what happens."""
    made = Store(database_url, Vault([KEY]), FOLLOWERS)
    yield made
    made.close()


def points_card(shop: Shop, points: int, **parts: Any) -> tuple[UUID, UUID]:
    """The template's id and the card's."""
    made = shop.template(Kind.POINTS, **parts)
    return made.id, shop.card(made, opening={"points": points})


def reward(shop: Shop, template_id: UUID, now: datetime = NOON, **parts: Any) -> UUID:
    with shop.write() as session:
        document = {"name": "Coffee", "cost": 10, **parts}
        return catalogue.create(session, template_id, document, now).id


def take(shop: Shop, card_id: UUID, reward_id: UUID) -> UUID:
    with shop.write() as session:
        posting = Posting("redeem-reward", reward_id=reward_id)
        return redeem.post(session, str(card_id), posting, TILL, NOON).entry.id


def back_of(shop: Shop, card_id: UUID, now: datetime = NOON) -> dict[str, Any]:
    with shop.read() as session:
        content = draw(session, cards.get(session, card_id), "apple", "https://x.example", now)
    return {field.key: field.value for field in content.fields}


# --- what passes show ----------------------------------------------------------------------------


def test_D_21_a_change_of_the_catalogue_is_a_new_version_for_all_cards(alma: Shop) -> None:
    template_id, card_id = points_card(alma, 0)
    assert "reward_list" not in back_of(alma, card_id)
    coffee = reward(alma, template_id, cost=1_200, name={"en": "Coffee", "de": "Kaffee"})
    reward(alma, template_id, cost=1, name="Sticker")
    said = back_of(alma, card_id)["reward_list"]
    assert said["en"] == "1 point: Sticker\n1,200 points: Coffee"
    assert said["de"].endswith("Kaffee")
    assert "1.200" in said["de"]
    with alma.read() as session:
        assert templates.get(session, template_id).version == 3
    with alma.write() as session:
        catalogue.change(session, coffee, {"merchant_cost": "0.80"}, NOON)  # nobody sees that
        assert templates.get(session, template_id).version == 3
        catalogue.change(session, coffee, {}, NOON, status="archived")
        assert templates.get(session, template_id).version == 4
    assert back_of(alma, card_id)["reward_list"]["en"] == "1 point: Sticker"


def test_D_17_a_pass_shows_a_reward_from_its_first_day_to_its_last(alma: Shop) -> None:
    template_id, card_id = points_card(alma, 0)
    reward(alma, template_id, valid_from="2026-11-22", valid_until="2026-11-23")
    shown = []
    for hours in (10, 12, 58, 60):  # until and from midnight in Berlin, where it is 13:00 now
        said = back_of(alma, card_id, NOON + timedelta(hours=hours))
        shown.append(said.get("reward_list", {}).get("en"))
    line = "10 points: Coffee (until 23 Nov 2026)"
    assert shown == [None, line, line, None]


def test_drawing_a_card_costs_no_further_statement_for_its_rewards(alma: Shop) -> None:
    template_id, card_id = points_card(alma, 0)
    plain = alma.card(alma.template(Kind.GIFT))
    reward(alma, template_id, valid_from="2026-01-01")
    for each in (card_id, plain):
        back_of(alma, each)
    counted = []
    for each in (card_id, plain):
        with statements_of(alma.store) as statements:
            back_of(alma, each)
        counted.append(len(statements))
    assert counted[0] == counted[1]


# --- statements ----------------------------------------------------------------------------------


def test_a_template_without_a_bonus_costs_no_statement_at_issue(alma: Shop) -> None:
    plain, generous = alma.template(Kind.POINTS), alma.template(Kind.POINTS, welcome_bonus=5)
    who = [alma.customer() for _ in range(3)]
    alma.card(plain, customer_id=who[0])
    with statements_of(alma.store) as without:
        alma.card(plain, customer_id=who[1])
    with statements_of(alma.store) as with_bonus:
        alma.card(generous, customer_id=who[2])
    assert not any("ledger_entry" in statement for statement in without)
    assert any("ledger_entry" in statement for statement in with_bonus)


def test_an_activity_without_limits_counts_nothing(alma: Shop) -> None:
    workshop = {"key": "workshop", "name": "Workshop", "points": 5}
    free = points_card(alma, 0, rules={"activities": [workshop]})[1]
    limited = points_card(alma, 0, rules={"activities": [{**workshop, "max_total": 9}]})[1]
    counted = []
    for card_id in (free, limited):
        alma.post(card_id, "activity", options={"activity": "workshop"})
        with statements_of(alma.store) as statements:
            alma.post(card_id, "activity", options={"activity": "workshop"})
        counted.append(sum("count(" in statement for statement in statements))
    assert counted == [0, 1]


# --- races and invariants ------------------------------------------------------------------------


def at_once(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each gave, or the rule that it broke, when all were done at the same moment."""
    start = threading.Barrier(len(acts))
    results: list[Any] = []

    def one(act: Callable[[], Any]) -> None:
        start.wait()
        try:
            results.append(act())
        except RuleBroken as error:
            results.append(error)

    threads = [threading.Thread(target=one, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == len(acts)
    return results


@only_postgresql
def test_the_last_one_of_a_reward_goes_to_one_of_many_at_once(alma: Shop) -> None:
    made = alma.template(Kind.POINTS)
    holders = [alma.card(made, opening={"points": 10}) for _ in range(6)]
    coffee = reward(alma, made.id, max_total=2)
    results = at_once([partial(take, alma, card_id, coffee) for card_id in holders])
    assert sorted(isinstance(result, NotFound) for result in results) == [False] * 2 + [True] * 4
    assert sorted(alma.sums(card_id)["points_earned"] for card_id in holders) == [10] * 6
    assert sum(alma.sums(card_id).get("points", 0) for card_id in holders) == 40


@only_postgresql
def test_of_several_first_cards_at_once_one_is_welcomed(alma: Shop) -> None:
    made = alma.template(Kind.POINTS, welcome_bonus=5, limits={"max_per_customer": None})
    who = alma.customer()
    held = at_once([partial(alma.card, made, customer_id=who) for _ in range(4)])
    assert sorted(alma.sums(card_id).get("points", 0) for card_id in held) == [0, 0, 0, 5]


@only_postgresql
def test_a_shared_link_that_many_follow_at_once_brings_points_once(alma: Shop) -> None:
    sharing = {"key": "share", "name": "Share", "points": 5, "proof": "share_link"}
    _, card_id = points_card(alma, 0, rules={"activities": [sharing]})
    with alma.write() as session:
        link_id = share.make(session, str(card_id), "share", "me", NOON).link.id

    def follow(seen_on: str) -> Any:
        with alma.write() as session:
            return share.follow(session, link_id, seen_on, NOON)

    results = at_once([partial(follow, str(number)) for number in range(5)])
    assert sum(result is not None for result in results) == 1
    assert alma.sums(card_id)["points"] == 5


@only_postgresql
def test_a_batch_that_is_sent_twice_at_once_is_given_once(alma: Shop) -> None:
    workshop = {"key": "workshop", "name": "Workshop", "points": 5}
    made = alma.template(Kind.POINTS, rules={"activities": [workshop]})
    names = [str(alma.card(made)) for _ in range(12)]
    batch = awards.Award(made.id, "once", "workshop")

    def give(names: list[str]) -> list[str]:
        with alma.write() as session:
            found = list(awards.find(session, batch, names).items())
            return [answer.result for answer in awards.give(session, batch, found, TILL, NOON)]

    results = at_once([partial(give, names), partial(give, names[::-1])])
    assert sorted(results) == [["already"] * 12, ["awarded"] * 12]
    assert {alma.sums(UUID(name))["points"] for name in names} == {5}


STEPS = st.lists(
    st.tuples(st.sampled_from(["earn", "take", "undo", "grant", "refuse"]), st.integers(0, 5)),
    max_size=25,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS, most=st.integers(1, 4))
def test_claims_and_points_always_agree(sqlite_store: Store, steps: Any, most: int) -> None:
    """Whatever is asked: points = earned - cost of claims that were not refused, within limits."""
    store = Store(str(sqlite_store.engine.url), Vault([KEY]), FOLLOWERS)
    shop = Shop(store, merchants.set_up(store, name="Invariant", now=NOON))
    template_id, card_id = points_card(shop, 20)
    coffee = reward(shop, template_id, max_per_customer=most, confirmation="staff")
    earned = 20
    for what, n in steps:
        try:
            if what == "earn":
                shop.post(card_id, "accrue", n + 1)
                earned += n + 1
            elif what == "take":
                take(shop, card_id, coffee)
            else:
                _answer(shop, what, n)
        except RuleBroken:
            pass
        with shop.read() as session:
            found = claims.newest(session, card_id=card_id, limit=100)
            counted = [claim for claim in found if claim.status != "refused"]
            card = cards.get(session, card_id)
            assert card.points == earned - 10 * len(counted) >= 0
            assert card.rewards_redeemed == len(counted) <= most
            assert len({claim.number for claim in found}) == len(found)
            assert {claim.entry_id for claim in found} >= {claim.entry_id for claim in counted}
        assert shop.sums(card_id).get("points", 0) == card.points
    store.close()


def _answer(shop: Shop, what: str, n: int) -> None:
    """Undoes, grants or refuses the nth claim, if there is one."""
    with shop.write() as session:
        found = claims.newest(session, limit=100)
        if n >= len(found):
            return
        claim = found[n]
        if what == "undo":
            assert claim.entry_id is not None
            undo(session, claim.entry_id, TILL, NOON)
        elif what == "grant":
            claims.grant(session, claim.id, None, TILL, NOON)
        else:
            claims.refuse(session, claim.id, TILL, NOON)
