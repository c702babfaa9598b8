"""Asks Google whether it takes an account, and says in a sentence what is to be done if not."""

from __future__ import annotations

from typing import get_args

from passes.wallet_port import (
    ContentRefused,
    CredentialsRefused,
    Finding,
    WalletError,
    WalletMisconfigured,
)
from wallet_google import rest
from wallet_google.credentials import Credentials
from wallet_google.parts import Family
from wallet_google.save_link import save_link
from wallet_google.transport import Transport

CONSOLE = "the Google Pay & Wallet Console (pay.google.com/business/console)"


def try_out(
    transport: Transport, credentials: Credentials, *, origin: str, now: int
) -> list[Finding]:
    """What Google says of an issuer id and a service account; it is only asked, nothing changes.

    For a token, for the issuer's classes, and, where there is a pass, for its judgement of a save
    link (Google: jwt.validate); ``origin`` and ``now`` as in ``save_link``. What Google refuses for
    certain stops, and names its field. When it cannot be reached, or answers anything else, the
    finding says no more than that.
    """
    try:
        found = _any_class(transport, credentials)
        if found is None:
            return [_demo_mode()]
        token = _token_of_a_pass(transport, credentials, *found, origin, now)
        objection = rest.validate_jwt(transport, credentials, token) if token else None
    except CredentialsRefused as error:
        return [_finding(str(error), stops=True, field=error.field)]
    except WalletMisconfigured as error:
        return [_finding(str(error), stops=True, field="service_account")]
    except WalletError as error:
        said = str(error).rstrip(".")
        return [
            _finding(
                f"Whether Google takes this account could not be asked: {said}."
                " `treuepass doctor --online` asks again."
            )
        ]
    return [_refused_link(credentials, objection)] if objection else []


def _any_class(transport: Transport, credentials: Credentials) -> tuple[Family, str] | None:
    """The family and id of one of the issuer's classes; None when it has none.

    Raises CredentialsRefused when Google does not know the issuer.
    """
    issuer_id = credentials.issuer_id
    try:
        for family in get_args(Family):
            for found in rest.listed(transport, credentials, f"{family}Class", issuer_id, page=1):
                return family, str(found.get("id"))
    except (rest.NotThere, ContentRefused):
        raise CredentialsRefused(
            "issuer_id",
            f"Google knows no issuer {issuer_id}. Copy the issuer id from {CONSOLE}, where it"
            " stands under Google Wallet API.",
        ) from None
    return None


def _token_of_a_pass(
    transport: Transport,
    credentials: Credentials,
    family: Family,
    class_id: str,
    origin: str,
    now: int,
) -> str | None:
    """What a save link for one pass of the class holds; None when it has no pass."""
    for found in rest.listed(transport, credentials, f"{family}Object", class_id, page=1):
        link = save_link(
            credentials, family, str(found.get("id")), save_url="", origin=origin, now=now
        )
        return link.rpartition("/")[2]
    return None


def _demo_mode() -> Finding:
    # Google says nowhere whether an issuer is in Demo mode, but lets only those out of it that
    # have a class: as long as there is none, this is most likely news.
    return _finding(
        "Google takes this account, which has no passes yet. While the console says Demo mode,"
        " passes show [TEST ONLY] and only users and test accounts of the issuer can save them."
        f" Offer a first card, then request publishing access in {CONSOLE} under Google Wallet API."
    )


def _refused_link(credentials: Credentials, objection: str) -> Finding:
    return _finding(
        f"Google refuses the save links of {credentials.email}: {objection} Check in {CONSOLE} that"
        f" this address is a Developer or Admin under Users of the issuer {credentials.issuer_id}.",
        stops=True,
    )


def _finding(sentence: str, *, stops: bool = False, field: str | None = None) -> Finding:
    return Finding("google", stops, sentence, field)
