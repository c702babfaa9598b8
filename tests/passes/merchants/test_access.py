"""Who may: keys of programs, and accounts of people (R-API-1, D.22)."""

from __future__ import annotations

import statistics
import time
from datetime import timedelta

import pytest
from sqlalchemy import select

from passes.errors import Conflict, Invalid
from passes.merchants import api_keys, staff
from passes.merchants.models import ApiKey, StaffAccount
from passes.store import Store
from tests.passes.conftest import NOON, Shop

PASSWORD = "correct horse battery"


def new_key(shop: Shop, *scopes: str, days: int | None = None) -> str:
    with shop.write() as session:
        expires_at = NOON + timedelta(days=days) if days else None
        return api_keys.create(
            session, name="till", scopes=scopes or ["all"], now=NOON, expires_at=expires_at
        )


def test_a_key_says_whose_it_is_and_what_it_may(alma: Shop, bruno: Shop) -> None:
    for shop in (alma, bruno):
        caller = api_keys.identify(shop.store, new_key(shop, "read", "issue"), NOON)
        assert caller is not None
        assert caller.merchant_id == shop.merchant_id
        assert caller.scopes == {"read", "issue"}
    everything = api_keys.identify(alma.store, new_key(alma), NOON)
    assert everything is not None
    assert everything.scopes == set(api_keys.SCOPES)


def test_a_key_is_never_kept(shop: Shop) -> None:
    key = new_key(shop)
    with shop.store.read_all() as session:
        [row] = session.scalars(select(ApiKey))
    secret = key.removeprefix(f"tp_{row.prefix}_")
    assert len(secret) == 32
    assert secret not in f"{row.prefix} {row.secret_hash}"


def test_wrong_keys_open_nothing(shop: Shop) -> None:
    key, other = new_key(shop), new_key(shop)
    (prefix, secret), (_, other_secret) = (made[3:].split("_", 1) for made in (key, other))
    for wrong in (
        "", "tp_", "tp__", key[:-1], key + "x", key[3:], f"tp_{prefix}_", f"tp_x_{secret}",
        f"tp_{prefix}_{other_secret}", key.upper(), "tp_\x00_x", f"tp_{prefix}_\x00",
        "tp_ä_ö",
    ):  # fmt: skip
        assert api_keys.identify(shop.store, wrong, NOON) is None, wrong


def test_a_key_ends(shop: Shop) -> None:
    key = new_key(shop, days=30)
    assert api_keys.identify(shop.store, key, NOON + timedelta(days=30, seconds=-1))
    assert api_keys.identify(shop.store, key, NOON + timedelta(days=30)) is None


def test_a_revoked_key_opens_nothing_and_only_its_merchant_revokes(alma: Shop, bruno: Shop) -> None:
    key = new_key(alma)
    caller = api_keys.identify(alma.store, key, NOON)
    assert caller is not None
    with bruno.write() as session:
        api_keys.revoke(session, caller.key_id, NOON)
    assert api_keys.identify(alma.store, key, NOON) is not None
    with alma.write() as session:
        api_keys.revoke(session, caller.key_id, NOON)
    assert api_keys.identify(alma.store, key, NOON) is None


@pytest.mark.parametrize("scopes", [[], ["everything"], ["read", "root"]])
def test_scopes_that_do_not_exist(shop: Shop, scopes: list[str]) -> None:
    with pytest.raises(Invalid) as refusal, shop.write() as session:
        api_keys.create(session, name="x", scopes=scopes, now=NOON)
    assert refusal.value.fields[0].field == "scopes"


# --- people --------------------------------------------------------------------------------------


def open_account(
    store: Store, email: str = "karla@kranz.example", password: str = PASSWORD
) -> StaffAccount:
    with store.write_all() as session:
        return staff.open_account(
            session, email=email, name=" Karla ", password=password, language="de", now=NOON
        )


def test_a_person_signs_in_with_a_password_that_is_never_kept(sqlite_store: Store) -> None:
    account = open_account(sqlite_store, "Karla@Kranz.example")
    assert (account.email, account.name) == ("karla@kranz.example", "Karla")
    assert account.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert staff.password_is_right(account, PASSWORD)
    assert not staff.password_is_right(account, PASSWORD + " ")
    assert not staff.password_is_right(account, "")
    assert not staff.password_is_right(None, PASSWORD)


def test_an_e_mail_belongs_to_one_person(sqlite_store: Store) -> None:
    open_account(sqlite_store)
    with pytest.raises(Conflict) as refusal:
        open_account(sqlite_store, "KARLA@kranz.example")
    assert refusal.value.code == "EMAIL_TAKEN"


@pytest.mark.parametrize(
    ("email", "password", "fields"),
    [
        ("karla", PASSWORD, ["email"]),
        ("karla@kranz.example", "x" * 11, ["password"]),
        ("karla@kranz.example", "x" * 257, ["password"]),
        ("", "", ["email", "password"]),
    ],
)
def test_wrong_accounts_name_their_fields(
    sqlite_store: Store, email: str, password: str, fields: list[str]
) -> None:
    with pytest.raises(Invalid) as refusal:
        open_account(sqlite_store, email, password)
    assert [wrong.field for wrong in refusal.value.fields] == fields


def test_6_3_8_an_unknown_account_takes_as_long_as_a_wrong_password(sqlite_store: Store) -> None:
    account = open_account(sqlite_store)
    staff.password_is_right(None, "x")  # the hash of nobody is made once

    def median(who: StaffAccount | None) -> float:
        taken = []
        for _ in range(7):
            began = time.process_time()
            staff.password_is_right(who, "wrong password")
            taken.append(time.process_time() - began)
        return statistics.median(taken)

    assert 0.5 < median(None) / median(account) < 2


def test_one_person_may_work_for_two_merchants(alma: Shop, bruno: Shop) -> None:
    account = open_account(alma.store)
    for shop, role in ((alma, "owner"), (bruno, "staff")):
        with shop.write() as session:
            member = staff.employ(session, account, role, NOON)
        assert (member.merchant_id, member.role) == (shop.merchant_id, role)
    with pytest.raises(Invalid), alma.write() as session:
        staff.employ(session, account, "king", NOON)
