"""The one table whose names are unique over all merchants (design §5.3)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from passes import ids
from passes.merchants import directory, merchants
from passes.merchants.directory import Found, Known
from passes.merchants.models import DirectoryEntry
from passes.store import Store
from tests.passes.conftest import NOON, Shop


def find(store: Store, kind: Known, key: str) -> Found | None:
    with store.read_all() as session:
        return directory.find(session, kind, key)


@pytest.mark.parametrize("kind", Known)
def test_what_is_entered_is_found_and_can_be_forgotten(shop: Shop, kind: Known) -> None:
    subject = ids.new_id()
    with shop.write() as session:
        assert directory.enter(session, kind, "a name", subject)
    assert find(shop.store, kind, "a name") == Found(shop.merchant_id, subject)
    for other in Known:
        if other is not kind:
            assert find(shop.store, other, "a name") is None
    with shop.write() as session:
        directory.forget(session, kind, "a name")
    assert find(shop.store, kind, "a name") is None


def test_a_token_itself_is_never_kept(shop: Shop) -> None:
    with shop.write() as session:
        for kind in (Known.INSTALL_TOKEN, Known.PAGE_TOKEN):
            directory.enter(session, kind, "a secret token", ids.new_id())
    with shop.store.read_all() as session:
        kept = session.scalars(select(DirectoryEntry.key)).all()
    assert not any("secret" in key for key in kept)
    assert ids.fingerprint("a secret token") in kept


def test_a_name_is_entered_once_over_all_merchants(alma: Shop, bruno: Shop) -> None:
    def enter(number: int) -> bool:
        shop = (alma, bruno)[number % 2]
        with shop.write() as session:
            return directory.enter(session, Known.REFERRAL, "ABCD2345", ids.new_id())

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(enter, range(16))) == 1


def test_a_name_is_drawn_until_one_is_free(shop: Shop) -> None:
    names = iter(["taken", "taken", "free"])
    with shop.write() as session:
        directory.enter(session, Known.REFERRAL, "taken", ids.new_id())
        drawn = directory.enter_new(session, Known.REFERRAL, ids.new_id(), lambda: next(names))
    assert drawn == "free"


def test_nobody_forgets_for_another(alma: Shop, bruno: Shop) -> None:
    with alma.write() as session:
        directory.enter(session, Known.TEMPLATE, "karte", ids.new_id())
    with bruno.write() as session:
        directory.forget(session, Known.TEMPLATE, "karte")
    assert find(alma.store, Known.TEMPLATE, "karte") is not None


def test_slugs_are_numbered(store: Store) -> None:
    made = [merchants.set_up(store, name="Café Kranz", now=NOON) for _ in range(3)]
    slugs = []
    for merchant_id in made:
        with store.read(merchant_id) as session:
            slugs.append(merchants.business(session).slug)
    assert slugs == ["cafe-kranz", "cafe-kranz-2", "cafe-kranz-3"]
    long_names = [merchants.set_up(store, name="x" * 60, now=NOON) for _ in range(2)]
    with store.read(long_names[1]) as session:
        assert merchants.business(session).slug == f"{'x' * 34}-2"


@pytest.mark.parametrize("name", ["", "\x00", "a\x00b", "x" * 10_000, "' OR 1=1 --"])
def test_what_nobody_entered_is_not_found(alma: Shop, name: str) -> None:
    for kind in Known:
        assert find(alma.store, kind, name) is None
