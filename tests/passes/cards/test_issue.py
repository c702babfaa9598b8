"""Issuing: what a new card is made of, and within which limits (D.6, AMB-09, AMB-10)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from passes import ids
from passes.card_templates import templates
from passes.card_templates.templates import Template
from passes.cards import cards, links
from passes.cards.issue import Origin, issue
from passes.cards.models import Card, CardEvent
from passes.cards.utm import Utm
from passes.customers import customers
from passes.customers.details import Details
from passes.errors import Conflict, NotFound
from passes.merchants import directory
from passes.merchants.directory import Known
from passes.merchants.merchants import business
from tests.passes.conftest import NOON, Shop

DAY = timedelta(days=1)


def issued(
    shop: Shop, template: Template, origin: Origin, now: datetime = NOON, **more: Any
) -> Card:
    customer = more.pop("customer_id", None) or shop.customer()
    with shop.write() as session:
        return issue(session, template, customers.get(session, customer), origin, now, **more)


def test_a_new_card(alma: Shop) -> None:
    template = alma.template()
    values = Utm("instagram", "story", "herbst", "t", "c")
    origin = Origin("link", values, utm_raw={"utm_source": "instagram"}, issued_by="karla")
    card = issued(alma, template, origin)
    assert (card.status, card.status_cause, card.blocked) == ("not_installed", None, False)
    assert ids.read_serial_number(card.serial_number) == card.serial_number
    assert (card.template_id, card.template_version) == (template.id, 1)
    assert card.issued_at == card.enrolled_at == card.created_at == NOON
    assert (card.issue_channel, card.issued_by) == ("link", "karla")
    assert (card.utm_source, card.utm_medium, card.utm_campaign) == ("instagram", "story", "herbst")
    assert (card.utm_term, card.utm_content) == ("t", "c")
    assert card.utm_raw == {"utm_source": "instagram"}
    assert (card.version, card.ledger_seq, card.changed_at) == (1, 0, NOON)
    assert (card.expires_at, card.expiry_mode) == (None, "rule")
    with alma.read() as session:
        [event] = session.scalars(
            select(CardEvent).where(CardEvent.merchant_id == alma.merchant_id)
        )
    assert (event.type, event.at, event.data) == ("issued", NOON, {"channel": "link"})


def test_a_card_is_found_by_all_its_names_and_by_nobody_elses(alma: Shop, bruno: Shop) -> None:
    card = alma.card()
    with alma.read() as session:
        row = cards.get(session, card)
        key = business(session).token_key
        shown = ids.show_serial_number(row.serial_number)
        assert cards.get(session, shown).id == cards.get(session, str(card)).id == card
        names = {
            Known.SERIAL: row.serial_number,
            Known.REFERRAL: row.referral_code,
            Known.INSTALL_TOKEN: links.install_token(key, card, 1),
            Known.PAGE_TOKEN: links.page_token(key, card, 1),
        }
    with alma.store.read_all() as session:
        for kind, name in names.items():
            assert directory.find(session, kind, name) == (alma.merchant_id, card), kind
    with bruno.read() as session:
        for name in (card, str(card), row.serial_number, shown):
            with pytest.raises(NotFound):
                cards.get(session, name)


def test_R_ID_2_a_new_install_link_kills_the_old_one_and_nothing_else(shop: Shop) -> None:
    card = shop.card()
    with shop.write() as session:
        row = cards.get(session, card, locked=True)
        before = links.links_of(session, row, "https://a.example")
        links.replace_install_link(session, row)
        after = links.links_of(session, row, "https://a.example")
    assert after.install != before.install
    assert (after.page, after.referral) == (before.page, before.referral)
    tokens = [link.install.rpartition("/")[2] for link in (before, after)]
    with shop.store.read_all() as session:
        found = [directory.find(session, Known.INSTALL_TOKEN, token) for token in tokens]
    assert found == [None, (shop.merchant_id, card)]
    assert tokens[1] not in repr(after)


def test_design_5_8_the_secrets_of_a_card_are_four_different_ones(shop: Shop) -> None:
    one, other = shop.card(), shop.card()
    with shop.read() as session:
        key = business(session).token_key
        secrets = [
            secret
            for card in (one, other)
            for secret in (
                links.install_token(key, card, 1),
                links.page_token(key, card, 1),
                links.wallet_secret(key, card),
                links.till_code(session, cards.get(session, card).serial_number),
            )
        ]
    assert len(set(secrets)) == 8


# --- what it shows of its holder -----------------------------------------------------------------


def test_AMB_10_a_card_keeps_the_name_that_it_was_issued_with(shop: Shop) -> None:
    customer = shop.customer(first_name="Anna", last_name="Mayer")
    card = shop.card(customer_id=customer)
    with shop.write() as session:
        customers.change(session, customer, Details(last_name="Meier"), NOON)
    with shop.read() as session:
        row = cards.get(session, card)
        assert row.issued_data == {"first_name": "Anna", "last_name": "Mayer"}
        assert row.version == 1
        assert cards.holder_of(session, row).last_name == "Meier"


def test_R_UTM_4_the_customer_keeps_the_values_of_the_first_card(shop: Shop) -> None:
    customer = shop.customer()
    sources = ["Instagram", "google"]
    rows = [
        issued(shop, shop.template(), Origin("link", Utm(source)), customer_id=customer)
        for source in sources
    ]
    assert [row.utm_source for row in rows] == sources
    with shop.read() as session:
        first = customers.get(session, customer).first_utm
    assert first == Utm("Instagram").as_dict()


def test_R_UTM_2_sources_are_compared_in_lower_case(shop: Shop) -> None:
    for source in ("Facebook", "facebook", "google"):
        issued(shop, shop.template(), Origin("link", Utm(source)))
    with shop.read() as session:
        assert len(cards.newest(session, utm_source="FACEBOOK")) == 2
        assert len(cards.newest(session, utm_source="face\x00book")) == 2


# --- expiry --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "expires_at"),
    [
        ({"kind": "unlimited"}, None),
        ({"kind": "fixed_date", "date": "2027-06-30"}, "2027-06-30T21:59:59+00:00"),
        ({"kind": "days_after_issue", "days": 30}, "2026-12-21T22:59:59+00:00"),
        ({"kind": "days_after_last_visit", "days": 60}, "2027-01-20T22:59:59+00:00"),
    ],
)
def test_D_8_1_the_rule_of_the_template(
    shop: Shop, rule: dict[str, Any], expires_at: str | None
) -> None:
    card = issued(shop, shop.template(expiry=rule), Origin("api", Utm("api")))
    expected = datetime.fromisoformat(expires_at) if expires_at else None
    assert (card.expires_at, card.expiry_mode) == (expected, "rule")


def test_R_EXP_2_a_date_given_at_issue_counts_as_set_by_hand(shop: Shop) -> None:
    template = shop.template(expiry={"kind": "days_after_issue", "days": 30})
    card = issued(shop, template, Origin("api", Utm("api")), expires_at=NOON + 9 * DAY)
    assert (card.expires_at, card.expiry_mode) == (NOON + 9 * DAY, "manual")


# --- limits --------------------------------------------------------------------------------------


def refused(shop: Shop, template: Template, now: datetime = NOON, **more: Any) -> str:
    with pytest.raises(Conflict) as refusal:
        issued(shop, template, Origin("api", Utm("api")), now, **more)
    return f"{refusal.value.code} {refusal.value.facts.get('limit', '')}".strip()


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("draft", "TEMPLATE_PAUSED"),
        ("paused", "TEMPLATE_PAUSED"),
        ("archived", "TEMPLATE_ARCHIVED"),
    ],
)
def test_only_active_templates_give_cards(shop: Shop, status: str, code: str) -> None:
    template = shop.template()
    with shop.write() as session:
        template = templates.set_status(session, template.id, status)
    assert refused(shop, template) == code


def test_R_ISS_5_expired_cards_free_max_active_and_nothing_else(shop: Shop) -> None:
    for limit in ("max_active", "max_issued"):
        template = shop.template(
            limits={limit: 1}, expiry={"kind": "fixed_date", "date": "2026-11-30"}
        )
        card = shop.card(template)
        with shop.read() as session:
            last_second = cards.get(session, card).expires_at
        assert last_second is not None
        # Valid through the whole of its last second (R-EXP-4).
        almost = last_second + timedelta(milliseconds=999)
        assert refused(shop, template, almost) == f"ISSUE_LIMIT {limit}"
        if limit == "max_active":
            assert shop.card(template, last_second + timedelta(seconds=1))
        else:
            later = last_second + timedelta(seconds=1)
            assert refused(shop, template, later) == f"ISSUE_LIMIT {limit}"


def test_R_ISS_5_a_day_is_the_merchants_day(shop: Shop) -> None:
    template = shop.template(limits={"max_per_day": 1})
    evening = datetime.fromisoformat("2026-11-21T23:59:00+01:00")
    shop.card(template, evening)
    assert refused(shop, template, evening + timedelta(seconds=59)) == "ISSUE_LIMIT max_per_day"
    assert shop.card(template, evening + timedelta(minutes=1))


@pytest.mark.parametrize("limit", ["max_issued", "max_active", "max_per_day", "max_per_customer"])
def test_R_ISS_5_no_limit_is_passed_in_a_race(alma: Shop, limit: str) -> None:
    template = alma.template(limits={limit: 3})
    customer = alma.customer() if limit == "max_per_customer" else None

    def try_to_issue(_: int) -> bool:
        try:
            alma.card(template, customer_id=customer)
        except Conflict as refusal:
            assert refusal.code == "ISSUE_LIMIT"  # noqa: PT017 - the others succeed
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(try_to_issue, range(12))) == 3


def test_R_ISS_5_one_customers_limit_is_not_anothers(shop: Shop) -> None:
    template, other = shop.template(), shop.template()
    customer = shop.customer()
    shop.card(template, customer_id=customer)
    assert refused(shop, template, customer_id=customer) == "ISSUE_LIMIT max_per_customer"
    assert shop.card(template)
    assert shop.card(other, customer_id=customer)


def test_cards_are_listed_newest_first_in_pages(shop: Shop) -> None:
    template = shop.template()
    made = [shop.card(template, NOON + timedelta(seconds=number // 2)) for number in range(7)]
    seen: list[UUID] = []
    after = None
    while True:
        with shop.read() as session:
            page = cards.newest(session, template_id=template.id, after=after, limit=3)
        if not page:
            break
        seen += [card.id for card in page]
        after = (page[-1].created_at, page[-1].id)
    assert seen == list(reversed(made))
