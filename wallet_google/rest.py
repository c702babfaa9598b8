"""Google's REST API: insert, update, read, list, messages, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

from passes.wallet_port import ContentRefused, WalletDown, WalletMisconfigured
from wallet_google.batch import Call
from wallet_google.credentials import Credentials
from wallet_google.objects import Body
from wallet_google.read_back import sendable
from wallet_google.schema import check
from wallet_google.transport import Answer, Transport, Unanswered

PAGE = 100
"""Resources on one page of a list. Google: without a number it answers all of them at once."""

MAY_GO = frozenset(
    {
        "accountName",
        "appLinkData",
        "balance",
        "balanceUpdateTime",
        "barcode",
        "callbackOptions",
        "classTemplateInfo",
        "double",
        "heroImage",
        "imageModulesData",
        "int",
        "label",
        "linksModuleData",
        "loyaltyPoints",
        "merchantLocations",
        "money",
        "rotatingBarcode",
        "secondaryLoyaltyPoints",
        "string",
        "subheader",
        "textModulesData",
        "translatedValues",
        "validTimeInterval",
    }
)
"""Fields that stand in some of our bodies and not in others, at whatever depth; with them all that
begin with ``localized``."""


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
        demand_success(answer, credentials)


def update(transport: Transport, credentials: Credentials, resource: str, body: Body) -> None:
    """Brings what is there up to date. Raises NotThere, NotificationsSpent and other WalletErrors.

    A PATCH cannot take a field away. Where Google's answer still has one that our body lacks (an
    expiry that was lifted), a PUT follows, with the messages that Google has.
    """
    call = update_call(resource, body)
    answer = transport.send(credentials, call.method, call.path, call.body)
    demand_success(answer, credentials)
    if _has_leftovers(answer.body, body):
        whole = {name: value for name, value in body.items() if name != "notifyPreference"}
        if messages := sendable(answer.body, _schema_of(resource)).get("messages"):
            whole["messages"] = messages
        replace(transport, credentials, resource, whole)


def replace(transport: Transport, credentials: Credentials, resource: str, body: Body) -> None:
    """Puts the body in the place of what is there, messages included. Raises as ``update``."""
    call = replace_call(resource, body)
    demand_success(transport.send(credentials, call.method, call.path, call.body), credentials)


def update_call(resource: str, body: Body) -> Call:
    """What ``update`` sends first. Raises ContentRefused."""
    return _checked_call("PATCH", resource, body)


def replace_call(resource: str, body: Body) -> Call:
    """What ``replace`` sends. Raises ContentRefused."""
    return _checked_call("PUT", resource, body)


def get(
    transport: Transport,
    credentials: Credentials,
    resource: str,
    resource_id: str,
    *,
    fields: str = "",
) -> Mapping[str, object] | None:
    """What Google has, or only ``fields`` of it (``"id,state"``); None when it has nothing.

    Its spelling is not ours: ``read_back.sendable`` makes it so.
    """
    query = "?" + urlencode({"fields": fields}) if fields else ""
    answer = transport.send(credentials, "GET", f"{resource}/{resource_id}{query}", {})
    if answer.status == 404:
        return None
    demand_success(answer, credentials)
    return answer.body


def listed(
    transport: Transport,
    credentials: Credentials,
    resource: str,
    owner: str,
    *,
    fields: str = "",
    page: int = PAGE,
) -> Iterator[Mapping[str, object]]:
    """An issuer's classes or a class's objects, whose id is ``owner``; asked for page by page.

    Raises NotThere when Google does not know the owner, also other WalletErrors, in the middle too.
    """
    query = {"issuerId" if resource.endswith("Class") else "classId": owner}
    query["maxResults"] = str(page)
    if fields:
        query["fields"] = f"resources({fields}),pagination(nextPageToken)"
    while True:
        answer = transport.send(credentials, "GET", f"{resource}?{urlencode(query)}", {})
        demand_success(answer, credentials)
        yield from _dicts(answer.body.get("resources"))
        pagination = answer.body.get("pagination")
        token = pagination.get("nextPageToken") if isinstance(pagination, dict) else None
        if not token:
            return
        if token == query.get("token"):
            raise WalletDown("Google answers the same page of a list again and again")
        query["token"] = str(token)


def add_message(
    transport: Transport,
    credentials: Credentials,
    resource: str,
    resource_id: str,
    message: Body,
    *,
    again: bool = False,
) -> bool:
    """Adds a message, which must have an ``id``, to a class or an object. True: Google was asked to
    announce it (``TEXT_AND_NOTIFY``); beyond the day's announcements it goes as ``TEXT``.

    Google would show it twice when it came twice. So where an answer got lost, and from the start
    when ``again`` says that an earlier call ended with an error, Google is first asked whether it
    has the message. Raises NotThere and other WalletErrors.
    """
    body = {"message": message}
    check(body, "AddMessageRequest")
    path = f"{resource}/{resource_id}/addMessage"
    is_loud = message.get("messageType") == "TEXT_AND_NOTIFY"

    def has_it() -> bool:
        kept = get(transport, credentials, resource, resource_id, fields="messages(id)") or {}
        return any(each.get("id") == message["id"] for each in _dicts(kept.get("messages")))

    if again and has_it():
        return is_loud
    try:
        answer = transport.send(credentials, "POST", path, body)
    except Unanswered:
        answer = None
    if answer is None or answer.status >= 500:
        if has_it():
            return is_loud
        answer = transport.send(credentials, "POST", path, body)
    try:
        demand_success(answer, credentials)
    except NotificationsSpent:
        if not is_loud:
            raise
        quiet = {"message": message | {"messageType": "TEXT"}}
        demand_success(transport.send(credentials, "POST", path, quiet), credentials)
        return False
    return is_loud


def validate_jwt(transport: Transport, credentials: Credentials, token: str) -> str | None:
    """Google's own judgement of a save link's token: None, or the sentence that it objects with.

    Raises WalletError when Google did not judge.
    """
    answer = transport.send(credentials, "POST", "jwt/validate", {"jwtResource": {"jwt": token}})
    if answer.status in {400, 404, 422}:
        return _error_of(answer.body)[1]
    demand_success(answer, credentials)
    return None


def _checked_call(method: str, resource: str, body: Body) -> Call:
    check(body, _schema_of(resource))
    return Call(method, f"{resource}/{body['id']}", body)


def _has_leftovers(kept: object, sent: object) -> bool:
    # Lists are not compared: a PATCH replaces them whole.
    if not (isinstance(kept, dict) and isinstance(sent, dict)):
        return False
    return any(
        _has_leftovers(value, sent[name]) if name in sent else _may_go(name) and bool(value)
        for name, value in kept.items()
    )


def _may_go(name: str) -> bool:
    return name in MAY_GO or name.startswith("localized")


def demand_success(answer: Answer, credentials: Credentials) -> None:
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
            f"The Google Wallet API is not switched on in the project of {credentials.email}."
            " Enable it in the Google Cloud Console under APIs & Services."
        )
    if status == 403:
        raise WalletMisconfigured(
            f"Google does not let {credentials.email} work for issuer {credentials.issuer_id}:"
            f" {message} Invite this address as a Developer under Users in the Google Pay & Wallet"
            " Console (pay.google.com/business/console), and check the issuer id."
        )
    if status == 401:
        raise WalletMisconfigured(
            f"Google does not accept the access token of {credentials.email}. Check in the Google"
            " Cloud Console under IAM & Admin, Service Accounts that the account and its key are"
            " still there and not disabled, and that this server's clock is right."
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
