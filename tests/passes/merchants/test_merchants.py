"""Merchants, their locations, and credentials that are sealed (design §5.7)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from passes import ids
from passes.cards.links import links_of
from passes.cards.models import Card
from passes.errors import Invalid, NotFound
from passes.merchants import accounts, merchants
from passes.merchants.models import Merchant, WalletAccount
from passes.store import Store
from passes.vault import CannotOpen, Vault
from tests.passes.conftest import KEY, NOON, Shop

NEW_KEY = b"n" * 32


def reopened(store: Store, *keys: bytes) -> Store:
    """The same database in another process, with other master keys."""
    return Store(store.engine.url.render_as_string(hide_password=False), Vault(keys))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"language": "fr"}, "language"),
        ({"time_zone": "Berlin"}, "time_zone"),
        ({"time_zone": "../etc/passwd"}, "time_zone"),
        ({"currency": "euro"}, "currency"),
        ({"country": "Germany"}, "country"),
    ],
)
def test_what_is_wrong_names_itself(sqlite_store: Store, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        merchants.set_up(sqlite_store, **({"name": "Alma"} | wrong), now=NOON)
    assert [found.field for found in refusal.value.fields] == [field]


def test_all_that_is_wrong_is_named_at_once(sqlite_store: Store) -> None:
    with pytest.raises(Invalid) as refusal:
        merchants.set_up(sqlite_store, name="", language="x", currency="x", now=NOON)
    assert [found.field for found in refusal.value.fields] == ["name", "language", "currency"]


def test_a_merchant_that_does_not_exist(sqlite_store: Store) -> None:
    nobody = Shop(sqlite_store, ids.new_id())
    with pytest.raises(NotFound), nobody.read() as session:
        merchants.business(session)


@pytest.mark.parametrize(
    ("place", "fields"),
    [
        ({"latitude": 91.0, "longitude": 0.0}, ["latitude"]),
        ({"latitude": 0.0, "longitude": -180.5}, ["longitude"]),
        ({"latitude": 52.5}, ["longitude"]),
        ({"longitude": 13.4}, ["longitude"]),
    ],
)
def test_wrong_locations_name_the_field(
    shop: Shop, place: dict[str, float], fields: list[str]
) -> None:
    with pytest.raises(Invalid) as refusal, shop.write() as session:
        merchants.add_location(session, name="x", now=NOON, **place)
    assert [found.field for found in refusal.value.fields] == fields


def test_locations_are_the_merchants_own(alma: Shop, bruno: Shop) -> None:
    with alma.write() as session:
        for number in range(3):
            at = NOON + timedelta(minutes=number)
            merchants.add_location(session, name=f"Ort {number}", now=at)
    with alma.read() as session:
        assert [place.name for place in merchants.locations(session)] == ["Ort 0", "Ort 1", "Ort 2"]
    with bruno.read() as session:
        assert merchants.locations(session) == []


# --- credentials ---------------------------------------------------------------------------------


def keep(shop: Shop, wallet: str, name: str, data: str, hours: int = 0) -> str:
    with shop.write() as session:
        at = NOON + timedelta(hours=hours)
        return accounts.keep_wallet_account(session, wallet, name, data, at).id.hex


def test_credentials_come_back_opened_and_replaced_ones_have_a_new_version(alma: Shop) -> None:
    first = keep(alma, "apple", "pass.example", '{"key": "one"}')
    assert keep(alma, "apple", "pass.example", '{"key": "two"}', 1) == first
    other = keep(alma, "google", "3388", '{"key": "three"}')
    with alma.read() as session:
        apple, google = (accounts.wallet_account(session, kind) for kind in ("apple", "google"))
        assert accounts.wallet_account(session, "pwa") is None
    assert apple is not None
    assert google is not None
    assert (apple.id, apple.version, apple.data) == (first, 2, '{"key": "two"}')
    assert (google.id, google.version, google.data) == (other, 1, '{"key": "three"}')
    assert "two" not in repr(apple)


def test_the_newest_account_of_a_wallet_counts(alma: Shop) -> None:
    keep(alma, "apple", "old", "1", 2)
    newest = keep(alma, "apple", "new", "2", 3)
    with alma.read() as session:
        account = accounts.wallet_account(session, "apple")
    assert account is not None
    assert account.id == newest


def test_nothing_secret_lies_in_the_database(alma: Shop) -> None:
    keep(alma, "apple", "pass.example", "-----BEGIN PRIVATE KEY-----")
    with alma.read() as session:
        token_key = merchants.business(session).token_key
    with alma.store.read_all() as session:
        texts = [
            *session.scalars(select(WalletAccount.sealed)),
            *session.execute(select(Merchant.wrapped_key, Merchant.sealed_token_key)).one(),
        ]
    assert not any("PRIVATE" in text or token_key.hex() in text for text in texts)


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_rows_that_were_swapped_do_not_open(alma: Shop, bruno: Shop, warm: bool) -> None:
    keep(alma, "apple", "a", "alma's")
    keep(alma, "google", "a", "alma's other")
    keep(bruno, "apple", "b", "bruno's")
    if warm:
        for shop in (alma, bruno):
            with shop.read() as session:
                accounts.wallet_account(session, "apple")
                accounts.wallet_account(session, "google")
    with alma.store.write_all() as session:
        rows = {
            (row.merchant_id, row.wallet): row.sealed
            for row in session.scalars(select(WalletAccount))
        }
        for (merchant_id, wallet), other in (
            ((alma.merchant_id, "apple"), (alma.merchant_id, "google")),
            ((bruno.merchant_id, "apple"), (alma.merchant_id, "apple")),
        ):
            session.execute(
                update(WalletAccount)
                .where(WalletAccount.merchant_id == merchant_id, WalletAccount.wallet == wallet)
                .values(sealed=rows[other])
            )
    for shop in (alma, bruno):
        with pytest.raises(CannotOpen), shop.read() as session:
            accounts.wallet_account(session, "apple")


def test_a_merchants_keys_that_were_swapped_do_not_open(alma: Shop, bruno: Shop) -> None:
    with alma.store.write_all() as session:
        keys = session.execute(
            select(Merchant.wrapped_key, Merchant.sealed_token_key).where(
                Merchant.id == alma.merchant_id
            )
        ).one()
        session.execute(
            update(Merchant)
            .where(Merchant.id == bruno.merchant_id)
            .values(wrapped_key=keys.wrapped_key, sealed_token_key=keys.sealed_token_key)
        )
    with pytest.raises(CannotOpen), bruno.read() as session:
        merchants.business(session)


# --- rotation ------------------------------------------------------------------------------------


def test_a_rotation_under_load_fails_no_request_and_changes_no_token(
    alma: Shop, bruno: Shop
) -> None:
    keep(alma, "apple", "a", "secret")
    card = alma.card()
    both = reopened(alma.store, NEW_KEY, KEY)
    fresh = Shop(both, alma.merchant_id)

    def use(number: int) -> tuple[str, str]:
        shop = (alma, fresh)[number % 2]
        with shop.read() as session:
            account = accounts.wallet_account(session, "apple")
            assert account is not None
            row = session.get_one(Card, (shop.merchant_id, card))
            return account.data, links_of(session, row, "").install

    with ThreadPoolExecutor(4) as pool:
        before = list(pool.map(use, range(8)))
        rotated = pool.submit(merchants.rewrap_keys, both)
        during = list(pool.map(use, range(40)))
        assert rotated.result() == 2
    assert len({*before, *during}) == 1
    assert merchants.rewrap_keys(both) == 0

    after = Shop(reopened(alma.store, NEW_KEY), alma.merchant_id)
    with after.read() as session:
        account = accounts.wallet_account(session, "apple")
        row = session.get_one(Card, (after.merchant_id, card))
        assert account is not None
        assert (account.data, links_of(session, row, "").install) in before
    too_old = Shop(reopened(alma.store, KEY), bruno.merchant_id)
    with pytest.raises(CannotOpen, match="not configured"), too_old.read() as session:
        merchants.business(session)
    for shop in (fresh, after, too_old):
        shop.store.close()
