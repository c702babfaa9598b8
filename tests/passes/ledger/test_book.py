"""What a posting writes: entry, figures, dates, version, deliveries (R-LED-2, R-LED-3, D.3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from passes import ids
from passes.card_templates.kinds import Kind
from passes.cards.models import Card, Delivery
from passes.delivery.offers import follow
from passes.errors import Conflict, Invalid, NotFound
from passes.ledger.book import Actor, Posting
from passes.ledger.figures import disagreements
from passes.ledger.models import LedgerEntry
from passes.ledger.post import open_balance, post
from passes.merchants import merchants
from tests.passes.conftest import NOON, TILL, Shop

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def row(shop: Shop, card_id: UUID) -> Card:
    with shop.read() as session:
        return session.get_one(Card, (shop.merchant_id, card_id))


def entries(shop: Shop, card_id: UUID) -> list[LedgerEntry]:
    with shop.read() as session:
        return list(
            session.scalars(
                select(LedgerEntry)
                .where(LedgerEntry.merchant_id == shop.merchant_id, LedgerEntry.card_id == card_id)
                .order_by(LedgerEntry.seq)
            )
        )


def test_R_LED_2_an_entry_says_who_what_when_and_where(alma: Shop) -> None:
    card = alma.card()
    with alma.write() as session:
        location = merchants.add_location(session, name="Kreuzberg", now=NOON).id
    staff = Actor(kind="staff", id="karla", channel="scanner", role="manager")
    items = [{"name": "Zehnerkarte", "quantity": 1}]
    alma.post(
        card,
        "add-visits",
        10,
        NOON + MINUTE,
        actor=staff,
        purchase=2_800,
        comment="bar",
        items=items,
        location_id=location,
        occurred_at=NOON,
        idempotency_key="k-1",
    )
    [entry] = entries(alma, card)
    assert (entry.seq, entry.type, entry.is_visit) == (1, "add_visits", True)
    assert (entry.available_visits, entry.sold_visits, entry.purchases) == (10, 10, 2_800)
    assert (entry.purchase_amount, entry.comment, entry.items) == (2_800, "bar", items)
    assert (entry.actor_kind, entry.actor_id, entry.channel) == ("staff", "karla", "scanner")
    assert (entry.location_id, entry.idempotency_key) == (location, "k-1")
    assert (entry.occurred_at, entry.recorded_at) == (NOON, NOON + MINUTE)
    assert (entry.reverses_id, entry.reversed_by_id) == (None, None)
    assert entry.balance_after == {
        "available_visits": 10, "sold_visits": 10, "purchases": 2_800,
    }  # fmt: skip


def test_R_LED_2_seq_has_no_gaps_and_balance_after_is_the_prefix_sum(alma: Shop) -> None:
    card, other = alma.card(), alma.card()
    steps = [("add-visits", 10), ("redeem-visits", 3), ("subtract-visits", 2), ("add-bonus", 20)]
    for verb, value in steps:
        alma.post(card, verb, value, purchase=100)
        alma.post(other, "add-visits", 1)
        with pytest.raises(Conflict):  # a posting that is refused leaves no gap
            alma.post(card, "redeem-visits", 500)
    found = entries(alma, card)
    alma.undo(found[3].id)
    found = entries(alma, card)
    assert [entry.seq for entry in found] == [1, 2, 3, 4, 5]
    sums: dict[str, int] = {}
    for entry in found:
        for unit in ("available_visits", "redeemed_visits", "sold_visits", "total_visits", "bonus"):
            sums[unit] = sums.get(unit, 0) + getattr(entry, unit)
        sums["purchases"] = sums.get("purchases", 0) + entry.purchases
        assert entry.balance_after == {unit: total for unit, total in sums.items() if total}
    assert alma.sums(card) == {unit: total for unit, total in sums.items() if total}
    with alma.read() as session:
        assert disagreements(session) == []


def test_R_LED_1_a_cached_figure_that_differs_is_found(alma: Shop, bruno: Shop) -> None:
    right, wrong, empty = alma.card(), alma.card(), alma.card()
    foreign = bruno.card()
    for shop, card in ((alma, right), (alma, wrong), (bruno, foreign)):
        shop.post(card, "add-visits", 3)
    with alma.write() as session:
        for card, unit in ((wrong, "available_visits"), (empty, "purchases")):
            own = (Card.merchant_id == alma.merchant_id) & (Card.id == card)
            session.execute(update(Card).where(own).values({unit: 4}))
    with alma.read() as session:
        assert set(disagreements(session)) == {wrong, empty}
    with bruno.read() as session:
        assert disagreements(session) == []


def test_R_LED_3_a_posting_raises_the_version_and_makes_the_wallets_due(alma: Shop) -> None:
    card = alma.card()
    with alma.write() as session:
        follow(session, row(alma, card), "apple", 1, NOON)
    before = row(alma, card)
    alma.post(card, "add-visits", 10, NOON + MINUTE)
    after = row(alma, card)
    assert after.version == before.version + 1
    assert after.change_tag > before.change_tag
    assert after.changed_at == NOON + MINUTE
    with alma.read() as session:
        [delivery] = session.scalars(
            select(Delivery).where(Delivery.merchant_id == alma.merchant_id)
        )
    assert (delivery.wanted_version, delivery.delivered_version) == (after.version, 1)
    assert (delivery.due_at, delivery.reason) == (NOON + MINUTE, "balance")


def test_a_posting_that_fails_leaves_nothing(alma: Shop) -> None:
    card = alma.card(opening={"available_visits": 1})
    before = row(alma, card)
    with pytest.raises(Conflict):
        alma.post(card, "redeem-visits", 2)
    after = row(alma, card)
    assert (after.version, after.ledger_seq) == (before.version, before.ledger_seq)
    assert len(entries(alma, card)) == 1


def test_cards_are_named_by_id_or_serial(shop: Shop) -> None:
    card = shop.card()
    serial = row(shop, card).serial_number
    with shop.write() as session:
        posted = post(session, serial, Posting("add-visits", 2), TILL, NOON)
        assert posted.card.id == card
        for wrong in (str(ids.new_id()), "123456789012", "", "x"):
            with pytest.raises(NotFound):
                post(session, wrong, Posting("add-visits", 2), TILL, NOON)


# --- a balance from elsewhere --------------------------------------------------------------------


def open_with(shop: Shop, kind: Kind, opening: dict[str, int], ltv: int | None = None) -> Any:
    card = shop.card(shop.template(kind))
    with shop.write() as session:
        return open_balance(session, str(card), opening, ltv, TILL, NOON)


@pytest.mark.parametrize(
    ("kind", "opening", "ltv", "sums"),
    [
        (
            Kind.MULTIPASS,
            {"available_visits": 7, "bonus_balance": 30},
            8_450,
            {"available_visits": 7, "sold_visits": 7, "bonus": 30, "purchases": 8_450},
        ),
        (
            Kind.STAMP,
            {"stamps": 4, "rewards_unused": 1},
            None,
            {"stamps": 4, "stamps_earned": 4, "rewards": 1, "rewards_earned": 1},
        ),
        (Kind.STAMP, {"stamps": 0}, 500, {"purchases": 500}),
    ],
)
def test_import_opening_is_an_entry_like_any_other(
    shop: Shop, kind: Kind, opening: dict[str, int], ltv: int | None, sums: dict[str, int]
) -> None:
    posted = open_with(shop, kind, opening, ltv)
    assert (posted.entry.type, posted.entry.seq, posted.entry.is_visit) == (
        "import_opening", 1, False,
    )  # fmt: skip
    assert shop.sums(posted.card.id) == sums
    assert (posted.card.last_visit_at, posted.card.total_visits) == (None, 0)
    assert shop.undo(posted.entry.id).card.version == 3
    assert shop.sums(posted.card.id) == {}


def test_an_empty_opening_is_none(shop: Shop) -> None:
    assert open_with(shop, Kind.MULTIPASS, {"available_visits": 0}) is None


@pytest.mark.parametrize(
    ("opening", "field"),
    [
        ({"stamps": 1}, "opening.stamps"),
        ({"available_visits": -1}, "opening.available_visits"),
        ({"bonus_balance": 1_000_001}, "opening.bonus_balance"),
    ],
)
def test_a_wrong_opening_names_its_figure(shop: Shop, opening: dict[str, int], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        open_with(shop, Kind.MULTIPASS, opening)
    assert [found.field for found in refusal.value.fields] == [field]


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"value": None}, "value"),
        ({"value": 0}, "value"),
        ({"value": -1}, "value"),
        ({"value": 1_001}, "value"),
        ({"comment": "x" * 501}, "comment"),
        ({"occurred_at": NOON + MINUTE}, "occurred_at"),
        ({"occurred_at": NOON - 31 * DAY}, "occurred_at"),
        ({"location_id": UUID(int=1)}, "location_id"),
    ],
)
def test_R_GEN_7_wrong_input_names_its_field(shop: Shop, wrong: dict[str, Any], field: str) -> None:
    card = shop.card(now=NOON - 60 * DAY)
    asked = {"value": 1, "comment": "x" * 500, "occurred_at": NOON - 30 * DAY} | wrong
    value = asked.pop("value")
    with pytest.raises(Invalid) as refusal:
        shop.post(card, "add-visits", value, **asked)
    assert [found.field for found in refusal.value.fields] == [field]
    assert entries(shop, card) == []


def test_a_location_of_another_merchant_is_unknown(alma: Shop, bruno: Shop) -> None:
    with alma.write() as session:
        location = merchants.add_location(session, name="Kreuzberg", now=NOON).id
    card = bruno.card()
    with pytest.raises(Invalid, match="no such location"):
        bruno.post(card, "add-visits", 1, location_id=location)


def test_R_LED_8_nothing_happened_before_the_card_was_issued(shop: Shop) -> None:
    card = shop.card(now=NOON)
    shop.post(card, "add-visits", 5, NOON + DAY, occurred_at=NOON)
    with pytest.raises(Invalid, match="before the card was issued"):
        shop.post(card, "add-visits", 5, NOON + DAY, occurred_at=NOON - MINUTE)


def test_a_purchase_amount_may_be_demanded(shop: Shop) -> None:
    card = shop.card(shop.template(rules={"purchase_amount_required": True}))
    with pytest.raises(Invalid, match="purchase_amount"):
        shop.post(card, "add-visits", 5)
    shop.post(card, "add-visits", 5, purchase=0)


@pytest.mark.parametrize(
    "kind", [kind for kind in Kind if kind not in {Kind.STAMP, Kind.MULTIPASS}]
)
def test_a_verb_of_another_kind_is_refused(shop: Shop, kind: Kind) -> None:
    card = shop.card(shop.template(kind))
    with pytest.raises(Conflict) as refusal:
        shop.post(card, "add-visits", 1)
    assert refusal.value.code == "WRONG_KIND"


@pytest.mark.parametrize(
    ("status", "cause", "code"),
    [("deleted", "merchant", "CARD_DELETED"), ("deleted", "erasure", "CARD_DELETED")],
)
def test_R_INST_6_a_card_that_the_merchant_deleted_is_closed(
    shop: Shop, status: str, cause: str, code: str
) -> None:
    card = shop.card()
    set_on(shop, card, status=status, status_cause=cause)
    with pytest.raises(Conflict) as refusal:
        shop.post(card, "add-visits", 1)
    assert refusal.value.code == code


def test_R_INST_6_a_card_that_the_customer_removed_works_on(shop: Shop) -> None:
    card = shop.card()
    set_on(shop, card, status="deleted", status_cause="customer")
    assert shop.post(card, "add-visits", 1).card.available_visits == 1


def test_a_blocked_card_is_closed(shop: Shop) -> None:
    card = shop.card()
    set_on(shop, card, blocked=True)
    with pytest.raises(Conflict) as refusal:
        shop.post(card, "add-visits", 1)
    assert refusal.value.code == "CARD_BLOCKED"


def set_on(shop: Shop, card_id: UUID, **values: Any) -> None:
    with shop.write() as session:
        own = (Card.merchant_id == shop.merchant_id) & (Card.id == card_id)
        session.execute(update(Card).where(own).values(**values))


# --- dates ---------------------------------------------------------------------------------------


def test_S1_7_S1_8_last_dates_are_those_of_what_happened(shop: Shop) -> None:
    card = shop.card(now=NOON - 20 * DAY)
    shop.post(card, "add-visits", 10, NOON)
    shop.post(card, "redeem-visits", 1, NOON + DAY)
    found = row(shop, card)
    assert (found.last_added_at, found.last_redemption_at) == (NOON, NOON + DAY)
    # What is booked later and happened earlier moves nothing back.
    late = {"now": NOON + 2 * DAY, "occurred_at": NOON - DAY}
    shop.post(card, "add-visits", 1, **late)
    shop.post(card, "redeem-visits", 1, **late)
    shop.post(card, "subtract-visits", 1, NOON + 3 * DAY)
    found = row(shop, card)
    assert (found.last_added_at, found.last_redemption_at) == (NOON, NOON + DAY)
    assert found.last_visit_at == NOON + DAY


@pytest.mark.parametrize(
    ("verb", "more", "is_visit"),
    [
        ("add-visits", {}, False),
        ("add-visits", {"purchase": 0}, False),
        ("add-visits", {"purchase": 1}, True),
        ("redeem-visits", {}, True),
        ("subtract-visits", {"purchase": 100}, False),
        ("add-bonus", {"purchase": 100}, False),
    ],
)
def test_D_2_what_counts_as_a_visit(
    shop: Shop, verb: str, more: dict[str, Any], is_visit: bool
) -> None:
    card = shop.card(opening={"available_visits": 5})
    shop.post(card, verb, 1, NOON + DAY, **more)
    assert (row(shop, card).last_visit_at == NOON + DAY) is is_visit


def test_T_EX_2_an_expiry_slides_with_the_visit_and_back_with_its_undo(shop: Shop) -> None:
    rule = {"kind": "days_after_last_visit", "days": 60}
    card = shop.card(shop.template(expiry=rule), opening={"available_visits": 5})
    issued = row(shop, card).expires_at
    visit = shop.post(card, "redeem-visits", 1, NOON + 10 * DAY)
    assert row(shop, card).expires_at == issued + 10 * DAY
    shop.post(card, "add-bonus", 1, NOON + 20 * DAY)  # no visit
    assert row(shop, card).expires_at == issued + 10 * DAY
    shop.undo(visit.entry.id, NOON + 20 * DAY)
    assert row(shop, card).expires_at == issued


def test_http_dates_of_two_postings_in_a_second_differ(shop: Shop) -> None:
    card = shop.card()
    stamps = []
    for _ in range(3):
        shop.post(card, "add-visits", 1, NOON)
        stamps.append(row(shop, card).changed_at)
    assert [stamp - NOON for stamp in stamps] == [timedelta(seconds=n) for n in (1, 2, 3)]


def test_D_2_entries_are_in_order_of_time_although_a_request_came_late(alma: Shop) -> None:
    card = alma.card()
    for began in (NOON + MINUTE, NOON, NOON + 2 * MINUTE):
        alma.post(card, "add-visits", 1, began)
    alma.post(card, "add-visits", 1, NOON, occurred_at=NOON)
    booked = entries(alma, card)
    last = NOON + 2 * MINUTE
    assert [entry.recorded_at for entry in booked] == [NOON + MINUTE, NOON + MINUTE, last, last]
    assert [entry.occurred_at for entry in booked] == [NOON + MINUTE, NOON + MINUTE, last, NOON]
    assert row(alma, card).last_entry_at == last
