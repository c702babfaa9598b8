"""A merchant's own credentials for its wallets: entered, sealed, opened, taken away (design §5.7).

What credentials look like is the wallet's business; here they are text that is kept sealed. The
account that was entered first keeps its place when it is renewed, so that a renewed certificate
does not move a merchant's new passes to another account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from passes import ids
from passes.errors import Conflict, Invalid, NotFound, WrongField
from passes.merchants.models import Merchant, WalletAccount
from passes.store import Store, lock_name, merchant_of, table_of
from passes.tied import Tied
from passes.vault import Vault
from passes.wallet_port import Account, CredentialsRefused, Finding, NewAccount, Wallet

MOST = 20
"""Accounts of one wallet, and requests that wait: every drawing of a card opens all accounts."""

READ = "wallet accounts"
"""Where a session keeps the merchant's rows, with ``COLUMNS``."""
_accounts = table_of(WalletAccount)
COLUMNS = tuple(
    _accounts.c[name] for name in ("id", "wallet", "name", "version", "sealed", "pending")
)
NEWEST_FIRST = (_accounts.c.created_at.desc(), _accounts.c.id.desc())
_ALL = Tied(
    select(*COLUMNS)
    .where(_accounts.c.merchant_id == bindparam("of_merchant"))
    .order_by(*NEWEST_FIRST)
)


@dataclass(frozen=True, slots=True)
class Examined:
    """What a merchant entered, checked and tried out, before it is stored.

    ``seen``: id and version of the accounts and requests that it was checked against.
    ``findings``: what the vendor says of it, and does not speak against keeping it.
    """

    made: NewAccount
    seen: frozenset[tuple[str, int]]
    findings: tuple[Finding, ...] = ()


def examine(
    store: Store, merchant_id: UUID, wallet: Wallet, given: Mapping[str, object], now: datetime
) -> Examined:
    """Checks what a merchant entered and asks the vendor about it; stores nothing. Raises Invalid.

    It may take a minute (a child process, the vendor), so no transaction is open meanwhile: on
    SQLite every other writer would wait for it.
    """
    with store.read(merchant_id) as session:
        known, pending = _known(session, wallet)
    try:
        made = wallet.accept(given, known, pending, now)
    except CredentialsRefused as refused:
        raise Invalid.field(refused.field, str(refused)) from None
    # An id of its own: wallets keep parsed keys by id, and these may never be stored.
    tried = Account(id=ids.new_id().hex, version=0, data=made.data, name=made.name)
    findings = tuple(wallet.try_out(tried))
    wrong = [
        WrongField(each.field, each.sentence) for each in findings if each.stops and each.field
    ]
    if wrong:
        raise Invalid(wrong)
    return Examined(made, _seen(known, pending), findings)


def enter(session: Session, wallet: Wallet, examined: Examined, now: datetime) -> Account:
    """Keeps what was examined. Raises Conflict, also when the accounts changed since.

    Two that enter at once go one after the other, so that neither loses a certificate.
    """
    _lock(session, wallet)
    known, pending = _known(session, wallet)
    if _seen(known, pending) != examined.seen:
        raise Conflict(
            f"The accounts for {wallet.title} changed while this one was checked, and nothing was"
            " stored. Look at them and enter it again.",
            code="ACCOUNTS_CHANGED",
        )
    made = examined.made
    if len(known) >= MOST and made.name not in {account.name for account in known}:
        raise Conflict(
            f"There are {MOST} accounts for {wallet.title} already. Remove one that is not needed.",
            code="TOO_MANY_ACCOUNTS",
        )
    kept = keep_wallet_account(session, wallet.kind, made.name, made.data, now)
    if made.fulfils is not None:
        _remove(session, wallet.kind, UUID(made.fulfils), pending=True)
    return Account(id=kept.id.hex, version=kept.version, data=made.data, name=kept.name)


def make_request(
    wallet: Wallet, given: Mapping[str, object], now: datetime
) -> tuple[str, NewAccount]:
    """A request for the vendor's certificate (PEM) and its key, which ``keep_request`` seals.

    Raises Invalid. Making a key takes up to a second: not inside a transaction.
    """
    try:
        return wallet.request(given, now)
    except CredentialsRefused as refused:
        raise Invalid.field(refused.field, str(refused)) from None


def keep_request(session: Session, wallet: Wallet, made: NewAccount, now: datetime) -> Account:
    """Keeps the key of a request until the vendor answers. Raises Conflict."""
    _lock(session, wallet)
    if len(wallet_accounts(session, wallet.kind, pending=True)) >= MOST:
        raise Conflict(
            f"{MOST} requests for {wallet.title} wait already. Remove those that are not needed.",
            code="TOO_MANY_REQUESTS",
        )
    kept = _add(session, wallet.kind, made, now, pending=True)
    return Account(id=kept.id.hex, version=kept.version, data=made.data, name=kept.name)


