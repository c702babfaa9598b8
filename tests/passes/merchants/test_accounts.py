"""Credentials of wallets at the domain: entered, requested, renewed, taken away (design §5.7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from passes.errors import Conflict, Invalid, NotFound
from passes.merchants import accounts
from passes.merchants.accounts import Examined
from passes.merchants.models import WalletAccount
from passes.wallet_port import Account, CredentialsRefused, Finding, NewAccount, Wallet
from tests.passes.conftest import NOON, Shop, only_sqlite


class Safe:
    """As much of a wallet as credentials need: an account holds a list of what was entered."""

    kind = "safe"
    title = "Safe"

    def accept(
        self,
        given: Mapping[str, object],
        known: Sequence[Account],
        pending: Sequence[Account],
        now: datetime,
    ) -> NewAccount:
        name, secret = given.get("name"), given.get("secret")
        if not isinstance(secret, str):
            raise CredentialsRefused("secret", "A safe needs a secret.")
        before = [account.data for account in known if account.name == name]
        waiting = next((account.id for account in pending if account.data == secret), None)
        return NewAccount(str(name), ",".join([*before, secret]), waiting)

    def request(self, given: Mapping[str, object], now: datetime) -> tuple[str, NewAccount]:
        if "name" not in given:
            raise CredentialsRefused("name", "A request needs a name.")
        return "a request", NewAccount(str(given["name"]), f"key {given.get('key')}")

    def check(self, now: datetime, accounts: Sequence[Account] = ()) -> Sequence[Finding]:
        return [Finding("safe", stops=True, sentence=account.name) for account in accounts]

    def try_out(self, account: Account) -> Sequence[Finding]:
        return FOUND.get(account.data, [])


SAFE = cast(Wallet, Safe())
FOUND = {
    "stolen": [
        Finding("safe", stops=True, sentence="Belongs to another.", field="secret"),
        Finding("safe", stops=True, sentence="Nobody knows the name.", field="name"),
        Finding("safe", stops=False, sentence="Rusty."),
    ],
    "rusty": [
        Finding("safe", stops=False, sentence="Rusty.", field="secret"),
        Finding("safe", stops=True, sentence="The door is stuck."),
    ],
}
"""What the maker of safes says of some secrets."""


def examine(shop: Shop, name: str, secret: Any = "s") -> Examined:
    given = {"name": name, "secret": secret}
    return accounts.examine(shop.store, shop.merchant_id, SAFE, given, NOON)


def enter(shop: Shop, name: str, secret: Any = "s", minutes: int = 0) -> Account:
    examined = examine(shop, name, secret)
    with shop.write() as session:
        return accounts.enter(session, SAFE, examined, NOON + timedelta(minutes=minutes))


def request(shop: Shop, name: str, key: str) -> Account:
    _, made = accounts.make_request(SAFE, {"name": name, "key": key}, NOON)
    with shop.write() as session:
        return accounts.keep_request(session, SAFE, made, NOON)


def known(shop: Shop, *, pending: bool = False) -> list[tuple[str, str]]:
    with shop.read() as session:
        found = accounts.wallet_accounts(session, "safe", pending=pending)
        return [(account.name, account.data) for account in found]


def test_what_is_entered_is_kept_and_belongs_to_one_merchant(alma: Shop, bruno: Shop) -> None:
    account = enter(alma, "one", "secret")
    assert (account.name, account.version, account.data) == ("one", 1, "secret")
    assert known(alma) == [("one", "secret")]
    assert known(bruno) == []
    with alma.read() as session:
        assert accounts.get(session, "safe", UUID(account.id)) == account
        assert [finding.sentence for finding in accounts.findings(session, SAFE, NOON)] == ["one"]
    for shop, wallet in ((bruno, "safe"), (alma, "other")):
        with pytest.raises(NotFound), shop.read() as session:
            accounts.get(session, wallet, UUID(account.id))
        with pytest.raises(NotFound), shop.write() as session:
            accounts.drop_account(session, wallet, UUID(account.id))
    assert known(alma) == [("one", "secret")]


def test_a_refusal_names_the_field_and_keeps_nothing(alma: Shop) -> None:
    with pytest.raises(Invalid) as refusal:
        enter(alma, "one", None)
    assert [(wrong.field, wrong.message) for wrong in refusal.value.fields] == [
        ("secret", "A safe needs a secret.")
    ]
    with pytest.raises(Invalid):
        accounts.make_request(SAFE, {}, NOON)
    assert known(alma) == known(alma, pending=True) == []


def test_a_renewed_account_keeps_its_place(alma: Shop) -> None:
    """Otherwise a renewed certificate would move all new passes to another account."""
    first = enter(alma, "first", "a")
    enter(alma, "second", "b", 1)
    renewed = enter(alma, "first", "c", 2)
    assert (renewed.id, renewed.version) == (first.id, 2)
    assert known(alma) == [("second", "b"), ("first", "a,c")]


def test_the_account_that_a_template_chose_and_the_others() -> None:
    one, two = (Account(str(number), 1, "", name) for number, name in enumerate(("one", "two")))
    assert accounts.preferred([], None) == (None, ())
    assert accounts.preferred([], "one") == (None, ())
    assert accounts.preferred([two, one], None) == (two, (one,))
    assert accounts.preferred([two, one], "one") == (one, (two,))
    assert accounts.preferred([two, one], "gone") == (two, (one,))


def test_a_request_waits_until_it_is_fulfilled(alma: Shop, bruno: Shop) -> None:
    request(alma, "same name", "1")
    waiting = request(alma, "same name", "2")
    assert known(alma) == known(bruno, pending=True) == []
    assert [data for _, data in known(alma, pending=True)] == ["key 2", "key 1"]
    assert "key" not in repr(waiting)
    enter(alma, "one", "key 2")
    assert known(alma) == [("one", "key 2")]
    assert known(alma, pending=True) == [("same name", "key 1")]


def test_requests_and_accounts_are_dropped_each_by_its_own_name(alma: Shop) -> None:
    waiting, account = request(alma, "r", "1"), enter(alma, "a")
    for drop, other in (
        (accounts.drop_account, waiting),
        (accounts.drop_request, account),
        (accounts.drop_account, Account(uuid4().hex, 1, "", "")),
    ):
        with pytest.raises(NotFound), alma.write() as session:
            drop(session, "safe", UUID(other.id))
    with alma.write() as session:
        accounts.drop_account(session, "safe", UUID(account.id))
        assert accounts.wallet_accounts(session, "safe") == ()
        accounts.drop_request(session, "safe", UUID(waiting.id))
        assert accounts.wallet_accounts(session, "safe", pending=True) == ()
    assert known(alma) == known(alma, pending=True) == []


@only_sqlite
def test_there_is_an_end_to_accounts_and_requests(alma: Shop) -> None:
    for number in range(accounts.MOST):
        enter(alma, f"account {number}")
        request(alma, f"request {number}", str(number))
    with pytest.raises(Conflict, match="Remove one"):
        enter(alma, "one more")
    with pytest.raises(Conflict, match="wait already"):
        request(alma, "one more", "x")
    assert enter(alma, "account 3", "t").version == 2
    assert len(known(alma)) == len(known(alma, pending=True)) == accounts.MOST


def test_what_the_vendor_holds_against_it_is_refused_field_by_field(alma: Shop) -> None:
    with pytest.raises(Invalid) as refusal:
        enter(alma, "one", "stolen")
    assert [(wrong.field, wrong.message) for wrong in refusal.value.fields] == [
        ("secret", "Belongs to another."),
        ("name", "Nobody knows the name."),
    ]
    assert known(alma) == []


def test_what_else_the_vendor_says_is_told_and_refuses_nothing(alma: Shop) -> None:
    examined = examine(alma, "one", "rusty")
    assert [each.sentence for each in examined.findings] == ["Rusty.", "The door is stuck."]
    enter(alma, "one", "rusty")
    assert known(alma) == [("one", "rusty")]


def test_others_write_while_it_is_checked_and_the_vendor_asked(alma: Shop, bruno: Shop) -> None:
    class Slow(Safe):
        def accept(self, *given: Any) -> NewAccount:
            enter(bruno, "while it is checked")
            return super().accept(*given)

        def try_out(self, account: Account) -> Sequence[Finding]:
            enter(alma, "while the vendor is asked")
            return []

    given = {"name": "one", "secret": "s"}
    accounts.examine(alma.store, alma.merchant_id, cast(Wallet, Slow()), given, NOON)
    assert known(bruno) == [("while it is checked", "s")]
    assert known(alma) == [("while the vendor is asked", "s")]


def test_what_was_examined_against_other_accounts_is_not_kept(alma: Shop, bruno: Shop) -> None:
    """It may hold what was renewed since, or fulfil a request that is gone."""
    for change in (
        lambda: enter(alma, "other"),
        lambda: enter(alma, "other", "renewed"),
        lambda: request(alma, "waits", "1"),
    ):
        examined = examine(alma, "one")
        enter(bruno, "a stranger's", str(change))
        change()
        before = known(alma)
        with pytest.raises(Conflict) as refusal, alma.write() as session:
            accounts.enter(session, SAFE, examined, NOON)
        assert refusal.value.code == "ACCOUNTS_CHANGED"
        assert known(alma) == before
    assert enter(alma, "one").version == 1


def test_two_that_enter_at_once_lose_nothing(alma: Shop) -> None:
    def insist(number: int) -> None:
        while True:
            try:
                enter(alma, "one", str(number))
            except Conflict:
                continue
            return

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(insist, range(6)))
    ((name, data),) = known(alma)
    assert name == "one"
    assert sorted(data.split(",")) == ["0", "1", "2", "3", "4", "5"]


def test_a_key_that_waits_lies_sealed(alma: Shop) -> None:
    request(alma, "r", "a secret of the merchant")
    with alma.store.read_all() as session:
        (sealed,) = session.scalars(select(WalletAccount.sealed))
    assert "secret" not in sealed
    assert known(alma, pending=True) == [("r", "key a secret of the merchant")]
