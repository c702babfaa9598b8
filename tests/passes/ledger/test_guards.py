"""What staff may do at the till, and the window in which a second tap is taken for one (D.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from passes import i18n, ids
from passes.card_templates.kinds import Kind
from passes.cards.cards import get, set_expiry
from passes.errors import Conflict, Forbidden, Invalid, RuleBroken
from passes.ledger.book import Actor
from passes.merchants.models import Location
from tests.passes.conftest import NOON, Shop

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
PIA = Actor("staff", "pia", "scanner", "staff")
TOM = Actor("staff", "tom", "scanner", "staff")
MANAGER = Actor("staff", "mia", "dashboard", "manager")
OWNER = Actor("staff", "ole", "dashboard", "owner")


@contextmanager
def refused(kind: type[RuleBroken], code: str) -> Iterator[Any]:
    with pytest.raises(kind) as refusal:
        yield refusal
    assert refusal.value.code == code


def location(shop: Shop, name: str) -> UUID:
    with shop.write() as session:
        row = Location(merchant_id=shop.merchant_id, id=ids.new_id(), name=name, created_at=NOON)
        session.add(row)
        session.flush()
        return row.id


# --- who, and where (D.22) -----------------------------------------------------------------------


def test_R_EARN_1_staff_work_at_their_own_locations(shop: Shop) -> None:
    mitte, nord = location(shop, "Mitte"), location(shop, "Nord")
    bound = Actor("staff", "pia", "dashboard", "staff", (mitte,))
    card = shop.card()
    for elsewhere in (nord, None):
        with refused(Forbidden, "NOT_YOUR_LOCATION"):
            shop.post(card, "add-visits", 1, actor=bound, location_id=elsewhere)
    assert shop.post(card, "add-visits", 1, actor=bound, location_id=mitte).entry.location_id == (
        mitte
    )
    shop.post(card, "add-visits", 1, actor=PIA, location_id=nord)


@pytest.mark.parametrize("role", ["marketing", "developer"])
def test_R_EARN_1_who_has_no_business_at_the_till_posts_nothing(shop: Shop, role: str) -> None:
    card = shop.card()
    with refused(Forbidden, "ROLE_FORBIDDEN"):
        shop.post(card, "add-visits", 1, actor=Actor("staff", "x", "dashboard", role))
    assert shop.sums(card) == {}


def test_R_EARN_1_staff_do_not_subtract_unless_the_template_lets_them(shop: Shop) -> None:
    opening = {"available_visits": 5}
    card = shop.card(opening=opening)
    with refused(Forbidden, "ROLE_FORBIDDEN"):
        shop.post(card, "subtract-visits", 1, actor=PIA)
    for actor in (MANAGER, OWNER):
        shop.post(card, "subtract-visits", 1, actor=actor)
    shop.post(card, "redeem-visits", 1, actor=PIA)
    trusting = shop.template(earning={"staff_may_subtract": True})
    shop.post(shop.card(trusting, opening=opening), "subtract-visits", 1, actor=PIA)


def test_R_EARN_2_staff_do_not_override(shop: Shop) -> None:
    card = shop.card(shop.template(Kind.STAMP, earning={"max_per_scan": 1}))
    more: dict[str, Any] = {"override": True, "comment": "darf ich"}
    with refused(Forbidden, "ROLE_FORBIDDEN"):
        shop.post(card, "add-stamps", 2, actor=PIA, **more)
    with pytest.raises(Invalid) as refusal:
        shop.post(card, "add-stamps", 2, actor=MANAGER, override=True)
    assert [wrong.field for wrong in refusal.value.fields] == ["comment"]
    posted = shop.post(card, "add-stamps", 2, actor=MANAGER, **more)
    assert posted.entry.details == {"override": ["LIMIT_PER_SCAN"]}


def test_R_LED_8_a_manager_dates_back_and_staff_do_not(shop: Shop) -> None:
    card = shop.card(now=NOON - 40 * DAY)
    yesterday = NOON - DAY
    with refused(Forbidden, "ROLE_FORBIDDEN"):
        shop.post(card, "add-visits", 1, actor=PIA, occurred_at=yesterday)
    posted = shop.post(card, "add-visits", 1, actor=MANAGER, occurred_at=yesterday)
    assert (posted.entry.occurred_at, posted.entry.recorded_at) == (yesterday, NOON)
    for moment in (NOON + SECOND, NOON - 30 * DAY - SECOND):
        with pytest.raises(Invalid) as refusal:
            shop.post(card, "add-visits", 1, actor=OWNER, occurred_at=moment)
        assert [wrong.field for wrong in refusal.value.fields] == ["occurred_at"]
    fresh = shop.card()
    with pytest.raises(Invalid):
        shop.post(fresh, "add-visits", 1, actor=OWNER, occurred_at=NOON - SECOND)


# --- the card ------------------------------------------------------------------------------------


def removed(shop: Shop, **earning: Any) -> UUID:
    """A multipass that its customer took off the phone, with 5 visits on it."""
    card = shop.card(shop.template(earning=earning), opening={"available_visits": 5})
    with shop.write() as session:
        row = get(session, card, locked=True)
        row.status, row.status_cause = "deleted", "customer"
    return card


def test_R_INST_6_a_card_that_the_customer_removed_goes_on(shop: Shop) -> None:
    card = removed(shop)
    shop.post(card, "add-visits", 1)
    assert shop.sums(card)["available_visits"] == 6


def test_R_INST_6_where_it_does_not_earn_any_more_what_was_paid_for_is_still_good(
    shop: Shop,
) -> None:
    card = removed(shop, work_when_removed=False)
    for verb in ("add-visits", "add-bonus"):
        with refused(Conflict, "CARD_REMOVED"):
            shop.post(card, verb, 1)
    shop.post(card, "redeem-visits", 1)
    shop.post(card, "purchase", purchase=500)  # counts for the revenue, and earns nothing
    assert shop.sums(card)["available_visits"] == 4


def test_R_EXP_7_only_a_manager_redeems_on_an_expired_multipass(shop: Shop) -> None:
    card = shop.card(opening={"available_visits": 5})
    with shop.write() as session:
        set_expiry(session, get(session, card), NOON + DAY, NOON)
    late, more = NOON + 3 * DAY, {"override": True, "comment": "Kulanz"}
    with refused(Forbidden, "ROLE_FORBIDDEN"):
        shop.post(card, "redeem-visits", 1, late, actor=PIA, **more)
    posted = shop.post(card, "redeem-visits", 1, late, actor=MANAGER, **more)
    assert posted.entry.details == {"override": ["CARD_EXPIRED"]}


def test_R_EARN_1_every_guard_before_the_next(shop: Shop) -> None:
    """One posting with everything wrong about it; each cure uncovers the next reason."""
    mitte = location(shop, "Mitte")
    template = shop.template(Kind.STAMP, earning={"max_per_scan": 1})
    card = shop.card(template)
    shop.post(card, "add-stamps", 1, actor=PIA)
    with shop.write() as session:
        get(session, card, locked=True).blocked = True
    bound = Actor("staff", "pia", "scanner", "staff", (mitte,))

    def tap(verb: str, value: int, actor: Actor = PIA) -> str:
        with pytest.raises(RuleBroken) as refusal:
            shop.post(card, verb, value, actor=actor)
        return refusal.value.code

    assert tap("subtract-stamps", 9, bound) == "NOT_YOUR_LOCATION"
    assert tap("subtract-stamps", 9) == "ROLE_FORBIDDEN"
    assert tap("add-stamps", 2) == "CARD_BLOCKED"
    with shop.write() as session:
        get(session, card, locked=True).blocked = False
    assert tap("add-stamps", 2) == "LIMIT_PER_SCAN"
    assert tap("add-stamps", 1) == "DUPLICATE"
    assert tap("subtract-stamps", 9, OWNER) == "INSUFFICIENT_BALANCE"


# --- a second tap (R-LED-5) ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(0, "DUPLICATE"), (5, "DUPLICATE"), (6, "ALREADY_BOOKED"), (30, "ALREADY_BOOKED"), (31, None)],
)
def test_R_LED_5_the_same_again(alma: Shop, seconds: int, code: str | None) -> None:
    card = alma.card(opening={"available_visits": 1})
    first = alma.post(card, "redeem-visits", 1, actor=PIA)
    later = NOON + seconds * SECOND
    if code is None:
        with refused(Conflict, "INSUFFICIENT_BALANCE"):
            alma.post(card, "redeem-visits", 1, later, actor=PIA)
        return
    with refused(Conflict, code) as refusal:
        alma.post(card, "redeem-visits", 1, later, actor=PIA)
    assert refusal.value.facts == {"seconds_ago": seconds, "entry_id": first.entry.id}
    assert alma.sums(card)["redeemed_visits"] == 1


def test_R_LED_5_book_again_is_said_after_five_seconds(shop: Shop) -> None:
    card = shop.card()
    shop.post(card, "add-visits", 1, actor=PIA)
    with refused(Conflict, "DUPLICATE"):
        shop.post(card, "add-visits", 1, NOON + 4 * SECOND, actor=PIA, again=True)
    shop.post(card, "add-visits", 1, NOON + 12 * SECOND, actor=PIA, again=True)
    with refused(Conflict, "DUPLICATE"):
        shop.post(card, "add-visits", 1, NOON + 13 * SECOND, actor=PIA, again=True)
    assert shop.sums(card)["available_visits"] == 2


@pytest.mark.parametrize(
    ("verb", "value", "more"),
    [
        ("add-visits", 2, {}),
        ("add-bonus", 1, {}),
        ("add-visits", 1, {"purchase": 900}),
        ("add-visits", 1, {"actor": TOM}),
        ("add-visits", 1, {"actor": Actor("staff", "pia", "dashboard", "staff")}),
        ("add-visits", 1, {"actor": Actor("api", "pia", "api")}),
    ],
)
def test_R_LED_5_something_else_is_no_second_tap(
    shop: Shop, verb: str, value: int, more: dict[str, Any]
) -> None:
    card = shop.card()
    shop.post(card, "add-visits", 1, actor=PIA)
    shop.post(card, verb, value, **({"actor": PIA} | more))


def test_R_LED_5_what_was_undone_does_not_count(shop: Shop) -> None:
    card = shop.card()
    posted = shop.post(card, "add-visits", 1, actor=PIA)
    shop.undo(posted.entry.id, NOON + SECOND, PIA)
    shop.post(card, "add-visits", 1, NOON + 2 * SECOND, actor=PIA)
    assert shop.sums(card)["available_visits"] == 1


def test_R_LED_5_a_tap_behind_many_others_is_still_found(shop: Shop) -> None:
    """The book is read back page by page, as far as the window goes."""
    card = shop.card()
    shop.post(card, "add-visits", 1, actor=PIA)
    for _ in range(120):
        shop.post(card, "add-bonus", 1)
    with refused(Conflict, "ALREADY_BOOKED"):
        shop.post(card, "add-visits", 1, NOON + 20 * SECOND, actor=PIA)


# --- what it costs -------------------------------------------------------------------------------


def statements(shop: Shop, act: Callable[[], Any]) -> int:
    """How many statements ``act`` sends."""
    sent: list[str] = []

    def count(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        sent.append(statement)

    event.listen(shop.store.engine, "before_cursor_execute", count)
    act()
    event.remove(shop.store.engine, "before_cursor_execute", count)
    return len(sent)


def test_guards_cost_no_statement_where_there_is_nothing_to_ask(shop: Shop) -> None:
    plain = shop.template(Kind.STAMP)
    by_scan = shop.template(Kind.STAMP, earning={"max_per_scan": 9, "min_purchase_amount": "1"})
    by_day = shop.template(Kind.STAMP, earning={"max_per_day": 9})
    cards = [shop.card(template) for template in (plain, by_scan, by_day)]

    def add(card: UUID, now: datetime, **more: Any) -> int:
        return statements(shop, lambda: shop.post(card, "add-stamps", 1, now, purchase=100, **more))

    for card in cards:
        add(card, NOON)  # what is read once per process is read now
    later = NOON + 2 * DAY
    bare, limited, daily = (add(card, later) for card in cards)
    # The card itself says that it did not change today: nothing needs to be looked up.
    assert bare == limited == daily
    assert add(cards[2], later + 600 * SECOND) == bare + 1
    assert add(cards[0], later + 600 * SECOND, actor=PIA) == bare  # not for a scanner either
    assert add(cards[0], later + 607 * SECOND, actor=TOM) == bare + 2  # window, and same visit


def test_R_EARN_2_limits_are_read_back_over_many_postings(shop: Shop) -> None:
    card = shop.card(shop.template(Kind.STAMP, earning={"max_per_day": 121}))
    for _ in range(120):
        shop.post(card, "add-stamps", 1)
    with refused(Conflict, "LIMIT_PER_DAY") as refusal:
        shop.post(card, "add-stamps", 2)
    assert refusal.value.facts["used"] == 120
    shop.post(card, "add-stamps", 1)


def test_R_EARN_2_a_dated_back_posting_uses_up_its_own_day(shop: Shop) -> None:
    template = shop.template(Kind.STAMP, now=NOON - 5 * DAY, earning={"max_per_day": 2})
    card = shop.card(template, now=NOON - 5 * DAY)
    shop.post(card, "add-stamps", 2)
    for days in (1, 2):
        shop.post(card, "add-stamps", 2, occurred_at=NOON - days * DAY)
        with refused(Conflict, "LIMIT_PER_DAY"):
            shop.post(card, "add-stamps", 1, occurred_at=NOON - days * DAY)


def test_every_refusal_can_be_said_in_three_languages() -> None:
    """The sentences are texts; whether each is translated, ``make check`` says."""
    words = i18n.text("Not more than {limit} at a time.", limit="3")
    refusal = Conflict(words, code="LIMIT_PER_SCAN")
    assert str(refusal) == "Not more than 3 at a time."
    assert set(refusal.words) == set(i18n.LANGUAGES)
    assert Conflict("Plain.").words == {"en": "Plain."}