def get(session: Session, wallet: str, account_id: UUID) -> Account:
    """One account. Raises NotFound."""
    for account in wallet_accounts(session, wallet):
        if account.id == account_id.hex:
            return account
    raise NotFound("account")


def drop_account(session: Session, wallet: str, account_id: UUID) -> None:
    """Forgets credentials for good: what was made with them can never be updated again.

    Raises NotFound.
    """
    _remove(session, wallet, account_id, pending=False)


def drop_request(session: Session, wallet: str, request_id: UUID) -> None:
    """Forgets a key that waits: a certificate for it cannot be used any more. Raises NotFound."""
    _remove(session, wallet, request_id, pending=True)


def findings(session: Session, wallet: Wallet, now: datetime) -> list[Finding]:
    """What stops this wallet for the session's merchant, or will soon."""
    return list(wallet.check(now, wallet_accounts(session, wallet.kind)))


def keep_wallet_account(
    session: Session, wallet: str, name: str, data: str, now: datetime
) -> WalletAccount:
    """Seals a merchant's credentials for a wallet; an account of the same name is replaced."""
    account = session.scalar(
        select(WalletAccount).where(
            WalletAccount.merchant_id == merchant_of(session),
            WalletAccount.wallet == wallet,
            WalletAccount.name == name,
            WalletAccount.pending.is_(False),
        )
    )
    if account is None:
        return _add(session, wallet, NewAccount(name, data), now, pending=False)
    account.sealed = _seal(session, account, data)
    account.version += 1
    account.updated_at = now
    _write(session)
    return account


def wallet_account(session: Session, wallet: str) -> Account | None:
    """The merchant's newest credentials for a wallet, opened; None in test mode."""
    accounts = wallet_accounts(session, wallet)
    return accounts[0] if accounts else None


def wallet_accounts(session: Session, wallet: str, *, pending: bool = False) -> tuple[Account, ...]:
    """All of the merchant's credentials for a wallet, the newest first; or those that wait."""
    merchant_id = merchant_of(session)
    rows = [row for row in _rows(session) if row.wallet == wallet and row.pending == pending]
    if not rows:
        return ()
    vault: Vault = session.info["vault"]
    merchant = session.info.get("business") or session.get_one(Merchant, merchant_id)
    wrapped = merchant.wrapped_key
    return tuple(
        Account(
            id=row.id.hex,
            name=row.name,
            version=row.version,
            data=vault.unseal_kept(merchant_id, wrapped, wallet, row.id.hex, row.sealed).decode(),
        )
        for row in rows
    )


def preferred(
    accounts: Sequence[Account], wanted: str | None
) -> tuple[Account | None, tuple[Account, ...]]:
    """What new passes are made with, and the others; ``accounts`` are the newest first.

    ``wanted`` is the name that a template chose; when that is gone, the newest serves.
    """
    chosen = next((each for each in accounts if each.name == wanted), next(iter(accounts), None))
    return chosen, tuple(each for each in accounts if each is not chosen)


def _rows(session: Session) -> Sequence[Any]:
    """All of the merchant's; read once per transaction, since a worker draws many cards."""
    rows: Sequence[Any] | None = session.info.get(READ)
    if rows is None:
        rows = _ALL.ask(session)
        session.info[READ] = rows
    return rows


def _known(session: Session, wallet: Wallet) -> tuple[tuple[Account, ...], tuple[Account, ...]]:
    """The merchant's accounts, and the requests that wait."""
    return (
        wallet_accounts(session, wallet.kind),
        wallet_accounts(session, wallet.kind, pending=True),
    )


def _seen(known: Sequence[Account], pending: Sequence[Account]) -> frozenset[tuple[str, int]]:
    return frozenset((account.id, account.version) for account in (*known, *pending))


def _lock(session: Session, wallet: Wallet) -> None:
    lock_name(session, "wallet account", wallet.kind)
    session.info.pop(READ, None)  # what was read before may have changed while this waited


def _write(session: Session) -> None:
    session.info.pop(READ, None)
    session.flush()


def _add(
    session: Session, wallet: str, made: NewAccount, now: datetime, *, pending: bool
) -> WalletAccount:
    account = WalletAccount(
        merchant_id=merchant_of(session),
        id=ids.new_id(),
        wallet=wallet,
        name=made.name,
        version=1,
        sealed="",
        pending=pending,
        created_at=now,
        updated_at=now,
    )
    account.sealed = _seal(session, account, made.data)
    session.add(account)
    _write(session)
    return account


def _seal(session: Session, account: WalletAccount, data: str) -> str:
    vault: Vault = session.info["vault"]
    wrapped = session.get_one(Merchant, account.merchant_id).wrapped_key
    return vault.seal(account.merchant_id, wrapped, account.wallet, account.id.hex, data.encode())


def _remove(session: Session, wallet: str, account_id: UUID, *, pending: bool) -> None:
    account = session.get(WalletAccount, (merchant_of(session), account_id))
    if account is None or account.wallet != wallet or account.pending != pending:
        raise NotFound("request" if pending else "account")
    session.delete(account)
    _write(session)
