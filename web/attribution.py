"""Carries what brought somebody to a sign-up form safely through it, signed (R-UTM-3, R-UTM-4).

It rides in a hidden field of the form, so nothing is kept on the visitor's device. Only who wishes
so gets a cookie, and then the first link counts for thirty days.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Request, Response, current_app
from itsdangerous import BadData, URLSafeSerializer

from passes.cards import utm
from passes.cards.utm import Utm

FORM_LIFETIME = timedelta(hours=24)
COOKIE_LIFETIME = timedelta(days=30)
LARGEST_COOKIE = 3_800  # browsers drop one of more than 4 KB without a word


@dataclass(frozen=True, slots=True)
class FirstTouch:
    """The link that led somebody here: its UTM values, cleaned and word for word, the slug of a
    channel link, the code of a referral link. ``opened_at``: when, in whole seconds; None: now."""

    given: Utm = field(default_factory=Utm)
    raw: dict[str, str] = field(default_factory=dict)
    channel: str | None = None
    referral: str | None = None
    opened_at: int | None = field(default=None, compare=False)

    def __bool__(self) -> bool:
        return bool(self.given or self.channel or self.referral)


@dataclass(frozen=True, slots=True)
class FormToken:
    """What a form carries. ``nonce`` tells one opened form from another."""

    touch: FirstTouch
    nonce: str
    is_fresh: bool


def touch_of(request: Request, channel: str | None, referral: str | None) -> FirstTouch:
    """What the link says that was opened just now."""
    query = request.args.to_dict()
    return FirstTouch(utm.from_query(query), utm.raw(query), channel, referral)


# --- the hidden field ----------------------------------------------------------------------------


def seal(touch: FirstTouch, template_id: UUID, now: datetime) -> str:
    """The hidden field of a form that is being opened. Unless the touch says when its link was
    opened, that is now; a form that comes back does not open it anew."""
    moment = int(now.timestamp())
    opened = replace(touch, opened_at=touch.opened_at or moment)
    said = {"t": _packed(opened), "n": secrets.token_urlsafe(12), "at": moment}
    return _signer("sign-up form", template_id).dumps(said)


def opened_elsewhere(touch: FirstTouch) -> FormToken:
    """For a form without the field, of the shop's own program: the link that it was sent to counts,
    and nothing ties a second sending to the first."""
    return FormToken(touch, secrets.token_urlsafe(12), is_fresh=True)


def unseal(given: str, template_id: UUID, now: datetime) -> FormToken | None:
    """What the field says; None when it is not one of this template's forms."""
    said = _read("sign-up form", template_id, given)
    if said is None:
        return None
    age = now.timestamp() - said["at"]
    return FormToken(_unpacked(said["t"]), said["n"], 0 <= age < FORM_LIFETIME.total_seconds())


# --- the cookie ----------------------------------------------------------------------------------


def remember(
    response: Response, touch: FirstTouch, template_id: UUID, now: datetime, *, secure: bool
) -> None:
    """Keeps the touch in a cookie for thirty days. Only on the visitor's own wish (T-UT-2)."""
    said = {"t": _packed(touch), "at": int(now.timestamp())}
    value = _signer("first touch", template_id).dumps(said)
    if len(value) > LARGEST_COOKIE:
        return
    response.set_cookie(
        _cookie_name(template_id, secure=secure),
        str(value),
        max_age=COOKIE_LIFETIME,
        secure=secure,
        httponly=True,
        samesite="Lax",
    )


def remembered(
    request: Request, template_id: UUID, now: datetime, *, secure: bool
) -> FirstTouch | None:
    """The touch in the visitor's cookie, while it counts."""
    value = request.cookies.get(_cookie_name(template_id, secure=secure), "")
    said = _read("first touch", template_id, value)
    if said is None or now.timestamp() - said["at"] >= COOKIE_LIFETIME.total_seconds():
        return None
    return _unpacked(said["t"])


def forget(response: Response, template_id: UUID, *, secure: bool) -> None:
    """Takes the cookie back."""
    name = _cookie_name(template_id, secure=secure)
    response.delete_cookie(name, secure=secure, httponly=True, samesite="Lax")


def _cookie_name(template_id: UUID, *, secure: bool) -> str:
    # The prefix keeps other hosts of the domain from setting it; browsers take it on https only.
    return f"{'__Host-' if secure else ''}first-touch-{template_id.hex}"


def _signer(purpose: str, template_id: UUID) -> URLSafeSerializer:
    key = current_app.secret_key
    if not key:
        raise RuntimeError("the application has no secret key")
    return URLSafeSerializer(key, salt=f"{purpose} {template_id.hex}")


def _read(purpose: str, template_id: UUID, value: str) -> Any:
    try:
        return _signer(purpose, template_id).loads(value)
    except BadData:
        return None


def _packed(touch: FirstTouch) -> dict[str, Any]:
    return {name: value for name, value in asdict(touch).items() if value}


def _unpacked(said: dict[str, Any]) -> FirstTouch:
    return FirstTouch(**{**said, "given": Utm(**said.get("given", {}))})
