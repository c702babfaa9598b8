"""Wallets: the merchant's credentials for each, what stops them, requests for certificates.

Vendor-free: what credentials look like is each wallet's own business. Nothing secret comes back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any
from uuid import UUID

from pydantic import ConfigDict

from passes.cards import installations
from passes.delivery.pauses import pauses, revive
from passes.delivery.reports import RECENT, reports
from passes.errors import Conflict, NotFound
from passes.merchants import accounts
from passes.merchants.accounts import Examined
from passes.wallet_port import Account, Finding, NewAccount, Wallet
from web.api import answers
from web.api.operation import Asked, Call, operation
from web.api.reading import Body
from web.api.templates import row_id


class Credentials(Body):
    """What the wallet asks for. Apple: certificate, private_key, password, wwdr, each PEM or the
    file in base64; or p12 in base64 with password. A certificate for a request made here needs no
    key. Google: issuer_id, and service_account, the key file as an object. The card page: subject,
    whom push services may write to; a key pair is made each time."""

    model_config = ConfigDict(extra="allow", frozen=True)


class CertificateRequest(Body):
    """Names for the request; Apple puts its own into the certificate."""

    common_name: str
    email: str | None = None


class Removal(Body):
    """``force``: also where passes are installed, which can never be updated again then."""

    force: bool = False


@operation(
    "GET",
    "/wallets",
    "Every wallet with the merchant's credentials and what stands in its way",
    scope="read",
    answer=answers.WalletList,
)
def list_wallets(call: Call) -> dict[str, Any]:
    return {
        "items": [_shown(call, wallet) for wallet in call.services.wallets.values()],
        "next": None,
    }


def _examine(asked: Asked) -> Examined:
    given = asked.body(Credentials).model_extra or {}
    merchant_id = asked.caller.merchant_id
    return accounts.examine(asked.services.store, merchant_id, _wallet(asked), given, asked.now)


@operation(
    "PUT",
    "/wallets/<wallet>",
    "Enter credentials; those of the same name are renewed, others stay",
    scope="admin",
    body=Credentials,
    answer=answers.WalletShape,
    prepare=_examine,
)
def enter_credentials(call: Call) -> dict[str, Any]:
    wallet, examined = _wallet(call), call.prepared(Examined)
    accounts.enter(call.session, wallet, examined, call.now)
    revive(call.session, wallet.kind, call.now)
    return _shown(call, wallet, examined.findings)


def _make_request(asked: Asked) -> tuple[str, NewAccount]:
    given = asked.body(CertificateRequest).model_dump(exclude_none=True)
    return accounts.make_request(_wallet(asked), given, asked.now)


@operation(
    "POST",
    "/wallets/<wallet>/requests",
    "Make a certificate signing request; its key stays here",
    scope="admin",
    body=CertificateRequest,
    answer=answers.RequestShape,
    prepare=_make_request,
)
def request_certificate(call: Call) -> dict[str, Any]:
    csr, made = call.prepared(tuple[str, NewAccount])
    waiting = accounts.keep_request(call.session, _wallet(call), made, call.now)
    return {"id": UUID(waiting.id), "name": waiting.name, "csr": csr}


@operation(
    "DELETE",
    "/wallets/<wallet>/requests/<request_id>",
    "Forget a request and its key; a certificate for it cannot be used any more",
    scope="admin",
    answer=answers.WalletShape,
)
def forget_request(call: Call) -> dict[str, Any]:
    wallet = _wallet(call)
    accounts.drop_request(call.session, wallet.kind, row_id(call, "request_id", "request"))
    return _shown(call, wallet)


@operation(
    "DELETE",
    "/wallets/<wallet>/accounts/<account_id>",
    "Remove credentials; passes that were made with them can never be updated again",
    scope="admin",
    query=Removal,
    answer=answers.WalletShape,
)
def remove_credentials(call: Call) -> dict[str, Any]:
    wallet = _wallet(call)
    account_id = row_id(call, "account_id", "account")
    accounts.get(call.session, wallet.kind, account_id)
    places = installations.count(call.session, wallet.kind)
    if places and not call.query(Removal).force:
        raise Conflict(
            f"{places} passes are installed in {wallet.title}. Those that were made with this "
            "account can never be updated again without it. Repeat with force=true if it must go.",
            code="ACCOUNT_IN_USE",
            installations=places,
        )
    accounts.drop_account(call.session, wallet.kind, account_id)
    return _shown(call, wallet)


def _wallet(asked: Asked) -> Wallet:
    """The wallet in the path. Raises NotFound."""
    wallet = asked.services.wallets.get(asked.path["wallet"])
    if wallet is None:
        raise NotFound("wallet")
    return wallet


def _shown(call: Call, wallet: Wallet, told: Sequence[Finding] = ()) -> dict[str, Any]:
    """The wallet; ``told``: what its vendor has just said, which nobody keeps."""
    entered = accounts.wallet_accounts(call.session, wallet.kind)
    waiting = accounts.wallet_accounts(call.session, wallet.kind, pending=True)
    stopped = next((row for row in pauses(call.session) if row.wallet == wallet.kind), None)
    return {
        "kind": wallet.kind,
        "title": wallet.title,
        "mode": "live" if entered else "test",
        "accounts": [{"expires_at": None, **_facts(wallet, account)} for account in entered],
        "pending": [{"csr": None, **_facts(wallet, account)} for account in waiting],
        "findings": [
            *(
                {"stops": finding.stops, "sentence": finding.sentence}
                for finding in (*accounts.findings(call.session, wallet, call.now), *told)
            ),
            *_complaints(call, wallet, {account.name for account in entered}),
        ],
        "pause": stopped
        and {"since": stopped.since, "until": stopped.until, "sentence": stopped.sentence},
    }


def _complaints(call: Call, wallet: Wallet, names: Collection[str]) -> Iterator[dict[str, Any]]:
    """What devices said lately about the merchant's own ids; the example ones are everybody's."""
    for report in reports(call.session, call.now - RECENT):
        if report.wallet == wallet.kind and report.subject in names:
            sentence = f"{report.sentence['en']} ({report.subject}: {report.times})"
            yield {"stops": False, "sentence": sentence}


def _facts(wallet: Wallet, account: Account) -> dict[str, Any]:
    return {**wallet.facts(account), "id": UUID(account.id), "name": account.name}
