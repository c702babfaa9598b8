"""What scripts and forms on a card's page report: read, checked, and told to the domain.

Installed is what shows proof of it and nothing else (R-INST-2): Chromium's ``appinstalled``, or a
start from the home screen.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import orjson

from passes.wallet_port import Issuer, NotAllowed, PageEvent
from pwa import base64url
from pwa.feedback import rating_in
from pwa.problems import Problem, wrong

MOST_BYTES = 8 * 1024
REMOVED = "removed"

ONE_DEVICE = "A" * 22
"""Stands for all devices of whoever reports without naming one: a program, as our page does."""

_DEVICE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{12}")
_EVENTS: Mapping[str, PageEvent] = {event.value: event for event in PageEvent}
_MODES = ("standalone", "browser")


def is_foreign(site: str | None, origin: str | None, host: str) -> bool:
    """Whether another site's page sent this (security.md 3.5.1).

    ``site`` and ``origin`` are the headers Sec-Fetch-Site and Origin: browsers say so in the one,
    older ones in the other. A program that says neither acts in nobody's name.
    """
    if site is not None:
        return site not in {"same-origin", "none"}
    return origin is not None and urlsplit(origin).netloc != host


def happened(issuer: Issuer, wallet: str, serial: str, token: str, body: bytes) -> None:
    """``{"n": event or "removed", "mode", "device"}``. Raises Problem, NoSuchCard."""
    said = _read(body)
    name = said.get("n")
    if name == REMOVED:
        issuer.removed(wallet, serial, _device(said))
        return
    event = _EVENTS.get(name) if isinstance(name, str) else None
    if event is None:
        raise wrong("n", f"Must be one of {', '.join([*_EVENTS, REMOVED])}.")
    mode = _mode(said)
    if event is PageEvent.STARTED and mode != "standalone":
        raise wrong("mode", "Only a card that was started from the home screen reports this.")
    if event in {PageEvent.STARTED, PageEvent.INSTALLED}:
        issuer.installed(wallet, serial, _device(said), {})
    issuer.happened(wallet, token, event)


def listening(
    issuer: Issuer,
    wallet: str,
    serial: str,
    token: str,
    body: bytes,
    accept: Callable[[object], Mapping[str, str]],
    key_id: str,
) -> None:
    """``{"device", "mode", "subscription", "key"}``: where and how to push to this device.

    In a tab it is a listener, on the home screen an installation. The subscription alone will do:
    then it is a tab's, made with ``key_id``, and its endpoint names the device. ``accept`` reads it
    as ``PushHosts.accept`` does. Raises Problem, NoSuchCard.
    """
    said = _read(body)
    subscription = said.get("subscription", said if "endpoint" in said else None)
    device, mode, key = _device(said), _mode(said), said.get("key", key_id)
    if not isinstance(key, str) or not _KEY_ID.fullmatch(key):
        raise wrong("key", "Must be the id of the key that the device subscribed with.")
    try:
        address = {**accept(subscription), "key": key}
        if mode == "standalone":
            issuer.installed(wallet, serial, device, {})
        is_new = issuer.listening(wallet, serial, device, address)
    except NotAllowed as error:
        raise wrong(error.field, str(error)) from None
    if is_new:
        issuer.happened(wallet, token, PageEvent.PUSH_SUBSCRIBED)


def silent(issuer: Issuer, wallet: str, serial: str, body: bytes) -> None:
    """``{"device"}``, or the ``endpoint`` of one that it names: it wants to hear no more. Raises
    Problem."""
    issuer.silent(wallet, serial, _device(_read(body)))


def rated(issuer: Issuer, wallet: str, token: str, form: Mapping[str, str]) -> dict[str, str]:
    """What a form says of a visit, kept; or what is wrong with it, by field. Raises NoSuchCard."""
    try:
        issuer.rated(wallet, token, *rating_in(form))
    except NotAllowed as error:
        return {error.field: str(error)}
    return {}


def _read(body: bytes) -> dict[str, object]:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        raise Problem(400, "BAD_REQUEST", "The body must be a JSON object.")
    return said


def _device(said: Mapping[str, object]) -> str:
    if "device" not in said:
        endpoint = said.get("endpoint") or _endpoint_in(said.get("subscription"))
        return device_at(endpoint) if isinstance(endpoint, str) else ONE_DEVICE
    device = said["device"]
    if not isinstance(device, str) or not _DEVICE.fullmatch(device):
        raise wrong("device", "Must be 16 to 64 characters of base64url that the page made up.")
    return device


def device_at(endpoint: str) -> str:
    """The device that an endpoint stands for, where nobody names it."""
    return base64url.encoded(hashlib.sha256(endpoint.encode()).digest())[:22]


def _endpoint_in(subscription: object) -> object:
    return subscription.get("endpoint") if isinstance(subscription, Mapping) else None


def _mode(said: Mapping[str, object]) -> str:
    mode = said.get("mode", "browser")
    if mode not in _MODES:
        raise wrong("mode", f"Must be one of {', '.join(_MODES)}.")
    return str(mode)
