"""Events of a vendor that keeps the pass: each once, in the vendor's order, for the right card."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from passes.delivery import vendor_events
from passes.delivery.issuer import DomainIssuer
from passes.delivery.models import VendorEvent
from passes.merchants.accounts import keep_wallet_account
from passes.merchants.models import WalletAccount
from passes.store import Store
from passes.wallet_port import NoSuchCard, SaveEvent
from tests.passes.conftest import NOON, Shop
from tests.passes.delivery.conftest import BASE_URL, Post

MINUTE = timedelta(minutes=1)


def issuer(store: Store, now: datetime = NOON) -> DomainIssuer:
    return DomainIssuer(store, BASE_URL, lambda: now)


def event(post: Post, shop: Shop, card_id: UUID, **changes: Any) -> SaveEvent:
    """A save in test mode, unless changed."""
    card = post.card(shop, card_id)
    genuine = SaveEvent(
        serial=card.serial_number,
        template=card.template_id.hex,
        account=None,
        saved=True,
        nonce="n-1",
        order=1,
        valid_until=NOON + timedelta(hours=1),
    )
    return replace(genuine, **changes)


def rows(shop: Shop) -> list[VendorEvent]:
    with shop.read() as session:
        return list(
            session.scalars(
                select(VendorEvent)
                .where(VendorEvent.merchant_id == shop.merchant_id)
                .order_by(VendorEvent.order)
            )
        )


def enter(shop: Shop, name: str, *, pending: bool = False) -> None:
    with shop.write() as session:
        keep_wallet_account(session, "noted", name, "{}", NOON)
        if pending:
            session.get_one(
                WalletAccount, (shop.merchant_id, _account_id(session, shop, name))
            ).pending = True
            session.flush()


def _account_id(session: Any, shop: Shop, name: str) -> Any:
    return session.scalar(
        select(WalletAccount.id).where(
            WalletAccount.merchant_id == shop.merchant_id, WalletAccount.name == name
        )
    )


def test_an_event_is_recorded_with_its_effect(alma: Shop, bruno: Shop, office: Post) -> None:
    card, other = alma.card(), bruno.card()
    assert issuer(office.store).heard("noted", event(office, alma, card))
    assert office.card(alma, card).status == "installed"
    assert office.card(bruno, other).status == "not_installed"
    [row] = rows(alma)
    assert (row.wallet, row.nonce, row.card_id, row.saved, row.order) == (
        "noted", "n-1", card, True, 1,
    )  # fmt: skip
    assert rows(bruno) == []
    assert office.events(alma, card, "installed") == [
        {"at": timedelta(0), "additional": False, "reinstall": False}
    ]


def test_T_IN_2_a_nonce_counts_once_whatever_it_comes_with(alma: Shop, office: Post) -> None:
    card, second = alma.card(), alma.card()
    heard = issuer(office.store).heard
    assert heard("noted", event(office, alma, card))
    assert not heard("noted", event(office, alma, card))
    assert not heard("noted", event(office, alma, card, saved=False, order=9))
    assert not heard("noted", event(office, alma, second))
    assert [office.card(alma, each).status for each in (card, second)] == [
        "installed",
        "not_installed",
    ]
    assert len(rows(alma)) == 1


def test_two_merchants_may_hear_the_same_nonce(alma: Shop, bruno: Shop, office: Post) -> None:
    for shop in (alma, bruno):
        card = shop.card()
        assert issuer(office.store).heard("noted", event(office, shop, card))
        assert office.card(shop, card).status == "installed"


def test_T_IN_2_the_vendor_says_what_was_last_and_no_clock(alma: Shop, office: Post) -> None:
    card = alma.card()
    steps: list[tuple[int, bool, int, bool, str]] = [
        # minutes on our clock, saved, the vendor's order, news, status after it
        (0, True, 10, True, "installed"),
        (-30, False, 20, True, "deleted"),
        (-60, True, 15, False, "deleted"),
        (-60, True, 30, True, "installed"),
        (90, False, 29, False, "installed"),
        (-90, False, 31, True, "deleted"),
        (-91, True, 31, True, "installed"),
    ]
    for number, (minutes, saved, order, news, status) in enumerate(steps):
        told = event(office, alma, card, saved=saved, order=order, nonce=f"n-{number}")
        at = NOON + minutes * MINUTE
        assert issuer(office.store, at).heard("noted", told) is news, number
        assert office.card(alma, card).status == status, number
    assert len(rows(alma)) == len(steps)


def test_of_sixteen_at_once_one_is_recorded(alma: Shop, office: Post) -> None:
    card = alma.card()
    told = event(office, alma, card)
    heard = issuer(office.store).heard
    with ThreadPoolExecutor(16) as pool:
        news = list(pool.map(lambda _: heard("noted", told), range(16)))
    assert sorted(news) == [False] * 15 + [True]
    assert len(office.events(alma, card, "installed")) == 1


def test_one_nonce_for_two_cards_at_once_is_one_event(alma: Shop, office: Post) -> None:
    told = [event(office, alma, alma.card()) for _ in range(8)]
    heard = issuer(office.store).heard
    with ThreadPoolExecutor(8) as pool:
        news = list(pool.map(lambda each: heard("noted", each), told))
    assert sorted(news) == [False] * 7 + [True]


def test_a_save_that_is_known_is_no_news(alma: Shop, office: Post) -> None:
    card = alma.card()
    asked = issuer(office.store)
    assert asked.heard("noted", event(office, alma, card))
    assert not asked.heard("noted", event(office, alma, card, nonce="n-2", order=2))
    assert not asked.heard("noted", event(office, alma, alma.card(), nonce="n-3", saved=False))
    assert len(rows(alma)) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"serial": "999999999999"},
        {"serial": ""},
        {"serial": "x\x00"},
        {"template": "0" * 32},
        {"template": ""},
        {"account": "another"},
        {"account": ""},
    ],
)
def test_what_does_not_belong_together_is_no_card(
    alma: Shop, office: Post, changes: dict[str, Any]
) -> None:
    card = alma.card()
    with pytest.raises(NoSuchCard):
        issuer(office.store).heard("noted", event(office, alma, card, **changes))
    assert office.card(alma, card).status == "not_installed"
    assert rows(alma) == []


def test_only_an_own_account_speaks(alma: Shop, bruno: Shop, office: Post) -> None:
    card = alma.card()
    enter(alma, "one")
    enter(alma, "two")
    enter(bruno, "brunos")
    enter(alma, "waits", pending=True)
    asked = issuer(office.store)
    for account in (None, "brunos", "waits"):
        with pytest.raises(NoSuchCard):
            asked.heard("noted", event(office, alma, card, account=account))
    with pytest.raises(NoSuchCard):  # an account for another wallet
        asked.heard("paper", event(office, alma, card, account="one"))
    for number, account in enumerate(("one", "two")):
        told = event(office, alma, card, account=account, nonce=account, order=number)
        assert asked.heard("noted", told) is (number == 0)


def test_a_template_may_be_written_either_way(alma: Shop, office: Post) -> None:
    card = alma.card()
    template = str(office.card(alma, card).template_id)
    assert issuer(office.store).heard("noted", event(office, alma, card, template=template))


def test_a_saved_card_is_followed_from_then_on(alma: Shop, office: Post) -> None:
    """Also one that was never handed out here: what the vendor has of it is brought up to date."""
    card = alma.card()
    issuer(office.store).heard("noted", event(office, alma, card))
    assert office.work(NOON) == 1
    alma.post(card, "add-visits", 1, NOON + MINUTE)
    assert office.work(NOON + MINUTE) == 1
    assert [push.devices for push in office.wallet.pushes] == [("noted",), ("noted",)]
    assert office.wallet.versions() == [1, 2]


def test_events_are_kept_a_day_longer_than_they_count(
    alma: Shop, bruno: Shop, office: Post
) -> None:
    for shop in (alma, bruno):
        issuer(office.store).heard("noted", event(office, shop, shop.card()))
    end = NOON + timedelta(hours=1) + vendor_events.KEPT_LONGER
    for moment, left in ((end, 1), (end + timedelta(seconds=1), 0)):
        with alma.write() as session:
            vendor_events.forget_old(session, moment)
        assert len(rows(alma)) == left
    assert len(rows(bruno)) == 1
