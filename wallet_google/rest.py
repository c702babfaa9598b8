"""Brings classes and objects to Google: insert, update, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Mapping

from passes.wallet_port import ContentRefused, WalletDown, WalletMisconfigured
from wallet_google.credentials import Credentials
from wallet_google.objects import Body
from wallet_google.schema import check
from wallet_google.transport import Answer, Transport

MAY_GO = frozenset(
    {
        "accountName",
        "callbackOptions",
        "classTemplateInfo",
        "double",
        "heroImage",
        "int",
        "label",
        "linksModuleData",
        "localizedLabel",
        "loyaltyPoints",
        "merchantLocations",
        "money",
        "secondaryLoyaltyPoints",
        "string",
        "subheader",
        "textModulesData",
        "translatedValues",
        "validTimeInterval",
    }
)
"""Fields that stand in some of our bodies and not in others, at whatever depth."""


class NotThere(WalletDown):
    """Google has no such class or object, or not the class of this object."""


class NotificationsSpent(WalletDown):
    """The customer was notified too often today; the same change without a notification may go."""


def upsert(transport: Transport, credentials: Credentials, resource: str, body: Body) -> None:
    """Inserts the body, or updates what is there: safe to repeat, for the ids are ours.

    ``resource`` is a name in Google's paths: ``loyaltyClass``, ``genericObject``. Raises
    ContentRefused before anything is sent when Google's schema does not allow the body, NotThere
    for an object whose class is missing, and else as ``update`` does.
    """
    check(body, _schema_of(resource))
    answer = transport.send(credentials, "POST", resource, body)
    if answer.status == 409:
        update(transport, credentials, resource, body)
    else:
        _demand_success(answer, credentials)


def update(transport: Transport, credentials: Credentials, resource: str, body: Body) -> None:
    """Brings what is there up to date. Raises NotThere, NotificationsSpent and other WalletErrors.

    A PATCH cannot take a field away. Where Google's answer still has one that our body lacks (an
    expiry that was lifted), a PUT follows; that would also clear messages, which nobody sends yet.
    """
    check(body, _schema_of(resource))
    path = f"{resource}/{body['id']}"
    answer = transport.send(credentials, "PATCH", path, body)
    _demand_success(answer, credentials)
    if _has_leftovers(answer.body, body):
        silent = {name: value for name, value in body.items() if name != "notifyPreference"}
        _demand_success(transport.send(credentials, "PUT", path, silent), credentials)


def _has_leftovers(kept: object, sent: object) -> bool:
    # Lists are not compared: a PATCH replaces them whole.
    if not (isinstance(kept, dict) and isinstance(sent, dict)):
        return False
    return any(
        _has_leftovers(value, sent[name]) if name in sent else name in MAY_GO and bool(value)
        for name, value in kept.items()
    )


def _demand_success(answer: Answer, credentials: Credentials) -> None:
    """Raises what the answer means: the status decides, and for a 403 the reason, too.

    Google publishes no reasons for 404 and 409.
    """
    status, (reason, message) = answer.status, _error_of(answer.body)
    if 200 <= status < 300:
        return
    if status == 404:
        raise NotThere(message)
    if status == 403 and reason == "quotaExceeded":
        raise NotificationsSpent(message)
    if status == 403 and reason in {"rateLimitExceeded", "userRateLimitExceeded"}:
        raise WalletDown(f"Google asks us to be slower: {message}", answer.retry_after)
    if status == 403 and reason in {"accessNotConfigured", "SERVICE_DISABLED"}:
        raise WalletMisconfigured(
            "The Google Wallet API is not switched on in the service account's Cloud project."
            " Enable it in the Google Cloud Console under APIs & Services."
        )
    if status == 403:
        raise WalletMisconfigured(
            f"Google does not let {credentials.email} work for issuer {credentials.issuer_id}:"
            f" {message} Invite this address as a Developer under Users in the Google Pay & Wallet"
            " Console, and check the issuer id."
        )
    if status == 401:
        raise WalletMisconfigured(
            f"Google does not accept the access token of {credentials.email}. Check that its key"
            " was not deleted and that this server's clock is right."
        )
    if status in {408, 409, 429} or status >= 500 or status < 400:
        raise WalletDown(f"Google answered {status}: {message}", answer.retry_after)
    raise ContentRefused(f"Google refuses the pass: {message}")


def _error_of(body: Mapping[str, object]) -> tuple[str, str]:
    """Reason and message of Google's error format; a body of any other shape gives little."""
    error = body.get("error")
    if not isinstance(error, dict):
        return "", "no reason given."
    message = str(error.get("message") or "no reason given.")[:500]
    reasons = [*_dicts(error.get("errors")), *_dicts(error.get("details"))]
    return next((str(entry["reason"]) for entry in reasons if "reason" in entry), ""), message


def _dicts(value: object) -> list[Mapping[str, object]]:
    entries = value if isinstance(value, list) else []
    return [entry for entry in entries if isinstance(entry, dict)]


def _schema_of(resource: str) -> str:
    return resource[0].upper() + resource[1:]
