"""A preview takes back what it did, and what followed from it elsewhere."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy.orm import Session

from passes.errors import NotFound
from passes.happenings import Posted
from passes.ledger.book import Posting
from passes.ledger.post import post
from passes.ledger.preview import Preview, preview
from passes.merchants import merchants
from passes.store import Store
from passes.vault import Vault
from tests.passes.conftest import KEY, NOON, TILL, Shop


def tried(shop: Shop, card: Any, verb: str, value: int) -> Preview:
    with shop.write() as session:
        act = partial(post, session, str(card), Posting(verb, value), TILL, NOON)
        return preview(session, str(card), act, NOON)


def test_R_API_2_what_followed_on_another_card_is_taken_back_too(database_url: str) -> None:
    """A friend's first visit, say, pays the one who brought the friend."""
    paid: dict[str, str] = {}

    def follow(session: Session, happened: Posted, now: datetime) -> None:
        if str(happened.card.id) == paid["by"]:
            post(session, paid["to"], Posting("add-visits", 1), TILL, now)

    store = Store(database_url, Vault([KEY]), {Posted: (follow,)})
    shop = Shop(store, merchants.set_up(store, name="Alma", now=NOON))
    friend, referrer = shop.card(), shop.card()
    paid.update(by=str(friend), to=str(referrer))
    store.due.clear()
    assert tried(shop, friend, "add-visits", 2).after["available_visits"] == 2
    assert (shop.sums(friend), shop.sums(referrer)) == ({}, {})
    assert not store.due.is_set()
    shop.post(friend, "add-visits", 2)
    assert shop.sums(referrer)["available_visits"] == 1
    assert store.due.is_set()
    store.close()


def test_what_was_done_before_a_preview_in_its_transaction_stays(alma: Shop) -> None:
    card, other = alma.card(), alma.card()
    alma.store.due.clear()
    with alma.write() as session:
        post(session, str(other), Posting("add-visits", 1), TILL, NOON)
        act = partial(post, session, str(card), Posting("add-visits", 5), TILL, NOON)
        seen = preview(session, str(card), act, NOON)
    assert (seen.before["available_visits"], seen.after["available_visits"]) == (0, 5)
    assert alma.sums(card) == {}
    assert alma.sums(other)["available_visits"] == 1
    assert alma.store.due.is_set()


def test_a_card_that_is_not_there_cannot_be_tried(alma: Shop, bruno: Shop) -> None:
    with pytest.raises(NotFound):
        tried(bruno, alma.card(), "add-visits", 1)
