"""What a card's page asks and tells through the Issuer, by its token alone."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from passes import ids
from passes.cards import cards, change, events, links
from passes.cards.models import PageEventRow
from passes.cards.page_events import MOST_TIMES
from passes.delivery.issuer import DomainIssuer
from passes.feedback.models import Feedback
from passes.merchants.merchants import business
from passes.wallet_port import NoSuchCard, NotAllowed, PageEvent, State
from tests.conftest import statements_of
from tests.passes.conftest import NOON, Shop
from tests.passes.delivery.conftest import BASE_URL, seconds

DAY = timedelta(days=1)
WRONG = ["", "x", "x\x00", "ä", "A" * 22]


def token_of(shop: Shop, card: UUID) -> str:
    with shop.read() as session:
        return links.page_token(business(session).token_key, card, 1)


def issuer(shop: Shop, now: datetime = NOON) -> DomainIssuer:
    return DomainIssuer(shop.store, BASE_URL, lambda: now)


def withdraw(shop: Shop, card: UUID, now: datetime = NOON) -> None:
    with shop.write() as session:
        cards.delete(session, cards.get(session, card, locked=True), now)


def counted(shop: Shop) -> list[tuple[date, str, int]]:
    with shop.read() as session:
        rows = session.scalars(
            select(PageEventRow)
            .where(PageEventRow.merchant_id == shop.merchant_id)
            .order_by(PageEventRow.day, PageEventRow.name)
        )
        return [(row.day, row.name, row.times) for row in rows]


def timeline(shop: Shop, card: UUID, type_: str) -> list[dict[str, Any]]:
    with shop.read() as session:
        return [row.data for row in events.newest(session, card, limit=50) if row.type == type_]


# --- versions ------------------------------------------------------------------------------------


def test_versions_of_many_pages_in_one_look(alma: Shop, bruno: Shop) -> None:
    first, second, gone, foreign = alma.card(), alma.card(), alma.card(), bruno.card()
    alma.post(second, "add-visits", 1)
    withdraw(alma, gone)
    held = [(alma, first), (alma, second), (alma, gone), (bruno, foreign)]
    tokens = [token_of(shop, card) for shop, card in held]
    asked = issuer(alma)
    with statements_of(alma.store) as seen:
        found = asked.versions("pwa", [*tokens, *WRONG, tokens[0]])
    assert found == {tokens[0]: 1, tokens[1]: 2, tokens[3]: 1}
    assert len([each for each in seen if "FROM directory" in each]) == 1
    assert asked.versions("pwa", []) == {}


def test_a_card_that_the_customer_took_off_still_has_its_page(alma: Shop) -> None:
    card = alma.card()
    serial = issuer(alma).page("pwa", token_of(alma, card)).serial
    issuer(alma).installed("pwa", serial, "app", {})
    issuer(alma).removed("pwa", serial, "app")
    assert issuer(alma).versions("pwa", [token_of(alma, card)]) == {token_of(alma, card): 1}


# --- what happened on the page -------------------------------------------------------------------


def test_an_event_counts_once_per_card_and_day_of_the_merchant(alma: Shop, bruno: Shop) -> None:
    card, foreign = alma.card(), bruno.card()
    token = token_of(alma, card)
    late = datetime.fromisoformat("2026-11-21T22:59:59+00:00")  # 23:59:59 in Berlin
    assert issuer(alma, late).happened("pwa", token, PageEvent.SHARED)
    assert not issuer(alma, late).happened("pwa", token, PageEvent.SHARED)
    assert issuer(alma, late).happened("pwa", token, PageEvent.STARTED)
    assert issuer(alma, late + seconds(1)).happened("pwa", token, PageEvent.SHARED)
    assert issuer(bruno, late).happened("pwa", token_of(bruno, foreign), PageEvent.SHARED)
    assert counted(alma) == [
        (date(2026, 11, 21), "pwa_open", 1),
        (date(2026, 11, 21), "referral_shared", 2),
        (date(2026, 11, 22), "referral_shared", 1),
    ]
    assert counted(bruno) == [(date(2026, 11, 21), "referral_shared", 1)]


def test_counting_ends_somewhere(alma: Shop) -> None:
    token = token_of(alma, alma.card())
    asked = issuer(alma)
    asked.happened("pwa", token, PageEvent.OPENED)
    with alma.write() as session:
        session.execute(
            update(PageEventRow)
            .where(PageEventRow.merchant_id == alma.merchant_id)
            .values(times=MOST_TIMES - 1)
        )
    for _ in range(3):
        assert not asked.happened("pwa", token, PageEvent.OPENED)
    assert counted(alma)[0][2] == MOST_TIMES


@pytest.mark.parametrize("event", list(PageEvent))
def test_R_INST_2_no_report_installs_anything(shop: Shop, event: PageEvent) -> None:
    card = shop.card()
    assert issuer(shop).happened("pwa", token_of(shop, card), event)
    with shop.read() as session:
        held = cards.get(session, card)
        assert (held.status, held.version) == ("not_installed", 1)
        assert cards.installations_of(session, card) == []
        assert held.link_opened_at == (NOON if event is PageEvent.OPENED else None)


def test_the_first_opening_stands_on_the_timeline_once(alma: Shop) -> None:
    card = alma.card()
    for later in range(3):
        issuer(alma, NOON + later * DAY).happened("pwa", token_of(alma, card), PageEvent.OPENED)
    assert timeline(alma, card, "link_opened") == [{}]
    with alma.read() as session:
        assert cards.get(session, card).link_opened_at == NOON


def test_pages_that_are_not_there_report_nothing(alma: Shop) -> None:
    gone = alma.card()
    withdraw(alma, gone)
    for token in (*WRONG, token_of(alma, gone)):
        with pytest.raises(NoSuchCard):
            issuer(alma).happened("pwa", token, PageEvent.OPENED)
        with pytest.raises(NoSuchCard):
            issuer(alma).rated("pwa", token, 5, "")
    assert counted(alma) == []


# --- listening -----------------------------------------------------------------------------------


def test_a_page_listens_and_is_told(alma: Shop) -> None:
    card = alma.card()
    asked = issuer(alma)
    serial = asked.page("pwa", token_of(alma, card)).serial
    address = {"endpoint": "https://push.example/1"}
    assert asked.listening("pwa", serial, "tab", address)
    assert not asked.listening("pwa", serial, "tab", address)
    alma.post(card, "add-visits", 1)
    with alma.read() as session:
        (state,) = change.states(session, card, 2)
        assert (state.wallet, state.wanted_version, state.delivered_version) == ("pwa", 2, 1)
        assert cards.get(session, card).status == "not_installed"
    assert asked.silent("pwa", serial, "tab")
    assert not asked.silent("pwa", serial, "tab")
    with pytest.raises(NoSuchCard):
        asked.listening("pwa", "123456789012", "tab", address)
    with pytest.raises(NoSuchCard):
        asked.silent("pwa", "123456789012", "tab")


def test_the_eleventh_device_is_not_allowed(alma: Shop) -> None:
    asked = issuer(alma)
    serial = asked.page("pwa", token_of(alma, alma.card())).serial
    for number in range(10):
        assert asked.listening("pwa", serial, ids.new_id().hex, {"endpoint": str(number)})
    with pytest.raises(NotAllowed) as refused:
        asked.listening("pwa", serial, "one more", {"endpoint": "x"})
    assert refused.value.field == "device"


# --- rating --------------------------------------------------------------------------------------


def test_a_rating_is_kept_and_shown_on_the_page(alma: Shop) -> None:
    card = alma.card()
    token = token_of(alma, card)
    assert issuer(alma).card_page("pwa", token).rating is None
    given = issuer(alma).rated("pwa", token, 4, " Good coffee ")
    assert (given.stars, given.comment, given.given_at) == (4, "Good coffee", NOON)
    assert given.is_editable
    assert "Good coffee" not in repr(given)
    assert issuer(alma).card_page("pwa", token).rating == given
    later = issuer(alma, NOON + DAY).card_page("pwa", token).rating
    assert (later.stars, later.is_editable) == (4, False)
    assert issuer(alma, NOON + DAY).rated("pwa", token, 5, "").comment == ""
    with alma.read() as session:
        rows = session.scalars(
            select(Feedback).where(Feedback.merchant_id == alma.merchant_id)
        ).all()
    assert [(row.stars, row.channel) for row in rows] == [(4, "page"), (5, "page")]


@pytest.mark.parametrize(
    ("stars", "comment", "field"), [(0, "", "stars"), (6, "", "stars"), (3, "x" * 2_001, "comment")]
)
def test_a_rating_that_cannot_be_is_not_allowed(
    shop: Shop, stars: int, comment: str, field: str
) -> None:
    token = token_of(shop, shop.card())
    with pytest.raises(NotAllowed) as refused:
        issuer(shop).rated("pwa", token, stars, comment)
    assert refused.value.field == field
    assert issuer(shop).card_page("pwa", token).rating is None


# --- the page ------------------------------------------------------------------------------------


def test_a_withdrawn_card_shows_nothing_beside_that(alma: Shop) -> None:
    card = alma.card(opening={"available_visits": 5})
    withdraw(alma, card)
    page = issuer(alma).card_page("pwa", token_of(alma, card))
    assert page.content.state is State.VOID
    assert (page.history, page.rewards, page.sharing, page.rating) == ((), (), None, None)


def test_only_the_token_opens_a_page(alma: Shop) -> None:
    token = token_of(alma, alma.card())
    content = issuer(alma).page("pwa", token)
    for wrong in (*WRONG, token[:-1], content.serial, content.secret):
        with pytest.raises(NoSuchCard):
            issuer(alma).card_page("pwa", wrong)


def test_a_page_takes_as_few_statements_however_long_its_history(alma: Shop) -> None:
    template = alma.template(referral={"enabled": True})
    short, long = alma.card(template), alma.card(template)
    for _ in range(30):
        alma.post(long, "add-visits", 1)
    numbers, lines = [], []
    for card in (short, long):
        token = token_of(alma, card)
        issuer(alma).card_page("pwa", token)
        with statements_of(alma.store) as seen:
            lines.append(len(issuer(alma).card_page("pwa", token).history))
        numbers.append(len([each for each in seen if "set_config" not in each]))
    assert lines == [0, 20]
    assert numbers[0] == numbers[1] <= 6
